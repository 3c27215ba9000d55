"""Vectors cut into blocks, one matrix each, for pairwise work: in a folder that tasks share, or as rows of a frame."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, MapType, StructField, StructType

from dataeval_spark.errors import EmbeddingError, OptionError
from dataeval_spark.frames.batches import map_batches
from dataeval_spark.frames.contract import same_keys
from dataeval_spark.kernels.vectors.vector_blocks import (
    NAMES,
    BlockFiles,
    blocks_in,
    described,
    ids_and_fingerprints,
    ids_from_bytes,
    ids_to_bytes,
    write_block,
    write_codes,
)
from dataeval_spark.options import Metric
from dataeval_spark.session.bounded import bounded
from dataeval_spark.session.partitions import merged_partitions
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.contract import identifier

Checkpoint = Callable[[DataFrame], DataFrame]

BLOCK_ROWS = 8192
BLOCK_BYTES = 2**26
MAX_BLOCKS = 500_000
PARTITION = "partition"
BLOCK_DDL = (
    "block string, role_rows array<bigint>, total array<double>, refused array<string>, "
    "lengths array<struct<length: int, rows: bigint, names: array<string>>>, ids binary, vectors binary"
)
BLOCK_SCHEMA = arrow_schema(BLOCK_DDL)


@dataclass(frozen=True)
class Blocks:
    """Place of the blocks, and the facts about them that the driver holds.

    ``rows`` gives the rows of each block, ``role_rows`` those in each role (1, 2, 4, 8).
    ``shift`` is the mean of the operands of the product. The blocks are files in ``folder``, or the rows of ``frame``.
    """

    metric: Metric
    dimension: int
    names: tuple[str, ...]
    rows: tuple[int, ...]
    role_rows: tuple[tuple[int, ...], ...]
    shift: NDArray[np.float64]
    folder: str | None = None
    frame: DataFrame | None = field(default=None, compare=False)

    @property
    def offsets(self) -> NDArray[np.int64]:
        """Place of the first row of each block among all rows."""
        return np.cumsum([0, *self.rows])[:-1]

    @property
    def files(self) -> BlockFiles:
        """The blocks as tasks find them."""
        return BlockFiles(self.folder or "", self.names, self.offsets)

    def rows_with(self, role: int) -> int:
        """Number of rows that have a role."""
        return sum(self.rows_per_block(role))

    def rows_per_block(self, role: int) -> list[int]:
        """Number of rows of each block that have a role."""
        return [rows[role.bit_length() - 1] for rows in self.role_rows]


def cut_into_blocks(
    vectors: DataFrame,
    *,
    metric: Metric,
    scratch: str | None = None,
    checkpoint: Checkpoint | None = None,
    block_rows: int = BLOCK_ROWS,
    rows: int | None = None,
    seed: int = 0,
) -> Blocks:
    """Cut vectors into blocks of at most ``block_rows`` and make sure that they can be compared.

    Two or three Spark jobs run at once: the count where it is not given, the blocks, and where each row stands in the
    order of all ids. No vector is shuffled. One row per block, that is per 8,192 vectors, comes to the driver, with the
    sum of its vectors.

    Parameters
    ----------
    vectors : DataFrame
        ``image_id``, ``target_index``, ``embedding`` (array of float) and ``roles`` (a sum of 1, 2, 4 and 8), and where
        there are any, ``reach`` (double): distances beyond which no neighbour of a row is asked for. The two ids
        together are unique.
    metric : {"euclidean", "cosine", "inner_product"}
        Distance by which the vectors will be compared.
    scratch : str, optional
        New folder that the driver and all workers can open; without it the blocks are rows of a frame.
    checkpoint : callable, optional
        Function that stores the frame of blocks; used without ``scratch``. Default: in the executors' own storage.
    block_rows : int
        Most rows of a block: 16 MB at 512 dimensions.
    rows : int, optional
        Number of rows, where it is known.
    seed : int
        Seed of the random numbers by which samples are taken.

    Raises
    ------
    EmbeddingError
        A vector holds NaN or infinity, or has another length than the rest; up to five ids are named.
    OptionError
        There are more than 500,000 blocks or 2^31 vectors.
    """
    block_count = -(-(vectors.count() if rows is None else rows) // block_rows)
    if block_count > MAX_BLOCKS:
        raise OptionError(
            f"The vectors make {block_count:,} blocks of {block_rows:,} vectors; expected at most {MAX_BLOCKS:,} "
            "blocks.\nHint: raise neighbors.block_rows or clusters.block_rows, whichever step this is"
        )
    draw = F.xxhash64(F.lit(seed), "image_id", F.coalesce("target_index", F.lit(-1))).alias("draw")
    # Vectors stay in the partitions that they come in; many small ones would make many small blocks.
    reach = F.col("reach") if "reach" in vectors.columns else F.lit(None).cast("double").alias("reach")
    columns = ("image_id", "target_index", "roles", draw, reach, "embedding")
    stayed = merged_partitions(vectors.select(*columns), max(1, block_count))
    numbered = stayed.select(F.spark_partition_id().alias(PARTITION), "*")

    def to_blocks(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for piece, table in enumerate(blocks_in(batches, block_rows)):
            partition = table[PARTITION][0].as_py()
            record, block = described(table.drop_columns(PARTITION), metric)
            record["block"] = name = f"{partition:06d}-{piece:06d}"
            if block is not None and scratch is None:
                record |= {"ids": ids_to_bytes(block.ids), "vectors": block.vectors.tobytes()}
            elif block is not None and scratch is not None:
                write_block(scratch, name, block)
            yield pa.RecordBatch.from_pylist([record], schema=BLOCK_SCHEMA)

    frame = map_batches(numbered, to_blocks, BLOCK_DDL)
    if scratch is None:
        # Which rows are in which block must not change any more.
        frame = (checkpoint or kept_by_executors)(frame)
    described_blocks = bounded(frame.select("block", "role_rows", "total", "refused", "lengths"), "one row per block")
    descriptions = sorted(described_blocks, key=lambda row: row["block"])
    dimension = _dimension(descriptions)
    refused = sorted(name for row in descriptions for name in row["refused"])
    if refused:
        raise EmbeddingError.not_finite(refused)
    sizes = [row["lengths"][0]["rows"] for row in descriptions]
    if sum(sizes) >= 2**31:
        raise OptionError(f"There are {sum(sizes):,} vectors to compare; expected fewer than {2**31:,}.")
    blocks = Blocks(
        metric,
        dimension,
        tuple(row["block"] for row in descriptions),
        tuple(sizes),
        tuple(tuple(row["role_rows"]) for row in descriptions),
        np.sum([row["total"] for row in descriptions], axis=0) / max(1, sum(sizes)),
        scratch,
        frame if scratch is None else None,
    )
    if scratch is not None:
        _order_rows(blocks, vectors)
    return blocks


def with_fingerprints(vectors: DataFrame) -> DataFrame:
    """``image_id``, ``target_index`` and ``fingerprint`` of rows with ``embedding``, as the blocks will have them."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from map(ids_and_fingerprints, batches)

    columns = ("image_id", "target_index", "embedding")
    return map_batches(vectors.select(*columns), run, "image_id string, target_index int, fingerprint string")


def ids_of_blocks(blocks: Blocks, spark_frame: DataFrame) -> DataFrame:
    """``image_id``, ``target_index``, ``roles`` and ``fingerprint`` of each row of the blocks; no vector is read."""
    ddl = "image_id string, target_index int, roles int, fingerprint string"
    names = arrow_schema(ddl).names
    if blocks.folder is None and blocks.frame is not None:

        def unpack(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                for ids in batch["ids"]:  # one per block
                    yield from ids_from_bytes(ids.as_py()).select(names).to_batches()

        return map_batches(blocks.frame.select("ids"), unpack, ddl)
    files = blocks.files

    def read(number: int) -> Iterator[pa.RecordBatch]:
        yield from files.block(number).ids.select(names).to_batches()

    return in_tasks(spark_frame, len(files.names), read, ddl)


def _dimension(descriptions: Sequence[Row]) -> int:
    """Length of the vectors; an error names those that have another than most."""
    rows: Counter[int] = Counter()
    names: dict[int, list[str]] = {}
    for length, count, few in (entry for row in descriptions for entry in row["lengths"]):
        rows[length] += count
        names.setdefault(length, []).extend(few)
    if not rows:
        return 0
    usual = max(rows, key=lambda length: (rows[length], -length))
    others = sorted((name, length) for length in rows if length != usual or length < 1 for name in names[length])
    if others:
        raise EmbeddingError.of_other_length(others[:NAMES], usual)
    return usual


def _order_rows(blocks: Blocks, spark_frame: DataFrame) -> None:
    """Store the position of each row in the order of all ids."""
    files = blocks.files

    numbers_of_tasks(spark_frame, len(files.names), lambda number: write_codes(files, number))


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


def in_tasks(spark_frame: DataFrame, tasks: int, run: Callable[[int], Iterator[pa.RecordBatch]], ddl: str) -> DataFrame:
    """Results of ``run`` for 0, 1, ... ``tasks`` - 1, each in a Spark task of its own."""
    spark = spark_frame.sparkSession
    if tasks == 0:
        return spark.createDataFrame([], ddl)

    def each(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():  # one per task
                yield from run(number)

    return map_batches(spark.range(0, tasks, 1, tasks), each, ddl)


def numbers_of_tasks(spark_frame: DataFrame, tasks: int, work: Callable[[int], int | None]) -> list[Any]:
    """Numbers that ``work`` returns for 0, 1, ... ``tasks`` - 1, each in a Spark task of its own, run at once."""

    def run(number: int) -> Iterator[pa.RecordBatch]:
        yield pa.RecordBatch.from_arrays([pa.array([work(number)], pa.int64())], names=["number"])

    return [row["number"] for row in bounded(in_tasks(spark_frame, tasks, run, "number bigint"), "one number per task")]


def kept_by_executors(frame: DataFrame) -> DataFrame:
    """The rows of a frame, computed once and kept in the storage of the executors: lost with one of them."""
    # Storage may say of every nested field that it can be null, so it does so before, too.
    kept = frame.select(*map(_with_nullable_fields, frame.schema.fields)).localCheckpoint()
    # Spark lets a column keep the id of the column that it was grouped by: a join of the rows with the table that they
    # were made of could not tell the two apart.
    return kept.select(*(F.col(identifier(name)).alias(name) for name in kept.columns))


def _with_nullable_fields(field: StructField) -> Column:
    column = F.col(identifier(field.name))
    if not isinstance(field.dataType, ArrayType | MapType | StructType):
        return column
    return column.cast(field.dataType.simpleString()).alias(field.name)


def tasks_of(rows_per_block: Sequence[int], rows_per_task: int) -> list[tuple[int, int, int]]:
    """(block, start, stop) of about equal parts of each block, none longer than ``rows_per_task``."""
    tasks = []
    for block, rows in enumerate(rows_per_block):
        parts = -(-rows // rows_per_task)
        bounds = np.linspace(0, rows, parts + 1).astype(int).tolist()
        tasks += [(block, bounds[part], bounds[part + 1]) for part in range(parts)]
    return tasks
