"""Outliers: images whose statistics lie far from the others'."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import get_args

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from dataeval_spark.analyses.quality.scales import COMPARED, FAMILIES, families, scale_of
from dataeval_spark.errors import OptionError
from dataeval_spark.frames.contract import IDS, same_keys
from dataeval_spark.frames.number_texts import significant
from dataeval_spark.frames.spread import (
    Method,
    calibrated_spreads,
    default_threshold,
    has_spread,
    score_beyond,
    spreads,
)
from dataeval_spark.frames.struct_arrays import struct_array
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.tables.profile import CHANNEL_STATS, DATAEVAL_STATISTICS
from dataeval_spark.tables.quality import OUTLIERS

KEYS = ("image_id", "target_index", "channel", "group_name", "is_box")
NUMBERS = ("double", "float", "bigint", "int")


def outliers(
    image_stats: DataFrame,
    targets: DataFrame,
    channel_stats: DataFrame | None = None,
    *,
    method: Method = "calibrated",
    threshold: float | None = None,
    statistics: Sequence[str] | None = None,
    per_class: bool = False,
    per_target: bool = False,
    per_channel: bool = False,
) -> DataFrame:
    r"""Find images (or boxes) that lie far from the others, with the statistics that say so.

    * ``calibrated``: each statistic on a scale that fits it (logarithm, logit, ..: ``analyses/quality/scales.py``),
      :math:`|t - \tilde t| / s` with the spreads s of :func:`~dataeval_spark.frames.spread.calibrated_spreads`,
      against one threshold that allows for how many statistics are compared: 4.5 for those of the default. It lists
      at most 2 % of clean photographs (docs/performance.md). Of statistics that say the same (width and size) the
      farthest gives a row.

    DataEval's methods, which compare each statistic for itself and as it is, list a third of clean photographs:

    * ``zscore``: :math:`|x - \bar x| / s > 3` with the population standard deviation s
    * ``modified_zscore``: :math:`0.6745 |x - \tilde x| / \mathrm{MAD} > 3.5`; where the MAD is 0, the
      mean absolute deviation times :math:`\sqrt{\pi / 2}` takes the place of MAD / 0.6745
    * ``iqr``: distance beyond the nearest quartile, in interquartile ranges, > 1.5, with the quartiles
      of numpy's ``midpoint`` method
    * ``adaptive``: the double MAD below and above the median, wider where a tail is heavier than a normal one, > 3.5
      (:func:`~dataeval_spark.frames.spread.double_mad`); DataEval's default

    Quantiles are exact. A statistic without spread has no outliers; a missing value is none.
    Images and boxes are compared separately, and so is each channel.

    Parameters
    ----------
    image_stats, targets : DataFrame
        Tables of these names.
    channel_stats : DataFrame, optional
        Table of that name, for ``per_channel``.
    method : {"calibrated", "zscore", "modified_zscore", "iqr", "adaptive"}
        Measure of the distance from the others.
    threshold : float, optional
        Score above which a value is an outlier; default 3, 3.5, 1.5 and 3.5 for DataEval's methods.
    statistics : sequence of str, optional
        Numeric columns of ``image_stats``, statistics of your own among them; by default those of
        ``analyses/quality/scales.py``, and under DataEval's methods those that it compares.
    per_class : bool
        Compare within each class; an image with several classes is in each of them.
    per_target : bool
        Compare boxes too.
    per_channel : bool
        Compare each channel's statistics too, with those of the same channel in other images.

    Returns
    -------
    DataFrame
        Table ``outliers`` without ``run_id``: the rows of an image are one verdict, of which ``position`` 1 is the main
        reason. ``channel`` is null for all channels together.

    Raises
    ------
    OptionError
        An option is unknown or out of range.

    References
    ----------
    Iglewicz and Hoaglin, "How to Detect and Handle Outliers" (1993). Bounds of ``zscore``, ``iqr``
    and ``adaptive`` equal DataEval's ZScoreThreshold, IQRThreshold and AdaptiveThreshold; its
    ModifiedZScoreThreshold keeps 0.6745 for the mean absolute deviation too, which makes that fallback 15 % too wide.

    Examples
    --------
    >>> odd = outliers(image_stats, targets).where("position = 1").orderBy("score", ascending=False).limit(2)
    >>> odd.selectExpr("image_id", "round(score, 1) AS score", "reason").show(truncate=False)
    +----------------------+-----+-------------------------------------------------+
    |image_id              |score|reason                                           |
    +----------------------+-----+-------------------------------------------------+
    |photos/cat/black.png  |15.8 |perceived brightness p99 is 0.03236, below 0.3833|
    |photos/cat/blurred.jpg|15.0 |blur is 3.624, above 1.206                       |
    +----------------------+-----+-------------------------------------------------+
    """
    OptionError.unless_one_of("outliers.method", method, get_args(Method))
    numeric = [name for name, type in image_stats.dtypes if type in NUMBERS and name != "target_index"]
    if statistics is None:
        statistics = [name for name in COMPARED if name in numeric] if method == "calibrated" else DATAEVAL_STATISTICS
    for name in statistics:
        OptionError.unless_one_of("outliers.statistics", name, numeric)
    is_calibrated = method == "calibrated"
    limit = default_threshold(method, families(statistics)) if threshold is None else float(threshold)
    within("outliers.threshold", limit)

    values = _values(
        image_stats.withColumn("channel", F.lit(None).cast("int")), targets, statistics, per_class, is_calibrated
    )
    if per_channel:
        if channel_stats is None:
            raise OptionError("outliers.per_channel needs the table channel_stats.\nHint: dataeval-spark profile")
        of_channels = [name for name in statistics if name in CHANNEL_STATS.column_names]
        if of_channels:
            values = values.unionByName(_values(channel_stats, targets, of_channels, per_class, is_calibrated))
    values = values if per_target else values.where("NOT is_box")
    by = ["is_box", "group_name", "channel", "statistic"]
    # Bounds are few (statistics x classes x channels), so they are broadcast.
    if is_calibrated:
        least = _by_statistic(statistics, lambda name: F.lit(scale_of(name).least))
        found_spreads = calibrated_spreads(values, by, least)
        # Nothing is too square.
        narrow = F.when(F.col("statistic") != "aspect_ratio", F.col("low_spread"))
        found_spreads = found_spreads.withColumn("low_spread", narrow)
    else:
        found_spreads = spreads(values, by, method)
    bounds = F.broadcast(found_spreads).alias("b")
    scored = values.alias("v").join(bounds, on=same_keys(by, "v", "b"), how="inner")
    scored = scored if is_calibrated else scored.where(has_spread())
    identity = [F.col(f"v.{name}") for name in (*KEYS, "statistic")]
    measured = [F.col("v.raw").alias("value"), F.col("v.value").alias("scaled"), score_beyond().alias("score")]
    rows = scored.select(*identity, *measured, "low_anchor", "high_anchor", "low_spread", "high_spread")
    rows = rows.where(F.col("score") > limit)
    if is_calibrated:
        rows = _one_of_each_family(rows)
    return _columns(rows, method, limit, statistics)


def _by_statistic(statistics: Sequence[str], expression: Callable[[str], Column]) -> Column:
    return F.coalesce(*(F.when(F.col("statistic") == name, expression(name)) for name in statistics))


def _one_of_each_family(rows: DataFrame) -> DataFrame:
    """The farthest one of the statistics that say the same about an image."""
    family = F.coalesce(*(F.when(F.col("statistic") == name, F.lit(main)) for name, main in FAMILIES.items()))
    keys = ("image_id", "target_index", "channel", "group_name", F.coalesce(family, "statistic"))
    order = Window.partitionBy(*keys).orderBy(F.col("score").desc(), "statistic")
    return rows.withColumn("place", F.row_number().over(order)).where("place = 1")


def _columns(rows: DataFrame, method: str, limit: float, statistics: Sequence[str]) -> DataFrame:
    lower = F.col("low_anchor") - F.lit(limit) * F.col("low_spread")
    upper = F.col("high_anchor") + F.lit(limit) * F.col("high_spread")
    is_low = F.col("scaled") < F.col("low_anchor")
    if method == "calibrated":
        lower = _by_statistic(statistics, lambda name: scale_of(name).backward(lower))
        upper = _by_statistic(statistics, lambda name: scale_of(name).backward(upper))
        is_long = F.col("statistic") == "aspect_ratio"
        lower, is_low = F.when(is_long, -upper).otherwise(lower), F.when(is_long, F.col("value") < 0).otherwise(is_low)
    quantity = F.concat(
        F.translate("statistic", "_", " "), F.expr("if(channel IS NULL, '', ' of channel ' || channel)")
    )
    side, bound = F.when(is_low, ", below ").otherwise(", above "), F.when(is_low, lower).otherwise(upper)
    text = F.concat(quantity, F.lit(" is "), significant(F.col("value"), 4), side, significant(bound, 4))
    # The farthest reason of an image comes first.
    reasons = Window.partitionBy("image_id", "target_index", "group_name")
    reasons = reasons.orderBy(F.col("score").desc(), "statistic", F.col("channel").asc_nulls_first())
    values = {
        "position": F.row_number().over(reasons),
        "method": F.lit(method),
        "threshold": F.lit(limit),
        "lower": lower,
        "upper": upper,
        "direction": F.when(is_low, "low").otherwise("high"),
        "reason": text,
    }
    return rows.select(*(values.get(name, F.col(name)).alias(name) for name in OUTLIERS.result_names))


def _values(
    rows: DataFrame, targets: DataFrame, statistics: Sequence[str], per_class: bool, is_scaled: bool
) -> DataFrame:
    """One row per image or box, channel, class and statistic: ``raw``, and ``value`` on the scale of comparison."""
    grouped = _with_groups(rows, targets) if per_class else rows.withColumn("group_name", F.lit(None).cast("string"))
    grouped = grouped.withColumn("is_box", F.col("target_index").isNotNull())

    def named(name: str) -> dict[str, Column]:
        raw = F.col(name).cast("double")
        value = scale_of(name).forward(raw) if is_scaled else raw
        return {"statistic": F.lit(name), "raw": raw, "value": value}

    long = grouped.select(*KEYS, F.inline(struct_array(*map(named, statistics))))
    return long.where("value IS NOT NULL AND NOT isnan(value)")


def _with_groups(rows: DataFrame, targets: DataFrame) -> DataFrame:
    """An image belongs to each class it shows; a box to its own class. Without a class it is compared with its like."""
    of_image = targets.select("image_id", F.lit(None).cast("int").alias("target_index"), "class_name").distinct()
    classes = of_image.unionByName(targets.select(*IDS, "class_name"))
    joined = rows.alias("r").join(classes.alias("c"), on=same_keys(IDS, "r", "c"), how="left")
    return joined.select("r.*", F.col("c.class_name").alias("group_name"))
