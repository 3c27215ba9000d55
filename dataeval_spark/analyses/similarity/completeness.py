"""Completeness: how many dimensions of embedding space the data fill, from D x D sums that tasks add up."""

from __future__ import annotations

from collections.abc import Callable
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
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.session.bounded import bounded, one_row
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.similarity import COMPLETENESS

BUCKETS = 64
"""Sums are added up in two steps, so that no task holds more than a few hundred D x D matrices."""
_MOMENTS = "encoder string, class_name string, block bigint, n bigint, mean binary, products binary"
_MOMENTS_SCHEMA = arrow_schema(_MOMENTS)
_MEASURED = "encoder string, class_name string, n bigint, dimensions int, rank int, filled double, spread double"
_MEASURED_SCHEMA = arrow_schema(_MEASURED)
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
    within("completeness.max_dimensions", max_dimensions)
    whole = embeddings.where("target_index IS NULL").select("encoder", "image_id", "embedding")
    nothing = F.lit(None).cast("string").alias("class_name")
    labelled = whole.select("encoder", nothing, "image_id", "embedding")
    if per_class:
        classes = targets.where("class_name IS NOT NULL").select("image_id", "class_name").distinct()
        with_class = whole.join(classes, on="image_id", how="inner")
        labelled = labelled.unionByName(with_class.select("encoder", "class_name", "image_id", "embedding"))
    blocks = in_id_blocks(labelled, ["encoder", "class_name"], ["image_id"])
    if one_row(blocks, F.max("block").alias("last"))["last"] == 0:
        # Each encoder and class is in one task: no matrix need travel.
        raw = blocks.groupBy("encoder", "class_name").applyInArrow(_of_whole(max_dimensions), _MEASURED)
        spread: dict[str, float] = {}
    else:
        raw = _summed(_of_blocks(blocks, max_dimensions))
        ranked = _columns_of_blocks(blocks.where("class_name IS NULL"), max_dimensions)
        ranked = ranked.groupBy("encoder", "dimension").applyInArrow(_ranked, _COLUMN)
        of_ranks = _summed(ranked.groupBy("encoder", "block").applyInArrow(_block_moments, _MOMENTS))
        spread = {row["encoder"]: row["filled"] for row in bounded(of_ranks, "one row per encoder")}
    rows = [_row(row, spread.get(row["encoder"])) for row in bounded(raw, "one row per encoder and class")]
    return rows_of(embeddings, COMPLETENESS, rows)


def _row(row: Any, spread: float | None) -> tuple[Any, ...]:
    """A row of the table; ``spread`` is the effective dimension of the ranks, where the row does not have it."""
    rank, filled = row["rank"], row["filled"]
    effective = row["spread"] if spread is None else spread
    is_whole = row["class_name"] is None and effective is not None and not np.isnan(effective)
    complete = effective / row["dimensions"] if is_whole else None
    isotropy = None if np.isnan(filled) or rank == 0 else filled / rank
    return row["encoder"], row["class_name"], row["n"], row["dimensions"], rank, complete, isotropy


def _of_whole(max_dimensions: int) -> Callable[[pa.Table], pa.Table]:
    def measured(block: pa.Table) -> pa.Table:
        vectors = _vectors(block, max_dimensions)
        encoder, name = block["encoder"][0].as_py(), block["class_name"][0].as_py()
        spread = None
        if name is None:
            ranks = [centered_ranks(np.ascontiguousarray(column)) for column in vectors.T]
            spread = float(effective_dimension(Moments.from_rows(np.stack(ranks, axis=1)).products))
        return _measured(encoder, name, Moments.from_rows(vectors), spread)

    return measured


def _measured(encoder: str, name: str | None, moments: Moments, spread: float | None = None) -> pa.Table:
    filled = float(effective_dimension(moments.products))
    values = (encoder, name, moments.n, moments.mean.size, rank_of(moments.gram), filled, spread)
    return pa.Table.from_pylist([dict(zip(_MEASURED_SCHEMA.names, values, strict=True))], schema=_MEASURED_SCHEMA)


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
    """What is measured of the moments of all blocks, added up in their order: first per bucket, then all."""

    def total_of(table: pa.Table) -> tuple[Any, Moments]:
        # The order of the sum decides the last bits.
        rows = sorted(table.to_pylist(), key=lambda row: row["block"])
        total = _unpacked(rows[0])
        for row in rows[1:]:
            total = total.merged(_unpacked(row))
        return rows[0], total

    def merge(table: pa.Table) -> pa.Table:
        first, total = total_of(table)
        return _packed(first["encoder"], first["class_name"], first["block"], total)

    def measure(table: pa.Table) -> pa.Table:
        first, total = total_of(table)
        return _measured(first["encoder"], first["class_name"], total)

    bucket = F.pmod("block", F.lit(BUCKETS))
    buckets = moments.groupBy("encoder", "class_name", bucket).applyInArrow(merge, _MOMENTS)
    return buckets.groupBy("encoder", "class_name").applyInArrow(measure, _MEASURED)


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
