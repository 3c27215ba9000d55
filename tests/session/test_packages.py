"""Which package of Spark is installed, and the commands that bring what is missing."""

from __future__ import annotations

import sys

import pytest

from dataeval_spark.errors import SetupError
from dataeval_spark.session import engines, packages

MISSING = "pyspark.core"


@pytest.fixture
def client(monkeypatch):
    """Only the client is installed, as far as the names of its distribution and of its modules tell."""
    known = {"pyspark-client": "4.2.0"}
    monkeypatch.setattr(packages, "version_of", known.get)
    monkeypatch.setattr(packages, "find_spec", lambda name: None if name == MISSING else pytest.fail(name))


def test_pyspark_has_a_jvm_and_its_client_has_none(monkeypatch):
    assert packages.has_jvm()
    packages.require_jvm()

    monkeypatch.setattr(packages, "find_spec", lambda name: None)

    assert not packages.has_jvm()


def test_no_package_has_no_jvm(monkeypatch):
    monkeypatch.delitem(sys.modules, MISSING)
    monkeypatch.setitem(sys.modules, "pyspark", None)

    assert not packages.has_jvm()


def test_the_client_is_named_with_the_commands_that_replace_it(client):
    with pytest.raises(SetupError) as error:
        engines.local()

    assert str(error.value) == (
        "Spark cannot be started: found pyspark-client 4.2.0, which has no JVM; expected pyspark, and only one of the "
        "two.\nHint: pip uninstall -y pyspark-client && pip install 'dataeval_spark[spark]'"
    )


def test_no_command_brings_a_second_package(client, monkeypatch):
    assert packages.hint_for_embedded() == "pip install 'dataeval_spark[embedded]'"

    monkeypatch.undo()

    assert packages.hint_for_embedded() == "pip install dataeval_spark"
    assert packages.hint_for_spark() == "pip install 'dataeval_spark[spark]'"


def test_versions_are_those_of_distributions():
    assert packages.version_of("deltalake").startswith("1.")
    assert packages.version_of("no such distribution") is None
