"""Which settings a local session gets, by the size of the data."""

from __future__ import annotations

import os

import pytest

from dataeval_spark.errors import SetupError
from dataeval_spark.session import engines


class Builder:
    """Stands for SparkSession.builder, as a process has one session only."""

    def __init__(self):
        self.settings = {}

    def master(self, _):
        return self

    appName = master  # noqa: N815

    def config(self, *, map):
        self.settings |= map
        return self

    def getOrCreate(self):  # noqa: N802
        return self.settings


def settings_of(monkeypatch, **options):
    monkeypatch.setattr(engines.SparkSession, "builder", Builder())
    return engines.local(memory="1g", **options)


def test_queries_over_many_images_are_compiled_and_over_few_interpreted(monkeypatch):
    few = settings_of(monkeypatch, images=engines.LARGE_IMAGES - 1)
    many = settings_of(monkeypatch, images=engines.LARGE_IMAGES)
    assert [made["spark.sql.codegen.wholeStage"] for made in (few, many)] == ["false", "true"]
    slow_to_start = "TieredStopAtLevel"
    assert slow_to_start in few["spark.driver.extraJavaOptions"]
    assert slow_to_start not in many["spark.driver.extraJavaOptions"]


def test_given_settings_win(monkeypatch):
    made = settings_of(monkeypatch, images=10**6, settings={"spark.sql.codegen.wholeStage": "false"})
    assert made["spark.sql.codegen.wholeStage"] == "false"


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        (b"WARN x\njava.io.IOException: No space left on device\n\tat java.base", "no space left on the disk ("),
        (b"WARN x\nError: Could not find or load main class\n\tat x", "Error: Could not find or load main class\n"),
        (b"", "gateway exited\n"),
    ],
    ids=["disk full", "error", "silent"],
)
def test_a_jvm_that_does_not_start_is_told_in_one_line(messages, told):
    def start():
        os.write(2, messages)
        raise RuntimeError("gateway exited")

    with pytest.raises(SetupError) as error, engines._jvm_messages_aside(verbose=False):
        start()

    assert str(error.value).startswith(f"Spark did not start: {told}")
    assert len(str(error.value).splitlines()) == 2
