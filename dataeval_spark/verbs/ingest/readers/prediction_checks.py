"""Checks of predictions row by row: usable rows, and faults of the others."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from dataeval_spark.frames.contract import literal_map
from dataeval_spark.tables.predictions import PREDICTIONS
from dataeval_spark.verbs.ingest.readers.predictions import GivenPredictions
from dataeval_spark.verbs.ingest.readers.source import finding_rows

CHECKED_DDL_COLUMNS = ("image_id", "given_id", "target_index", "label", "score", "probabilities", "box", "predicted_at")
EXPECTED = {
    "unknown_image": "the id of a live image",
    "missing_class": "probabilities, or a class",
    "wrong_length": "one probability per class",
    "not_finite": "finite numbers",
    "out_of_range": "numbers in [0, 1]",
    "not_summing": "a sum of 1",
    "bad_score": "a number in [0, 1]",
    "bad_box": "x0 < x1 and y0 < y1",
    "duplicate_prediction": "one prediction per image and target",
}


def check_predictions(
    source_rows: GivenPredictions, resolved: DataFrame, class_names: Sequence[str], tolerance: float
) -> DataFrame:
    """Add ``kind`` (null for a good row), ``found``, and the values that follow from the probabilities.

    Parameters
    ----------
    source_rows : GivenPredictions
        Predictions of the file.
    resolved : DataFrame
        Rows of the predictions, with ``image_id``.
    class_names : sequence of str
        Class of each position of the probabilities; empty where no row has any.
    tolerance : float
        Largest deviation of their sum from 1.

    Returns
    -------
    DataFrame
        Rows of table ``predictions`` but for ``model``, and ``given_id``, ``kind`` and ``found``. A classification
        without target is that of target 0; boxes are numbered by falling score. The label of a classification is its
        most probable class, the first of equal ones.
    """
    names = F.array(*(F.lit(name) for name in class_names)).cast("array<string>")
    best = F.array_max("probabilities")
    is_number = F.col("label").rlike("^[0-9]{1,9}$") & ~F.array_contains(names, F.col("label"))
    class_name = F.when(is_number, F.coalesce(F.get(names, F.col("label").try_cast("int")), F.col("label")))
    has_all = F.col("probabilities").isNotNull()
    place = F.array_position(F.col("probabilities"), best) - 1
    filled = resolved.select(
        "image_id",
        "given_id",
        "target_index",
        F.when(has_all, F.get(names, place.cast("int"))).otherwise(F.coalesce(class_name, "label")).alias("label"),
        F.when(has_all, best).otherwise(F.col("score")).alias("score"),
        "probabilities",
        "box",
        "predicted_at",
    )
    kind, value = _verdict(len(class_names), tolerance)
    judged = filled.select("*", kind.alias("kind"), value.alias("found"))
    good = F.col("kind").isNull()
    # Rows without an image must not all meet in one partition.
    image = F.coalesce("image_id", "given_id")
    of_image = Window.partitionBy(image, good)
    boxes = of_image.orderBy(F.desc("score"), "label", "box.x0", "box.y0", "box.x1", "box.y1")
    number = F.when(F.col("box").isNotNull(), F.row_number().over(boxes) - 1).otherwise(0)
    numbered = judged.withColumn("target_index", F.coalesce("target_index", number))
    same = Window.partitionBy(image, "target_index", good).orderBy(
        F.desc_nulls_last("predicted_at"), F.desc("score"), "label", F.to_json("probabilities")
    )
    is_later = good & (F.row_number().over(same) > 1)
    return numbered.select(
        *CHECKED_DDL_COLUMNS,
        F.when(is_later, "duplicate_prediction").otherwise(F.col("kind")).alias("kind"),
        F.when(is_later, F.col("label")).otherwise(F.col("found")).alias("found"),
    )


def _verdict(classes: int, tolerance: float) -> tuple[Column, Column]:
    total = F.aggregate("probabilities", F.lit(0.0), lambda sum_, p: sum_ + p)
    infinity = F.lit(float("inf"))
    has_bad = F.exists("probabilities", lambda p: p.isNull() | F.isnan(p) | (F.abs(p) == infinity))
    has_range = F.forall("probabilities", lambda p: (p >= 0) & (p <= 1 + tolerance))
    has_all = F.col("probabilities").isNotNull()
    score_is_good = F.col("score").isNotNull() & ~F.isnan("score") & F.col("score").between(0, 1)
    # A comparison with NaN: to Spark, NaN is the largest number.
    box_is_good = (
        (F.col("box.x0") < F.col("box.x1"))
        & (F.col("box.y0") < F.col("box.y1"))
        & (F.col("box.x1") < infinity)
        & (F.col("box.y1") < infinity)
    )
    tests = [
        ("unknown_image", F.col("image_id").isNull(), F.col("given_id")),
        ("wrong_length", has_all & (F.size("probabilities") != classes), F.size("probabilities").cast("string")),
        ("not_finite", has_all & has_bad, F.lit("null, NaN or infinity")),
        ("out_of_range", has_all & ~has_range, F.array_max("probabilities").cast("string")),
        ("not_summing", has_all & (F.abs(total - 1) > tolerance), total.cast("string")),
        ("missing_class", F.col("label").isNull(), F.lit(None)),
        ("bad_score", ~score_is_good, F.col("score").cast("string")),
        ("bad_box", F.col("box").isNotNull() & ~F.coalesce(box_is_good, F.lit(False)), F.to_json("box")),
    ]
    kind, value_found = F.lit(None).cast("string"), F.lit(None).cast("string")
    for name, is_wrong, value in reversed(tests):
        kind = F.when(is_wrong, name).otherwise(kind)
        value_found = F.when(is_wrong, value.cast("string")).otherwise(value_found)
    return kind, value_found


def good_rows(checked: DataFrame, model: str) -> DataFrame:
    """Rows of table ``predictions`` without ``run_id``."""
    constants = {"model": F.lit(model)}
    return checked.where("kind IS NULL").select(
        *(constants.get(name, F.col(name)).alias(name) for name in PREDICTIONS.result_names)
    )


def prediction_findings(checked: DataFrame, model: str, source: str) -> DataFrame:
    """Rows of table ``ingest_findings`` without ``run_id``: predictions that were left out, and why."""
    expected = literal_map(EXPECTED)
    where = F.concat_ws(" ", F.coalesce("given_id", F.lit("(no id)")), F.col("target_index").cast("string"))
    # Two bad rows of one image are one finding.
    bad = checked.where("kind IS NOT NULL").groupBy(where.alias("location"), "kind")
    rows = bad.agg(
        F.min("image_id").alias("image_id"), F.min("target_index").alias("target_index"), F.min("found").alias("found")
    )
    message = F.concat(F.lit(f"Prediction of {model} left out: "), F.translate("kind", "_", " "))
    findings = rows.select(
        F.lit(source).alias("source_file"),
        "location",
        "image_id",
        "target_index",
        "kind",
        message.alias("message"),
        "found",
        F.try_element_at(expected, "kind").alias("expected"),
    )
    return finding_rows(findings, f"predictions of {model}")
