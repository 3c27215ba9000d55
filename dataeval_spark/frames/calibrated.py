"""Spreads on both sides of the median, by quantiles that an eighth of outliers on a side hardly moves."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.quantiles import exact_quantiles

SHARE = 1e-4
"""Share of images beyond the bounds, where every statistic is normal on its scale. Real ones have longer tails."""
_NEAR, _FAR = NormalDist().inv_cdf(0.75), NormalDist().inv_cdf(0.85)
_FEW = 10
_NO_SPREAD = 1e-12


def calibrated_threshold(statistics: int = 1) -> float:
    """Spreads from the median at which an outlier begins: the normal quantile of SHARE / (2 statistics).

    The threshold rises with the number of statistics compared, on two sides each, so that one verdict on an image
    costs the same for any number of them (Bonferroni).

    Examples
    --------
    >>> round(calibrated_threshold(), 2), round(calibrated_threshold(17), 2)
    (3.89, 4.54)
    """
    return -NormalDist().inv_cdf(SHARE / (2 * statistics))


def calibrated_spreads(values: DataFrame, by: Sequence[str], least: Column | float = 0.0) -> DataFrame:
    r"""Median and two spreads of ``value`` in each group.

    A side's spread is :math:`a (1 + \ln(1 + \max(0, b / a - 1))) (1 + 10 / n)`, with a and b the distances from the
    median to the 75th and 85th percentile (below it, to the 25th and 15th) in those of a normal distribution: a
    standard deviation, wider where the tail is heavier than a normal one, and where there are few values.

    Parameters
    ----------
    values : DataFrame
        ``by`` and ``value`` (double, neither null nor NaN).
    by : sequence of str
        Grouping columns.
    least : Column or float
        Smallest spread, before the factor for few values; may depend on ``by``.

    Returns
    -------
    DataFrame
        ``by``, ``low_anchor``, ``high_anchor`` (the median), ``low_spread`` and ``high_spread``; a spread is null where
        a side has none. Quantiles are exact.

    Examples
    --------
    >>> calibrated_spreads(values, ["statistic"]).show()
    """
    probabilities = {"p15": 0.15, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p85": 0.85}
    quantiles = exact_quantiles(values, by, "value", probabilities)

    def spread(near: Column, far: Column) -> Column:
        inner, outer = near / _NEAR, far / _FAR
        tail = 1 + F.log1p(F.greatest(F.lit(0.0), F.coalesce(F.try_divide(outer, inner), F.lit(1.0)) - 1))
        wide = F.greatest(inner * tail, F.lit(least) if isinstance(least, float) else least) * (1 + _FEW / F.col("n"))
        return F.when(wide > _NO_SPREAD * F.greatest(F.lit(1.0), F.abs("p50")), wide)

    low = spread(F.col("p50") - F.col("p25"), F.col("p50") - F.col("p15"))
    high = spread(F.col("p75") - F.col("p50"), F.col("p85") - F.col("p50"))
    anchors = (F.col("p50").alias("low_anchor"), F.col("p50").alias("high_anchor"))
    return quantiles.select(*by, *anchors, low.alias("low_spread"), high.alias("high_spread"))
