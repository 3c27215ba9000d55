"""Outliers: images whose statistics lie far from the others'."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.histogram import unpivot
from dataeval_spark.frames.joins import same_keys
from dataeval_spark.frames.thresholds import THRESHOLDS, Method, has_spread, score_beyond, spreads
from dataeval_spark.tables import CHANNEL_STATS, OUTLIERS

STATISTICS = (
    "width",
    "height",
    "size",
    "aspect_ratio",
    "channels",
    "mean",
    "std",
    "var",
    "skew",
    "kurtosis",
    "entropy",
    "missing",
    "zeros",
    "brightness",
    "contrast",
    "darkness",
    "sharpness",
)
NUMBERS = ("double", "float", "bigint", "int")


def outliers(
    image_stats: DataFrame,
    targets: DataFrame,
    channel_stats: DataFrame | None = None,
    *,
    method: Method = "modified_zscore",
    threshold: float | None = None,
    statistics: Sequence[str] = STATISTICS,
    per_class: bool = False,
    per_target: bool = False,
    per_channel: bool = False,
) -> DataFrame:
    r"""Find values beyond a threshold, one row per image (or box) and statistic.

    * ``zscore``: :math:`|x - \bar x| / s > 3` with the population standard deviation s
    * ``modified_zscore``: :math:`0.6745 |x - \tilde x| / \mathrm{MAD} > 3.5`; where the MAD is 0, the
      mean absolute deviation times :math:`\sqrt{\pi / 2}` takes the place of MAD / 0.6745
    * ``iqr``: distance beyond the nearest quartile, in interquartile ranges, > 1.5, with the quartiles
      of numpy's ``midpoint`` method
    * ``adaptive``: the double MAD below and above the median, wider where a tail is heavier than a normal one, > 3.5
      (:func:`~dataeval_spark.frames.double_mad.double_mad`); DataEval's default

    Quantiles are exact. A statistic without spread has no outliers; a missing value is none.
    Images and boxes are compared separately, and so is each channel.

    Parameters
    ----------
    image_stats, targets : DataFrame
        Tables of these names.
    channel_stats : DataFrame, optional
        Table of that name, for ``per_channel``.
    method : {"zscore", "modified_zscore", "iqr", "adaptive"}
        How far is measured.
    threshold : float, optional
        Score above which a value is an outlier; default 3, 3.5, 1.5 and 3.5.
    statistics : sequence of str
        Numeric columns of ``image_stats``, statistics of your own among them; by default those that DataEval compares.
    per_class : bool
        Compare within each class; an image with several classes stands in each of them.
    per_target : bool
        Boxes too.
    per_channel : bool
        Each channel's statistics too, compared with those of the same channel in other images.

    Returns
    -------
    DataFrame
        Table ``outliers`` without ``run_id``. ``channel`` is null for all channels together.

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
    >>> outliers(image_stats, targets, method="iqr").orderBy("score", ascending=False).show()
    """
    OptionError.unless_one_of("outliers.method", method, get_args(Method))
    known = [name for name, type in image_stats.dtypes if type in NUMBERS and name != "target_index"]
    for name in statistics:
        OptionError.unless_one_of("outliers.statistics", name, known)
    limit = THRESHOLDS[method] if threshold is None else float(threshold)
    OptionError.unless_between("outliers.threshold", limit, 0.0, 1e6)

    values = _values(image_stats.withColumn("channel", F.lit(None).cast("int")), targets, statistics, per_class)
    if per_channel:
        if channel_stats is None:
            raise OptionError("outliers.per_channel needs the table channel_stats.\nHint: dataeval-spark profile")
        of_channels = [name for name in statistics if name in CHANNEL_STATS.column_names]
        if of_channels:
            values = values.unionByName(_values(channel_stats, targets, of_channels, per_class))
    values = values if per_target else values.where("NOT is_box")
    by = ["is_box", "group_name", "channel", "statistic"]
    # Bounds are few (statistics x classes x channels), so they are broadcast.
    bounds = F.broadcast(spreads(values, by, method)).alias("b")
    scored = values.alias("v").join(bounds, on=same_keys(by, "v", "b"), how="inner")
    found = scored.where(has_spread()).select(
        "v.*", "low_anchor", "high_anchor", "low_spread", "high_spread", score_beyond().alias("score")
    )
    found = found.where(F.col("score") > limit)
    return found.select(*_contract_columns(method, limit))


def _contract_columns(method: str, limit: float) -> list[Column]:
    values = {
        "method": F.lit(method),
        "threshold": F.lit(limit),
        "lower": F.col("low_anchor") - F.lit(limit) * F.col("low_spread"),
        "upper": F.col("high_anchor") + F.lit(limit) * F.col("high_spread"),
        "direction": F.when(F.col("value") < F.col("low_anchor"), "low").otherwise("high"),
    }
    return [values.get(name, F.col(name)).alias(name) for name in OUTLIERS.column_names if name != "run_id"]


def _values(rows: DataFrame, targets: DataFrame, statistics: Sequence[str], per_class: bool) -> DataFrame:
    """One row per image or box, channel, class and statistic."""
    grouped = _with_groups(rows, targets) if per_class else rows.withColumn("group_name", F.lit(None).cast("string"))
    grouped = grouped.withColumn("is_box", F.col("target_index").isNotNull())
    return unpivot(grouped, ("image_id", "target_index", "channel", "group_name", "is_box"), statistics)


def _with_groups(rows: DataFrame, targets: DataFrame) -> DataFrame:
    """An image belongs to each class it shows; a box to its own class. Without a class it is compared with its like."""
    of_image = targets.select("image_id", F.lit(None).cast("int").alias("of"), "class_name").distinct()
    of_box = targets.select("image_id", F.col("target_index").alias("of"), "class_name")
    classes = of_image.unionByName(of_box).select(F.col("image_id").alias("class_of"), "of", "class_name")
    same = (F.col("image_id") == F.col("class_of")) & F.col("target_index").eqNullSafe(F.col("of"))
    return rows.join(classes, on=same, how="left").withColumnRenamed("class_name", "group_name").drop("class_of", "of")
