"""Near duplicates by embedding: distances relative to the surroundings of two images, and the threshold of near ones.

Vectors of smooth or plain pictures lie close together, so that one distance for all is too much there and too little
elsewhere. The relative distance of two images is their distance divided by the geometric mean of their surroundings:
of each the mean distance of its 2nd to 10th neighbour, and at least 0.6 times the median of all images, so that ten
copies of one image do not hide one another. It is 1 for neighbours as they come and small for duplicates (a soft form
of the ratio test of Lowe 2004, "Distinctive image features from scale-invariant keypoints").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.quality.duplicate_pairs import EMBEDDING_RELATIVE, item_of, target_index_of
from dataeval_spark.frames.components import Checkpoint
from dataeval_spark.frames.quantiles import exact_quantiles, unpivot
from dataeval_spark.frames.ratios import ratio
from dataeval_spark.kernels.hashes.near_threshold import (
    MIDDLE,
    NEIGHBORS,
    STEP,
    STEPS,
    estimated_precisions,
    intrinsic_dimension,
    near_by_chance,
    near_threshold,
)
from dataeval_spark.session.bounded import bounded

LEVEL = ("encoder", "encoder_version", "metric", "is_box")
LEAST_SURROUNDINGS = 0.6
MOST_LEVELS = 200
Key = tuple[str, str, str, bool]
"""Values of ``LEVEL``."""


class Level(NamedTuple):
    """Threshold of an encoder's vectors of images, or of boxes, and the facts it follows from.

    Attributes
    ----------
    encoder, encoder_version, metric, is_box
        Description of the vectors.
    image_count : int
        Images (or boxes) with ten neighbours.
    surroundings : float
        Median of the surroundings, a distance.
    intrinsic_dimension : float or None
        Local intrinsic dimension.
    origin : {"derived", "kept"}
        Whether the threshold is from these data, or from an earlier run.
    threshold : float or None
        Largest relative distance of duplicates; None where none has the precision.
    estimated_precision : float or None
        Estimated precision of the threshold in these data.
    near_count : int
        Images with another one within the threshold.
    suggested : float or None
        Threshold that these data suggest.
    """

    encoder: str
    encoder_version: str
    metric: str
    is_box: bool
    image_count: int
    surroundings: float
    intrinsic_dimension: float | None
    origin: str
    threshold: float | None
    estimated_precision: float | None
    near_count: int
    suggested: float | None


def near_distances(
    neighbors: DataFrame, items: DataFrame, previous: DataFrame | None, checkpoint: Checkpoint | None = None
) -> tuple[DataFrame, list[Level]]:
    """Compute relative distances of neighbours, and the threshold for each encoder and metric.

    Two jobs run when it is called: for the medians of the lists, and for how many images have a neighbour within each
    threshold.

    Parameters
    ----------
    neighbors : DataFrame
        Table of this name with k of 10 or more; of distances, not of inner products. Cosine distances are compared by
        their root, which is the Euclidean distance of vectors of one length but for a factor.
    items : DataFrame
        ``image_id``, ``target`` and ``is_blank``: blank ones count for nothing.
    previous : DataFrame, optional
        Table ``duplicate_thresholds``, whose thresholds are kept.
    checkpoint : callable, optional
        Function that stores a frame in files and reads it back; without it distances are computed twice.

    Returns
    -------
    tuple of DataFrame and list of Level
        Rows of ``neighbors`` with ``distance`` relative, and ``threshold``; and the levels.
    """
    store = checkpoint or (lambda frame: frame)
    listed = _listed(neighbors, items)
    surroundings = store(_surroundings(listed))
    medians = _medians(surroundings)
    earlier = _earlier_thresholds(previous)
    typical = {level: earlier.get(level, (None, of_level["surroundings"]))[1] for level, of_level in medians.items()}
    relative = store(_relative(listed, surroundings, typical))
    nearest = _nearest(relative)
    levels = [
        _level(level, of_level, nearest.get(level, np.zeros(STEPS, np.int64)), typical[level], earlier.get(level))
        for level, of_level in sorted(medians.items())
    ]
    thresholds = _frame(neighbors, [(*level[:4], level.threshold) for level in levels], "threshold double")
    # A level has one threshold.
    return relative.join(F.broadcast(thresholds), on=list(LEVEL), how="inner"), levels


def _listed(neighbors: DataFrame, items: DataFrame) -> DataFrame:
    plain = F.when(F.col("metric") == "cosine", F.sqrt("distance")).otherwise(F.col("distance"))
    rows = neighbors.where(F.col("rank") <= NEIGHBORS).select(
        "encoder",
        "encoder_version",
        "metric",
        F.col("target_index").isNotNull().alias("is_box"),
        item_of("image_id", "target_index").alias("one"),
        item_of("neighbor_id", "neighbor_target_index").alias("other"),
        "rank",
        plain.alias("distance"),
    )
    clear = items.where(~F.col("is_blank")).select(F.struct("image_id", "target").alias("one"))
    return rows.join(clear, on="one", how="left_semi")


def _surroundings(listed: DataFrame) -> DataFrame:
    lists = listed.groupBy(*LEVEL, "one").agg(F.sort_array(F.collect_list(F.struct("rank", "distance"))).alias("list"))
    distances = lists.where(F.size("list") == NEIGHBORS).select(*LEVEL, "one", F.col("list.distance").alias("d"))
    # In the order of the ranks: the sum has the same bits wherever the rows come from.
    total = F.aggregate(F.slice("d", 2, NEIGHBORS - 1), F.lit(0.0), lambda total, each: total + each)
    mean = total / (NEIGHBORS - 1)
    last = F.element_at("d", NEIGHBORS)
    return distances.select(
        *LEVEL,
        "one",
        mean.alias("surroundings"),
        ratio(F.element_at("d", MIDDLE), last).alias("middle_ratio"),
        ratio(mean, last).alias("reach_ratio"),
    )


def _medians(surroundings: DataFrame) -> dict[Key, dict[str, float]]:
    """Medians of each level, by name, and ``n``."""
    long = unpivot(surroundings, LEVEL, ("surroundings", "middle_ratio", "reach_ratio"))
    quantiles = exact_quantiles(long, (*LEVEL, "statistic"), "value", {"median": 0.5})
    medians: dict[Key, dict[str, float]] = {}
    few = quantiles.orderBy(*LEVEL, "statistic").limit(3 * MOST_LEVELS)
    for row in bounded(few, "three rows per encoder and level"):
        of_level = medians.setdefault(tuple(row[name] for name in LEVEL), {})
        of_level[row["statistic"]] = row["median"]
        if row["statistic"] == "surroundings":
            of_level["n"] = row["n"]
    return medians


def _earlier_thresholds(previous: DataFrame | None) -> dict[Key, tuple[float, float]]:
    """Threshold and typical surroundings of an earlier run by level."""
    if previous is None:
        return {}
    usable = (F.col("kind") == EMBEDDING_RELATIVE) & F.col("threshold").isNotNull()
    rows = bounded(
        previous.where(usable).orderBy("encoder", "metric", "level").limit(MOST_LEVELS), "one row per encoder and level"
    )
    return {
        (row["encoder"], row["encoder_version"], row["metric"], row["level"] == "box"): (
            row["threshold"],
            row["surroundings"],
        )
        for row in rows
    }


def _relative(listed: DataFrame, surroundings: DataFrame, typical: dict[Key, float]) -> DataFrame:
    least = _frame(listed, [(*level, LEAST_SURROUNDINGS * value) for level, value in typical.items()], "least double")
    # A level has one row; an image has one row of `surroundings` in a level.
    scales = surroundings.join(F.broadcast(least), on=list(LEVEL), how="inner").select(
        *LEVEL, "one", F.greatest("surroundings", "least").alias("scale")
    )
    both = listed.join(scales, on=[*LEVEL, "one"], how="inner").join(
        scales.select(*LEVEL, F.col("one").alias("other"), F.col("scale").alias("other_scale")),
        on=[*LEVEL, "other"],
        how="inner",
    )
    of_scales = ratio(F.col("distance"), F.sqrt(F.col("scale") * F.col("other_scale")))
    # Equal vectors are duplicates wherever they lie.
    relative = F.when(F.col("distance") == 0, F.lit(0.0)).otherwise(of_scales)
    return both.select(
        *LEVEL,
        F.col("one.image_id").alias("image_id"),
        target_index_of("one").alias("target_index"),
        F.col("other.image_id").alias("neighbor_id"),
        target_index_of("other").alias("neighbor_target_index"),
        relative.alias("distance"),
    ).where(F.col("distance") <= STEP * STEPS)


def _nearest(relative: DataFrame) -> dict[Key, np.ndarray]:
    """Number of images of each level that have another one within each threshold."""
    ends = F.array(item_of("image_id", "target_index"), item_of("neighbor_id", "neighbor_target_index"))
    each = relative.select(*LEVEL, F.explode(ends).alias("end"), "distance")
    nearest = each.groupBy(*LEVEL, "end").agg(F.min("distance").alias("d"))
    place = F.greatest(F.ceil(F.col("d") / STEP - 1e-9), F.lit(1)).cast("int")
    counted = nearest.groupBy(*LEVEL, place.alias("place")).agg(F.count("*").alias("n"))
    counts: dict[Key, np.ndarray] = {}
    few = counted.orderBy(*LEVEL, "place").limit(STEPS * MOST_LEVELS)
    for row in bounded(few, "one row per encoder, level and step"):
        level = tuple(row[name] for name in LEVEL)
        counts.setdefault(level, np.zeros(STEPS, np.int64))[min(row["place"], STEPS) - 1] += row["n"]
    return {level: histogram.cumsum() for level, histogram in counts.items()}


def _level(
    level: Key,
    medians: dict[str, float],
    nearest: np.ndarray,
    surroundings: float,
    earlier: tuple[float, float] | None,
) -> Level:
    images, ratio = int(medians["n"]), medians.get("middle_ratio")
    by_chance = near_by_chance(images, ratio, medians.get("reach_ratio"))
    precisions, suggested = estimated_precisions(nearest, by_chance), near_threshold(nearest, by_chance)
    threshold = suggested if earlier is None else earlier[0]
    place = None if threshold is None else min(max(round(threshold / STEP), 1), STEPS) - 1
    precision = None if place is None or np.isnan(precisions[place]) else max(0.0, float(precisions[place]))
    return Level(
        *level,
        image_count=images,
        surroundings=surroundings,
        intrinsic_dimension=intrinsic_dimension(ratio),
        origin="derived" if earlier is None else "kept",
        threshold=threshold,
        estimated_precision=precision,
        near_count=0 if place is None else int(nearest[place]),
        suggested=suggested,
    )


def _frame(frame: DataFrame, rows: Sequence[tuple[object, ...]], value: str) -> DataFrame:
    ddl = f"encoder string, encoder_version string, metric string, is_box boolean, {value}"
    return frame.sparkSession.createDataFrame(list(rows), ddl)
