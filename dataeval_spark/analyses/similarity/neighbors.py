"""The k-nearest-neighbour graph of all images, kept up to date as images come and go."""

from __future__ import annotations

from functools import reduce
from typing import Literal, get_args

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from dataeval_spark.analyses.similarity.embedding_sets import Finding, Part, parts_of
from dataeval_spark.errors import OptionError
from dataeval_spark.frames.approximate_neighbors import InvertedFile, approximate_neighbors, make_inverted_file
from dataeval_spark.frames.blocks import (
    BLOCK_ROWS,
    Blocks,
    Checkpoint,
    cut_into_blocks,
    ids_of_blocks,
    kept_by_executors,
    with_fingerprints,
)
from dataeval_spark.frames.contract import IDS, NEIGHBOR_IDS, rows_of, same_keys
from dataeval_spark.frames.neighbors import nearest_neighbors
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.options import Metric
from dataeval_spark.tables.runs import DATASET_FINDINGS
from dataeval_spark.tables.similarity import NEIGHBORS

Method = Literal["auto", "exact", "approximate"]
MOST_BROADCAST = 1_000_000
ORDER = ("distance", "neighbor_id", "neighbor_target_index")
COLUMNS = NEIGHBORS.result_names
# A core of a laptop multiplies matrices in float32 at 20 to 60 billion operations a second.
OPERATIONS_PER_CORE_HOUR = 25e9 * 3600
# Roles of a row in a search.
INDEXED, ASKED, NEW, KEPT = 1, 2, 4, 8


def neighbors(
    embeddings: DataFrame,
    previous: DataFrame | None = None,
    *,
    k: int = 10,
    metric: Metric = "euclidean",
    encoder: str | None = None,
    per_target: bool = False,
    method: Method = "auto",
    max_core_hours: float = 2.0,
    recall: float = 0.98,
    block_rows: int = BLOCK_ROWS,
    seed: int = 0,
    scratch: str | None = None,
    checkpoint: Checkpoint | None = None,
) -> tuple[DataFrame, DataFrame]:
    """Find the k nearest neighbours of each image among all others.

    Exact: equal to a brute-force search in float64 with ties ordered by (image_id, target_index). The cost
    is N^2 d multiplications. With ``previous``, new images are compared with all and all with them, and images
    that lost a neighbour are searched again: the result is the same, bit for bit, as without it.

    Approximate: each image searches only the nearest of about sqrt(N) k-means clusters, as many as it takes for
    ``recall``; the recall is measured on other queries than those that chose the number, and written to
    ``dataset_findings`` with its interval. Distances are exact. It starts from nothing each time.

    Jobs run at once to cut the vectors into blocks; the search itself runs when the result is computed.

    Parameters
    ----------
    embeddings : DataFrame
        Table of this name.
    previous : DataFrame, optional
        Table ``neighbors`` as it was; used where it has the same k, metric and version of the encoder.
    k : int
        Neighbours per image.
    metric : {"euclidean", "cosine", "inner_product"}
        Distance that counts as near.
    encoder : str, optional
        Encoder whose vectors are used; default every encoder there is.
    per_target : bool
        Find neighbours of boxes too, among the boxes.
    method : {"auto", "exact", "approximate"}
        "auto" is exact as long as the cost is estimated below ``max_core_hours`` and where workers share no folder.
    max_core_hours : float
        Cost above which "auto" is approximate, at 25 billion operations a second and core.
    recall : float
        Share of the true neighbours that the approximate search is to find.
    block_rows : int
        Vectors per block: a task holds two blocks.
    seed : int
        Seed of the samples that the approximate search draws.
    scratch : str, optional
        Folder that the driver and all workers can open.
    checkpoint : callable, optional
        Function that stores a frame; used without ``scratch``.

    Returns
    -------
    tuple of DataFrame
        Table ``neighbors`` without ``run_id``, and rows of ``dataset_findings`` that say how it was made.

    Raises
    ------
    EmbeddingError
        A vector holds NaN or infinity, has another length than the rest, or comes from another version of its encoder.
    OptionError
        An option is out of range, or there is no such encoder.

    Examples
    --------
    >>> graph, findings = neighbors(embeddings, k=2, metric="cosine", scratch="/shared/run_1")
    >>> graph = graph.orderBy("image_id", "rank")
    >>> graph.selectExpr("image_id", "rank", "neighbor_id", "round(distance, 3) AS distance").show(3)
    +--------------------+----+--------------------+--------+
    |            image_id|rank|         neighbor_id|distance|
    +--------------------+----+--------------------+--------+
    |demo/eight/00009.jpg|   1|demo/three/00028.png|   0.188|
    |demo/eight/00009.jpg|   2|  demo/one/00043.jpg|   0.227|
    |demo/eight/00032.jpg|   1|demo/seven/00022.jpg|   0.191|
    +--------------------+----+--------------------+--------+
    only showing top 3 rows
    """
    within("neighbors.k", k)
    OptionError.unless_one_of("neighbors.metric", metric, get_args(Metric))
    OptionError.unless_one_of("neighbors.method", method, get_args(Method))
    within("neighbors.recall", recall)
    within("neighbors.max_core_hours", max_core_hours)
    within("neighbors.block_rows", block_rows)
    graphs, findings = [], []
    for number, part in enumerate(parts_of(embeddings, encoder, per_target, "neighbors")):
        folder = None if scratch is None else f"{scratch}/{number}"
        vectors = embeddings.where(part.condition).select("image_id", "target_index", "embedding")
        usable = None if previous is None else _usable(previous, part, k, metric)
        if usable is None:
            prepared, unchanged_lists = vectors.withColumn("roles", F.lit(INDEXED | ASKED)), None
        else:
            prepared, unchanged_lists = _roles(vectors, usable, k, checkpoint)
        blocks = cut_into_blocks(
            prepared,
            metric=metric,
            scratch=folder,
            checkpoint=checkpoint,
            block_rows=block_rows,
            rows=part.count,
            seed=seed,
        )
        ids = ids_of_blocks(blocks, embeddings)
        hours = _core_hours(part, blocks)
        is_large = hours > max_core_hours and scratch is not None
        if method == "approximate" or (method == "auto" and is_large):
            index = make_inverted_file(blocks, embeddings, k=k, recall=recall)
            graph = approximate_neighbors(blocks, embeddings, index, k=k)
            algorithm = "approximate"
            findings.append(_recall_finding(part, index, k, recall, metric))
        else:
            graph = nearest_neighbors(blocks, embeddings, k=k, query_role=ASKED, index_role=INDEXED)
            algorithm = "exact"
            if unchanged_lists is not None and blocks.rows_with(KEPT):
                nearer = nearest_neighbors(
                    blocks, embeddings, k=k, query_role=KEPT, index_role=NEW, is_self=False, within_reach=True
                )
                changed, unchanged = _merged(unchanged_lists, nearer, k, checkpoint)
                graph = graph.unionByName(changed)
                graphs.append(unchanged.select(*COLUMNS))
        graphs.append(_with_provenance(graph, ids, part, k, metric, algorithm))
        findings.append(_method_finding(part, blocks, hours, k, metric, algorithm))
    graph = reduce(DataFrame.unionByName, graphs) if graphs else rows_of(embeddings, NEIGHBORS, [])
    return graph, rows_of(embeddings, DATASET_FINDINGS, findings)


def _core_hours(part: Part, blocks: Blocks) -> float:
    """Estimated cost of the exact search."""
    pairs = blocks.rows_with(ASKED) * part.count + blocks.rows_with(KEPT) * blocks.rows_with(NEW)
    return 2.0 * blocks.dimension * pairs / OPERATIONS_PER_CORE_HOUR


def _method_finding(part: Part, blocks: Blocks, hours: float, k: int, metric: str, algorithm: str) -> Finding:
    """Finding that says how the graph was made."""
    searched = part.count if algorithm == "approximate" else blocks.rows_with(ASKED)
    message = (
        f"{part.subject}, {metric}: {algorithm} {k} nearest neighbours of {part.count:,} vectors, {searched:,} of them "
        f"searched among all others; the exact search is estimated at {hours:.2g} core hours."
    )
    return ("neighbors", "neighbors_method", part.subject, hours, None, "info", message)


def _recall_finding(part: Part, index: InvertedFile, k: int, target: float, metric: str) -> Finding:
    """Finding that states the recall of the approximate search."""
    message = (
        f"{part.subject}, {metric}: recall@{k} {index.recall}; each query looks into {index.probes:,} of "
        f"{index.clusters:,} clusters."
    )
    severity = "info" if index.recall.upper >= target else "warning"
    return ("neighbors", "neighbors_recall", part.subject, index.recall.value, target, severity, message)


def _usable(previous: DataFrame, part: Part, k: int, metric: str) -> DataFrame:
    """Lists of an earlier run that were made in the same way."""
    same = (F.col("k") == k) & (F.col("metric") == metric) & (F.col("encoder_version") == part.version)
    return previous.where(part.condition & same & (F.col("method") == "exact"))


def _roles(
    vectors: DataFrame, earlier: DataFrame, k: int, checkpoint: Checkpoint | None
) -> tuple[DataFrame, DataFrame]:
    """Choose queries: new vectors and those that lost a neighbour; the others keep their lists, but for new neighbours.

    Returns the vectors with their roles and the distance of the last of each full list, and the lists that are kept.
    """
    store = checkpoint or kept_by_executors
    # Stored: new and lost vectors both need them.
    prints = store(with_fingerprints(vectors))
    listed = store(earlier.where("rank = 1").select("image_id", "target_index", "fingerprint"))
    same_vector = same_keys((*IDS, "fingerprint"), "v", "l")
    new = prints.alias("v").join(listed.alias("l"), on=same_vector, how="left_anti")
    gone = _few(store(listed.alias("l").join(prints.alias("v"), on=same_vector, how="left_anti")))
    names_gone = same_keys(NEIGHBOR_IDS, "n", "g")
    lost = earlier.alias("n").join(gone.alias("g"), on=names_gone, how="left_semi")
    lost = lost.select("image_id", "target_index").distinct()
    old_and_lost = lost.alias("s").join(new.alias("v"), on=same_keys(IDS, "s", "v"), how="left_anti")
    queries = new.select("image_id", "target_index", F.lit(INDEXED | ASKED | NEW).alias("roles")).unionByName(
        old_and_lost.select("image_id", "target_index", F.lit(INDEXED | ASKED).alias("roles"))
    )
    queries = _few(store(queries))
    # image_id and target_index are unique on all sides.
    with_roles = vectors.alias("v").join(queries.alias("a"), on=same_keys(IDS, "v", "a"), how="left")
    with_reach = with_roles.join(_last(earlier, k).alias("l"), on=same_keys(IDS, "v", "l"), how="left")
    roles = with_reach.select("v.*", F.coalesce("a.roles", F.lit(INDEXED | KEPT)).alias("roles"), "l.reach")
    stale = queries.select("image_id", "target_index").unionByName(gone.select("image_id", "target_index")).distinct()
    stale = _few(store(stale))
    return roles, earlier.alias("n").join(stale.alias("s"), on=same_keys(IDS, "n", "s"), how="left_anti")


def _last(earlier: DataFrame, k: int) -> DataFrame:
    """Distance of the last neighbour of each list that has k."""
    return earlier.where(F.col("rank") == k).select("image_id", "target_index", F.col("distance").alias("reach"))


def _few(ids: DataFrame) -> DataFrame:
    """Stored ids, sent to each task where they are few, so that the frame they are joined to stays in place."""
    return F.broadcast(ids) if ids.count() <= MOST_BROADCAST else ids


def _merged(
    earlier: DataFrame, nearer: DataFrame, k: int, checkpoint: Checkpoint | None
) -> tuple[DataFrame, DataFrame]:
    """Kept lists with the new vectors that are near enough to enter them; and the lists that stay as they are."""
    store = checkpoint or kept_by_executors
    # A list has one last row, or fewer than k.
    reached = nearer.alias("n").join(_last(earlier, k).alias("l"), on=same_keys(IDS, "n", "l"), how="left")
    columns = ("image_id", "target_index", "neighbor_id", "neighbor_target_index", "distance")
    # Among equal distances, the order of the ids decides.
    entering = store(reached.where("reach IS NULL OR distance <= reach").select(*(f"n.{name}" for name in columns)))
    touched = _few(store(entering.select("image_id", "target_index").distinct()))
    same_list = same_keys(IDS, "k", "t")
    old = earlier.alias("k").join(touched.alias("t"), on=same_list, how="left_semi").select(*columns)
    lists = Window.partitionBy("image_id", "target_index").orderBy(*ORDER)
    both = old.unionByName(entering).withColumn("rank", F.row_number().over(lists)).where(F.col("rank") <= k)
    return both, earlier.alias("k").join(touched.alias("t"), on=same_list, how="left_anti")


def _with_provenance(graph: DataFrame, ids: DataFrame, part: Part, k: int, metric: str, algorithm: str) -> DataFrame:
    joined = graph.alias("g").join(ids.alias("f"), on=same_keys(IDS, "g", "f"), how="inner")
    provenance = {
        "encoder": F.lit(part.encoder),
        "metric": F.lit(metric),
        "k": F.lit(k),
        "method": F.lit(algorithm),
        "encoder_version": F.lit(part.version),
    }
    return joined.select("g.*", "f.fingerprint").withColumns(provenance).select(*COLUMNS)
