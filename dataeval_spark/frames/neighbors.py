"""Exact k nearest neighbours, in blocks: one task per part of the queries streams the index blocks.

Where workers share a folder, no vector is shuffled after the blocks are made and a task holds two blocks, one product
and the lists. Where they do not, the same lists come from a join of block rows and a merge.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark import TaskContext
from pyspark.sql import DataFrame

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.blocks import Blocks, block_of_row, tasks_of
from dataeval_spark.kernels.nearest import Metric, NearestLists, multiplier, points
from dataeval_spark.kernels.neighbor_lists import (
    PARTIAL_DDL,
    PARTIAL_SCHEMA,
    RESULT_SCHEMA,
    PartialLists,
    ids_of_codes,
    merged,
    result_rows,
)
from dataeval_spark.kernels.vector_blocks import VectorBlock, read_block

RESULT_DDL = (
    "image_id string, target_index int, rank int, neighbor_id string, neighbor_target_index int, distance double"
)
MAX_K = 10_000
# Enough tasks to balance a few dozen cores; fewer read the index fewer times.
TASKS = 32
FEWEST_ROWS_PER_TASK = 512


def nearest_neighbors(
    blocks: Blocks, spark_frame: DataFrame, *, k: int, query_role: int = 1, index_role: int = 1, is_self: bool = True
) -> DataFrame:
    """The k nearest index rows of each query row.

    Exact: equal to a brute-force search in float64, ties in the order of (image_id by bytes, target_index, null first),
    whatever the blocks. N_q N_i d multiplications and additions in float32 on numpy, or on a GPU where the task was
    given one (``spark.task.resource.gpu``) and torch is installed.

    Parameters
    ----------
    blocks : Blocks
        Result of :func:`~dataeval_spark.frames.blocks.cut_into_blocks`.
    spark_frame : DataFrame
        Any frame of the session.
    k : int
        Neighbours per query, 1 to 10,000. Where the index has fewer, all of them.
    query_role, index_role : int
        Which rows of the blocks are queries and which are looked among.
    is_self : bool
        A row is not its own neighbour: the row of the same ids is left out.

    Returns
    -------
    DataFrame
        ``image_id``, ``target_index``, ``rank`` (from 1), ``neighbor_id``, ``neighbor_target_index`` and ``distance``:
        Euclidean; 1 - cos (0 to 2, 1 for a vector of zeros against another); or minus the inner product.

    Raises
    ------
    OptionError
        ``k`` is out of range.

    References
    ----------
    Differs from scikit-learn's and faiss' brute force: distances are measured by subtraction in float64 and are exactly
    0 for equal vectors.

    Examples
    --------
    >>> blocks = cut_into_blocks(vectors.withColumn("roles", F.lit(1)), metric="euclidean", scratch="/shared/run_1")
    >>> nearest_neighbors(blocks, vectors, k=10).show()
    """
    OptionError.unless_between("neighbors.k", k, 1, MAX_K)
    width = k + 1 if is_self else k
    if blocks.folder is None and blocks.frame is not None:
        return _by_join(blocks, blocks.frame, k, width, query_role, index_role, is_self)
    spark = spark_frame.sparkSession
    queries = blocks.rows_with(query_role)
    rows_per_task = max(FEWEST_ROWS_PER_TASK, -(-queries // TASKS))
    tasks = tasks_of(blocks.rows_per_block(query_role), rows_per_task)
    if not tasks:
        return spark.createDataFrame([], RESULT_DDL)
    folder, names, metric, shift = blocks.folder or "", blocks.names, blocks.metric, blocks.shift

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        device = _gpu()
        for batch in batches:
            for number in batch.column(0).to_numpy():
                block, start, stop = tasks[number]
                queries = read_block(folder, names[block])
                rows = queries.rows(query_role)[start:stop]
                lists, copy_of = _lists(queries, rows, metric, shift, width, device)
                for at, name in enumerate(names):
                    _update(lists, read_block(folder, name), at, index_role, width)
                ids = ids_of_codes(lists.codes, lambda at: read_block(folder, names[at]).ids)
                found = PartialLists(queries.ids.take(rows), lists.distances, lists.codes, ids).of_queries(copy_of)
                yield from result_rows(found, k, is_self)

    return spark.range(0, len(tasks), 1, len(tasks)).mapInArrow(run, RESULT_DDL)


def _gpu() -> str | None:
    """The GPU that Spark has given to this task, as torch names it: its process sees the addresses as Spark does."""
    context = TaskContext.get()
    gpu = context.resources().get("gpu") if context else None
    return f"cuda:{gpu.addresses[0]}" if gpu else None


def _lists(
    queries: VectorBlock,
    rows: NDArray[np.intp],
    metric: Metric,
    shift: NDArray[np.float64],
    width: int,
    device: str | None,
) -> tuple[NearestLists, NDArray[np.intp]]:
    """Empty lists, one for each different query vector, and which of them belongs to each row."""
    same_as = queries.ids["same_as"].to_numpy()[rows]
    _, first, copy_of = np.unique(same_as, return_index=True, return_inverse=True)
    vectors = np.ascontiguousarray(queries.vectors[rows[first]])
    return NearestLists(points(vectors, metric, shift), width, multiplier(device)), copy_of


def _update(lists: NearestLists, index: VectorBlock, at: int, role: int, width: int) -> None:
    # Of equal vectors no more than one list can hold are compared, however many there are.
    rows = index.rows(role, copies=width)
    vectors = np.asarray(index.vectors if len(rows) == len(index.vectors) else index.vectors[rows])
    lists.update(points(vectors, lists.queries.metric, lists.queries.shift), (at << 32) + rows)


def _by_join(
    blocks: Blocks, frame: DataFrame, k: int, width: int, query_role: int, index_role: int, is_self: bool
) -> DataFrame:
    metric, shift, dimension = blocks.metric, blocks.shift, blocks.dimension
    place = {name: at for at, name in enumerate(blocks.names)}
    left = frame.selectExpr("block AS query", "ids AS query_ids", "vectors AS query_vectors")
    right = frame.selectExpr("block AS index", "ids AS index_ids", "vectors AS index_vectors")

    def compare(pair: pa.Table) -> pa.Table:
        row = pair.to_pylist()[0]  # one pair of blocks
        queries = block_of_row(row["query_ids"], row["query_vectors"], dimension)
        index = block_of_row(row["index_ids"], row["index_vectors"], dimension)
        rows = queries.rows(query_role)
        if len(rows) == 0:
            return PARTIAL_SCHEMA.empty_table()
        lists, copy_of = _lists(queries, rows, metric, shift, width, _gpu())
        at = place[row["index"]]
        _update(lists, index, at, index_role, width)
        ids = ids_of_codes(lists.codes, lambda _: index.ids)
        found = PartialLists(queries.ids.take(rows), lists.distances, lists.codes, ids).of_queries(copy_of)
        return found.to_row(row["query"])

    def merge(parts: pa.Table) -> pa.Table:
        batches = list(result_rows(merged(map(PartialLists.from_row, parts.to_pylist()), width), k, is_self))
        return pa.Table.from_batches(batches, RESULT_SCHEMA)

    # Rows are blocks here: (N / 8,192) squared of them. A group is one pair, so that no batch holds two.
    pairs = left.crossJoin(right).groupBy("query", "index").applyInArrow(compare, PARTIAL_DDL)
    return pairs.groupBy("query").applyInArrow(merge, RESULT_DDL)
