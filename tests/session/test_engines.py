"""Which settings a local session gets, by the size of the data."""

from __future__ import annotations

from dataeval_spark.session import engines
from dataeval_spark.tables.images import IMAGES
from dataeval_spark.workspace.delta import Writer
from dataeval_spark.workspace.delta_local import images_here
from dataeval_spark.workspace.workspace import Workspace


class Builder:
    """Stands for SparkSession.builder, as a process has one session only."""

    def __init__(self):
        self.settings = {}

    def master(self, _):
        return self

    appName = master  # noqa: N815

    def config(self, key, value):
        self.settings[key] = value
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


def test_images_of_a_workspace_are_counted_before_there_is_a_session(spark, tmp_path):
    place = str(tmp_path / "audit")
    assert images_here(place) == 0
    workspace = Workspace(spark, place)
    frame = spark.createDataFrame([("a", "d", "s")], "image_id string, dataset string, source string")
    others = [f"CAST(NULL AS {c.type}) AS {c.name}" for c in IMAGES.columns if c.name not in (*frame.columns, "run_id")]
    rows = frame.selectExpr("*", *others)
    workspace.write(IMAGES, rows, Writer("r", "ingest", "w", "0"))
    assert images_here(place) == 1
    assert images_here("catalog.schema") == images_here("s3://bucket/audit") == 0


def test_a_broken_table_is_no_reason_not_to_start(tmp_path):
    log = tmp_path / "audit" / "images" / "_delta_log"
    log.mkdir(parents=True)
    (log / f"{0:020}.json").write_text("no json")
    assert images_here(str(tmp_path / "audit")) == 0
