"""Java is found as Spark finds it, and one that Spark does not run on is named."""

from __future__ import annotations

import pytest

from dataeval_spark.errors import SetupError
from dataeval_spark.session import java


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Makes a ``java`` in JAVA_HOME that answers with a line."""

    def make(answer):
        path = tmp_path / "bin" / "java"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\necho '{answer}' >&2\n")
        path.chmod(0o755)
        monkeypatch.setenv("JAVA_HOME", str(tmp_path))
        java.java_version.cache_clear()
        return str(path)

    yield make
    java.java_version.cache_clear()


def test_no_java_says_how_to_get_one(monkeypatch):
    monkeypatch.setenv("JAVA_HOME", "/nowhere")

    with pytest.raises(SetupError, match=r"(?s)Java was not found.*Hint: .*openjdk"):
        java.require_java()


def test_a_java_of_another_version_is_named(monkeypatch):
    monkeypatch.setattr(java, "java_version", lambda java: 11)

    with pytest.raises(SetupError, match="is Java 11; Spark needs Java 17 or 21"):
        java.require_java()


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        ('openjdk version "17.0.12" 2024-07-16', 17),
        ('java version "21" 2023-09-19 LTS', 21),
        ('java version "1.8.0_402"', 8),
        ("no such answer", None),
    ],
)
def test_the_version_is_the_feature_version(program, answer, version):
    assert java.java_version(program(answer)) == version


def test_java_home_comes_before_the_path(program):
    made = program('openjdk version "17.0.12"')

    assert java.require_java() == made


def test_a_program_that_cannot_be_started_has_no_version(tmp_path):
    assert java.java_version(str(tmp_path / "nothing")) is None
