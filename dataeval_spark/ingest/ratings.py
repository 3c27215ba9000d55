"""What several people said about the same things: one row per rating, or one column per person."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from dataeval_spark.errors import ConfigError, IngestError
from dataeval_spark.ingest.given_rows import CLASS_COLUMNS, box_column, id_column, open_rows
from dataeval_spark.ingest.metadata import MISSING, utc_timestamp
from dataeval_spark.tables import ANNOTATIONS

RATER_COLUMNS = ("rater", "annotator", "worker", "labeler", "user")
TIME_COLUMNS = ("labelled_at", "labeled_at", "timestamp")
COLUMNS = ("given_id", "target_index", "rater", "class_name", "box", "labelled_at")


def read_ratings(
    spark: SparkSession, source: str, *, raters: Sequence[str] | None = None, timezone: str = "UTC"
) -> DataFrame:
    """Read ratings from CSV, TSV, parquet, Delta or a table of the catalog.

    One row per rating: the image as for predictions; who in ``rater``, ``annotator``, ``worker``, ``labeler`` or
    ``user``; the class in ``class_name``, ``label`` or ``class``; ``target_index`` (0 where there is none); a ``box``,
    or ``x0``, ``y0``, ``x1``, ``y1``; the time in ``labelled_at``, ``labeled_at`` or ``timestamp``. With ``raters``
    these columns hold the classes, one column per person; empty cells are no ratings.

    Returns
    -------
    DataFrame
        ``given_id``, ``target_index``, ``rater``, ``class_name``, ``box`` and ``labelled_at``.

    Raises
    ------
    IngestError
        The file cannot be read, or lacks what it must have.
    """
    frame = open_rows(spark, source)
    types = dict(frame.dtypes)
    image = F.col(id_column(list(types), source)).cast("string").alias("given_id")
    index = F.coalesce(F.col("target_index").try_cast("int"), F.lit(0)) if "target_index" in types else F.lit(0)
    base = (image, index.alias("target_index"))
    if raters:
        for name in raters:
            if name not in types:
                raise IngestError(str(ConfigError.unknown("rater", name, types, f"{source}, --raters")))
        cells = F.array(
            *(F.struct(F.lit(n).alias("rater"), F.col(f"`{n}`").cast("string").alias("class_name")) for n in raters)
        )
        nothing = (box_column({}).alias("box"), F.lit(None).cast("timestamp").alias("labelled_at"))
        wide = frame.select(*base, F.inline(cells)).select("*", *nothing)
        return wide.where(~F.coalesce(F.col("class_name").isin(*MISSING), F.lit(True)))
    rater = next((name for name in RATER_COLUMNS if name in types), None)
    label = next((name for name in CLASS_COLUMNS if name in types), None)
    if rater is None or label is None:
        raise IngestError(
            f"{source} has no column that says {'who' if rater is None else 'which class'}; it has "
            f"{', '.join(types)}.\nHint: columns rater and class_name, or --raters A,B,C for one column per person"
        )
    time = next((name for name in TIME_COLUMNS if name in types), None)
    when = F.lit(None).cast("timestamp") if time is None else F.col(time)
    return frame.select(
        *base,
        F.col(rater).cast("string").alias("rater"),
        F.col(label).cast("string").alias("class_name"),
        box_column(types).alias("box"),
        (utc_timestamp(when, timezone) if time and types[time] != "timestamp" else when).alias("labelled_at"),
    )


def check_ratings(resolved: DataFrame) -> DataFrame:
    """Add ``kind``: null for a good row. Of several ratings of one thing by one person the latest is taken."""
    no_class = F.coalesce(F.col("class_name").isin(*MISSING), F.lit(True))
    kind = (
        F.when(F.col("image_id").isNull(), "unknown_image")
        .when(F.col("rater").isNull(), "missing_rater")
        .when(no_class, "missing_class")
    )
    judged = resolved.select("image_id", *COLUMNS, kind.alias("kind"))
    # Rows without an image must not all meet in one partition.
    image = F.coalesce("image_id", "given_id")
    same = Window.partitionBy(image, "target_index", "rater", F.col("kind").isNull())
    place = F.row_number().over(same.orderBy(F.desc_nulls_last("labelled_at"), "class_name"))
    is_earlier = F.col("kind").isNull() & (place > 1)
    return judged.withColumn("kind", F.when(is_earlier, "duplicate_rating").otherwise(F.col("kind")))


def good_ratings(checked: DataFrame, source: str) -> DataFrame:
    """Rows of table ``annotations`` without ``run_id``."""
    constants = {"source": F.lit(source)}
    return checked.where("kind IS NULL").select(
        *(constants.get(name, F.col(name)).alias(name) for name in ANNOTATIONS.column_names if name != "run_id")
    )


def rating_findings(checked: DataFrame, source: str) -> DataFrame:
    """Rows of table ``annotation_findings`` without ``run_id``: ratings that were left out, and why."""
    where = F.concat_ws(" ", F.coalesce("given_id", F.lit("(no id)")), F.col("target_index").cast("string"), "rater")
    bad = checked.where("kind IS NOT NULL").groupBy(where.alias("location"), "kind")
    rows = bad.agg(
        F.min("image_id").alias("image_id"),
        F.min("target_index").alias("target_index"),
        F.min("class_name").alias("found"),
    )
    return rows.select(
        F.lit(f"ratings of {source}").alias("dataset"),
        F.lit(source).alias("source_file"),
        "location",
        "image_id",
        "target_index",
        "kind",
        F.concat(F.lit("Rating left out: "), F.translate("kind", "_", " ")).alias("message"),
        "found",
        F.lit("the id of a live image, a rater and a class, once").alias("expected"),
    )
