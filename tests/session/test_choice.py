"""The engine is the one asked for, the session that is there, or the one that suits the workspace."""

from __future__ import annotations

import pytest

from dataeval_spark.errors import SetupError
from dataeval_spark.session import choice
from dataeval_spark.session.choice import MOST_BYTES, MOST_IMAGES, chosen, is_embedded, session_for
from dataeval_spark.session.settings import CHOSEN


class Conf(dict):
    def set(self, key, value):
        self[key] = value


class Session:
    def __init__(self, **settings):
        self.conf = Conf(settings)


@pytest.fixture
def engines(monkeypatch):
    """No session is there, and new ones are objects with settings alone."""
    monkeypatch.delenv(choice.VARIABLE, raising=False)
    monkeypatch.setattr(choice.engines, "present", lambda: None)
    monkeypatch.setattr(choice.engines, "local", lambda **options: Session(**{"made": "spark", **options}))
    monkeypatch.setattr(choice.embedded, "embedded", lambda **given: Session(made="embedded"))
    monkeypatch.setattr(choice.embedded, "is_installed", lambda: True)
    monkeypatch.setattr(choice, "java_program", lambda: "/usr/bin/java")
    monkeypatch.setattr(choice, "has_jvm", lambda: True)
    return monkeypatch


def made(*sizes, **options):
    session = session_for(*(sizes or (0, 0)), **options)
    return session.conf["made"], session.conf[CHOSEN]


def test_a_workspace_of_usual_size_is_for_the_embedded_engine(engines):
    assert made(2_300, 10**6) == ("embedded", "embedded: 2,300 images, up to 500,000 run here")


def test_a_large_workspace_is_for_spark_where_there_is_java(engines):
    assert made(MOST_IMAGES + 1, 0)[0] == made(1, MOST_BYTES + 1)[0] == "spark"

    engines.setattr(choice, "java_program", lambda: None)

    assert made(MOST_IMAGES + 1, 0) == ("embedded", "embedded: there is no Java for Spark")

    engines.setattr(choice, "has_jvm", lambda: False)

    assert made(MOST_IMAGES + 1, 0) == ("embedded", "embedded: pyspark-client has no Spark to start")


def test_a_workspace_elsewhere_is_for_spark(engines):
    assert made(is_local=False) == ("spark", "spark: the workspace is no directory of this machine")


def test_without_the_embedded_engine_it_is_spark(engines):
    engines.setattr(choice.embedded, "is_installed", lambda: False)

    assert made() == ("spark", "spark: the embedded engine is not installed")


def test_without_either_engine_the_embedded_one_is_asked_for_because_it_needs_least(engines):
    engines.setattr(choice.embedded, "is_installed", lambda: False)
    engines.setattr(choice, "java_program", lambda: None)

    assert made()[0] == "embedded"


def test_the_engine_that_is_asked_for_is_taken_by_name_before_the_variable(engines):
    engines.setenv(choice.VARIABLE, "spark")

    assert made() == ("spark", "spark: asked for")
    assert made(engine="embedded") == ("embedded", "embedded: asked for")


def test_settings_are_those_of_a_session_of_spark(engines):
    assert session_for(0, 0, engine="spark", settings={"a": "b"}).conf["settings"] == {"a": "b"}


def test_an_unknown_engine_is_refused(engines):
    with pytest.raises(SetupError, match=r"The engine is 'flink'; expected one of auto, embedded, spark"):
        session_for(0, 0, engine="flink")


def test_the_session_that_is_there_is_used_as_it_is(engines):
    there = Session()
    engines.setattr(choice.engines, "present", lambda: there)

    assert session_for(0, 0) is session_for(0, 0, engine="spark") is there
    assert (there.conf, chosen(there), is_embedded(there)) == ({}, "spark: the session that was given", False)
    with pytest.raises(SetupError, match="This process has a session already"):
        session_for(0, 0, engine="embedded")
