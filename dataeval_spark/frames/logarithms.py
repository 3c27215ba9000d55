"""The logarithm of one and a little more, as exact as the number is on every engine."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from dataeval_spark.frames.ratios import ratio


def log_of_one_and(value: Column) -> Column:
    r"""Natural logarithm of ``1 + value``, to some units of the last place; null up to -1.

    ``log1p`` of the embedded engine rounds the sum first, and has no right digit for 1e-17.
    Near 0 it is :math:`2 \operatorname{artanh}(x / (x + 2))`, which needs no such sum.

    Examples
    --------
    >>> spark.range(1).select(log_of_one_and(F.lit(1e-17)).alias("log")).collect()
    [Row(log=1e-17)]
    """
    near_zero = 2 * F.atanh(ratio(value, value + 2))
    return F.when(F.abs(value) < 0.5, near_zero).otherwise(F.log(value + 1))
