"""Embedding scores: how far each image is from the others, how many have it nearby, and how typical it is."""

from __future__ import annotations

from typing import Literal, get_args

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.blocks import Checkpoint, kept_by_executors
from dataeval_spark.frames.contract import IDS, NEIGHBOR_IDS, same_keys
from dataeval_spark.frames.exact_sums import ordered_sum
from dataeval_spark.frames.neighbors import first_of_lists
from dataeval_spark.frames.ranks import positions
from dataeval_spark.frames.spread import Method, default_threshold, has_spread, score_above, spreads
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.tables.similarity import EMBEDDING_SCORES

Statistic = Literal["mean_distance", "kth_distance"]
KEYS = ("encoder", "metric", *IDS)
PART = ("encoder", "metric", "is_box")


def embedding_scores(
    neighbors: DataFrame,
    *,
    k: int | None = None,
    statistic: Statistic = "mean_distance",
    method: Method = "calibrated",
    threshold: float | None = None,
    checkpoint: Checkpoint | None = None,
) -> DataFrame:
    """Score each image by its distances to its k nearest neighbours.

    * an outlier lies farther from its neighbours than the rule of ``method`` allows (rules as for table ``outliers``,
      of distances as they are; only far counts, never near; nothing is far where distances do not spread). The default
      lists less than 1 % of clean photographs (docs/performance.md);
    * ``uniqueness``: share of images with a smaller mean distance;
    * ``representativeness``: lists that hold the image, divided by k (hubness; the mean is 1);
    * a prototype has a smaller mean distance than each of its neighbours (a peak of density), ties by id.

    Parameters
    ----------
    neighbors : DataFrame
        Table of this name.
    k : int, optional
        Neighbours of each list to use, the first ones; default all.
    statistic : {"mean_distance", "kth_distance"}
        Distance that is scored: the mean to the k neighbours, or that to the last of them.
    method : {"calibrated", "zscore", "modified_zscore", "iqr", "adaptive"}
        Rule for a distance that is far.
    threshold : float, optional
        Score above which an image is an outlier; default 3.9, 3, 3.5, 1.5 and 3.5.
    checkpoint : callable, optional
        Function that stores the distances per image, which are read several times; default in the executors' own
        storage.

    Returns
    -------
    DataFrame
        Table ``embedding_scores`` without ``run_id``.

    Raises
    ------
    OptionError
        An option is unknown or out of range, or the lists are shorter than ``k``.

    References
    ----------
    Ramaswamy, Rastogi and Shim, "Efficient algorithms for mining outliers from large data sets" (2000), for the k-th
    distance; Radovanović, Nanopoulos and Ivanović, "Hubs in space" (2010), for how many lists hold a point; Rodriguez
    and Laio, "Clustering by fast search and find of density peaks" (2014), for prototypes.

    Examples
    --------
    >>> embedding_scores(neighbors, k=5).where("is_outlier").count()
    0
    """
    OptionError.unless_one_of("embedding_scores.statistic", statistic, get_args(Statistic))
    OptionError.unless_one_of("embedding_scores.method", method, get_args(Method))
    limit = default_threshold(method) if threshold is None else float(threshold)
    within("embedding_scores.threshold", limit)
    lists = first_of_lists(neighbors, k, "embedding_scores.k")
    distances = _distances(lists)
    distances = (checkpoint or kept_by_executors)(distances)
    ranked = positions(distances, PART, "mean_distance", IDS)
    values = distances.select(*PART, F.col(statistic).alias("value"))
    bounds = F.broadcast(spreads(values, PART, method))
    # One row per encoder, metric and kind on the right; then the ids are unique on both sides.
    scored = ranked.join(bounds, on=list(PART), how="inner").withColumn("value", F.col(statistic))
    peaks = _prototypes(lists, distances)
    same = same_keys(KEYS, "s", "p")
    joined = scored.alias("s").join(peaks.alias("p"), on=same, how="inner").select("s.*", "p.is_prototype")
    spread = F.col("high_spread").isNotNull() if method == "calibrated" else has_spread()
    score = F.when(spread, score_above()).otherwise(F.lit(0.0))
    columns = {
        "uniqueness": F.col("below") / F.col("total"),
        "representativeness": F.col("times_listed") / F.col("neighbors"),
        "score": score,
        "threshold": F.lit(limit),
        "statistic": F.lit(statistic),
        "method": F.lit(method),
        "is_outlier": score > limit,
    }
    totals = F.broadcast(distances.groupBy(*PART).agg(F.count("*").alias("total")))
    everything = joined.join(totals, on=list(PART), how="inner")
    return everything.withColumns(columns).select(*EMBEDDING_SCORES.result_names)


def _distances(lists: DataFrame) -> DataFrame:
    """Distances to the neighbours of each image, and the number of lists that it is in."""
    own = lists.groupBy(*KEYS).agg(
        F.count("*").cast("int").alias("neighbors"),
        (ordered_sum("distance") / F.count("distance")).alias("mean_distance"),
        F.max("distance").alias("kth_distance"),
    )
    listed = lists.groupBy("encoder", "metric", "neighbor_id", "neighbor_target_index").agg(F.count("*").alias("times"))
    listed = listed.withColumnsRenamed({"neighbor_id": "image_id", "neighbor_target_index": "target_index"})
    # The ids are unique on both sides.
    joined = own.alias("o").join(listed.alias("l"), on=same_keys(KEYS, "o", "l"), how="left")
    times = F.coalesce("l.times", F.lit(0)).cast("long").alias("times_listed")
    return joined.select("o.*", times, F.col("o.target_index").isNotNull().alias("is_box"))


def _prototypes(lists: DataFrame, distances: DataFrame) -> DataFrame:
    """Whether an image has a smaller mean distance than all of its neighbours."""
    neighbor = ("encoder", "metric", *NEIGHBOR_IDS)
    near = lists.alias("n").join(distances.alias("d"), on=same_keys(neighbor, "n", "d"), how="inner")
    both = near.join(distances.alias("o"), on=same_keys(KEYS, "n", "o"), how="inner")
    # Column by column: to compare structs takes the embedded engine ten times as long.
    is_smaller = F.coalesce("o.target_index", F.lit(-1)) < F.coalesce("d.target_index", F.lit(-1))
    for name in ("image_id", "mean_distance"):
        own, other = F.col(f"o.{name}"), F.col(f"d.{name}")
        is_smaller = (own < other) | ((own == other) & is_smaller)
    is_peak = F.min(is_smaller.cast("int")) == 1
    return both.groupBy(*(F.col(f"n.{name}").alias(name) for name in KEYS)).agg(is_peak.alias("is_prototype"))
