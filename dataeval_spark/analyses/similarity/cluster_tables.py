"""What the tables of clusters say of their members, of each cluster and of the edges of the tree."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.similarity.embedding_sets import Part
from dataeval_spark.frames.blocks import Blocks, Checkpoint, kept_by_executors
from dataeval_spark.frames.clusters import cluster_members, tree_edges
from dataeval_spark.frames.contract import rows_of
from dataeval_spark.frames.exact_sums import Aggregate, exact_mean_and_std
from dataeval_spark.frames.spread import has_spread, score_above
from dataeval_spark.kernels.vectors.hdbscan import NOISE
from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.similarity import CLUSTER_STATS, CLUSTERS, SPANNING_TREE


def cluster_tables(
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
    nearest = F.min(F.struct("centroid_distance", "image_id", "target_index"))
    others: dict[str, Aggregate] = {
        "members": (F.count("*"), F.sum),
        "max_distance": (F.max("centroid_distance"), F.max),
        "first": (nearest, F.min),
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


def _members(members: DataFrame, stats: DataFrame, part: Part, method: str, threshold: float) -> DataFrame:
    anchors = {"low_anchor": "mean_distance", "high_anchor": "mean_distance"}
    spreads = {"low_spread": "std_distance", "high_spread": "std_distance"}
    columns_of = (F.col(source).alias(name) for name, source in {**anchors, **spreads}.items())
    usual = F.broadcast(stats.select(F.col("cluster_id").alias("nearest_cluster"), *columns_of))
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
    return _in_order_of(CLUSTERS, joined, columns)


def _stats(stats: DataFrame, edge_stats: DataFrame | None, part: Part) -> DataFrame:
    columns = {"encoder": F.lit(part.encoder), "is_box": F.lit(part.is_box)}
    if edge_stats is None:
        nothing = F.lit(None).cast("double")
        return _in_order_of(CLUSTER_STATS, stats, {**columns, "mean_edge": nothing, "std_edge": nothing})
    # One row per cluster on both sides.
    return _in_order_of(CLUSTER_STATS, stats.join(edge_stats, on="cluster_id", how="left"), columns)


def _spanning_tree(edges: DataFrame, edge_stats: DataFrame, part: Part, samples: int, sensitivity: float) -> DataFrame:
    # One row per cluster on the right.
    joined = edges.join(F.broadcast(edge_stats), on="cluster_id", how="left")
    is_short = (F.col("length") == 0) | (F.col("length") < sensitivity * F.col("std_edge"))
    columns = {
        "encoder": F.lit(part.encoder),
        "min_samples": F.lit(samples),
        "is_near_duplicate": F.coalesce(is_short & F.col("cluster_id").isNotNull(), F.lit(False)),
    }
    return _in_order_of(SPANNING_TREE, joined, columns)


def _in_order_of(table: Table, frame: DataFrame, columns: dict[str, Column]) -> DataFrame:
    names = table.result_names
    return frame.select(*(columns.get(name, F.col(name)).alias(name) for name in names))
