"""Rows that come to the driver. They are collected in this module alone, and each caller names their bound."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import Column, DataFrame, Row

from dataeval_spark.errors import TooManyRowsError

# Far above every bound that callers name: what is beyond them has another cause, such as a factor of ids.
MAX_ROWS = 10_000_000
MAX_ARROW_ROWS = 100_000_000


def bounded(frame: DataFrame, bound: str, *, at_most: int = MAX_ROWS) -> list[Row]:
    """Collect the rows of a frame whose number is bounded.

    Parameters
    ----------
    frame : DataFrame
        Small rows. It has a limit of its own where nothing else bounds it.
    bound : str
        What bounds the number of rows, such as "one row per factor".
    at_most : int
        Number of rows above which the bound is taken as broken. The rows are counted after they have come: Spark's
        own ``spark.driver.maxResultSize`` bounds their bytes before.

    Returns
    -------
    list of Row
        All rows.

    Raises
    ------
    TooManyRowsError
        There are more rows than ``at_most``.

    Examples
    --------
    >>> bounded(spark.range(2), "two rows")
    [Row(id=0), Row(id=1)]
    """
    rows = frame.collect()
    TooManyRowsError.unless_within(bound, len(rows), at_most)
    return rows


def one_row(frame: DataFrame, *aggregates: Column) -> Row:
    """Collect the aggregates of a whole frame, or the row of a frame that has one.

    Examples
    --------
    >>> one_row(spark.range(2), F.max("id").alias("largest"))
    Row(largest=1)
    """
    return (frame.agg(*aggregates) if aggregates else frame).collect()[0]


def bounded_arrow(frame: DataFrame, bound: str, *, at_most: int = MAX_ARROW_ROWS) -> pa.Table:
    """Collect the rows of a frame whose number is bounded, as an Arrow table: `bounded` for millions of rows.

    Examples
    --------
    >>> bounded_arrow(spark.range(2), "two rows").num_rows
    2
    """
    table = frame.toArrow()
    TooManyRowsError.unless_within(bound, table.num_rows, at_most)
    return table


def streamed(frame: DataFrame) -> Iterator[Row]:
    """Rows of a frame in order; the driver holds one partition at a time, which must be small.

    Examples
    --------
    >>> [row["id"] for row in streamed(spark.range(2))]
    [0, 1]
    """
    return frame.toLocalIterator()
