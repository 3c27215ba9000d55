"""Labels of several people for the same things: one row per rating, or one column per person."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from dataeval_spark.errors import ConfigError, IngestError
from dataeval_spark.frames.number_texts import id_text
from dataeval_spark.frames.ratios import ratio
from dataeval_spark.tables.contract import identifier
from dataeval_spark.tables.keys import CORNERS
from dataeval_spark.verbs.ingest.readers.metadata import MISSING, instant_of
from dataeval_spark.verbs.ingest.readers.rows_of_images import (
    CLASS_COLUMNS,
    box_column,
    id_column,
    left_out_findings,
    open_rows,
)

RATER_COLUMNS = ("rater", "annotator", "worker", "labeler", "user")
TIME_COLUMNS = ("labelled_at", "labeled_at", "timestamp")
# Intersection over union from which two boxes are of one thing.
LEAST_OVERLAP = 0.5
COLUMNS = ("given_id", "target_index", "rater", "class_name", "box", "labelled_at")


def read_ratings(
    spark: SparkSession, source: str, *, raters: Sequence[str] | None = None, timezone: str = "UTC"
) -> DataFrame:
    """Read ratings from CSV, TSV, parquet, Delta or a table of the catalog.

    One row per rating: the image as for predictions; who in ``rater``, ``annotator``, ``worker``, ``labeler`` or
    ``user``; the class in ``class_name``, ``label`` or ``class``; ``target_index`` (0 where there is none and no box
    either); a ``box``, or ``x0``, ``y0``, ``x1``, ``y1``; the time in ``labelled_at``, ``labeled_at`` or ``timestamp``.
    With ``raters`` these columns hold the classes, one column per person; empty cells are no ratings.

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
    place = id_column(list(types), source)
    image = id_text(place, types[place]).alias("given_id")
    nowhere = F.when(box_column(types).isNull(), 0)
    index = F.coalesce(F.col("target_index").try_cast("int"), nowhere) if "target_index" in types else nowhere
    base = (image, index.alias("target_index"))
    if raters:
        for name in raters:
            if name not in types:
                raise IngestError(str(ConfigError.unknown("rater", name, types, f"{source}, --raters")))
        cells = F.array(
            *(
                F.struct(F.lit(n).alias("rater"), F.col(identifier(n)).cast("string").alias("class_name"))
                for n in raters
            )
        )
        nothing = (box_column({}).alias("box"), F.lit(None).cast("timestamp").alias("labelled_at"))
        wide = frame.select(*base, F.inline(cells)).select("*", *nothing)
        return wide.where(~F.coalesce(F.col("class_name").isin(*MISSING), F.lit(True)))
    rater = next((name for name in RATER_COLUMNS if name in types), None)
    label = next((name for name in CLASS_COLUMNS if name in types), None)
    if rater is None or label is None:
        raise IngestError(
            f"{source} has no column with the {'rater' if rater is None else 'class'}; it has "
            f"{', '.join(types)}.\nHint: columns rater and class_name, or --raters A,B,C for one column per person"
        )
    time = next((name for name in TIME_COLUMNS if name in types), None)
    return frame.select(
        *base,
        F.col(rater).cast("string").alias("rater"),
        F.col(label).cast("string").alias("class_name"),
        box_column(types).alias("box"),
        instant_of(time, types, timezone).alias("labelled_at"),
    )


def matched_to_labels(resolved: DataFrame, targets: DataFrame) -> DataFrame:
    """Give each box without ``target_index`` the number of the labelled box that it overlaps most, by half at least.

    Of several boxes of one person on one label the one that overlaps it most has it; the others have none.

    Parameters
    ----------
    resolved : DataFrame
        Ratings with ``image_id``.
    targets : DataFrame
        Table ``targets``.
    """
    # Not -0.0, which is another corner than 0.0 to the embedded engine.
    corners = {f"_{corner}": F.col(f"box.{corner}") + F.lit(0.0) for corner in CORNERS}
    keys = ["image_id", "rater", *corners]
    unplaced = resolved.where("target_index IS NULL AND image_id IS NOT NULL AND box IS NOT NULL").withColumns(corners)
    boxes = unplaced.select(*keys).distinct()
    box = F.struct(*(F.col(f"_{corner}").alias(corner) for corner in CORNERS))
    labelled = targets.where("box IS NOT NULL").select("image_id", "target_index", F.col("box").alias("labelled"))
    overlap = _overlap("box", "labelled")
    pairs = boxes.withColumn("box", box).join(labelled, on="image_id", how="inner")
    near = pairs.where(overlap >= LEAST_OVERLAP)
    order = F.struct(overlap, F.lit(0) - F.col("target_index"))
    best = F.max_by(F.struct(overlap.alias("overlap"), F.col("target_index").alias("label")), order).alias("best")
    claims = near.groupBy(*keys).agg(best).select(*keys, "best.overlap", "best.label")
    of_label = Window.partitionBy("image_id", "rater", "label").orderBy(F.desc("overlap"), *corners)
    won = claims.withColumn("place", F.row_number().over(of_label)).where("place = 1").select(*keys, "label")
    # An image, rater and box has one row of `won`.
    joined = resolved.withColumns(corners).join(won, on=keys, how="left")
    return joined.withColumn("target_index", F.coalesce("target_index", "label")).drop("label", *corners)


def _overlap(one: str, other: str) -> Column:
    """Intersection over union of two columns of boxes."""

    def side(axis: str) -> Column:
        high = F.least(f"{one}.{axis}1", f"{other}.{axis}1")
        return F.greatest(high - F.greatest(f"{one}.{axis}0", f"{other}.{axis}0"), F.lit(0.0))

    def area(box: str) -> Column:
        return (F.col(f"{box}.x1") - F.col(f"{box}.x0")) * (F.col(f"{box}.y1") - F.col(f"{box}.y0"))

    common = side("x") * side("y")
    return ratio(common, area(one) + area(other) - common)


def check_ratings(resolved: DataFrame) -> DataFrame:
    """Add ``kind``: null for a good row. Of several ratings of one thing by one person the latest is taken."""
    no_class = F.coalesce(F.col("class_name").isin(*MISSING), F.lit(True))
    kind = (
        F.when(F.col("image_id").isNull(), "unknown_image")
        .when(F.col("rater").isNull(), "missing_rater")
        .when(no_class, "missing_class")
        .when(F.col("target_index").isNull(), "unmatched_box")
    )
    judged = resolved.select("image_id", *COLUMNS, kind.alias("kind"))
    # Rows without an image must not all meet in one partition.
    image = F.coalesce("image_id", "given_id")
    same = Window.partitionBy(image, "target_index", "rater", F.col("kind").isNull())
    place = F.row_number().over(same.orderBy(F.desc_nulls_last("labelled_at"), "class_name"))
    is_earlier = F.col("kind").isNull() & (place > 1)
    return judged.withColumn("kind", F.when(is_earlier, "duplicate_rating").otherwise(F.col("kind")))


def rating_findings(checked: DataFrame, source: str) -> DataFrame:
    """Rows of table `ingest_findings` without ``run_id``: ratings that were left out, and why."""
    expected = F.when(
        F.col("kind") == "unmatched_box", "target_index, or a box that overlaps a labelled one by half"
    ).otherwise("the id of a live image, a rater and a class, once")
    scope = f"ratings of {source}"
    return left_out_findings(checked, source, scope, "Rating", expected, place=("rater",), found="class_name")
