"""Completeness: how many dimensions of embedding space the data fill, from D x D sums that tasks add up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark import TaskContext
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.effective_dimension import Moments, centered_ranks, effective_dimension, rank_of
from dataeval_spark.tables import COMPLETENESS

BUCKETS = 64
"""Sums are added up in two steps, so that no task holds more than a few hundred D x D matrices."""
_MOMENTS = "encoder string, class_name string, bucket int, n bigint, mean binary, products binary"
_COLUMN = "encoder string, dimension int, block bigint, data binary"
_MOMENTS_SCHEMA = pa.schema(
    [
        ("encoder", pa.string()),
        ("class_name", pa.string()),
        ("bucket", pa.int32()),
        ("n", pa.int64()),
        ("mean", pa.binary()),
        ("products", pa.binary()),
    ]
)
_COLUMN_SCHEMA = pa.schema(
    [("encoder", pa.string()), ("dimension", pa.int32()), ("block", pa.int64()), ("data", pa.binary())]
)


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

    * ``completeness``: of the ranks of each dimension (equal values share their mean rank), over D
    * ``isotropy``: of the vectors, over the dimensions that they span

    Exact in float64: vectors travel once by column to be ranked and once back by block, the D x D sums of products of
    all tasks are added up. O(N D^2) multiplications.

    Parameters
    ----------
    embeddings, targets : DataFrame
        Tables of these names; boxes' vectors are left out.
    per_class : bool
        Isotropy of each class too (a task holds one D x D matrix per class); an image counts for each class it shows.
    max_dimensions : int
        Longest vectors: matrices of this side are held.

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
    >>> completeness(embeddings, targets).show()
    """
    OptionError.unless_between("completeness.max_dimensions", max_dimensions, 1, 16_384)
    whole = embeddings.where("target_index IS NULL").select("encoder", "image_id", "embedding")
    nothing = F.lit(None).cast("string").alias("class_name")
    labelled = whole.select("encoder", nothing, "embedding")
    if per_class:
        classes = targets.where("class_name IS NOT NULL").select("image_id", "class_name").distinct()
        shown = whole.join(classes, on="image_id", how="inner")
        labelled = labelled.unionByName(shown.select("encoder", "class_name", "embedding"))
    raw = _summed(labelled.mapInArrow(lambda batches: _moments(batches, max_dimensions), _MOMENTS))
    ranked = whole.mapInArrow(lambda batches: _columns(batches, max_dimensions), _COLUMN)
    ranked = ranked.groupBy("encoder", "dimension").applyInArrow(_ranked, _COLUMN)
    of_ranks = _summed(ranked.groupBy("encoder", "block").applyInArrow(_block_moments, _MOMENTS))
    spread = {row["encoder"]: _unpacked(row) for row in of_ranks.collect()}  # one row per encoder
    rows = [_row(row, spread) for row in raw.collect()]  # one row per encoder and class
    ddl = ", ".join(column.ddl(comments=False) for column in COMPLETENESS.columns if column.name != "run_id")
    return embeddings.sparkSession.createDataFrame(rows, ddl)


def _row(row: Any, spread: dict[str, Moments]) -> tuple[Any, ...]:
    moments = _unpacked(row)
    dimensions, rank = moments.mean.size, rank_of(moments.gram)
    filled = effective_dimension(moments.products)
    complete = None
    if row["class_name"] is None:
        complete = effective_dimension(spread[row["encoder"]].products) / dimensions
    isotropy = None if np.isnan(filled) or rank == 0 else filled / rank
    complete = None if complete is None or np.isnan(complete) else complete
    return (row["encoder"], row["class_name"], moments.n, dimensions, rank, complete, isotropy)


def _vectors(
    batch: pa.RecordBatch, max_dimensions: int
) -> Iterator[tuple[tuple[str, str | None], NDArray[np.float64]]]:
    """Vectors of each encoder and class of a batch."""
    encoders = batch.column("encoder").to_pylist()
    has_class = "class_name" in batch.schema.names
    classes = batch.column("class_name").to_pylist() if has_class else [None] * batch.num_rows
    keys: dict[tuple[str, str | None], list[int]] = {}
    for row, key in enumerate(zip(encoders, classes, strict=True)):
        keys.setdefault(key, []).append(row)
    for key, rows in keys.items():
        vectors = batch.column("embedding").take(pa.array(rows))
        flat = vectors.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
        length = flat.size // len(rows)
        if length > max_dimensions:
            raise OptionError(
                f"completeness.max_dimensions is {max_dimensions} and vectors of {key[0]} have {length}.\n"
                f"Hint: completeness.max_dimensions = {length}"
            )
        yield key, flat.reshape(len(rows), length)


def _moments(batches: Iterator[pa.RecordBatch], max_dimensions: int) -> Iterator[pa.RecordBatch]:
    held: dict[tuple[str, str | None], Moments] = {}
    for batch in batches:
        for key, vectors in _vectors(batch, max_dimensions):
            moments = Moments.of(vectors)
            held[key] = held[key].merged(moments) if key in held else moments
    bucket = _partition() % BUCKETS
    for (encoder, name), moments in held.items():
        yield pa.RecordBatch.from_pylist([_packed(encoder, name, bucket, moments)], schema=_MOMENTS_SCHEMA)


def _partition() -> int:
    context = TaskContext.get()
    return 0 if context is None else context.partitionId()


def _packed(encoder: str, name: str | None, bucket: int, moments: Moments) -> dict[str, Any]:
    return {
        "encoder": encoder,
        "class_name": name,
        "bucket": bucket,
        "n": moments.n,
        "mean": moments.mean.tobytes(),
        "products": moments.products.tobytes(),
    }


def _unpacked(row: Any) -> Moments:
    mean = np.frombuffer(row["mean"], np.float64)
    return Moments(row["n"], mean, np.frombuffer(row["products"], np.float64).reshape(mean.size, mean.size))


def _summed(moments: DataFrame) -> DataFrame:
    """Moments of all tasks added up: first per bucket, then all."""

    def merge(table: pa.Table) -> pa.Table:
        rows = table.to_pylist()
        total = _unpacked(rows[0])
        for row in rows[1:]:
            total = total.merged(_unpacked(row))
        packed = _packed(rows[0]["encoder"], rows[0]["class_name"], 0, total)
        return pa.Table.from_pylist([packed], schema=_MOMENTS_SCHEMA)

    buckets = moments.groupBy("encoder", "class_name", "bucket").applyInArrow(merge, _MOMENTS)
    return buckets.groupBy("encoder", "class_name").applyInArrow(merge, _MOMENTS)


def _columns(batches: Iterator[pa.RecordBatch], max_dimensions: int) -> Iterator[pa.RecordBatch]:
    """Each batch by column; a block is numbered by its partition and place, the same in every attempt of the task."""
    block = _partition() << 32
    for batch in batches:
        for (encoder, _), vectors in _vectors(batch, max_dimensions):
            rows = [
                {"encoder": encoder, "dimension": i, "block": block, "data": np.ascontiguousarray(column).tobytes()}
                for i, column in enumerate(vectors.T)
            ]
            yield pa.RecordBatch.from_pylist(rows, schema=_COLUMN_SCHEMA)
            block += 1


def _ranked(table: pa.Table) -> pa.Table:
    """One dimension: values replaced by their centered ranks, block by block."""
    blocks = [np.frombuffer(block, np.float64) for block in table["data"].to_pylist()]
    ranks = centered_ranks(np.concatenate(blocks))
    parts = np.split(ranks, np.cumsum([block.size for block in blocks])[:-1])
    return table.set_column(3, "data", pa.array([part.tobytes() for part in parts], pa.binary()))


def _block_moments(table: pa.Table) -> pa.Table:
    ordered = sorted(table.to_pylist(), key=lambda row: row["dimension"])
    vectors = np.stack([np.frombuffer(row["data"], np.float64) for row in ordered], axis=1)
    encoder, block = ordered[0]["encoder"], ordered[0]["block"]
    bucket = (block ^ (block >> 32)) % BUCKETS
    packed = _packed(encoder, None, int(bucket), Moments.of(vectors))
    return pa.Table.from_pylist([packed], schema=_MOMENTS_SCHEMA)
