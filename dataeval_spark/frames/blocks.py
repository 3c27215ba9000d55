"""Vectors cut into blocks, one matrix each, for pairwise work: in a folder that tasks share, or as rows of a frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark import TaskContext
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import EmbeddingError, OptionError
from dataeval_spark.kernels.nearest import Metric, centred
from dataeval_spark.kernels.vector_blocks import KEYS, VectorBlock, make_block, vectors_of, write_block

Checkpoint = Callable[[DataFrame], DataFrame]

BLOCK_ROWS = 8192
ROLES = 4
MAX_BLOCKS = 500_000
BLOCK_SCHEMA = pa.schema(
    [
        ("block", pa.string()),
        ("role_rows", pa.list_(pa.int64())),
        ("total", pa.list_(pa.float64())),
        ("refused", pa.list_(pa.string())),
        ("ids", pa.binary()),
        ("vectors", pa.binary()),
    ]
)
BLOCK_DDL = (
    "block string, role_rows array<bigint>, total array<double>, refused array<string>, ids binary, vectors binary"
)


@dataclass(frozen=True)
class Blocks:
    """Where the blocks are, and what the driver knows of them.

    ``names`` are in the order of the ids; ``role_rows`` gives for each block its rows in each role (1, 2, 4, 8).
    ``shift`` is the mean of the operands of the product. The blocks are files in ``folder``, or the rows of ``frame``.
    """

    metric: Metric
    dimension: int
    names: tuple[str, ...]
    role_rows: tuple[tuple[int, ...], ...]
    shift: NDArray[np.float64]
    folder: str | None = None
    frame: DataFrame | None = field(default=None, compare=False)

    def rows_with(self, role: int) -> int:
        """How many rows have a role."""
        return sum(self.rows_per_block(role))

    def rows_per_block(self, role: int) -> list[int]:
        """How many rows of each block have a role."""
        return [rows[role.bit_length() - 1] for rows in self.role_rows]


def cut_into_blocks(
    vectors: DataFrame,
    *,
    metric: Metric,
    scratch: str | None = None,
    checkpoint: Checkpoint | None = None,
    block_rows: int = BLOCK_ROWS,
    seed: int = 0,
) -> Blocks:
    """Sort vectors by id into blocks of about ``block_rows`` and make sure that they can be compared.

    Two or three Spark jobs run at once: lengths and count, then the blocks. One row per block, that is per 8,192
    vectors, comes to the driver, with the sum of its vectors.

    Parameters
    ----------
    vectors : DataFrame
        ``image_id``, ``target_index``, ``embedding`` (array of float) and ``roles`` (a sum of 1, 2, 4 and 8).
        The two ids together are unique.
    metric : {"euclidean", "cosine", "inner_product"}
        What the vectors will be compared by.
    scratch : str, optional
        New folder that the driver and all workers can open; without it the blocks are rows of a frame.
    checkpoint : callable, optional
        Stores the frame of blocks; used without ``scratch``. Default: in the executors' own storage.
    block_rows : int
        Most rows of a block: 16 MB at 512 dimensions.
    seed : int
        Of the random numbers by which samples are taken.

    Raises
    ------
    EmbeddingError
        A vector holds NaN or infinity, or has another length than the rest; up to five ids are named.
    OptionError
        There would be more than 500,000 blocks.
    """
    count, dimension = _count_and_dimension(vectors)
    if count == 0:
        return Blocks(metric, 0, (), (), np.zeros(0), scratch, None)
    partitions = -(-count // block_rows)
    if partitions > MAX_BLOCKS:
        raise OptionError(f"{count:,} vectors make {partitions:,} blocks; expected at most {MAX_BLOCKS:,}.")
    draw = F.xxhash64(F.lit(seed), "image_id", F.coalesce("target_index", F.lit(-1))).alias("draw")
    columns = vectors.select("image_id", "target_index", "roles", draw, "embedding")
    ranged = (
        columns.coalesce(1)
        if partitions == 1
        else columns.repartitionByRange(partitions, "image_id", F.coalesce("target_index", F.lit(-1)))
    )

    def to_blocks(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        held = list(batches)
        if held:
            partition = TaskContext.get().partitionId()  # type: ignore[union-attr]
            yield from _blocks_of(pa.Table.from_batches(held), partition, dimension, metric, scratch, block_rows)

    rows = ranged.mapInArrow(to_blocks, BLOCK_DDL)
    if scratch is None:
        # Range bounds come from a sample that differs from job to job: the blocks must be made once.
        rows = (checkpoint or kept_by_executors)(rows)
    # Bounded: one row per block of about 8,192 vectors, and no more than MAX_BLOCKS.
    found = sorted(rows.select("block", "role_rows", "total", "refused").collect(), key=lambda row: row["block"])
    refused = [name for row in found for name in row["refused"]]
    if refused:
        raise EmbeddingError.not_finite(refused)
    shift = np.sum([row["total"] for row in found], axis=0) / count
    return Blocks(
        metric,
        dimension,
        tuple(row["block"] for row in found),
        tuple(tuple(row["role_rows"]) for row in found),
        shift,
        scratch,
        rows if scratch is None else None,
    )


def kept_by_executors(frame: DataFrame) -> DataFrame:
    """The rows of a frame, computed once and kept in the storage of the executors: lost with one of them."""
    return frame.localCheckpoint()


def _count_and_dimension(vectors: DataFrame) -> tuple[int, int]:
    length = F.coalesce(F.size("embedding"), F.lit(0))
    # Bounded: 50 lengths.
    lengths = vectors.groupBy(length.alias("length")).count().orderBy(F.desc("count"), "length").limit(50).collect()
    if not lengths:
        return 0, 0
    usual = lengths[0]["length"]
    if len(lengths) > 1 or usual < 1:
        others = vectors.where((length != usual) | (length < 1)).orderBy("image_id", "target_index").limit(5)
        rows = others.select("image_id", "target_index", length.alias("length")).collect()
        found = [(_name(row["image_id"], row["target_index"]), row["length"]) for row in rows]
        raise EmbeddingError.of_other_length(found, usual)
    return lengths[0]["count"], usual


def _name(image_id: str, target_index: int | None) -> str:
    return image_id if target_index is None else f"{image_id} (target {target_index})"


def _blocks_of(
    rows: pa.Table, partition: int, dimension: int, metric: Metric, folder: str | None, block_rows: int
) -> Iterator[pa.RecordBatch]:
    # By bytes, as Spark does; a missing target, the image as a whole, comes first.
    rows = rows.append_column("order", pc.fill_null(rows["target_index"], -1))
    order = pc.sort_indices(rows, sort_keys=[("image_id", "ascending"), ("order", "ascending")])
    keys = rows.select(KEYS).take(order)
    vectors = vectors_of(rows["embedding"], dimension)[order.to_numpy()]
    pieces = -(-len(vectors) // block_rows)
    bounds = np.linspace(0, len(vectors), pieces + 1).astype(int)
    for piece in range(pieces):
        start, stop = bounds[piece], bounds[piece + 1]
        name = f"{partition:06d}-{piece:04d}"
        yield _stored(name, keys.slice(start, stop - start), vectors[start:stop], metric, folder)


def _stored(
    name: str, keys: pa.Table, vectors: NDArray[np.float32], metric: Metric, folder: str | None
) -> pa.RecordBatch:
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))[:5]
    refused = [_name(row["image_id"], row["target_index"]) for row in keys.take(bad).to_pylist()]
    roles = keys["roles"].to_numpy()
    record = {"block": name, "refused": refused, "role_rows": [int((roles >> r & 1).sum()) for r in range(ROLES)]}
    if not refused:
        block = make_block(keys, vectors)
        no_shift = np.zeros(vectors.shape[1] + (metric == "cosine"))
        record["total"] = centred(metric, block.vectors, np.float32, no_shift).sum(axis=0, dtype=np.float64).tolist()
        if folder is None:
            record |= {"ids": ids_to_bytes(block.ids), "vectors": block.vectors.tobytes()}
        else:
            write_block(folder, name, block)
    return pa.RecordBatch.from_pylist([record], schema=BLOCK_SCHEMA)


def ids_to_bytes(ids: pa.Table) -> bytes:
    """Ids of a block as one value of a row."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, ids.schema) as writer:
        writer.write_table(ids)
    whole: bytes = sink.getvalue().to_pybytes()
    return whole


def ids_from_bytes(data: bytes) -> pa.Table:
    """What :func:`ids_to_bytes` made."""
    return pa.ipc.open_stream(data).read_all()


def block_of_row(ids: bytes, vectors: bytes, dimension: int) -> VectorBlock:
    """The block that a row of the frame of blocks holds."""
    matrix = np.frombuffer(vectors, np.float32).reshape(-1, dimension)
    return VectorBlock(ids_from_bytes(ids), matrix.copy())


def tasks_of(rows_per_block: Sequence[int], rows_per_task: int) -> list[tuple[int, int, int]]:
    """(block, start, stop) of about equal parts of each block, none longer than ``rows_per_task``."""
    tasks = []
    for block, rows in enumerate(rows_per_block):
        parts = -(-rows // rows_per_task)
        bounds = np.linspace(0, rows, parts + 1).astype(int).tolist()
        tasks += [(block, bounds[part], bounds[part + 1]) for part in range(parts)]
    return tasks
