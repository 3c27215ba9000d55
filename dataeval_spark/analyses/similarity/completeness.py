"""Completeness: how many dimensions of embedding space the data fill, from D x D sums that tasks add up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.blocks import in_id_blocks
from dataeval_spark.frames.contract import rows_of
from dataeval_spark.kernels.vectors.effective_dimension import Moments, centered_ranks, effective_dimension, rank_of
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.similarity import COMPLETENESS

BUCKETS = 64
"""Sums are added up in two steps, so that no task holds more than a few hundred D x D matrices."""
_MOMENTS = "encoder string, class_name string, block bigint, n bigint, mean binary, products binary"
_MOMENTS_SCHEMA = arrow_schema(_MOMENTS)
_COLUMN = "encoder string, dimension int, block bigint, data binary"
_COLUMN_SCHEMA = arrow_schema(_COLUMN)


def completeness(
    embeddings: DataFrame,
    targets: DataFrame,
    *,
    per_class: bool = False,
    max_dimensions: int = 2_048,
) -> DataFrame:
    r"""Measure how much of embedding space the data fill.

    With the effective number of dimensions :math:`\exp(-\sum \lambda_i \ln \lambda_i)`, :math:`\lambda` the shares of
    the eigenvalues:

    * ``completeness``: that of the ranks of each dimension (equal values share their mean rank), over D
    * ``isotropy``: that of the vectors, over the dimensions that they span

    Exact in float64: vectors travel to blocks that follow from their ids, once by column to be ranked and once back by
    block; the D x D sums of products are added up in the order of the blocks, so that partitions decide nothing.
    O(N D^2) multiplications.

    Parameters
    ----------
    embeddings, targets : DataFrame
        Tables of these names; boxes' vectors are left out.
    per_class : bool
        Measure the isotropy of each class too (a task holds one D x D matrix per class); an image counts for each class
        that it shows.
    max_dimensions : int
        Most dimensions of a vector: tasks hold square matrices of this side.

    Returns
    -------
    DataFrame
        Table ``completeness`` without ``run_id``. The driver holds one row per encoder and class.

    Raises
    ------
    OptionError
        A vector is longer than ``max_dimensions`` (inside the task's error).

    References
    ----------
    DataEval 1.1.4, ``core.completeness``: equal without ties. There equal values are ranked by position, so that a
    constant column counts as fully spread and the order of the rows matters.

    Examples
    --------
    >>> rows = completeness(embeddings, targets)
    >>> rows.selectExpr("n", "rank", "round(completeness, 2) AS filled", "round(isotropy, 2) AS even").show()
    +---+----+------+----+
    |  n|rank|filled|even|
    +---+----+------+----+
    |171| 169|  0.11|0.11|
    +---+----+------+----+
    """
    OptionError.unless_between("completeness.max_dimensions", max_dimensions, 1, 16_384)
    whole = embeddings.where("target_index IS NULL").select("encoder", "image_id", "embedding")
    nothing = F.lit(None).cast("string").alias("class_name")
    labelled = whole.select("encoder", nothing, "image_id", "embedding")
    if per_class:
        classes = targets.where("class_name IS NOT NULL").select("image_id", "class_name").distinct()
        with_class = whole.join(classes, on="image_id", how="inner")
        labelled = labelled.unionByName(with_class.select("encoder", "class_name", "image_id", "embedding"))
    blocks = in_id_blocks(labelled, ["encoder", "class_name"], ["image_id"])
    raw = _summed(_of_blocks(blocks, max_dimensions))
    ranked = _columns_of_blocks(blocks.where("class_name IS NULL"), max_dimensions)
    ranked = ranked.groupBy("encoder", "dimension").applyInArrow(_ranked, _COLUMN)
    of_ranks = _summed(ranked.groupBy("encoder", "block").applyInArrow(_block_moments, _MOMENTS))
    spread = {row["encoder"]: _unpacked(row) for row in bounded(of_ranks, "one row per encoder")}
    rows = [_row(row, spread) for row in bounded(raw, "one row per encoder and class")]
    return rows_of(embeddings, COMPLETENESS, rows)


def _row(row: Any, spread: dict[str, Moments]) -> tuple[Any, ...]:
    moments = _unpacked(row)
    dimensions, rank = moments.mean.size, rank_of(moments.gram)
    filled = effective_dimension(moments.products)
    complete = np.nan
    if row["class_name"] is None:
        complete = float(effective_dimension(spread[row["encoder"]].products) / dimensions)
    isotropy = None if np.isnan(filled) or rank == 0 else filled / rank
    return (
        row["encoder"],
        row["class_name"],
        moments.n,
        dimensions,
        rank,
        None if np.isnan(complete) else complete,
        isotropy,
    )


def _vectors(block: pa.Table, max_dimensions: int) -> NDArray[np.float64]:
    """Vectors of one encoder's block, in the order of their ids."""
    flat = block.sort_by("image_id")["embedding"].combine_chunks().flatten()
    length = len(flat) // block.num_rows
    if length > max_dimensions:
        encoder = block["encoder"][0].as_py()
        raise OptionError(
            f"completeness.max_dimensions is {max_dimensions}; vectors of encoder {encoder} have {length} dimensions.\n"
            f"Hint: --set completeness.max_dimensions={length}"
        )
    return np.asarray(flat.to_numpy(zero_copy_only=False).astype(np.float64).reshape(block.num_rows, length))


def _of_blocks(blocks: DataFrame, max_dimensions: int) -> DataFrame:
    def moments(block: pa.Table) -> pa.Table:
        encoder, name, number = (block[key][0].as_py() for key in ("encoder", "class_name", "block"))
        return _packed(encoder, name, number, Moments.from_rows(_vectors(block, max_dimensions)))

    return blocks.groupBy("encoder", "class_name", "block").applyInArrow(moments, _MOMENTS)


def _columns_of_blocks(blocks: DataFrame, max_dimensions: int) -> DataFrame:
    def columns(block: pa.Table) -> pa.Table:
        encoder, number = block["encoder"][0].as_py(), block["block"][0].as_py()
        rows = [
            {"encoder": encoder, "dimension": i, "block": number, "data": np.ascontiguousarray(column).tobytes()}
            for i, column in enumerate(_vectors(block, max_dimensions).T)
        ]
        return pa.Table.from_pylist(rows, schema=_COLUMN_SCHEMA)

    return blocks.groupBy("encoder", "block").applyInArrow(columns, _COLUMN)


def _packed(encoder: str, name: str | None, block: int, moments: Moments) -> pa.Table:
    values = (encoder, name, block, moments.n, moments.mean.tobytes(), moments.products.tobytes())
    return pa.Table.from_pylist([dict(zip(_MOMENTS_SCHEMA.names, values, strict=True))], schema=_MOMENTS_SCHEMA)


def _unpacked(row: Any) -> Moments:
    mean = np.frombuffer(row["mean"], np.float64)
    return Moments(row["n"], mean, np.frombuffer(row["products"], np.float64).reshape(mean.size, mean.size))


def _summed(moments: DataFrame) -> DataFrame:
    """Moments of all blocks added up in their order, which decides the last bits: first per bucket, then all."""

    def merge(table: pa.Table) -> pa.Table:
        rows = sorted(table.to_pylist(), key=lambda row: row["block"])
        total = _unpacked(rows[0])
        for row in rows[1:]:
            total = total.merged(_unpacked(row))
        return _packed(rows[0]["encoder"], rows[0]["class_name"], rows[0]["block"], total)

    bucket = F.pmod("block", F.lit(BUCKETS))
    buckets = moments.groupBy("encoder", "class_name", bucket).applyInArrow(merge, _MOMENTS)
    return buckets.groupBy("encoder", "class_name").applyInArrow(merge, _MOMENTS)


def _ranked(table: pa.Table) -> pa.Table:
    """Values of one dimension, replaced by their centered ranks, block by block."""
    blocks = [np.frombuffer(block, np.float64) for block in table["data"].to_pylist()]
    ranks = centered_ranks(np.concatenate(blocks))
    parts = np.split(ranks, np.cumsum([block.size for block in blocks])[:-1])
    return table.set_column(3, "data", pa.array([part.tobytes() for part in parts], pa.binary()))


def _block_moments(table: pa.Table) -> pa.Table:
    ordered = sorted(table.to_pylist(), key=lambda row: row["dimension"])
    vectors = np.stack([np.frombuffer(row["data"], np.float64) for row in ordered], axis=1)
    encoder, block = ordered[0]["encoder"], ordered[0]["block"]
    return _packed(encoder, None, block, Moments.from_rows(vectors))
