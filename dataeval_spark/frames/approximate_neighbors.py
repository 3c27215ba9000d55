"""Approximate nearest neighbours: vectors in k-means clusters, of which each query searches the nearest few.

An inverted file without quantization (Sivic and Zisserman 2003; Jégou, Douze and Schmid 2011). The search is exact
inside the clusters that are searched, so the recall of any number of clusters follows from where the true neighbours of
some queries lie: one half of a sample chooses the number of clusters, the other half measures the recall.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import isqrt

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.blocks import Blocks, in_tasks, numbers_of_tasks, tasks_of
from dataeval_spark.frames.task_devices import gpu_of_task
from dataeval_spark.kernels.vectors.block_search import RESULT_DDL, Search, result_rows
from dataeval_spark.kernels.vectors.inverted_file import (
    Recall,
    fewest_probes,
    found_by_rank,
    recall_of,
    search_clusters,
    sort_into_clusters,
    train_clusters,
    uniform,
)
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.arrow import arrow_schema

MAX_CLUSTERS = 2048
ROWS_PER_CLUSTER_IN_SAMPLE = 32
QUERIES_IN_SAMPLE = 1000
TASKS = 8
COUNTS_DDL = "half int, queries bigint, found array<bigint>"
COUNTS_SCHEMA = arrow_schema(COUNTS_DDL)


@dataclass(frozen=True)
class InvertedFile:
    """Number of clusters, number that a query searches, and the recall that was measured with these."""

    clusters: int
    probes: int
    recall: Recall


def make_inverted_file(blocks: Blocks, spark_frame: DataFrame, *, k: int, recall: float) -> InvertedFile:
    """Sort the vectors of the blocks into clusters and choose how many of them a query searches.

    About sqrt(N) clusters, at most 2,048, made from up to 32 vectors each. Vectors are drawn by their ids, so the
    clusters are the same for any number of partitions. Three Spark jobs run at once; at most 2,048 counts from each of
    a few tasks come to the driver.

    Parameters
    ----------
    blocks : Blocks
        In a shared folder; the rows of role 1 are compared with one another.
    spark_frame : DataFrame
        Any frame of the session.
    k : int
        Neighbours whose recall is measured.
    recall : float
        Share of the true neighbours to find, in (0, 1].

    Raises
    ------
    OptionError
        The blocks are in no shared folder, or an option is out of range.
    """
    within("neighbors.k", k)
    within("neighbors.recall", recall)
    if blocks.folder is None:
        raise OptionError(
            "neighbors.method is 'approximate', which needs a folder that the driver and the workers share.\n"
            "Hint: --scratch DIRECTORY, or --set neighbors.method=exact"
        )
    files, metric = blocks.files, blocks.metric
    search = Search(metric, k, 1, blocks.shift)
    total = blocks.rows_with(1)
    clusters = max(1, min(MAX_CLUSTERS, isqrt(total)))
    train_share, query_share = ROWS_PER_CLUSTER_IN_SAMPLE * clusters / total, QUERIES_IN_SAMPLE / total

    def measure(number: int) -> Iterator[pa.RecordBatch]:
        queries = files.block(number)
        draw = queries.ids["draw"].to_numpy()
        chosen = uniform(draw) >= 1 - query_share
        for half in (0, 1):
            rows = np.flatnonzero(chosen & (draw & 1 == half))
            hits = found_by_rank(replace(search, device=gpu_of_task()), files, queries, rows)
            row = {"half": half, "queries": len(rows), "found": hits.tolist()}
            yield pa.RecordBatch.from_pylist([row], schema=COUNTS_SCHEMA)

    (cluster_count,) = numbers_of_tasks(spark_frame, 1, lambda _: train_clusters(files, metric, clusters, train_share))
    numbers_of_tasks(spark_frame, len(files.names), lambda number: sort_into_clusters(files, number, search))
    counts = bounded(
        in_tasks(spark_frame, len(files.names), measure, COUNTS_DDL), "two rows of at most 2,048 counts per block"
    )
    hits, queries = np.zeros((2, cluster_count), np.int64), [0, 0]
    for row in counts:
        hits[row["half"]] += np.array(row["found"], np.int64)
        queries[row["half"]] += row["queries"]
    probes = fewest_probes(hits[0], recall) if hits[0].sum() else cluster_count
    return InvertedFile(cluster_count, probes, recall_of(hits[1, :probes].sum(), hits[1].sum(), max(1, queries[1])))


def approximate_neighbors(blocks: Blocks, spark_frame: DataFrame, index: InvertedFile, *, k: int) -> DataFrame:
    """Find the k nearest rows of each row among those in the clusters that are nearest to it.

    Parameters
    ----------
    blocks : Blocks
        Blocks that the clusters were made from.
    spark_frame : DataFrame
        Any frame of the session.
    index : InvertedFile
        Result of :func:`make_inverted_file`, with the same k.
    k : int
        Neighbours per row.

    Returns
    -------
    DataFrame
        See :func:`~dataeval_spark.frames.neighbors.nearest_neighbors`; distances are exact.
    """
    search = Search(blocks.metric, k, 1, blocks.shift)
    tasks = tasks_of(blocks.rows_per_block(1), max(512, -(-blocks.rows_with(1) // TASKS)))
    files, probes = blocks.files, index.probes

    def run(number: int) -> Iterator[pa.RecordBatch]:
        block, start, stop = tasks[number]
        queries = files.block(block)
        rows = queries.rows(1)[start:stop]
        lists = search_clusters(replace(search, device=gpu_of_task()), files, queries, rows, probes)
        yield from result_rows(lists, k, is_self=True)

    return in_tasks(spark_frame, len(tasks), run, RESULT_DDL)
