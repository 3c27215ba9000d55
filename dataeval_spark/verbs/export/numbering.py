"""Numbers 0, 1, 2, ... for the rows of a frame in an order, without a task that sees them all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa
from pyspark import TaskContext
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.batches import map_batches
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.contract import identifier

PLACED = "_part bigint, _place bigint, _weight_before bigint"


def numbered(
    frame: DataFrame,
    order: Sequence[str | Column],
    checkpoint: Callable[[DataFrame, str], DataFrame],
    *,
    weight: str | None = None,
) -> DataFrame:
    """Number the rows in order.

    Each task of a sort by ranges counts its own rows; the sums of the tasks before it are added afterwards.

    Parameters
    ----------
    frame : DataFrame
        Rows; the order must tell any two of them apart.
    order : sequence of str or Column
        Columns to sort by.
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
    ddl = ", ".join([*(f"{identifier(name)} {type}" for name, type in frame.dtypes), PLACED])

    def place(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        context = TaskContext.get()
        part = 0 if context is None else context.partitionId()
        rows = weights = 0
        for batch in batches:
            count = batch.num_rows
            own = np.asarray(batch.column(weight), np.int64) if weight else np.zeros(count, np.int64)
            columns = [
                *batch.columns,
                pa.array(np.full(count, part, np.int64)),
                pa.array(np.arange(rows, rows + count, dtype=np.int64)),
                pa.array(weights + np.cumsum(own) - own, pa.int64()),
            ]
            names = [*batch.schema.names, "_part", "_place", "_weight_before"]
            yield pa.RecordBatch.from_arrays(columns, names=names)
            rows, weights = rows + count, weights + int(own.sum())

    placed = checkpoint(map_batches(frame.orderBy(*order), place, ddl), "numbered")
    own = F.sum(weight) if weight else F.lit(0)
    sums = placed.groupBy("_part").agg(F.count("*").alias("n"), F.coalesce(own, F.lit(0)).cast("bigint").alias("w"))
    parts = sorted((row["_part"], row["n"], row["w"]) for row in bounded(sums, "one row per task"))
    offsets, rows, weights = [], 0, 0
    for part, n, w in parts:
        offsets.append((part, rows, weights))
        rows, weights = rows + n, weights + w
    starts = frame.sparkSession.createDataFrame(offsets, "_part bigint, _rows bigint, _weights bigint")
    # _part is unique among the starts.
    joined = placed.join(F.broadcast(starts), on="_part", how="inner")
    return joined.select(
        *(F.col(identifier(name)) for name in frame.columns),
        (F.col("_place") + F.col("_rows")).alias("number"),
        (F.col("_weight_before") + F.col("_weights")).alias("weight_before"),
    )
