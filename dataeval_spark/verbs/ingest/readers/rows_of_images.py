"""Files about known images: rows of a table or text file, and the image that each row means."""

from __future__ import annotations

import os

from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError
from dataeval_spark.tables.keys import BOX_TYPE
from dataeval_spark.verbs.ingest.readers.file_matching import match_names
from dataeval_spark.verbs.ingest.readers.text_rows import ROW_ENDINGS, read_text_rows
from dataeval_spark.workspace.workspace import Checkpoint

ID_COLUMNS = ("image_id", "id", "path", "file_name", "filename", "file", "image")
CLASS_COLUMNS = ("class_name", "label", "class", "predicted_class")
CORNERS = ("x0", "y0", "x1", "y1")


def open_rows(spark: SparkSession, source: str) -> DataFrame:
    """Rows of a Delta or parquet path, a CSV or TSV file with a header (all text), JSON lines, or a catalog's table.

    Raises
    ------
    IngestError
        There is none, or it cannot be read.
    """
    name = source.lower()
    try:
        if os.path.isdir(os.path.join(source, "_delta_log")):
            frame = spark.read.format("delta").load(source)
        elif name.endswith(ROW_ENDINGS):
            frame = read_text_rows(spark, source).frame
        elif os.path.exists(source) or "/" in source or name.endswith(".parquet"):
            frame = spark.read.parquet(source)
        else:
            frame = spark.read.table(source)
        frame.columns  # noqa: B018  under Connect nothing is looked up before this
        return frame
    except AnalysisException as error:
        first = str(error).splitlines()[0][:300]
        hint = "a parquet or Delta path, a CSV or JSON-lines file, or a table's name."
        raise IngestError(f"{source} cannot be read: {first}\nHint: {hint}") from error


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
            f"{source} has no column that names the image; it has {', '.join(names)}, expected one of "
            f"{', '.join(ID_COLUMNS)}.\nHint: rename one."
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
    """Give rows whose id is no image's the one image whose id is the same but for its spelling.

    Ids differ as names of files do (:func:`dataeval_spark.verbs.ingest.readers.file_matching.match_names`).

    Parameters
    ----------
    rows : DataFrame
        Rows with ``given_id`` and ``image_id``, as :func:`with_image` gives them; stored.
    images : DataFrame
        Live rows of table ``images``.
    dataset : str, optional
        Dataset that the ids may be relative to; default any.
    checkpoint : callable
        Stores a frame in temporary files and reads it back.

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

    An id is an image's own, or with ``dataset`` the rest of it after ``<dataset>/``.

    Parameters
    ----------
    rows : DataFrame
        Rows with ``given_id``.
    images : DataFrame
        Live rows of table ``images``.
    dataset : str, optional
        Dataset that the ids may be relative to.
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
