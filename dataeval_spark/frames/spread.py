"""What counts as far from the others: centre and spread of values by the usual rules, with exact quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.calibrated import calibrated_spreads, calibrated_threshold
from dataeval_spark.frames.double_mad import MAD_OF_NORMAL, double_mad
from dataeval_spark.frames.exact_sums import exact_mean_and_std, exact_sums
from dataeval_spark.frames.joins import same_keys
from dataeval_spark.frames.quantiles import exact_quantiles

Method = Literal["calibrated", "zscore", "modified_zscore", "iqr", "adaptive"]
THRESHOLDS: dict[str, float] = {"zscore": 3.0, "modified_zscore": 3.5, "iqr": 1.5, "adaptive": 3.5}
"""Default thresholds; that of ``calibrated`` depends on how many statistics are compared."""
# A spread below this, and below this share of the centre, is rounding: nothing can be called far.
NO_SPREAD = 1e-12


def default_threshold(method: Method, statistics: int = 1) -> float:
    """Score above which a value is an outlier, unless a user says otherwise.

    Examples
    --------
    >>> default_threshold("iqr")
    1.5
    """
    return calibrated_threshold(statistics) if method == "calibrated" else THRESHOLDS[method]


def spreads(values: DataFrame, by: Sequence[str], method: Method) -> DataFrame:
    r"""Anchors and spreads of ``value`` in each group, below and above.

    * ``calibrated``: the median, twice, and the spreads of
      :func:`~dataeval_spark.frames.calibrated.calibrated_spreads`
    * ``zscore``: the mean, twice, and the population standard deviation
    * ``modified_zscore``: the median, twice, and MAD / 0.6745; where the MAD is 0, the mean absolute deviation times
      :math:`\sqrt{\pi / 2}`
    * ``iqr``: the quartiles of numpy's ``midpoint`` method and their difference
    * ``adaptive``: the median, twice, and the spreads of :func:`~dataeval_spark.frames.double_mad.double_mad`

    Parameters
    ----------
    values : DataFrame
        ``by`` and ``value`` (double, neither null nor NaN).
    by : sequence of str
        Grouping columns.
    method : {"calibrated", "zscore", "modified_zscore", "iqr", "adaptive"}
        Rule.

    Returns
    -------
    DataFrame
        ``by``, ``low_anchor``, ``high_anchor``, ``low_spread`` and ``high_spread``: one row per group.
    """
    if method == "calibrated":
        return calibrated_spreads(values, by)
    if method == "adaptive":
        return double_mad(values, by)
    found = {"zscore": _mean_and_std, "modified_zscore": _median_and_mad, "iqr": _quartiles}[method](values, list(by))
    both = (F.col("spread").alias("low_spread"), F.col("spread").alias("high_spread"))
    return found.select(*by, "low_anchor", "high_anchor", *both)


def score_beyond() -> Column:
    """How many spreads ``value`` lies beyond the nearer anchor; negative between them."""
    return F.greatest(
        F.try_divide(F.col("low_anchor") - F.col("value"), F.col("low_spread")),
        F.try_divide(F.col("value") - F.col("high_anchor"), F.col("high_spread")),
    )


def score_above() -> Column:
    """How many spreads ``value`` lies above the high anchor; negative below it. Only where there is a spread."""
    return (F.col("value") - F.col("high_anchor")) / F.col("high_spread")


def has_spread() -> Column:
    """Whether a group's values differ by more than rounding."""
    smaller = F.least("low_spread", "high_spread")
    return smaller > NO_SPREAD * F.greatest(F.lit(1.0), F.abs("low_anchor"), F.abs("high_anchor"))


def _mean_and_std(values: DataFrame, by: list[str]) -> DataFrame:
    moments = exact_mean_and_std(values, by, F.col("value"))
    both = (F.col("mean").alias("low_anchor"), F.col("mean").alias("high_anchor"))
    return moments.select(*by, *both, F.col("std").alias("spread"))


def _median_and_mad(values: DataFrame, by: list[str]) -> DataFrame:
    medians = exact_quantiles(values, by, "value", {"median": 0.5})
    deviations = (
        values.alias("v")
        .join(F.broadcast(medians).alias("m"), on=same_keys(by, "v", "m"), how="inner")
        .select(*(f"v.{key}" for key in by), "median", F.abs(F.col("value") - F.col("median")).alias("deviation"))
    )
    mads = exact_quantiles(deviations, [*by, "median"], "deviation", {"mad": 0.5})
    summed = exact_sums(deviations, by, {"sum": F.col("deviation")}, {"n": (F.count("deviation"), F.sum)})
    means = summed.select(*by, F.try_divide("sum", "n").alias("mean_deviation"))
    # sqrt(pi / 2) times the mean absolute deviation is the standard deviation of a normal distribution.
    spread = F.when(F.col("mad") > NO_SPREAD, F.col("mad") / MAD_OF_NORMAL).otherwise(
        F.col("mean_deviation") * F.sqrt(F.pi() / 2)
    )
    joined = mads.alias("q").join(means.alias("a"), on=same_keys(by, "q", "a"), how="inner")
    return joined.select(
        *(f"q.{key}" for key in by),
        F.col("median").alias("low_anchor"),
        F.col("median").alias("high_anchor"),
        spread.alias("spread"),
    )


def _quartiles(values: DataFrame, by: list[str]) -> DataFrame:
    quartiles = exact_quantiles(
        values, by, "value", {"low_anchor": 0.25, "high_anchor": 0.75}, interpolation="midpoint"
    )
    return quartiles.select(
        *by, "low_anchor", "high_anchor", (F.col("high_anchor") - F.col("low_anchor")).alias("spread")
    )
