"""Mean average precision per class, from predictions that are marked true or false at ten overlaps."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from dataeval_spark.kernels.labels.object_label_quality import AP_THRESHOLDS

BITS = range(len(AP_THRESHOLDS))


def mean_average_precision(marked: DataFrame, truth: DataFrame) -> DataFrame:
    """Area under precision (its maximum to the right) over recall, mean over the ten overlaps.

    Classes are the parallelism: the predictions of one class are sorted twice in one task, which spills to disk.

    Parameters
    ----------
    marked : DataFrame
        ``class_name``, ``image_id``, ``number``, ``score`` and ``bits``: one row per predicted box, bit t set where it
        is a true positive at the t-th overlap; ``smallest`` is carried along.
    truth : DataFrame
        ``class_name`` and ``count``: labelled boxes.

    Returns
    -------
    DataFrame
        ``class_name``, ``precision`` (0 for a class without labelled boxes) and the minimum of ``smallest``.
    """
    order = (F.desc("score"), F.asc("image_id"), F.asc("number"))
    opposite = (F.asc("score"), F.desc("image_id"), F.desc("number"))
    rows = Window.unboundedPreceding, Window.currentRow
    down = Window.partitionBy("class_name").orderBy(*order).rowsBetween(*rows)
    up = Window.partitionBy("class_name").orderBy(*opposite).rowsBetween(*rows)
    bit = {t: F.col("bits").bitwiseAND(1 << t).cast("boolean").cast("int") for t in BITS}
    keys = ("class_name", "image_id", "number", "score", "bits", "smallest")
    precise = marked.select(*keys, *((F.sum(bit[t]).over(down) / F.count("*").over(down)).alias(f"p{t}") for t in BITS))
    # From the last prediction to the first: the largest precision at this recall or more.
    enveloped = precise.select(*keys, *(F.max(f"p{t}").over(up).alias(f"e{t}") for t in BITS))
    area = sum((F.col(f"e{t}") * bit[t] for t in BITS), F.lit(0.0))
    summed = enveloped.groupBy("class_name").agg(F.sum(area).alias("area"), F.min("smallest").alias("smallest"))
    joined = summed.join(F.broadcast(truth), on="class_name", how="left")
    mean = F.coalesce(F.try_divide("area", F.col("count") * len(AP_THRESHOLDS)), F.lit(0.0))
    return joined.select("class_name", mean.alias("precision"), "smallest")
