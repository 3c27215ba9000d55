"""Files about known images: rows of a table or text file, and the image that each row means."""

from __future__ import annotations

import os
from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError
from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.keys import BOX_TYPE, CORNERS
from dataeval_spark.verbs.ingest.readers.file_matching import match_names
from dataeval_spark.verbs.ingest.readers.source import as_findings, finding_rows
from dataeval_spark.verbs.ingest.readers.text_rows import ROW_ENDINGS, open_table, read_text_rows
from dataeval_spark.workspace.workspace import Checkpoint

ID_COLUMNS = ("image_id", "id", "path", "file_name", "filename", "file", "image")
CLASS_COLUMNS = ("class_name", "label", "class", "predicted_class")


def open_rows(spark: SparkSession, source: str) -> DataFrame:
    """Rows of a Delta or parquet path, a CSV or TSV file with a header (all text), JSON lines, or a catalog's table.

    Raises
    ------
    IngestError
        There is none, or it cannot be read.
    """
    is_delta = os.path.isdir(os.path.join(source, "_delta_log"))
    if source.lower().endswith(ROW_ENDINGS) and not is_delta:
        return read_text_rows(spark, source).frame
    return open_table(spark, source)[0]


def id_column(names: list[str], source: str) -> str:
    """The column that names the image.

    Raises
    ------
    IngestError
        There is none.
    """
    column = next((name for name in ID_COLUMNS if name in names), None)
    if column is None:
        raise IngestError(
            f"{source} has no column that names the image; it has {', '.join(names)}; expected one of "
            f"{', '.join(ID_COLUMNS)}.\nHint: rename the column with the ids of the images to image_id"
        )
    return column


def box_column(types: dict[str, str]) -> Column:
    """The box of a row: column ``box`` (a struct of x0, y0, x1, y1), or columns of these names; else null."""
    if types.get("box", "").startswith("struct"):
        return F.struct(*(F.col(f"box.{corner}").cast("double").alias(corner) for corner in CORNERS)).cast(BOX_TYPE)
    if set(CORNERS) <= set(types):
        corners = F.struct(*(F.col(corner).try_cast("double").alias(corner) for corner in CORNERS))
        return F.when(F.col("x0").isNotNull(), corners).cast(BOX_TYPE)
    return F.lit(None).cast(BOX_TYPE)


def with_likely_image(
    rows: DataFrame, images: DataFrame, dataset: str | None, checkpoint: Checkpoint
) -> tuple[DataFrame, DataFrame | None]:
    """Give each row with an unknown id the one image whose id differs from it in spelling alone.

    Ids differ as names of files do (:func:`dataeval_spark.verbs.ingest.readers.file_matching.match_names`). The rows
    are those of :func:`with_image`, stored.

    Returns
    -------
    rows : DataFrame
        The rows.
    matches : DataFrame or None
        ``name``, ``path`` and ``how`` of the ids that were written otherwise; None where all are ids of images.
    """
    names = rows.where("image_id IS NULL AND given_id IS NOT NULL").select(F.col("given_id").alias("name")).distinct()
    if names.isEmpty():
        return rows, None
    ids = images if dataset is None else images.where(F.col("image_id").startswith(f"{dataset}/"))
    matches = checkpoint(match_names(names, ids.select(F.col("image_id").alias("path"))), "likely_images")
    likely = matches.where("path IS NOT NULL").select(F.col("name").alias("given_id"), F.col("path").alias("likely"))
    joined = rows.join(likely, on="given_id", how="left")
    with_likely = joined.withColumn("image_id", F.coalesce("image_id", "likely")).select(*rows.columns)
    return checkpoint(with_likely, "rows_with_likely_images"), matches


def with_image(rows: DataFrame, images: DataFrame, dataset: str | None) -> DataFrame:
    """Add ``image_id`` to rows with ``given_id``: null where no live image has that id.

    ``images`` are the live rows of the table. An id is an image's own, or with ``dataset`` the rest of it after
    ``<dataset>/``.
    """
    names = images.select(F.col("image_id").alias("given_id"), "image_id", F.lit(0).alias("order"))
    if dataset is not None:
        prefix = f"{dataset}/"
        relative = images.where(F.col("image_id").startswith(prefix)).select(
            F.substring("image_id", len(prefix) + 1, 2**31 - 1).alias("given_id"), "image_id", F.lit(1).alias("order")
        )
        names = names.unionByName(relative)
    # An id that is both an image's own and another's rest means the first.
    ids = names.groupBy("given_id").agg(F.min_by("image_id", "order").alias("image_id"))
    return rows.join(ids, on="given_id", how="left")


def good_rows(checked: DataFrame, table: Table, **constants: str) -> DataFrame:
    """The rows that can be used, in the columns of a table without ``run_id``; ``constants`` are equal in all rows."""
    values = {name: F.lit(value) for name, value in constants.items()}
    return checked.where("kind IS NULL").select(
        *(values.get(name, F.col(name)).alias(name) for name in table.result_names)
    )


def left_out_findings(
    checked: DataFrame, source: str, scope: str, subject: str, expected: Column, *, place: Sequence[str], found: str
) -> DataFrame:
    """Rows of table `ingest_findings` without ``run_id``: rows that were left out, and why.

    Parameters
    ----------
    checked : DataFrame
        Rows with ``image_id``, ``given_id``, ``target_index`` and ``kind``, which is null for good ones.
    source : str
        The file with the rows.
    scope : str
        Value of ``dataset`` in the findings.
    subject : str
        Beginning of the message, such as ``Rating``.
    expected : Column
        Value expected instead.
    place : sequence of str
        Columns that name a row besides the image and the target.
    found : str
        Column with the value found.
    """
    location = F.concat_ws(" ", F.coalesce("given_id", F.lit("(no id)")), F.col("target_index").cast("string"), *place)
    # Two bad rows of one place are one finding.
    bad = checked.where("kind IS NOT NULL").groupBy(location.alias("location"), "kind")
    rows = bad.agg(*(F.min(name).alias(name) for name in ("image_id", "target_index", found)))
    columns = {name: F.col(name) for name in ("location", "image_id", "target_index", "kind")}
    message = F.concat(F.lit(f"{subject} left out: "), F.translate("kind", "_", " "))
    findings = as_findings(rows, source_file=source, **columns, message=message, found=F.col(found), expected=expected)
    return finding_rows(findings, scope)
