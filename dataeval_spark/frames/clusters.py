"""Spanning tree and clusters of the vectors of blocks: exact, each pair of vectors compared once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.blocks import Blocks, in_tasks, numbers_of_tasks
from dataeval_spark.kernels.vectors import block_clusters as kernels
from dataeval_spark.kernels.vectors.block_search import Search
from dataeval_spark.kernels.vectors.hdbscan import Selection
from dataeval_spark.kernels.vectors.vector_blocks import read_array, write_array
from dataeval_spark.session.bounded import bounded, one_row
from dataeval_spark.tables.arrow import arrow_schema

CountsAndSums = tuple[NDArray[np.int64], NDArray[np.float64]]

CENTERS_DDL = "cluster int, count bigint, total binary"
SUMS_DDL = "cluster int, block int, count bigint, total binary"
EDGES_DDL = "a bigint, b bigint, length double, cluster_id int"
EDGES_PER_TASK = 1_000_000


def make_spanning_tree(blocks: Blocks, spark_frame: DataFrame, *, min_samples: int = 1) -> None:
    """Compute the forests of each block with its partners; :func:`hdbscan_clusters` makes the tree of them.

    N^2 d / 2 operations, N^2 d more for core distances, in one task per block, which holds two blocks and the forest
    of its pairs. Two Spark jobs run at once.

    Parameters
    ----------
    blocks : Blocks
        Blocks in a shared folder, under the Euclidean metric; all rows have role 1.
    spark_frame : DataFrame
        Any frame of the session.
    min_samples : int
        Number m of nearest vectors, a vector itself the first: an edge is no shorter than the distance of either end to
        its m-th (mutual reachability). With 1 the tree is the Euclidean one.
    """
    files = blocks.files
    search = Search(blocks.metric, min_samples - 1, 1, blocks.shift)

    has_cores, tasks = min_samples > 1, len(files.names)
    if has_cores:
        numbers_of_tasks(spark_frame, tasks, lambda number: kernels.write_core_distances(files, number, search))
    numbers_of_tasks(spark_frame, tasks, lambda number: kernels.write_forest(files, number, has_cores))


def hdbscan_clusters(
    blocks: Blocks,
    spark_frame: DataFrame,
    *,
    min_cluster_size: int,
    selection: Selection = "eom",
    allow_single_cluster: bool = False,
) -> float:
    """Merge the forests and cut the tree into clusters, in one task of about 100 bytes per vector.

    Parameters
    ----------
    blocks : Blocks
        After :func:`make_spanning_tree`.
    spark_frame : DataFrame
        Any frame of the session.
    min_cluster_size, selection, allow_single_cluster
        Options of :func:`~dataeval_spark.kernels.vectors.hdbscan.hdbscan_labels`.

    Returns
    -------
    float
        Total length of the tree.
    """
    files, rows = blocks.files, sum(blocks.rows)

    def label(number: int) -> Iterator[pa.RecordBatch]:
        cluster_count, length = kernels.write_hdbscan(files, rows, min_cluster_size, selection, allow_single_cluster)
        yield pa.RecordBatch.from_pydict({"clusters": [cluster_count], "weight": [length]})

    clusters, weight = one_row(in_tasks(spark_frame, 1, label, "clusters bigint, weight double"))

    counts, centers = _sums(blocks, spark_frame, clusters, lambda at: kernels.sums_of_clusters(files, at, clusters))
    write_array(files.folder, kernels.CENTERS, centers / np.maximum(counts, 1)[:, None])
    return float(weight)


def kmeans_clusters(blocks: Blocks, spark_frame: DataFrame, *, clusters: int, iterations: int = 50) -> int:
    """Sort vectors to the nearest of ``clusters`` centres by Lloyd's iteration over sums of blocks.

    One Spark job per iteration; one sum per cluster comes to the driver. The first centres are vectors drawn by their
    ids, so that only rounding depends on the blocks.

    Returns
    -------
    int
        Iterations until the centres stood still, or ``iterations``.
    """
    files = blocks.files

    (cluster_count,) = numbers_of_tasks(spark_frame, 1, lambda _: kernels.write_first_centers(files, clusters))
    for iteration in range(iterations):
        counts, totals = _sums(blocks, spark_frame, cluster_count, lambda at: kernels.sums_of_nearest(files, at))
        before = np.array(read_array(files.folder, kernels.CENTERS))
        moved = np.where(counts[:, None] > 0, totals / np.maximum(counts, 1)[:, None], before).astype(np.float32)
        write_array(files.folder, kernels.CENTERS, moved)
        if np.array_equal(moved, before):
            return iteration + 1
    return iterations


def _sums(
    blocks: Blocks, spark_frame: DataFrame, clusters: int, sums_of_block: Callable[[int], CountsAndSums]
) -> CountsAndSums:
    """Counts (K,) and sums (K, d) of clusters over all blocks, from those of each block."""

    def parts(number: int) -> Iterator[pa.RecordBatch]:
        counts, sums = sums_of_block(number)
        present = np.flatnonzero(counts)
        columns = {
            "cluster": pa.array(present, pa.int32()),
            "block": pa.array(np.full(len(present), number), pa.int32()),
            "count": pa.array(counts[present]),
            "total": pa.array([sums[cluster].tobytes() for cluster in present], pa.binary()),  # one per cluster
        }
        yield pa.RecordBatch.from_pydict(columns)

    def add(parts: pa.Table) -> pa.Table:
        ordered = parts.sort_by("block")
        totals = np.frombuffer(b"".join(ordered["total"].to_pylist()), np.float64).reshape(len(ordered), -1)
        row = {
            "cluster": [ordered["cluster"][0].as_py()],
            "count": [int(np.sum(ordered["count"].to_numpy()))],
            "total": [totals.sum(axis=0).tobytes()],
        }
        return pa.table(row, schema=arrow_schema(CENTERS_DDL))

    of_blocks = in_tasks(spark_frame, len(blocks.names), parts, SUMS_DDL)
    rows = bounded(of_blocks.groupBy("cluster").applyInArrow(add, CENTERS_DDL), "one vector per cluster")
    counts, totals = np.zeros(clusters, np.int64), np.zeros((clusters, blocks.dimension))
    for row in rows:
        counts[row["cluster"]] = row["count"]
        totals[row["cluster"]] = np.frombuffer(row["total"], np.float64)
    return counts, totals


def cluster_members(blocks: Blocks, spark_frame: DataFrame, *, is_nearest: bool) -> DataFrame:
    """Every vector with its cluster (-1 is noise), the probability of its membership, and its distance to the centre.

    Parameters
    ----------
    blocks : Blocks
        After :func:`hdbscan_clusters` or :func:`kmeans_clusters`.
    spark_frame : DataFrame
        Any frame of the session.
    is_nearest : bool
        Take the cluster of the nearest centre (k-means) instead of the stored one.
    """
    files = blocks.files

    def run(number: int) -> Iterator[pa.RecordBatch]:
        yield kernels.members(files, number, is_nearest)

    return in_tasks(spark_frame, len(files.names), run, kernels.MEMBERS_DDL)


def tree_edges(blocks: Blocks, spark_frame: DataFrame) -> DataFrame:
    """Edges of the tree, after :func:`hdbscan_clusters`.

    ``image_id_a``, ``target_index_a``, ``image_id_b``, ``target_index_b``, ``length``, and the ``cluster_id`` that both
    ends are in, null where they are in none or in two.
    """
    files = blocks.files
    edges = max(0, sum(blocks.rows) - 1)

    def ids(number: int) -> Iterator[pa.RecordBatch]:
        table = files.block(number).ids.select(["image_id", "target_index"])
        yield from table.append_column("node", pa.array(kernels.nodes_of(files, number))).combine_chunks().to_batches()

    def run(number: int) -> Iterator[pa.RecordBatch]:
        yield kernels.tree_part(files, number * EDGES_PER_TASK, (number + 1) * EDGES_PER_TASK)

    names = in_tasks(spark_frame, len(files.names), ids, "image_id string, target_index int, node bigint")
    edge_rows = in_tasks(spark_frame, -(-edges // EDGES_PER_TASK), run, EDGES_DDL)
    for end in ("a", "b"):
        renamed = names.select(
            F.col("node").alias(end),
            F.col("image_id").alias(f"image_id_{end}"),
            F.col("target_index").alias(f"target_index_{end}"),
        )
        edge_rows = edge_rows.join(renamed, on=end, how="inner")  # a node is one row of the blocks
    return edge_rows.drop("a", "b")
