"""Numbers 0, 1, 2, ... for the rows of a frame in an order, without a task that sees them all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pyspark.sql import Column, DataFrame, Row, Window
from pyspark.sql import functions as F

from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.contract import identifier

# Rows drawn to find the limits of the parts, and the number of parts.
DRAWN = 2048
PARTS = 64


def numbered(
    frame: DataFrame,
    order: Sequence[str],
    checkpoint: Callable[[DataFrame, str], DataFrame],
    *,
    weight: str | None = None,
) -> DataFrame:
    """Number the rows in order.

    Rows drawn by a hash give the limits of 64 parts of about the same size, whose rows are counted each on their own;
    the sums of the parts before it are added afterwards. Up to 2,048 rows are one part.

    Parameters
    ----------
    frame : DataFrame
        Rows; the order must tell any two of them apart. It is computed twice.
    order : sequence of str
        Columns to sort by, without nulls.
    checkpoint : callable
        Stores a frame and reads it back.
    weight : str, optional
        Column with whole numbers, whose sum over all rows before a row is wanted as well.

    Returns
    -------
    DataFrame
        The rows, stored, with ``number`` (from 0) and ``weight_before`` (0 where no weight is given).

    Examples
    --------
    >>> numbered(images, ["image_id"], checkpoint).where("number < 10")
    """
    drawn = bounded(frame.select(*order).orderBy(F.xxhash64(*order), *order).limit(DRAWN), "a sample of the rows")
    of_part = Window.partitionBy("_part").orderBy(*order)
    before = of_part.rowsBetween(Window.unboundedPreceding, -1)
    own = F.col(weight) if weight else F.lit(0)
    placed = frame.withColumn("_part", _part(_limits(drawn), order)).select(
        "*",
        (F.row_number().over(of_part) - 1).cast("bigint").alias("_place"),
        own.cast("bigint").alias("_weight"),
        F.coalesce(F.sum(own).over(before), F.lit(0)).cast("bigint").alias("_weight_before"),
    )
    placed = checkpoint(placed, "numbered")
    sums = placed.groupBy("_part").agg(F.count("*").alias("n"), F.sum("_weight").alias("w"))
    parts = sorted((row["_part"], row["n"], row["w"]) for row in bounded(sums, "one row per part"))
    offsets, rows, weights = [], 0, 0
    for part, n, w in parts:
        offsets.append((part, rows, weights))
        rows, weights = rows + n, weights + w
    starts = frame.sparkSession.createDataFrame(offsets, "_part int, _rows bigint, _weights bigint")
    # _part is unique among the starts.
    joined = placed.join(F.broadcast(starts), on="_part", how="inner")
    return joined.select(
        *(F.col(identifier(name)) for name in frame.columns),
        (F.col("_place") + F.col("_rows")).alias("number"),
        (F.col("_weight_before") + F.col("_weights")).alias("weight_before"),
    )


def _limits(drawn: Sequence[Row]) -> list[Row]:
    """Rows between the parts; none where the drawn rows are all rows."""
    if len(drawn) < DRAWN:
        return []
    in_order = sorted(drawn)
    return [in_order[len(in_order) * part // PARTS] for part in range(1, PARTS)]


def _part(limits: Sequence[Row], order: Sequence[str]) -> Column:
    """Number of the limits that come before a row: any limits give parts that follow each other."""
    if not limits:
        return F.lit(0)
    values = [F.array(*map(F.lit, of_limits)) for of_limits in zip(*limits, strict=True)]

    def is_before(limit: Column) -> Column:
        before = F.lit(False)
        for name, of_limits in reversed(list(zip(order, values, strict=True))):
            value = F.get(of_limits, limit)
            before = (value < F.col(name)) | ((value == F.col(name)) & before)
        return before

    return F.size(F.filter(F.array(*map(F.lit, range(len(limits)))), is_before))
