"""Tables through Spark, and hints for the errors of Spark and Delta."""

from __future__ import annotations

import pytest

from dataeval_spark.session.settings import LOCAL_FILES
from dataeval_spark.tables.runs import SNAPSHOTS
from dataeval_spark.workspace.delta_spark import SparkAccess, engine_message, hint_for
from dataeval_spark.workspace.workspace import TABLE_PROPERTIES, Workspace
from tests.workspace.pins import NOON, pin, writer


@pytest.mark.spark_only
def test_a_workspace_asks_spark_where_paths_may_be_those_of_a_cluster(spark, tmp_path, frame):
    spark.conf.set(LOCAL_FILES, "false")
    try:
        workspace = Workspace(spark, str(tmp_path / "audit"))
        workspace.open()
        workspace.append_rows(SNAPSHOTS, [pin("one")], writer("r1"))
        assert workspace.rows(SNAPSHOTS, ("snapshot", "created_at"), snapshot="one") == [
            {"snapshot": "one", "created_at": NOON}
        ]
        through_spark = workspace.state(SNAPSHOTS)
    finally:
        spark.conf.set(LOCAL_FILES, "true")

    assert Workspace(spark, str(tmp_path / "audit")).state(SNAPSHOTS) == through_spark


@pytest.mark.spark_only
def test_a_table_of_a_catalog_may_lie_in_a_place_of_its_own(spark, tmp_path):
    access = SparkAccess(spark, "default.pins_elsewhere", None, str(tmp_path / "elsewhere"))
    assert access.columns() == {}

    access.create(SNAPSHOTS, TABLE_PROPERTIES)
    access.append(SNAPSHOTS, [pin("one")], writer("r1"))

    assert list(access.columns()) == list(SNAPSHOTS.column_names)
    assert (tmp_path / "elsewhere" / "_delta_log").is_dir()
    spark.sql("DROP TABLE default.pins_elsewhere")


@pytest.mark.parametrize(
    ("message", "catalog", "hint"),
    [
        ("PERMISSION_DENIED: no SELECT", "main.audit", "GRANT the rights USE CATALOG"),
        ("java.nio: Permission denied", None, "name a directory you may write."),
        ('No FileSystem for scheme "s3"', None, "spark-submit --packages org.apache.hadoop:hadoop-aws"),
        ("Failed to find data source: delta", None, "spark-submit --packages io.delta:delta-spark"),
        ("something else", "main.audit", "run again with --verbose"),
    ],
)
def test_each_kind_of_error_has_its_hint(message, catalog, hint):
    assert hint in hint_for(message, catalog)


def test_the_message_of_an_unknown_error_of_the_jvm_is_the_line_below_the_call():
    error = Exception("An error occurred while calling o55.load.\n: java.io.IOException: no space left\n\tat org")

    assert engine_message(error) == "no space left"
    assert engine_message(Exception("\nfirst\nsecond")) == "first"
    assert engine_message(ValueError()) == "ValueError"
