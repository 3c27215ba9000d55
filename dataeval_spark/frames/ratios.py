"""Ratios of columns, null where the denominator is zero."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F


def ratio(numerator: Column | str, denominator: Column | str) -> Column:
    """The quotient of two numbers as a double; null where one of them is null, or the denominator is zero.

    Unlike ``try_divide`` it takes numbers of any type on every engine.

    Examples
    --------
    >>> spark.range(2).select(ratio(F.lit(3), "id").alias("ratio")).collect()
    [Row(ratio=None), Row(ratio=3.0)]
    """
    divisor = _double(denominator)
    # Of the size, because -0.0 does not equal 0.0 on every engine; NaN is above all numbers on each.
    return _double(numerator) / F.when(F.abs(divisor) > 0.0, divisor)


def _double(value: Column | str) -> Column:
    return (F.col(value) if isinstance(value, str) else value).cast("double")
