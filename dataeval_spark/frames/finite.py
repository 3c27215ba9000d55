"""Whether numbers are NaN or finite: false, never null, for null on every engine."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F


def is_nan(value: Column | str) -> Column:
    """Whether a double is NaN; false for null, for which ``isnan`` of the embedded engine is null.

    Examples
    --------
    >>> spark.range(1).select(is_nan(F.lit(None).cast("double")).alias("is_nan")).collect()
    [Row(is_nan=False)]
    """
    column = _column(value)
    return column.isNotNull() & F.isnan(column)


def is_finite(value: Column | str) -> Column:
    """Whether there is a double that is neither NaN nor infinite; false for null.

    Examples
    --------
    >>> spark.range(1).select(is_finite(F.lit(float("inf"))).alias("is_finite")).collect()
    [Row(is_finite=False)]
    """
    column = _column(value)
    return column.isNotNull() & ~F.isnan(column) & (F.abs(column) < F.lit(float("inf")))


def _column(value: Column | str) -> Column:
    return F.col(value) if isinstance(value, str) else value
