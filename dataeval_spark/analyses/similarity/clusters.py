"""Clusters of embeddings: members, noise, and the spanning tree that they follow from."""

from __future__ import annotations

from functools import reduce
from math import isqrt
from typing import Literal, get_args

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.similarity.embedding_sets import Finding, Part, parts_of
from dataeval_spark.errors import OptionError
from dataeval_spark.frames.blocks import Blocks, Checkpoint, cut_into_blocks, kept_by_executors
from dataeval_spark.frames.clusters import (
    cluster_members,
    hdbscan_clusters,
    kmeans_clusters,
    make_spanning_tree,
    tree_edges,
)
from dataeval_spark.frames.contract import rows_of
from dataeval_spark.frames.exact_sums import Aggregate, exact_mean_and_std
from dataeval_spark.frames.spread import has_spread, score_above
from dataeval_spark.kernels.vectors.hdbscan import NOISE, Selection
from dataeval_spark.option_checks.ranges import within
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
        Encoder whose vectors are used; default every encoder there is.
    per_target : bool
        Cluster boxes too, among the boxes.
    min_cluster_size : int, optional
        Size below which a group is noise. Default 5 % of the images, at least 5 and at most 100.
    min_samples : int
        Number of nearest vectors of mutual reachability, the vector itself the first; more make more noise.
        1 is plain single linkage, as DataEval has it.
    selection : {"eom", "leaf"}
        Rule that selects the clusters: excess of mass, or the smallest of the hierarchy.
    allow_single_cluster : bool
        Whether all images may be one cluster; not with "leaf".
    n_clusters : int, optional
        Clusters of k-means; default the square root of the number of images.
    threshold : float
        Standard deviations above the mean distance to the centre that make an outlier.
    sensitivity : float, optional
        Share of the standard deviation of a cluster's edges that makes near duplicates; needs ``min_samples`` = 1.
        Default: only edges of length 0.
    max_core_hours : float
        Cost above which "auto" takes k-means.
    block_rows : int
        Vectors per block.
    seed : int
        Seed of the first centers of k-means.
    scratch : str, optional
        Folder that the driver and all workers can open; without it nothing is clustered, and a finding says so.
    checkpoint : callable, optional
        Function that stores the members, which are read several times; default in the executors' own storage.

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
    >>> members, stats, tree, findings = clusters(embeddings, min_samples=1, scratch="/shared/run_2")
    >>> stats.orderBy("cluster_id").selectExpr("cluster_id", "members", "round(mean_distance, 2) AS mean").show(3)
    +----------+-------+----+
    |cluster_id|members|mean|
    +----------+-------+----+
    |        -1|     13|3.44|
    |         0|    148|2.85|
    |         1|     10|1.74|
    +----------+-------+----+
    """
    OptionError.unless_one_of("clusters.method", method, get_args(Method))
    OptionError.unless_one_of("clusters.selection", selection, get_args(Selection))
    within("clusters.max_core_hours", max_core_hours)
    within("clusters.block_rows", block_rows)
    _check_counts(min_cluster_size=min_cluster_size, min_samples=min_samples, n_clusters=n_clusters)
    _check_distances(threshold, sensitivity, min_samples)
    encoder_tables: list[tuple[DataFrame, DataFrame, DataFrame]] = []
    findings: list[Finding] = []
    for number, part in enumerate(parts_of(embeddings, encoder, per_target, "clusters")):
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
        samples = min(min_samples, rows)
        hours = blocks.dimension * rows**2 * (1.0 if samples > 1 else 0.5) / COMPONENTS_PER_CORE_HOUR
        is_tree = method == "hdbscan" or (method == "auto" and hours <= max_core_hours)
        if is_tree:
            smallest = min_cluster_size or min(max(5, rows // 20), 100)
            detail = _by_hdbscan(blocks, embeddings, smallest, samples, selection, allow_single_cluster)
        else:
            detail = _by_kmeans(blocks, embeddings, n_clusters or isqrt(rows))
        name = "hdbscan" if is_tree else "kmeans"
        encoder_tables.append(
            _tables(embeddings, blocks, part, name, samples, threshold, sensitivity or 0.0, checkpoint)
        )
        message = f"{part.subject}: {name}, {detail}; hdbscan is estimated at {hours:.2g} core hours."
        findings.append(("clusters", "clusters_method", part.subject, hours, None, "info", message))
    of_table = [reduce(DataFrame.unionByName, frames) for frames in zip(*encoder_tables, strict=True)]
    tables = (CLUSTERS, CLUSTER_STATS, SPANNING_TREE)
    members, stats, tree = of_table or [rows_of(embeddings, table, []) for table in tables]
    return members, stats, tree, rows_of(embeddings, DATASET_FINDINGS, findings)


def _check_counts(**counts: int | None) -> None:
    for name, value in counts.items():
        if value is not None:
            within(f"clusters.{name}", value)


def _check_distances(threshold: float, sensitivity: float | None, min_samples: int) -> None:
    within("clusters.threshold", threshold)
    if sensitivity is None:
        return
    within("clusters.sensitivity", sensitivity)
    if min_samples != 1:
        raise OptionError(
            f"clusters.sensitivity is {sensitivity} and clusters.min_samples is {min_samples}; near duplicates need "
            "plain distances: expected min_samples 1.\nHint: --set clusters.min_samples=1"
        )


def _by_hdbscan(
    blocks: Blocks,
    embeddings: DataFrame,
    smallest: int,
    samples: int,
    selection: Selection,
    allow_single_cluster: bool,
) -> str:
    """Make the tree and its clusters beside the blocks; the parameters and the weight of the tree, as a text."""
    make_spanning_tree(blocks, embeddings, min_samples=samples)
    weight = hdbscan_clusters(
        blocks,
        embeddings,
        min_cluster_size=smallest,
        selection=selection,
        allow_single_cluster=allow_single_cluster,
    )
    return f"min_cluster_size {smallest}, min_samples {samples}; the spanning tree weighs {weight:.9g}"


def _by_kmeans(blocks: Blocks, embeddings: DataFrame, centers: int) -> str:
    """Make the clusters beside the blocks; their number and that of the iterations, as a text."""
    iterations = kmeans_clusters(blocks, embeddings, clusters=centers, iterations=MOST_ITERATIONS)
    ended = "converged" if iterations < MOST_ITERATIONS else "were stopped"
    return f"{centers} centres, which {ended} after {iterations} iterations"


def _not_clustered(part: Part) -> Finding:
    message = f"{part.subject}: not clustered: the driver and the workers share no folder. Give --scratch DIRECTORY."
    return ("clusters", "clusters_method", part.subject, 0.0, None, "warning", message)


def _tables(
    embeddings: DataFrame,
    blocks: Blocks,
    part: Part,
    method: str,
    samples: int,
    threshold: float,
    sensitivity: float,
    checkpoint: Checkpoint | None,
) -> tuple[DataFrame, DataFrame, DataFrame]:
    """Tables ``clusters``, ``cluster_stats`` and ``spanning_tree`` of one part, without ``run_id``."""
    keep = checkpoint or kept_by_executors
    members = keep(cluster_members(blocks, embeddings, is_nearest=method == "kmeans"))
    stats = keep(_distance_stats(members))
    if method == "kmeans":
        tree, edge_stats = rows_of(embeddings, SPANNING_TREE, []), None
    else:
        edges = keep(tree_edges(blocks, embeddings))
        of_clusters = edges.where("cluster_id IS NOT NULL")
        moments = exact_mean_and_std(of_clusters, ["cluster_id"], F.col("length"))
        edge_stats = moments.withColumnsRenamed({"mean": "mean_edge", "std": "std_edge"})
        tree = _spanning_tree(edges, edge_stats, part, samples, sensitivity)
    return _members(members, stats, part, method, threshold), _stats(stats, edge_stats, part), tree


def _distance_stats(members: DataFrame) -> DataFrame:
    """Distances to the centre per cluster, one row each; noise is a row of its own."""
    nearest = F.min_by(F.struct("centroid_distance", "image_id", "target_index"), _nearest_first(""))
    others: dict[str, Aggregate] = {
        "members": (F.count("*"), F.sum),
        "max_distance": (F.max("centroid_distance"), F.max),
        "first": (nearest, lambda name: F.min_by(name, _nearest_first(f"{name}."))),
    }
    moments = exact_mean_and_std(members, ["cluster_id"], F.col("centroid_distance"), others)
    stats = moments.withColumnsRenamed({"mean": "mean_distance", "std": "std_distance"})
    is_cluster = F.col("cluster_id") != NOISE
    return stats.select(
        "cluster_id",
        "members",
        "mean_distance",
        "std_distance",
        "max_distance",
        F.when(is_cluster, F.col("first.image_id")).alias("center_image_id"),
        F.when(is_cluster, F.col("first.target_index")).alias("center_target_index"),
    )


def _nearest_first(prefix: str) -> Column:
    """Order of the members of a cluster; without nulls, which each engine puts elsewhere in the order of structs."""
    target = F.coalesce(F.col(f"{prefix}target_index"), F.lit(-1))
    return F.struct(F.col(f"{prefix}centroid_distance"), F.col(f"{prefix}image_id"), target)


def _members(members: DataFrame, stats: DataFrame, part: Part, method: str, threshold: float) -> DataFrame:
    mean, std = F.col("mean_distance"), F.col("std_distance")
    anchors = (mean.alias("low_anchor"), mean.alias("high_anchor"), std.alias("low_spread"), std.alias("high_spread"))
    usual = F.broadcast(stats.select(F.col("cluster_id").alias("nearest_cluster"), *anchors))
    # One row per cluster on the right.
    joined = members.withColumn("value", F.col("centroid_distance")).join(usual, on="nearest_cluster", how="left")
    score = F.when(has_spread(), score_above())
    columns = {
        "encoder": F.lit(part.encoder),
        "score": score,
        "threshold": F.lit(float(threshold)),
        "is_outlier": F.coalesce(score > threshold, F.lit(False)),
        "method": F.lit(method),
    }
    return joined.withColumns(columns).select(*CLUSTERS.result_names)


def _stats(stats: DataFrame, edge_stats: DataFrame | None, part: Part) -> DataFrame:
    if edge_stats is None:
        nothing = F.lit(None).cast("double")
        stats = stats.withColumns({"mean_edge": nothing, "std_edge": nothing})
    else:
        # One row per cluster on both sides.
        stats = stats.join(edge_stats, on="cluster_id", how="left")
    columns = {"encoder": F.lit(part.encoder), "is_box": F.lit(part.is_box)}
    return stats.withColumns(columns).select(*CLUSTER_STATS.result_names)


def _spanning_tree(edges: DataFrame, edge_stats: DataFrame, part: Part, samples: int, sensitivity: float) -> DataFrame:
    # One row per cluster on the right.
    joined = edges.join(F.broadcast(edge_stats), on="cluster_id", how="left")
    is_short = (F.col("length") == 0) | (F.col("length") < sensitivity * F.col("std_edge"))
    columns = {
        "encoder": F.lit(part.encoder),
        "min_samples": F.lit(samples),
        "is_near_duplicate": F.coalesce(is_short & F.col("cluster_id").isNotNull(), F.lit(False)),
    }
    return joined.withColumns(columns).select(*SPANNING_TREE.result_names)
