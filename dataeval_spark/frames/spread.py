"""Centre and spread of values by the usual rules, with exact quantiles: the scale of an outlier's score."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import Literal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.contract import same_keys
from dataeval_spark.frames.exact_sums import Aggregate, exact_mean_and_std, exact_sums
from dataeval_spark.frames.logarithms import log_of_one_and
from dataeval_spark.frames.quantiles import exact_quantiles
from dataeval_spark.frames.ratios import ratio
from dataeval_spark.frames.struct_arrays import struct_array

# MAD of a normal distribution, and the 90th percentile of its deviations in MADs, as rounded in the definitions.
MAD_OF_NORMAL, P90_OF_NORMAL = 0.6745, 1.91
FEWEST, FEWEST_BESIDE_MODE = 3, 11
SHARE = 1e-4
"""Share of images beyond the bounds, where every statistic is normal on its scale. Real ones have longer tails."""
_NEAR, _FAR = NormalDist().inv_cdf(0.75), NormalDist().inv_cdf(0.85)
_FEW = 10  # a sample of n values has its threshold widened by 1 + 10 / n

Method = Literal["calibrated", "zscore", "modified_zscore", "iqr", "adaptive"]
THRESHOLDS: dict[str, float] = {"zscore": 3.0, "modified_zscore": 3.5, "iqr": 1.5, "adaptive": 3.5}
"""Default thresholds but for that of ``calibrated``."""
# A spread below this, and below this share of the centre, is rounding: nothing can be called far.
NO_SPREAD = 1e-12


def default_threshold(method: Method, statistics: int = 1) -> float:
    """Score above which a value is an outlier, unless a user says otherwise.

    That of ``calibrated`` is the normal quantile of SHARE / (2 statistics): it rises with the number of statistics
    compared, on two sides each, so that one verdict on an image costs the same for any number of them (Bonferroni).

    Examples
    --------
    >>> default_threshold("iqr"), round(default_threshold("calibrated", 17), 2)
    (1.5, 4.53)
    """
    return -NormalDist().inv_cdf(SHARE / (2 * statistics)) if method == "calibrated" else THRESHOLDS[method]


def spreads(values: DataFrame, by: Sequence[str], method: Method) -> DataFrame:
    r"""Anchors and spreads of ``value`` in each group, below and above.

    * ``calibrated``: the median, twice, and the spreads of
      :func:`~dataeval_spark.frames.spread.calibrated_spreads`
    * ``zscore``: the mean, twice, and the population standard deviation
    * ``modified_zscore``: the median, twice, and MAD / 0.6745; where the MAD is 0, the mean absolute deviation times
      :math:`\sqrt{\pi / 2}`
    * ``iqr``: the quartiles of numpy's ``midpoint`` method and their difference
    * ``adaptive``: the median, twice, and the spreads of :func:`~dataeval_spark.frames.spread.double_mad`

    Parameters
    ----------
    values : DataFrame
        ``by`` and ``value`` (double, neither null nor NaN).
    by : sequence of str
        Grouping columns.
    method : {"calibrated", "zscore", "modified_zscore", "iqr", "adaptive"}
        Rule of anchors and spreads.

    Returns
    -------
    DataFrame
        ``by``, ``low_anchor``, ``high_anchor``, ``low_spread`` and ``high_spread``: one row per group.
    """
    values = values.select(*by, "value")
    if method == "calibrated":
        return calibrated_spreads(values, by)
    if method == "adaptive":
        return double_mad(values, by)
    centers = {"zscore": _mean_and_std, "modified_zscore": _median_and_mad, "iqr": _quartiles}[method](values, list(by))
    both = (F.col("spread").alias("low_spread"), F.col("spread").alias("high_spread"))
    return centers.select(*by, "low_anchor", "high_anchor", *both)


def score_beyond() -> Column:
    """Number of spreads by which ``value`` lies beyond the nearer anchor; negative between them."""
    return F.greatest(
        ratio(F.col("low_anchor") - F.col("value"), F.col("low_spread")),
        ratio(F.col("value") - F.col("high_anchor"), F.col("high_spread")),
    )


def score_above() -> Column:
    """Number of spreads by which ``value`` lies above the high anchor; negative below it. Needs a spread."""
    return (F.col("value") - F.col("high_anchor")) / F.col("high_spread")


def has_spread() -> Column:
    """Whether a group's values differ by more than rounding."""
    smaller = F.least("low_spread", "high_spread")
    return smaller > NO_SPREAD * F.greatest(F.lit(1.0), F.abs("low_anchor"), F.abs("high_anchor"))


def calibrated_spreads(values: DataFrame, by: Sequence[str], least: Column | float = 0.0) -> DataFrame:
    r"""Median and two spreads of ``value`` in each group.

    A side's spread is :math:`a (1 + \ln(1 + \max(0, b / a - 1))) (1 + 10 / n)`, with a and b the distances from the
    median to the 75th and 85th percentile (below it, to the 25th and 15th) in those of a normal distribution: a
    standard deviation, wider where the tail is heavier than a normal one, and where there are few values.
    Before the factor for few values it is ``least`` or more, a number or a column that depends on ``by``.

    Parameters and columns are those of `spreads`; a spread is null where a side has none. Quantiles are exact.
    """
    probabilities = {"p15": 0.15, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p85": 0.85}
    quantiles = exact_quantiles(values, by, "value", probabilities)

    def spread(near: Column, far: Column) -> Column:
        inner, outer = near / _NEAR, far / _FAR
        tail = 1 + log_of_one_and(F.greatest(F.lit(0.0), F.coalesce(ratio(outer, inner), F.lit(1.0)) - 1))
        wide = F.greatest(inner * tail, F.lit(least) if isinstance(least, float) else least) * (1 + _FEW / F.col("n"))
        return F.when(wide > NO_SPREAD * F.greatest(F.lit(1.0), F.abs("p50")), wide)

    low = spread(F.col("p50") - F.col("p25"), F.col("p50") - F.col("p15"))
    high = spread(F.col("p75") - F.col("p50"), F.col("p85") - F.col("p50"))
    return quantiles.select(*by, *_anchors("p50"), low.alias("low_spread"), high.alias("high_spread"))


def _anchors(centre: str) -> tuple[Column, Column]:
    return F.col(centre).alias("low_anchor"), F.col(centre).alias("high_anchor")


def _beside(left: DataFrame, right: DataFrame, by: Sequence[str]) -> DataFrame:
    """Rows of two frames that agree in ``by``, null and null too, with the columns of both."""
    joined = left.alias("l").join(right.alias("r"), on=same_keys(by, "l", "r"), how="inner")
    return joined.select("l.*", *(f"r.{name}" for name in right.columns if name not in by))


def _mean_and_std(values: DataFrame, by: list[str]) -> DataFrame:
    moments = exact_mean_and_std(values, by, F.col("value"))
    return moments.select(*by, *_anchors("mean"), F.col("std").alias("spread"))


def _median_and_mad(values: DataFrame, by: list[str]) -> DataFrame:
    medians = exact_quantiles(values, by, "value", {"median": 0.5})
    deviations = _beside(values, F.broadcast(medians), by).select(*by, "median", _distance("median").alias("deviation"))
    mads = exact_quantiles(deviations, [*by, "median"], "deviation", {"mad": 0.5})
    summed = exact_sums(deviations, by, {"sum": F.col("deviation")}, {"n": (F.count("deviation"), F.sum)})
    means = summed.select(*by, ratio("sum", "n").alias("mean_deviation"))
    # sqrt(pi / 2) times the mean absolute deviation is the standard deviation of a normal distribution.
    spread = F.when(F.col("mad") > NO_SPREAD, F.col("mad") / MAD_OF_NORMAL).otherwise(
        F.col("mean_deviation") * F.sqrt(F.pi() / 2)
    )
    return _beside(mads, means, by).select(*by, *_anchors("median"), spread.alias("spread"))


def _distance(centre: str) -> Column:
    return F.abs(F.col("value") - F.col(centre))


def _quartiles(values: DataFrame, by: list[str]) -> DataFrame:
    quartiles = exact_quantiles(
        values, by, "value", {"low_anchor": 0.25, "high_anchor": 0.75}, interpolation="midpoint"
    )
    return quartiles.select(
        *by, "low_anchor", "high_anchor", (F.col("high_anchor") - F.col("low_anchor")).alias("spread")
    )


def double_mad(values: DataFrame, by: Sequence[str]) -> DataFrame:
    r"""Median and two spreads of ``value`` in each group.

    A side holds the values up to (from) the median; its spread is :math:`\mathrm{MAD} / 0.6745` of its deviations times
    :math:`1 + \ln(1 + \max(0, p_{90} / \mathrm{MAD} / 1.91 - 1))`, which is 1 where its tail is no heavier than a
    normal one. Where the MAD of a side is 0, the mean absolute deviation of all values takes its place. Where both are
    0, most values are the mode: if more than 10 others come close to it (the nearest within the mean absolute
    deviation / 0.6745), their deviations from the mode give the spread of both sides.

    Parameters and columns are those of `spreads`; the spreads are null in groups of fewer than three values or without
    any deviation. Quantiles are exact.

    References
    ----------
    DataEval 1.1.4, ``AdaptiveThreshold``.
    """
    by = list(by)
    medians = exact_quantiles(values, by, "value", {"median": 0.5}).select(*by, "median")
    placed = _beside(values, F.broadcast(_beside(medians, _modes(values, by), by)), by)
    # A value may stand in several: below and above when it is the median, and beside the mode.
    sides = struct_array(
        _part("low", F.col("value") <= F.col("median"), "median"),
        _part("high", F.col("value") >= F.col("median"), "median"),
        _part("all", F.lit(True), "median"),
        _part("beside", F.col("value") != F.col("mode"), "mode"),
    )
    parts = placed.select(*by, "median", F.explode(sides).alias("p")).where("p.part IS NOT NULL")
    parts = parts.select(*by, "median", "p.part", "p.deviation")
    keys = [*by, "median", "part"]
    quantiles = exact_quantiles(parts, keys, "deviation", {"mad": 0.5, "p90": 0.9})
    others: dict[str, Aggregate] = {"rows": (F.count("deviation"), F.sum), "least": (F.min("deviation"), F.min)}
    summed = exact_sums(parts, keys, {"sum": F.col("deviation")}, others)
    means = summed.select(*keys, ratio("sum", "rows").alias("mean"), "least")
    per_part = _beside(quantiles, means, keys).select(*keys, F.struct("n", "mad", "p90", "mean", "least").alias("of"))
    one_row = per_part.groupBy(*by, "median").pivot("part", ["low", "high", "all", "beside"]).agg(F.first("of"))
    low, high = _spreads()
    return one_row.select(*by, *_anchors("median"), low.alias("low_spread"), high.alias("high_spread"))


def _modes(values: DataFrame, by: list[str]) -> DataFrame:
    """Most frequent value of each group; the smallest of several."""
    counts = values.groupBy(*by, (F.col("value") + F.lit(0.0)).alias("value")).agg(F.count("*").alias("count"))
    return counts.groupBy(*by).agg(F.max_by("value", F.struct("count", F.lit(0.0) - F.col("value"))).alias("mode"))


def _part(name: str, condition: Column, centre: str) -> dict[str, Column]:
    return {"part": F.when(condition, F.lit(name)), "deviation": _distance(centre)}


def _spreads() -> tuple[Column, Column]:
    mean = F.col("all.mean")
    is_point_mass = (F.col("low.mad") <= NO_SPREAD) & (F.col("high.mad") <= NO_SPREAD)
    is_smooth = (
        (F.col("beside.n") >= FEWEST_BESIDE_MODE)
        & (F.col("beside.least") < mean / MAD_OF_NORMAL)
        & (F.col("beside.mad") > NO_SPREAD)
    )
    of_tail = _with_tail("beside")

    def side(name: str) -> Column:
        own = F.when(F.col(f"{name}.mad") <= NO_SPREAD, mean / MAD_OF_NORMAL).otherwise(_with_tail(name))
        chosen = F.when(is_point_mass & is_smooth, of_tail).otherwise(own)
        return F.when((F.col("all.n") >= FEWEST) & (mean > NO_SPREAD), chosen)

    return side("low"), side("high")


def _with_tail(name: str) -> Column:
    mad = F.col(f"{name}.mad")
    excess = ratio(F.col(f"{name}.p90"), mad) / P90_OF_NORMAL - 1
    return mad / MAD_OF_NORMAL * (1 + log_of_one_and(F.greatest(F.lit(0.0), excess)))
