"""Clusters of embeddings: what belongs together, what belongs to nothing, and the tree that says so."""

from __future__ import annotations

from functools import reduce
from math import isqrt
from typing import Literal, get_args

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.similarity.cluster_tables import cluster_tables
from dataeval_spark.analyses.similarity.embedding_sets import Finding, Part, parts_of
from dataeval_spark.errors import OptionError
from dataeval_spark.frames.blocks import Checkpoint, cut_into_blocks
from dataeval_spark.frames.clusters import hdbscan_clusters, kmeans_clusters, make_spanning_tree
from dataeval_spark.frames.contract import rows_of
from dataeval_spark.kernels.vectors.hdbscan import Selection
from dataeval_spark.tables.runs import DATASET_FINDINGS
from dataeval_spark.tables.similarity import CLUSTER_STATS, CLUSTERS, SPANNING_TREE

Method = Literal["auto", "hdbscan", "kmeans"]
# Smaller than for neighbours: a task's points stay in the cache, and twenty thousand vectors make ten tasks.
BLOCK_ROWS = 2048
MOST_ITERATIONS = 50
# A core subtracts, squares and adds in float64 at 2.5 billion components a second or more.
COMPONENTS_PER_CORE_HOUR = 2.5e9 * 3600


def clusters(
    embeddings: DataFrame,
    *,
    method: Method = "auto",
    encoder: str | None = None,
    per_target: bool = False,
    min_cluster_size: int | None = None,
    min_samples: int = 5,
    selection: Selection = "eom",
    allow_single_cluster: bool = False,
    n_clusters: int | None = None,
    threshold: float = 2.5,
    sensitivity: float | None = None,
    max_core_hours: float = 2.0,
    block_rows: int = BLOCK_ROWS,
    seed: int = 0,
    scratch: str | None = None,
    checkpoint: Checkpoint | None = None,
) -> tuple[DataFrame, DataFrame, DataFrame, DataFrame]:
    """Cluster the vectors of each encoder.

    * ``hdbscan``: from the exact minimum spanning tree by mutual reachability, of all pairs, whatever the blocks.
      N^2 d operations; the last part runs in one task, of about 100 bytes per vector.
    * ``kmeans``: Lloyd's iteration from ``n_clusters`` vectors drawn by ``seed`` and id, until nothing moves, or 50
      times.

    An image is an outlier of its cluster when its distance to the centre is more than ``threshold`` standard
    deviations above the mean of the cluster; noise is compared with the cluster whose centre is nearest. Near
    duplicates are the ends of an edge within a cluster that is shorter than ``sensitivity`` times the standard
    deviation of its edges, or 0.

    Jobs run at once, up to the clusters; distances, statistics and edges are computed with the result.

    Parameters
    ----------
    embeddings : DataFrame
        Table of this name.
    method : {"auto", "hdbscan", "kmeans"}
        "auto" is hdbscan as long as its cost is estimated below ``max_core_hours``.
    encoder : str, optional
        Whose vectors; default every encoder there is.
    per_target : bool
        Boxes too, among the boxes.
    min_cluster_size : int, optional
        Smaller groups are noise. Default 5 % of the images, at least 5 and at most 100.
    min_samples : int
        Mutual reachability reaches over so many nearest vectors, the vector itself the first; more make more noise.
        1 is plain single linkage, as DataEval has it.
    selection : {"eom", "leaf"}
        Clusters by excess of mass, or the smallest of the hierarchy.
    allow_single_cluster : bool
        All images may be one cluster; not with "leaf".
    n_clusters : int, optional
        Of k-means; default the square root of the number of images.
    threshold : float
        Standard deviations above the mean distance to the centre that make an outlier.
    sensitivity : float, optional
        Share of the standard deviation of a cluster's edges that makes near duplicates; needs ``min_samples`` = 1.
        Default: only edges of length 0.
    max_core_hours : float
        Above it, "auto" takes k-means.
    block_rows : int
        Vectors per block.
    seed : int
        Of the first centers of k-means.
    scratch : str, optional
        Folder that the driver and all workers can open; without it nothing is clustered, and a finding says so.
    checkpoint : callable, optional
        Stores the members, which are read several times; default in the executors' own storage.

    Returns
    -------
    tuple of DataFrame
        Tables ``clusters``, ``cluster_stats``, ``spanning_tree`` (empty for k-means) and rows of ``dataset_findings``,
        all without ``run_id``.

    Raises
    ------
    EmbeddingError
        A vector holds NaN or infinity, has another length than the rest, or comes from another version of its encoder.
    OptionError
        An option is unknown or out of range, or there is no such encoder.

    References
    ----------
    Campello, Moulavi and Sander (2013); McInnes and Healy (2017); scikit-learn's ``HDBSCAN``: equal clusters and
    probabilities where no two edges have one length. DataEval 1.1.4, ``Outliers.from_clusters`` and
    ``Duplicates.from_clusters``, on the minimum tree (its tree can be 28 % too heavy). Other than there, one noise
    point does not move all others to the nearest centre, and equal images are duplicates whatever the other edges.

    Examples
    --------
    >>> members, stats, tree, findings = clusters(embeddings, min_samples=1, sensitivity=1.0, scratch="/shared/run_1")
    """
    OptionError.unless_one_of("clusters.method", method, get_args(Method))
    OptionError.unless_one_of("clusters.selection", selection, get_args(Selection))
    OptionError.unless_between("clusters.threshold", threshold, 0.0, 1e6)
    OptionError.unless_between("clusters.max_core_hours", max_core_hours, 0.0, 1e9)
    OptionError.unless_between("clusters.block_rows", block_rows, 2, 1_000_000)
    if sensitivity is not None:
        OptionError.unless_between("clusters.sensitivity", sensitivity, 0.0, 1e6)
    for name, value, least in (
        ("min_cluster_size", min_cluster_size, 2),
        ("min_samples", min_samples, 1),
        ("n_clusters", n_clusters, 1),
    ):
        if value is not None:
            OptionError.unless_between(f"clusters.{name}", value, least, 1_000_000)
    if sensitivity is not None and min_samples != 1:
        raise OptionError(
            f"clusters.sensitivity is {sensitivity} and min_samples {min_samples}; near duplicates are measured by "
            "plain distances.\nHint: --set clusters.min_samples=1"
        )
    made: list[tuple[DataFrame, DataFrame, DataFrame]] = []
    findings: list[Finding] = []
    for number, part in enumerate(parts_of(embeddings, encoder, per_target)):
        if scratch is None:
            findings.append(_not_clustered(part))
            continue
        vectors = embeddings.where(part.condition).select(
            "image_id", "target_index", "embedding", F.lit(1).alias("roles")
        )
        blocks = cut_into_blocks(
            vectors,
            metric="euclidean",
            scratch=f"{scratch}/{number}",
            block_rows=block_rows,
            rows=part.count,
            seed=seed,
        )
        rows = sum(blocks.rows)
        smallest = min_cluster_size or min(max(5, rows // 20), 100)
        samples = min(min_samples, rows)
        hours = blocks.dimension * rows**2 * (1.0 if samples > 1 else 0.5) / COMPONENTS_PER_CORE_HOUR
        is_tree = method == "hdbscan" or (method == "auto" and hours <= max_core_hours)
        if is_tree:
            make_spanning_tree(blocks, embeddings, min_samples=samples)
            weight = hdbscan_clusters(
                blocks,
                embeddings,
                min_cluster_size=smallest,
                selection=selection,
                allow_single_cluster=allow_single_cluster,
            )
            detail = f"min_cluster_size {smallest}, min_samples {samples}; the spanning tree weighs {weight:.9g}"
        else:
            centers = n_clusters or isqrt(rows)
            iterations = kmeans_clusters(blocks, embeddings, clusters=centers, iterations=MOST_ITERATIONS)
            still = f"stood still after {iterations}" if iterations < MOST_ITERATIONS else f"stopped after {iterations}"
            detail = f"{centers} centres, which {still} iterations"
        name = "hdbscan" if is_tree else "kmeans"
        made.append(cluster_tables(embeddings, blocks, part, name, samples, threshold, sensitivity or 0.0, checkpoint))
        message = f"{part.subject}: {name}, {detail}; hdbscan is estimated at {hours:.2g} core hours."
        findings.append(("clusters", "clusters_method", part.subject, hours, None, "info", message))
    of_table = [reduce(DataFrame.unionByName, frames) for frames in zip(*made, strict=True)]
    tables = (CLUSTERS, CLUSTER_STATS, SPANNING_TREE)
    members, stats, tree = of_table or [rows_of(embeddings, table, []) for table in tables]
    return members, stats, tree, rows_of(embeddings, DATASET_FINDINGS, findings)


def _not_clustered(part: Part) -> Finding:
    message = f"{part.subject}: not clustered: the driver and the workers share no folder. Give --scratch DIRECTORY."
    return ("clusters", "clusters_method", part.subject, 0.0, None, "warning", message)
