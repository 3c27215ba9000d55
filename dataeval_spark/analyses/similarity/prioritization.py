"""Prioritization: the order in which images are worth a look, a label or a place in a training set."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.blocks import Checkpoint, kept_by_executors
from dataeval_spark.frames.neighbors import first_of_lists
from dataeval_spark.frames.ranks import positions
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.similarity import PRIORITIZATION

Order = Literal["easy_first", "hard_first"]
Policy = Literal["difficulty", "stratified", "class_balanced"]
PART = ("encoder", "metric")
# Images without one class take turns as a class of their own.
NO_CLASS = "\0"


def prioritization(
    neighbors: DataFrame,
    targets: DataFrame,
    *,
    k: int | None = None,
    order: Order = "easy_first",
    policy: Policy = "difficulty",
    bins: int = 50,
    checkpoint: Checkpoint | None = None,
) -> DataFrame:
    """Order images by the distance to their k-th nearest neighbour.

    A small distance means many similar images (easy, typical, redundant), a large one few (hard, rare). Policies:

    * ``difficulty``: by the score alone, ties by id;
    * ``stratified``: the range of scores is cut into ``bins`` of equal width, widened by 1e-6 of it at both ends; bins
      take turns, each giving its first image in the order, beginning with the bin of the very first;
    * ``class_balanced``: classes take turns in the same way; images with no class or several are one class together.

    Parameters
    ----------
    neighbors, targets : DataFrame
        Tables of these names; whole images are ordered.
    k : int, optional
        Neighbour whose distance is the score; default the last of each list. DataEval's default is sqrt(n).
    order : {"easy_first", "hard_first"}
        Whether small or large distances come first.
    policy : {"difficulty", "stratified", "class_balanced"}
        Policy of the order.
    bins : int
        Bins of ``stratified``, 1 to 10,000.
    checkpoint : callable, optional
        Function that stores scores and strata, which are read several times; default in the executors' own storage.

    Returns
    -------
    DataFrame
        Table ``prioritization`` without ``run_id``: one row per image, encoder and metric.

    Raises
    ------
    OptionError
        An option is unknown or out of range, or the lists are shorter than ``k``.

    References
    ----------
    DataEval 1.1.4, ``core.rank_knn``, ``rank_result_stratified`` and ``rank_result_class_balanced``, with three
    differences: its score is the distance to the (k + 1)-th neighbour (and divided by the largest length of a vector,
    which changes no order); its strata are those of other images, because it bins scores in the order of the samples;
    its hard_first turns the finished order around, so that the remains of the largest stratum come first, where ours
    begins each stratum with its hardest. Sorscher et al., "Beyond neural scaling laws" (2022); Zheng et al.,
    "Coverage-centric coreset selection for high pruning rates" (2023).

    Examples
    --------
    >>> order = prioritization(neighbors, targets, order="hard_first", policy="class_balanced")
    >>> order.orderBy("position").selectExpr("position", "image_id", "stratum", "round(score, 2) AS score").show(3)
    +--------+--------------------+-------+-----+
    |position|            image_id|stratum|score|
    +--------+--------------------+-------+-----+
    |       1|demo/three/00010.jpg|   NULL| 3.84|
    |       2|  demo/one/00004.jpg|    one| 3.75|
    |       3| demo/four/00073.jpg|   four| 3.54|
    +--------+--------------------+-------+-----+
    only showing top 3 rows
    """
    OptionError.unless_one_of("prioritization.order", order, get_args(Order))
    OptionError.unless_one_of("prioritization.policy", policy, get_args(Policy))
    within("prioritization.bins", bins)
    whole = first_of_lists(neighbors.where("target_index IS NULL"), k, "prioritization.k")
    scores = whole.groupBy(*PART, "image_id").agg(F.max("distance").alias("score"), F.max("rank").alias("k"))
    store = checkpoint or kept_by_executors
    sign = 1.0 if order == "easy_first" else -1.0
    scores = store(scores.withColumn("urgency", sign * F.col("score")))
    by_score = positions(scores, PART, "urgency", ("image_id",))
    if policy == "difficulty":
        return _contract(by_score.withColumn("stratum", F.lit(None).cast("string")), order, policy)
    strata = _bins(by_score, scores, bins) if policy == "stratified" else _classes(by_score, targets)
    return _contract(_in_turns(store(strata), store), order, policy)


def _bins(by_score: DataFrame, scores: DataFrame, bins: int) -> DataFrame:
    ranges = scores.groupBy(*PART).agg(F.min("score").alias("low"), F.max("score").alias("high"))
    rows = bounded(ranges.select(*PART, "low", "high"), "one row per encoder and metric")
    edges_of_parts = scores.sparkSession.createDataFrame(
        [(encoder, metric, edges(low, high, bins)) for encoder, metric, low, high in rows],
        "encoder string, metric string, edges array<double>",
    )
    number = F.size(F.filter("edges", lambda edge: edge <= F.col("score")))
    joined = by_score.join(F.broadcast(edges_of_parts), on=list(PART), how="inner")
    return joined.withColumn("stratum", number.cast("string")).drop("edges")


def edges(low: float, high: float, bins: int) -> list[float]:
    """Edges of bins of equal width, widened a little at both ends."""
    margin = (high - low) * 1e-6
    return [float(edge) for edge in np.linspace(low - margin, high + margin, bins + 1)]


def _classes(by_score: DataFrame, targets: DataFrame) -> DataFrame:
    of_image = targets.groupBy("image_id").agg(F.min("class_name").alias("stratum"), F.max("class_name").alias("other"))
    single = of_image.where("stratum = other").select("image_id", "stratum")
    return by_score.join(single, on="image_id", how="left").fillna({"stratum": NO_CLASS})


def _in_turns(strata: DataFrame, store: Checkpoint) -> DataFrame:
    """Order: the first of each stratum, then the second of each, ...; strata in the order of their first."""
    before = strata.drop("below").withColumnRenamed("position", "by_score")
    rounds = positions(before, (*PART, "stratum"), "by_score", ())
    rounds = store(rounds.withColumnRenamed("position", "turn").drop("below"))
    # One row per stratum; by_score is unique in each part, so the strata have an order.
    firsts = rounds.where("turn = 1").select(*PART, "stratum", F.col("by_score").alias("first"))
    turns = rounds.join(F.broadcast(firsts), on=[*PART, "stratum"], how="inner")
    return positions(turns, PART, "turn", ("first",))


def _contract(ordered: DataFrame, order: str, policy: str) -> DataFrame:
    columns = {
        "stratum": F.when(F.col("stratum") != NO_CLASS, F.col("stratum")),
        "ordering": F.lit(order),
        "policy": F.lit(policy),
    }
    return ordered.withColumns(columns).select(*PRIORITIZATION.result_names)
