"""A deleted image leaves no row in any table, whichever tables there are."""

from __future__ import annotations

import pytest
from pyspark.sql import functions as F

from dataeval_spark.audit import Audit
from dataeval_spark.tables import ALL_TABLES
from dataeval_spark.tables.contract import Column, Table
from dataeval_spark.tables.images import IMAGES
from dataeval_spark.tables.keys import IMAGE_ID, RUN_ID
from dataeval_spark.verbs.ingest.sync import IMAGE_TABLES
from dataeval_spark.workspace.delta import Writer
from tests.jobs.conftest import write_coco

GONE = "photos/night/0.png"
IMAGE_COLUMNS = ("image_id", "image_id_a", "image_id_b", "neighbor_id", "center_image_id")


def placeholder(column):
    """Any value of a column's type."""
    if column.name == "image_id":
        return F.lit(GONE)
    if column.type.startswith(("array", "struct", "map")):
        return F.from_json(F.lit("[]" if column.type.startswith("array") else "{}"), column.type)
    text = "2024-01-01" if column.type == "timestamp" else "false" if column.type == "boolean" else "0"
    return F.lit(text).cast(column.type)


def with_a_row_of_the_image(audit, table):
    columns = [placeholder(column).alias(column.name) for column in table.result_columns]
    writer = Writer("placeholder", "test", f"placeholder {table.name}", "0")
    covered = audit.workspace.spark.createDataFrame([(GONE,)], "image_id string")
    audit.workspace.write(table, audit.workspace.spark.range(1).select(*columns), writer, images=covered)


def tables_with(audit, image):
    """Names of tables in which any column names the image."""
    found = []
    for table in ALL_TABLES:
        rows = audit.workspace.read_or_none(table)
        names = [name for name in IMAGE_COLUMNS if name in table.column_names]
        if rows is not None and names:
            named = " OR ".join(f"{name} = '{image}'" for name in names)
            found += [table.name] if not rows.where(named).isEmpty() else []
    return found


@pytest.fixture
def audit(spark, tmp_path):
    return Audit(str(tmp_path / "audit"), spark, echo=lambda line: None)


def test_rows_of_a_deleted_image_go_from_every_table_that_keeps_them(audit, photos):
    audit.ingest(str(photos))
    for table in IMAGE_TABLES:
        with_a_row_of_the_image(audit, table)
    kept = {table.name for table in IMAGE_TABLES}
    assert kept <= set(tables_with(audit, GONE))

    (photos / "night" / "0.png").unlink()
    audit.ingest(str(photos))

    assert tables_with(audit, GONE) == ["images"]
    assert not audit.workspace.read(IMAGES).where(f"image_id = '{GONE}' AND deleted_at IS NOT NULL").isEmpty()


def test_after_the_next_run_no_result_names_a_deleted_image(audit, photos):
    boxes = {f"{'day' if n % 2 else 'night'}/{n}.png": [[10, 10, 30, 30]] for n in range(6)}

    def everything():
        annotations = str(write_coco(photos, boxes))
        with audit.one_run("test", {}):
            audit.ingest(str(photos), annotations=annotations)
            audit.profile(encoder="thumbnail", background=True, channel_groups={"all": [0, 1, 2]}, per_target=True)
            audit.analyze("duplicates", "image_findings", "factor_bins", "neighbors", "embedding_scores")

    everything()
    before = set(tables_with(audit, GONE))
    assert {"background_stats", "channel_group_stats", "embeddings", "neighbors", "factor_bins"} <= before
    assert {"duplicate_pairs", "duplicate_groups", "embedding_scores"} <= before

    (photos / "night" / "0.png").unlink()
    del boxes["night/0.png"]
    everything()

    assert tables_with(audit, GONE) == ["images"]


def test_which_tables_keep_rows_of_images_follows_from_their_contracts():
    per_image = {table.name for table in ALL_TABLES if "image_id" in table.key and table.write == "upsert"}
    tomorrow = Table("tomorrow", "New.", ("image_id",), (IMAGE_ID, Column("x", "double", "X"), RUN_ID), write="upsert")

    assert {table.name for table in IMAGE_TABLES} == per_image - {"images"}
    assert {"background_stats", "channel_group_stats"} <= per_image
    assert tomorrow.is_of_images
    # Every column that names an image is looked at above.
    named = {column.name for table in ALL_TABLES for column in table.columns if column.name.endswith("image_id")}
    assert named <= set(IMAGE_COLUMNS)
