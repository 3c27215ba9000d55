"""Workspace: write modes, and contracts on write."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from deltalake import DeltaTable
from pyspark.sql import functions as F

from dataeval_spark.errors import SchemaError, TableMissingError
from dataeval_spark.tables.bias import FACTOR_BINS
from dataeval_spark.tables.images import FACTORS, INGEST_FINDINGS
from dataeval_spark.tables.labels import LABEL_STATS
from dataeval_spark.tables.profile import EMBEDDINGS, UNREADABLE_IMAGES
from dataeval_spark.tables.runs import DATASET_FINDINGS
from dataeval_spark.verbs.ingest.readers.source import FINDINGS_DDL, finding_rows
from dataeval_spark.workspace.delta import Writer
from dataeval_spark.workspace.workspace import Workspace
from tests.workspace.pins import make_table

ROW = "image_id string, stage string, error_class string, message string, content_length bigint, fingerprint string"


@pytest.fixture
def workspace(spark, tmp_path):
    made = Workspace(spark, str(tmp_path / "audit"))
    made.open()
    return made


def writer(run="r1", work="w1"):
    return Writer(run, "step", work, "0")


def unreadable(frame, *ids, message="m"):
    return frame(ROW, [(i, "decode", "OSError", message, 1, "f") for i in ids])


def ids(frame, *names):
    return frame("image_id string", [(name,) for name in names])


def rows(workspace, table, *columns):
    return {tuple(row) for row in workspace.read(table).select(*columns).collect()}


def test_columns_that_an_older_workspace_lacks_are_null_until_they_are_written(workspace, frame):
    older = replace(UNREADABLE_IMAGES, columns=tuple(c for c in UNREADABLE_IMAGES.columns if c.name != "message"))
    workspace.write(older, unreadable(frame, "a").drop("message"), writer(), images=ids(frame, "a"))

    before = rows(workspace, UNREADABLE_IMAGES, "image_id", "message")
    again = Workspace(workspace.spark, workspace.location)
    again.write(UNREADABLE_IMAGES, unreadable(frame, "b"), writer("r2", "w2"), images=ids(frame, "b"))

    assert before == {("a", None)}
    assert rows(again, UNREADABLE_IMAGES, "image_id", "message") == {("a", None), ("b", "m")}


def test_an_upsert_replaces_all_rows_of_the_images_it_covers(workspace, frame):
    workspace.write(UNREADABLE_IMAGES, unreadable(frame, "a", "b", "c"), writer(), images=ids(frame, "a", "b", "c"))

    covered = ids(frame, "a", "b", "d")
    workspace.write(UNREADABLE_IMAGES, unreadable(frame, "b", "d", message="new"), writer("r2", "w2"), images=covered)

    assert rows(workspace, UNREADABLE_IMAGES, "image_id", "message", "run_id") == {
        ("b", "new", "r2"),
        ("c", "m", "r1"),
        ("d", "new", "r2"),
    }


def test_a_null_target_index_is_a_key_like_any_other(workspace, frame):
    ddl = (
        "image_id string, target_index int, encoder string, embedding array<float>, encoder_version string, "
        "fingerprint string"
    )
    vectors = [("a", None, "thumbnail", [1.0], "v", "f"), ("a", 0, "thumbnail", [2.0], "v", "f")]
    workspace.write(EMBEDDINGS, frame(ddl, vectors), writer(), images=ids(frame, "a"))

    workspace.write(EMBEDDINGS, frame(ddl, vectors[:1]), writer("r2", "w2"), images=ids(frame, "a"))

    assert rows(workspace, EMBEDDINGS, "image_id", "target_index") == {("a", None)}


def test_work_that_was_written_already_is_recognised(workspace, frame):
    first = workspace.write(UNREADABLE_IMAGES, unreadable(frame, "a"), writer(), images=ids(frame, "a"))

    again = workspace.write(UNREADABLE_IMAGES, unreadable(frame, "a"), writer("r2"), images=ids(frame, "a"))

    assert again.version == first.version
    assert rows(workspace, UNREADABLE_IMAGES, "image_id", "run_id") == {("a", "r1")}


def test_the_same_work_is_written_again_when_someone_changed_the_table(workspace, frame, spark):
    workspace.write(UNREADABLE_IMAGES, unreadable(frame, "a"), writer(), images=ids(frame, "a"))
    spark.sql(f"DELETE FROM {workspace.name(UNREADABLE_IMAGES)}")

    workspace.write(UNREADABLE_IMAGES, unreadable(frame, "a"), writer("r2"), images=ids(frame, "a"))

    assert rows(workspace, UNREADABLE_IMAGES, "image_id", "run_id") == {("a", "r2")}


def test_a_scoped_table_replaces_only_the_rows_of_its_scope(workspace, frame):
    def found(step, subject):
        return frame(DATASET_FINDINGS.result_ddl, [(step, "rule", subject, None, None, "info", "m")])

    workspace.write(DATASET_FINDINGS, found("one", "a"), writer(work="1"), scope="one")
    workspace.write(DATASET_FINDINGS, found("two", "b"), writer(work="2"), scope="two")
    workspace.write(DATASET_FINDINGS, found("one", "c"), writer(work="3"), scope="one")

    assert rows(workspace, DATASET_FINDINGS, "step", "subject") == {("one", "c"), ("two", "b")}


def test_each_commit_carries_who_made_it(workspace, frame, spark):
    workspace.write(UNREADABLE_IMAGES, unreadable(frame, "a"), writer(), images=ids(frame, "a"))

    newest = DeltaTable(workspace.path(UNREADABLE_IMAGES)).history(1)[0]

    made_by = {"run_id": "r1", "step": "step", "work_id": "w1", "code_version": "0"}
    assert json.loads(newest["userMetadata"]) == made_by | {"rows": 1}


def test_a_merge_leaves_no_setting_behind(workspace, frame, spark):
    for run in ("1", "2"):
        workspace.write(UNREADABLE_IMAGES, unreadable(frame, "a"), writer(run, run), images=ids(frame, "a"))

    assert spark.conf.get("spark.databricks.delta.commitInfo.userMetadata", None) is None
    assert spark.conf.get("spark.databricks.delta.write.txnAppId", None) is None


def test_columns_carry_the_comments_of_the_contract(workspace, spark):
    workspace.create([LABEL_STATS])

    fields = {field.name: field for field in DeltaTable(workspace.path(LABEL_STATS)).schema().fields}

    assert fields["label_count"].metadata == {"comment": "Labels (boxes or image labels) [labels]"}


def test_a_wrong_type_is_refused_with_table_column_and_both_types(workspace, frame):
    wrong = unreadable(frame, "a").withColumn("content_length", F.lit("1"))

    with pytest.raises(SchemaError, match="unreadable_images: column content_length has type string; expected bigint"):
        workspace.write(UNREADABLE_IMAGES, wrong, writer(), images=ids(frame, "a"))


def test_a_missing_key_value_is_refused(workspace, frame):
    nobody = unreadable(frame, None)

    with pytest.raises(SchemaError, match=r"Column image_id of the new rows is null in 1 of 1"):
        workspace.write(UNREADABLE_IMAGES, nobody, writer(), images=ids(frame, "a"))


def test_a_table_of_an_older_version_gains_the_new_columns(workspace, frame, spark):
    make_table(workspace.path(UNREADABLE_IMAGES), "image_id string, run_id string")

    workspace.write(UNREADABLE_IMAGES, unreadable(frame, "a"), writer(), images=ids(frame, "a"))

    assert rows(workspace, UNREADABLE_IMAGES, "image_id", "stage") == {("a", "decode")}


def test_a_column_of_another_type_stops_before_writing_and_names_the_way_out(workspace, frame, spark):
    make_table(workspace.path(UNREADABLE_IMAGES), "image_id int, run_id string")

    with pytest.raises(SchemaError, match=r"(?s)column image_id has type int; this version expects string.*DROP TABLE"):
        workspace.write(UNREADABLE_IMAGES, unreadable(frame, "a"), writer(), images=ids(frame, "a"))


def test_an_open_table_gains_columns_and_keeps_old_rows(workspace, frame):
    first = frame("image_id string, target_index int, site string", [("a", None, "north")])
    second = frame("image_id string, target_index int, height double", [("b", None, 2.5)])
    workspace.write(FACTORS, first, writer(work="1"), images=ids(frame, "a"))
    workspace.write(FACTORS, second, writer(work="2"), images=ids(frame, "b"))

    assert rows(workspace, FACTORS, "image_id", "site", "height") == {("a", "north", None), ("b", None, 2.5)}


def test_a_table_that_is_not_there_names_the_command_that_fills_it(workspace):
    with pytest.raises(TableMissingError, match=r"(?s)'embeddings' does not exist.*dataeval-spark profile --workspace"):
        workspace.read(EMBEDDINGS)


@pytest.mark.spark_only
def test_a_catalog_schema_works_like_a_directory(spark, frame, tmp_path):
    workspace = Workspace(spark, "spark_catalog.audit_test", scratch=str(tmp_path))
    spark.sql("DROP SCHEMA IF EXISTS audit_test CASCADE")
    workspace.open()

    for run in ("1", "2"):
        workspace.write(UNREADABLE_IMAGES, unreadable(frame, "a"), writer(run, run), images=ids(frame, "a"))

    assert [row["image_id"] for row in spark.sql("SELECT * FROM audit_test.unreadable_images").collect()] == ["a"]
    spark.sql("DROP SCHEMA audit_test CASCADE")


@pytest.mark.spark_only
def test_tables_of_a_catalog_can_be_external(spark, frame, tmp_path):
    place = str(tmp_path / "outside")
    workspace = Workspace(spark, "spark_catalog.audit_external", scratch=str(tmp_path), table_location=place)
    spark.sql("DROP SCHEMA IF EXISTS audit_external CASCADE")
    workspace.open()

    workspace.write(UNREADABLE_IMAGES, unreadable(frame, "a"), writer(), images=ids(frame, "a"))

    assert (tmp_path / "outside" / "unreadable_images" / "_delta_log").is_dir()
    spark.sql("DROP SCHEMA audit_external CASCADE")


def test_a_table_of_an_older_workspace_is_read_under_its_old_name_and_renamed_once(spark, tmp_path, caplog):
    location = tmp_path / "audit"
    # As older versions made it: another name, and two columns fewer.
    make_table(
        location / "annotation_findings",
        "dataset string, source_file string, location string, image_id string, target_index int, kind string, "
        "message string, found string, expected string, run_id string",
        [("d", "a.json", "annotations[0]", None, None, "unknown_class", "m", "7", "e", "r0")],
    )
    workspace = Workspace(spark, str(location))
    before = workspace.state(INGEST_FINDINGS)
    assert rows(workspace, INGEST_FINDINGS, "kind", "found") == {("unknown_class", "7")}

    workspace.migrate()
    workspace.migrate()

    assert rows(workspace, INGEST_FINDINGS, "kind", "found") == {("unknown_class", "7")}
    assert workspace.state(INGEST_FINDINGS) == before  # its versions stay, so snapshots keep what they pin
    assert sorted(path.name for path in location.iterdir()) == ["ingest_findings"]
    assert [record.getMessage() for record in caplog.records if "from now on" in record.getMessage()] == [
        f"table annotation_findings of workspace {location} is called ingest_findings from now on"
    ]
    new = finding_rows(
        spark.createDataFrame([("b.json", "file", None, None, "one_class", "m", "f", "e")], FINDINGS_DDL), "d"
    )
    workspace.write(INGEST_FINDINGS, new, writer(), scope="d")
    assert rows(workspace, INGEST_FINDINGS, "kind", "severity", "n") == {("one_class", "warning", 1)}


def test_a_column_that_an_older_version_required_may_be_null_now(spark, tmp_path, frame):
    location = tmp_path / "audit"
    required = replace(FACTOR_BINS, columns=tuple(replace(column, nullable=False) for column in FACTOR_BINS.columns))
    make_table(location / "factor_bins", required.ddl(comments=False))

    Workspace(spark, str(location)).write(
        FACTOR_BINS, frame(FACTOR_BINS, [("a", None, None, {"hour": 1}, {}, "r")]), writer()
    )

    assert rows(Workspace(spark, str(location)), FACTOR_BINS, "image_id", "class_name") == {("a", None)}
