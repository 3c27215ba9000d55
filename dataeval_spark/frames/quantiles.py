"""Exact order statistics of many columns at once: quantiles, median absolute deviation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from dataeval_spark.frames.struct_arrays import struct_array

Interpolation = Literal["linear", "midpoint"]


def unpivot(frame: DataFrame, keys: Sequence[str], statistics: Sequence[str]) -> DataFrame:
    """One row per key and statistic: ``statistic``, ``value`` (double); nulls and NaN are left out."""
    long = frame.select(*keys, F.inline(named_values(statistics)))
    return long.where("value IS NOT NULL AND NOT isnan(value)")


def named_values(statistics: Sequence[str]) -> Column:
    """Array with a struct for each column: its name (``statistic``) and its value as double (``value``)."""
    return struct_array(*({"statistic": F.lit(name), "value": F.col(name).cast("double")} for name in statistics))


def exact_quantiles(
    frame: DataFrame,
    by: Sequence[str],
    value: str,
    quantiles: Mapping[str, float],
    *,
    interpolation: Interpolation = "linear",
) -> DataFrame:
    """Exact quantiles of ``value`` per group, as numpy's ``quantile`` with the same method.

    With n values in order x_0 .. x_(n-1) and h = (n - 1) q: ``linear`` is
    x_floor(h) + (h - floor(h)) (x_ceil(h) - x_floor(h)), ``midpoint`` the mean of x_floor(h) and
    x_ceil(h). Equal values are collapsed to counts first; cumulative counts come from one window per
    group, which spills to disk, so no group needs to fit into memory.

    Parameters
    ----------
    frame : DataFrame
        Rows without null values.
    by : sequence of str
        Grouping columns; groups are the parallelism.
    value : str
        Numeric column.
    quantiles : mapping of str to float
        Name of the result column to a probability in [0, 1].
    interpolation : {"linear", "midpoint"}
        Rule for a quantile between two neighbouring values.

    Returns
    -------
    DataFrame
        ``by``, ``n`` (values) and one double column per quantile.

    Examples
    --------
    >>> exact_quantiles(frame, ["statistic"], "value", {"median": 0.5})
    """
    counts = frame.groupBy(*by, value).agg(F.count("*").alias("count"))
    group = Window.partitionBy(*by)
    below = F.sum("count").over(group.orderBy(value)) - F.col("count")
    ranked = counts.withColumns({"below": below, "n": F.sum("count").over(group)})

    def at(rank: Column) -> Column:
        return F.max(F.when((F.col("below") <= rank) & (rank < F.col("below") + F.col("count")), F.col(value)))

    columns = []
    for name, probability in quantiles.items():
        height = (F.col("n") - 1) * F.lit(probability)
        low, high = at(F.floor(height)), at(F.ceil(height))
        share = F.max(height - F.floor(height)) if interpolation == "linear" else F.lit(0.5)
        # x + (x - x) is x itself: no rounding where both neighbours are the same value.
        columns.append((low + share * (high - low)).cast("double").alias(name))
    return ranked.groupBy(*by).agg(F.max("n").alias("n"), *columns)
