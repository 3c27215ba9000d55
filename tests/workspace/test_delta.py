"""Both ways to ask about a table give the same answers, and rows written through one are read through the other."""

from __future__ import annotations

import json

import pytest

from dataeval_spark.tables import ALL_TABLES
from dataeval_spark.tables.labels import LABEL_STATS
from dataeval_spark.tables.runs import SNAPSHOTS
from dataeval_spark.workspace.delta import TableState, retrying
from dataeval_spark.workspace.delta_local import LocalAccess
from dataeval_spark.workspace.delta_spark import SparkAccess
from dataeval_spark.workspace.workspace import TABLE_PROPERTIES, Workspace
from tests.workspace.pins import pin, writer


@pytest.fixture
def both(spark, tmp_path):
    """The same table, as delta-rs and as Spark see it."""
    path = str(tmp_path / "snapshots")
    return LocalAccess(spark, path, f"{path}_staging"), SparkAccess(spark, f"delta.`{path}`", path)


@pytest.fixture(params=["local", pytest.param("spark", marks=pytest.mark.spark_only)])
def access(request, both):
    return both[0] if request.param == "local" else both[1]


def test_a_table_that_is_not_there_has_no_commits(access):
    assert access.commits(5) == []


def test_rows_come_back_as_they_were_written(access):
    access.create(SNAPSHOTS, TABLE_PROPERTIES)

    access.append(SNAPSHOTS, [pin("one"), pin("two", note="after")], writer("r1"))

    assert access.rows(SNAPSHOTS.column_names, {"snapshot": "two"}) == [pin("two", note="after")]


def test_null_is_a_value_like_any_other(access):
    access.create(SNAPSHOTS, TABLE_PROPERTIES)
    access.append(SNAPSHOTS, [pin("one"), pin("two", note="after")], writer("r1"))

    assert access.rows(("snapshot",), {"note": None}) == [{"snapshot": "one"}]


def test_rows_that_meet_a_condition_are_replaced_and_others_stay(access):
    access.create(SNAPSHOTS, TABLE_PROPERTIES)
    access.append(SNAPSHOTS, [pin("one"), pin("two")], writer("r1"))

    access.replace(SNAPSHOTS, [pin("two", version=7)], {"snapshot": "two", "note": None}, writer("r2"))

    found = access.rows(("snapshot", "version"), {})
    assert sorted((row["snapshot"], row["version"]) for row in found) == [("one", 1), ("two", 7)]


@pytest.mark.spark_only
def test_what_one_writes_the_other_reads(both):
    local, spark = both
    local.create(SNAPSHOTS, TABLE_PROPERTIES)
    local.append(SNAPSHOTS, [pin("one")], writer("r1"))
    spark.append(SNAPSHOTS, [pin("two")], writer("r2"))

    for access in both:
        assert sorted(row["snapshot"] for row in access.rows(("snapshot",), {})) == ["one", "two"]


@pytest.mark.spark_only
def test_both_give_a_table_the_same_state_identity_and_files(both):
    local, spark = both
    local.create(SNAPSHOTS, TABLE_PROPERTIES)
    spark.append(SNAPSHOTS, [pin("one")], writer("r1"))

    states = [TableState.from_commits(access.commits(5)) for access in both]

    assert states[0] == states[1]
    assert (states[0].version, states[0].work_id, states[0].rows_written) == (1, "work of r1", 1)
    assert local.identity() == spark.identity()
    assert local.files() == spark.files()


@pytest.mark.spark_only
def test_a_table_made_by_either_has_the_same_schema_comments_and_properties(spark, tmp_path):
    descriptions = []
    for name in ("local", "spark"):
        path = str(tmp_path / name)
        made = (
            LocalAccess(spark, path, f"{path}_staging")
            if name == "local"
            else SparkAccess(spark, f"delta.`{path}`", path)
        )
        made.create(LABEL_STATS, TABLE_PROPERTIES)
        detail = spark.sql(f"DESCRIBE DETAIL delta.`{path}`").collect()[0]
        schema = spark.read.format("delta").load(path).schema.json()
        versions = (detail["minReaderVersion"], detail["minWriterVersion"])
        log = (tmp_path / name / "_delta_log" / f"{0:020}.json").read_text().splitlines()
        (metadata,) = [action["metaData"] for action in map(json.loads, log) if "metaData" in action]
        nullable = {f["name"]: f["nullable"] for f in json.loads(metadata["schemaString"])["fields"]}
        descriptions.append((schema, detail["description"], detail["properties"], versions, nullable))

    assert descriptions[0] == descriptions[1]


def test_every_table_can_be_made_and_is_then_empty(spark, tmp_path):
    workspace = Workspace(spark, str(tmp_path))
    workspace.create(ALL_TABLES)

    assert {name: state.version for name, state in workspace.states().items()} == {t.name: 0 for t in ALL_TABLES}
    assert workspace.read(LABEL_STATS).isEmpty()


def test_making_a_table_twice_leaves_its_rows(access):
    for _ in range(2):
        access.create(SNAPSHOTS, TABLE_PROPERTIES)
        access.append(SNAPSHOTS, [pin("one")], writer("r1"))

    assert len(access.rows(("snapshot",), {})) == 2


def test_a_commit_is_tried_again_after_a_conflict_only():
    tries = []

    def conflict_once():
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError("DELTA_CONCURRENT_APPEND")

    retrying(conflict_once)
    assert len(tries) == 2
    with pytest.raises(ValueError, match="no conflict"):
        retrying(lambda: (_ for _ in ()).throw(ValueError("no conflict")))


NAMES_FOR_SPARK = [pytest.param(name, marks=pytest.mark.spark_only) for name in ("a#b", "que?ry", "per%20cent")]


@pytest.mark.parametrize("name", ["with space", "ümlaut", *NAMES_FOR_SPARK, "100%", "a=b"])
def test_a_workspace_may_have_any_name(spark, tmp_path, name):
    workspace = Workspace(spark, str(tmp_path / name))
    workspace.open()
    workspace.append_rows(SNAPSHOTS, [pin("one")], writer("r1"))

    assert [row["snapshot"] for row in workspace.rows(SNAPSHOTS, ("snapshot",))] == ["one"]
    assert workspace.read(SNAPSHOTS).count() == 1
