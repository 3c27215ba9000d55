"""Which settings a local session gets, by the size of the data."""

from __future__ import annotations

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
