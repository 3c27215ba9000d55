"""Vectors in blocks that follow from their ids alone, so that sums in the order of the blocks have one result."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.contract import same_keys

BLOCK_BYTES = 2**26


def in_id_blocks(vectors: DataFrame, by: Sequence[str], ids: Sequence[str]) -> DataFrame:
    """Number the block of each vector: a hash of its id, over as many blocks as hold about 64 MiB of floats each.

    Whatever partitions the rows come in, a block has the same vectors; its reader sorts them by id, since a shuffle
    does not.

    Parameters
    ----------
    vectors : DataFrame
        ``by``, ``ids`` and ``embedding``; counted first, so it is read twice.
    by : sequence of str
        Grouping columns; each group has blocks of its own, and nulls are a group.
    ids : sequence of str
        Columns that identify a row in its group.

    Returns
    -------
    DataFrame
        The columns of ``vectors`` and ``block``, from 0.
    """
    counts = vectors.groupBy(*by).agg(F.count("*").alias("rows"), F.max(F.size("embedding")).alias("longest"))
    blocks = F.ceil(F.col("rows") * F.col("longest") * 4 / BLOCK_BYTES)
    numbers = counts.select(*by, F.greatest(blocks, F.lit(1)).cast("bigint").alias("blocks"))
    # One row per group on the right.
    joined = vectors.alias("v").join(F.broadcast(numbers).alias("n"), on=same_keys(by, "v", "n"), how="inner")
    block = F.pmod(F.xxhash64(*(f"v.{name}" for name in ids)), F.col("n.blocks")).alias("block")
    return joined.select("v.*", block)
