"""Ranks over all rows of a group without a window over all of them: counts of buckets, then a window in each bucket."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

BUCKETS_PER_E = 64
SMALLEST, LARGEST = 1e-12, 1e300


def with_rank(
    frame: DataFrame, by: Sequence[str], score: str, ties: Sequence[str], *, largest_first: bool = False
) -> DataFrame:
    """Add ``rank``, from 1: rows of each group in the order of their score, equal ones in the order of ``ties``.

    Buckets are 1/64 wide in the logarithm of the score, so that scores crowded at 0 are told apart; below 1e-12 all are
    one bucket. The frame is computed twice: store it before.

    Parameters
    ----------
    frame : DataFrame
        Rows to rank; ``score`` is not negative.
    by : sequence of str
        Grouping columns, none of them null.
    score : str
        What decides.
    ties : sequence of str
        Columns that are unique in a group.
    largest_first : bool
        Rank 1 is the largest score.

    Examples
    --------
    >>> with_rank(errors, ["source"], "score", ["image_id", "target_index"])
    """
    magnitude = F.ln(F.least(F.greatest(F.col(score), F.lit(SMALLEST)), F.lit(LARGEST))) * BUCKETS_PER_E
    bucket = F.floor(-magnitude if largest_first else magnitude)
    placed = frame.withColumn("_bucket", bucket)
    # A few thousand buckets per group at most.
    counts = placed.groupBy(*by, "_bucket").agg(F.count("*").alias("_count"))
    before = Window.partitionBy(*by).orderBy("_bucket").rowsBetween(Window.unboundedPreceding, -1)
    starts = counts.select(*by, "_bucket", F.coalesce(F.sum("_count").over(before), F.lit(0)).alias("_start"))
    order: Column = F.col(score).desc() if largest_first else F.col(score).asc()
    within = Window.partitionBy(*by, "_bucket").orderBy(order, *ties)
    ranked = placed.join(F.broadcast(starts), on=[*by, "_bucket"], how="inner")
    return ranked.withColumn("rank", F.col("_start") + F.row_number().over(within)).drop("_bucket", "_start")
