"""Spanning tree and clusters of a folder of blocks; the results are stored in the folder, one array a file."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dataeval_spark.kernels.vectors.block_search import Search, empty_lists, take_block
from dataeval_spark.kernels.vectors.hdbscan import NOISE, Selection, hdbscan_labels
from dataeval_spark.kernels.vectors.kmeans import nearest_center, sums_by_label
from dataeval_spark.kernels.vectors.spanning_tree import Edges, Points, minimum_forest, tree_between, tree_within
from dataeval_spark.kernels.vectors.vector_blocks import BlockFiles, read_array, write_array
from dataeval_spark.tables import similarity
from dataeval_spark.tables.arrow import arrow_schema

CENTERS, CLUSTERS, PROBABILITIES = "cluster_centers", "clusters", "probabilities"
TREE = ("tree_sources", "tree_targets", "tree_lengths")
EDGES_AT_ONCE = 4_000_000
MEMBERS_DDL = similarity.CLUSTERS.ddl_of(
    "image_id", "target_index", "cluster_id", "probability", "nearest_cluster", "centroid_distance"
)
MEMBER_SCHEMA = arrow_schema(MEMBERS_DDL)


def nodes_of(files: BlockFiles, number: int) -> NDArray[np.int64]:
    """Place of each row of a block in the order of all ids."""
    return np.asarray(files.codes(number) >> 32)


def write_core_distances(files: BlockFiles, number: int, search: Search) -> None:
    """Store the distance of each row of a block to the last of its ``search.width`` nearest, itself the first."""
    block = files.block(number)
    lists, copy_of = empty_lists(search, block, np.arange(len(block.vectors)))
    for other in range(len(files.names)):
        take_block(search, lists, files.block(other), files.codes(other))
    write_array(files.folder, f"{files.names[number]}.cores", lists.distances[:, -1][copy_of])


def points_of(files: BlockFiles, number: int, has_cores: bool) -> Points:
    """Points of a block; without core distances these are 0."""
    nodes = nodes_of(files, number)
    cores = read_array(files.folder, f"{files.names[number]}.cores") if has_cores else np.zeros(len(nodes))
    return Points(np.asarray(files.block(number).vectors), nodes, np.asarray(cores))


def partners(number: int, blocks: int) -> list[int]:
    """The blocks that a block is compared with, so that each pair is compared once and all have the same work.

    Examples
    --------
    >>> [partners(number, 4) for number in range(4)]
    [[1, 2], [2, 3], [3], [0]]
    """
    later_blocks = [(number + step) % blocks for step in range(1, (blocks - 1) // 2 + 1)]
    return later_blocks + ([number + blocks // 2] if blocks % 2 == 0 and number < blocks // 2 else [])


def write_forest(files: BlockFiles, number: int, has_cores: bool) -> None:
    """Store the minimum spanning forest of the pairs within a block and of those with its partners."""
    points = points_of(files, number, has_cores)
    parts = [tree_within(points)]
    for other in partners(number, len(files.names)):
        parts.append(tree_between(points, points_of(files, other, has_cores)))
        if sum(map(len, parts)) > EDGES_AT_ONCE:
            parts = [minimum_forest(parts)]
    _write_edges(files, f"{files.names[number]}.", minimum_forest(parts))


def write_tree(files: BlockFiles) -> Edges:
    """Merge the forests of all blocks into the one tree and store it."""
    parts: list[Edges] = []
    for name in files.names:
        parts.append(Edges(*(np.asarray(read_array(files.folder, f"{name}.{part}")) for part in TREE)))
        if sum(map(len, parts)) > EDGES_AT_ONCE:
            parts = [minimum_forest(parts)]
    tree = minimum_forest(parts)
    _write_edges(files, "", tree)
    return tree


def _write_edges(files: BlockFiles, prefix: str, edges: Edges) -> None:
    for name, values in zip(TREE, (edges.sources, edges.targets, edges.lengths), strict=True):
        write_array(files.folder, f"{prefix}{name}", values)


def tree_part(files: BlockFiles, start: int, stop: int) -> pa.RecordBatch:
    """Some edges of the stored tree: nodes ``a`` and ``b``, ``length``, and the cluster that both are in, if any."""
    a, b, lengths = (np.asarray(read_array(files.folder, name)[start:stop]) for name in TREE)
    clusters = read_array(files.folder, CLUSTERS)
    of_a = np.asarray(clusters[a])
    is_within = (of_a == clusters[b]) & (of_a != NOISE)
    columns = {"a": a, "b": b, "length": lengths, "cluster_id": pa.array(of_a, mask=~np.asarray(is_within))}
    return pa.RecordBatch.from_pydict(columns)


def write_hdbscan(
    files: BlockFiles, rows: int, min_cluster_size: int, selection: Selection, allow_single_cluster: bool
) -> tuple[int, float]:
    """Merge the forests, and store the cluster and the probability of each row of all blocks.

    Returns how many clusters there are, and the total length of the tree.
    """
    tree = write_tree(files)
    labels = hdbscan_labels(
        tree,
        rows,
        min_cluster_size=min_cluster_size,
        selection=selection,
        allow_single_cluster=allow_single_cluster,
    )
    write_array(files.folder, CLUSTERS, labels.clusters)
    write_array(files.folder, PROBABILITIES, labels.probabilities)
    return int(labels.clusters.max(initial=NOISE)) + 1, float(tree.lengths.sum())


def write_first_centers(files: BlockFiles, clusters: int) -> int:
    """Store the vectors with the smallest draws as centres, and return how many there are."""
    draws, codes = [], []
    for number in range(len(files.names)):
        draws.append(files.block(number).ids["draw"].to_numpy())
        codes.append(files.codes(number))
    draw, code = np.concatenate(draws), np.concatenate(codes)
    center_codes = code[np.lexsort((code, draw))[:clusters]]
    block, row = files.places(center_codes)
    centers = np.stack([files.block(at).vectors[place] for at, place in zip(block, row, strict=True)])
    write_array(files.folder, CENTERS, centers.astype(np.float32))
    return len(centers)


def sums_of_nearest(files: BlockFiles, number: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Number of rows of a block that are nearest to each centre (K,), and their sums (K, d)."""
    vectors = np.asarray(files.block(number).vectors)
    centers = read_array(files.folder, CENTERS)
    return sums_by_label(vectors, nearest_center(vectors, np.asarray(centers)), len(centers))


def sums_of_clusters(files: BlockFiles, number: int, clusters: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Number of rows of a block in each cluster (K,), and their sums (K, d)."""
    labels = read_array(files.folder, CLUSTERS)[nodes_of(files, number)]
    return sums_by_label(np.asarray(files.block(number).vectors), np.asarray(labels), clusters)


def members(files: BlockFiles, number: int, is_nearest: bool) -> pa.RecordBatch:
    """The rows of a block with their clusters: those stored, or with ``is_nearest`` those of the nearest centres."""
    block, centers = files.block(number), np.asarray(read_array(files.folder, CENTERS), np.float64)
    vectors, nodes = block.vectors.astype(np.float64), nodes_of(files, number)
    if is_nearest:
        clusters = own = nearest_center(vectors, centers)
        probabilities = np.ones(len(nodes))
    else:
        clusters = np.asarray(read_array(files.folder, CLUSTERS)[nodes])
        probabilities = np.asarray(read_array(files.folder, PROBABILITIES)[nodes])
        # A row of a cluster is measured from its own centre, noise from the nearest.
        own, noise = clusters.copy(), np.flatnonzero(clusters == NOISE)
        if len(centers):
            own[noise] = nearest_center(vectors[noise], centers)
    distances = np.linalg.norm(vectors - centers[own], axis=1) if len(centers) else np.full(len(nodes), np.nan)
    of_nearest = (pa.array(values, mask=own == NOISE) for values in (own, distances))
    columns = [
        block.ids["image_id"],
        block.ids["target_index"],
        pa.array(clusters),
        pa.array(probabilities),
        *of_nearest,
    ]
    return pa.Table.from_arrays(columns, MEMBER_SCHEMA.names).cast(MEMBER_SCHEMA).combine_chunks().to_batches()[0]
