"""Exact k nearest neighbours, in blocks: one task per part of the queries streams the index blocks.

Where workers share a folder, no vector is shuffled after the blocks are made and a task holds two blocks, one product
and the lists. Where they do not, the same lists come from a join of block rows and a merge.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.blocks import Blocks, in_tasks, tasks_of
from dataeval_spark.frames.task_devices import gpu_of_task
from dataeval_spark.kernels.vectors.block_search import (
    PARTIAL_DDL,
    PARTIAL_SCHEMA,
    RESULT_DDL,
    RESULT_SCHEMA,
    PartialLists,
    Search,
    empty_lists,
    ids_of,
    merged,
    result_rows,
    search_blocks,
    take_block,
)
from dataeval_spark.kernels.vectors.vector_blocks import block_of_row
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.session.bounded import one_row

# Enough tasks to balance a few dozen cores; fewer read and prepare the index fewer times, which takes as long as the
# products of 80 rows.
TASKS = 32
FEWEST_ROWS_PER_TASK = 2048


def nearest_neighbors(
    blocks: Blocks,
    spark_frame: DataFrame,
    *,
    k: int,
    query_role: int = 1,
    index_role: int = 1,
    is_self: bool = True,
    within_reach: bool = False,
) -> DataFrame:
    """Find the k nearest index rows of each query row.

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
        Neighbours per query, 1 to 10,000; all of them where the index has fewer.
    query_role, index_role : int
        Roles of the rows that are queries, and of those that are searched.
    is_self : bool
        Leave out the row of the same ids, so that no row is its own neighbour.
    within_reach : bool
        Leave out rows beyond the ``reach`` of the query, within rounding: they need not be measured.

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
    >>> rows = [("a", None, [0.0], 1), ("b", None, [3.0], 1), ("c", None, [4.0], 1)]
    >>> ddl = "image_id string, target_index int, embedding array<float>, roles int"
    >>> vectors = spark.createDataFrame(rows, ddl)
    >>> blocks = cut_into_blocks(vectors, metric="euclidean", scratch="/shared/run_1")
    >>> nearest_neighbors(blocks, vectors, k=1).select("image_id", "rank", "neighbor_id", "distance").show()
    +--------+----+-----------+--------+
    |image_id|rank|neighbor_id|distance|
    +--------+----+-----------+--------+
    |       a|   1|          b|     3.0|
    |       b|   1|          c|     1.0|
    |       c|   1|          b|     1.0|
    +--------+----+-----------+--------+
    """
    within("neighbors.k", k)
    search = Search(blocks.metric, k, index_role, blocks.shift, is_self, within_reach=within_reach)
    if blocks.folder is None and blocks.frame is not None:
        return _by_join(blocks, blocks.frame, search, query_role)
    rows_per_task = max(FEWEST_ROWS_PER_TASK, -(-blocks.rows_with(query_role) // TASKS))
    tasks = tasks_of(blocks.rows_per_block(query_role), rows_per_task)
    files = blocks.files

    def run(number: int) -> Iterator[pa.RecordBatch]:
        block, start, stop = tasks[number]
        queries = files.block(block)
        rows = queries.rows(query_role)[start:stop]
        lists = search_blocks(replace(search, device=gpu_of_task()), files, queries, rows)
        yield from result_rows(lists, k, is_self)

    return in_tasks(spark_frame, len(tasks), run, RESULT_DDL)


def _by_join(blocks: Blocks, frame: DataFrame, search: Search, query_role: int) -> DataFrame:
    dimension, width = blocks.dimension, search.width
    left = frame.selectExpr("block AS query", "ids AS query_ids", "vectors AS query_vectors")
    right = frame.selectExpr("block AS index", "ids AS index_ids", "vectors AS index_vectors")

    def compare(pair: pa.Table) -> pa.Table:
        row = pair.to_pylist()[0]  # one pair of blocks
        queries = block_of_row(row["query_ids"], row["query_vectors"], dimension)
        index = block_of_row(row["index_ids"], row["index_vectors"], dimension)
        rows = queries.rows(query_role)
        if len(rows) == 0:
            return PARTIAL_SCHEMA.empty_table()
        lists, copy_of = empty_lists(replace(search, device=gpu_of_task()), queries, rows)
        # The rows of a block stand in the order of their ids; between blocks the merge compares the ids themselves.
        numbers = np.arange(len(index.vectors), dtype=np.int64)
        take_block(search, lists, index, numbers)
        ids = ids_of(lists.codes, lambda rows: (np.zeros_like(rows), rows), lambda _: index.ids)
        lists_of_all = PartialLists(queries.ids.take(rows), lists.distances, lists.codes, ids).of_queries(copy_of)
        return lists_of_all.to_row(row["query"])

    def merge(parts: pa.Table) -> pa.Table:
        every = merged(map(PartialLists.from_row, parts.to_pylist()), width)
        return pa.Table.from_batches(list(result_rows(every, search.k, search.is_self)), RESULT_SCHEMA)

    # Rows are blocks here: (N / 8,192) squared of them. A group is one pair, so that no batch holds two.
    pairs = left.crossJoin(right).groupBy("query", "index").applyInArrow(compare, PARTIAL_DDL)
    return pairs.groupBy("query").applyInArrow(merge, RESULT_DDL)


def require_distances(neighbors: DataFrame, step: str) -> None:
    """Raise OptionError for a graph of inner products, which are no distances: ratios and sums of them mean nothing."""
    if not neighbors.where("metric = 'inner_product'").isEmpty():
        raise OptionError(
            f"{step} needs distances, and the table neighbors holds inner products.\n"
            "Hint: dataeval-spark analyze neighbors --set neighbors.metric=cosine"
        )


def first_of_lists(neighbors: DataFrame, k: int | None, option: str) -> DataFrame:
    """First k rows of each list of table ``neighbors``; all where k is None.

    Lists that are shorter because there are no more images are long enough.

    Raises
    ------
    OptionError
        The lists were made with a smaller k.
    """
    if k is None:
        return neighbors
    within(option, k)
    shortest = one_row(neighbors, F.min("k").alias("k"))["k"]
    if shortest is not None and shortest < k:
        raise OptionError(
            f"{option} is {k}, and the table neighbors holds {shortest} neighbours of each row.\n"
            f"Hint: dataeval-spark analyze neighbors --set neighbors.k={k}"
        )
    return neighbors.where(F.col("rank") <= k)
