"""Coverage: images that stand alone in embedding space, over all and per class."""

from __future__ import annotations

from functools import reduce
from math import exp, lgamma, log, pi, sqrt
from typing import Any, Literal, get_args

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.contract import IDS, rows_of, same_keys
from dataeval_spark.frames.exact_sums import Aggregate, exact_sums
from dataeval_spark.frames.finite import is_finite
from dataeval_spark.frames.ratios import ratio
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.similarity import COVERAGE, COVERAGE_STATS

Method = Literal["adaptive", "naive"]


def coverage(
    neighbors: DataFrame,
    embeddings: DataFrame,
    targets: DataFrame,
    *,
    method: Method = "adaptive",
    observations: int = 10,
    percent: float = 0.01,
    rescale: bool = True,
    per_target: bool = False,
) -> tuple[DataFrame, DataFrame]:
    r"""Find images whose k-th neighbour is far away: the data cover their surroundings too thinly.

    The radius of an image is the distance to neighbour number ``observations``, in the unit cube.

    * ``adaptive``: the share ``percent`` of images with the largest radii is uncovered; the coverage radius is the
      mean of the last uncovered radius and the next
    * ``naive``: uncovered is a radius above :math:`\frac{1}{\sqrt\pi}(2 k \Gamma(d/2+1) / n)^{1/d}`, which uniform data
      would have; computed in logarithms, in any dimension

    Parameters
    ----------
    neighbors, embeddings, targets : DataFrame
        Tables of these names; of ``neighbors`` the Euclidean distances, with at least ``observations`` per image.
    method : {"adaptive", "naive"}
        Rule of the radius that counts as far.
    observations : int
        Number of neighbours within the radius; at most ``neighbors.k``.
    percent : float in (0, 1]
        Share of uncovered images (adaptive).
    rescale : bool
        Scale all vectors of an encoder into [0, 1] by their smallest and largest component. False where they are in it.
    per_target : bool
        Compare boxes among the boxes, instead of whole images.

    Returns
    -------
    tuple of DataFrame
        Tables ``coverage`` (uncovered images) and ``coverage_stats`` without ``run_id``. A class row
        counts images that show the class. An encoder of no more than ``observations`` images has no rows: none of
        them has that many neighbours. The driver holds one row per encoder.

    Raises
    ------
    OptionError
        An option is unknown or out of range; the vectors are constant, or have fewer neighbours than asked for.

    References
    ----------
    DataEval 1.1.4, ``core.coverage_naive`` and ``core.coverage_adaptive`` with ``force_unit_interval``.

    Examples
    --------
    >>> uncovered, stats = coverage(neighbors, embeddings, targets, method="naive", observations=5)
    >>> stats.where("class_name IS NULL").selectExpr("n", "uncovered", "round(mean_radius, 2) AS mean_radius").show()
    +---+---------+-----------+
    |  n|uncovered|mean_radius|
    +---+---------+-----------+
    |171|        0|       1.82|
    +---+---------+-----------+
    """
    OptionError.unless_one_of("coverage.method", method, get_args(Method))
    within("coverage.observations", observations)
    within("coverage.percent", percent)
    level = "target_index IS NOT NULL" if per_target else "target_index IS NULL"
    euclidean, embeddings = neighbors.where(f"metric = 'euclidean' AND {level}"), embeddings.where(level)
    distances = euclidean.where(F.col("rank") == observations).select(
        "encoder", "image_id", "target_index", F.col("distance").cast("double").alias("distance")
    )
    encoders = _encoders(euclidean, distances, embeddings, observations, rescale)
    if not encoders:
        return rows_of(neighbors, COVERAGE, []), rows_of(neighbors, COVERAGE_STATS, [])
    radii = [_scaled(distances, facts) for facts in encoders]
    uncovered = [
        _uncovered(of_encoder, facts, method, observations, percent)
        for of_encoder, facts in zip(radii, encoders, strict=True)
    ]
    far = reduce(DataFrame.unionByName, uncovered)
    stats = _stats(reduce(DataFrame.unionByName, radii), far, targets, encoders, method, observations)
    return far.select(*COVERAGE.result_names), stats


def _encoders(
    euclidean: DataFrame, distances: DataFrame, embeddings: DataFrame, observations: int, rescale: bool
) -> list[dict[str, Any]]:
    """Images with a radius, dimensions, and the width of the range of all components, for each encoder."""
    counts = distances.groupBy("encoder").agg(F.count("*").alias("n"))
    lists = euclidean.where("rank = 1").groupBy("encoder").agg(F.count("*").alias("images"), F.max("k").alias("k"))
    # Each engine has its own largest number of those with NaN.
    low, high = F.array_min("embedding").cast("double"), F.array_max("embedding").cast("double")
    is_usable = is_finite(low) & is_finite(high)
    ranges = embeddings.groupBy("encoder").agg(
        F.max(F.size("embedding")).alias("dimensions"),
        (F.max(F.when(is_usable, high)) - F.min(F.when(is_usable, low))).alias("width"),
    )
    joined = lists.join(counts, on="encoder", how="left").join(ranges, on="encoder", how="inner")
    rows = [row.asDict() for row in bounded(joined.orderBy("encoder"), "one row per encoder")]
    rows = [row for row in rows if row["images"] > observations]  # fewer have no such neighbour, whatever the search
    for row in rows:
        if row["n"] is None:
            raise OptionError(
                f"coverage.observations is {observations} and encoder {row['encoder']} has {row['k']} neighbours per "
                f"image, of {row['images']} images.\nHint: --set neighbors.k={observations}"
            )
        if rescale and not row["width"]:
            raise OptionError(
                f"coverage: all components of all vectors of encoder {row['encoder']} are equal, so that they cannot "
                "be scaled to [0, 1].\nHint: --set coverage.rescale=false, or another encoder"
            )
        row["scale"] = 1.0 / row["width"] if rescale else 1.0
    return rows


def _scaled(distances: DataFrame, facts: dict[str, Any]) -> DataFrame:
    rows = distances.where(F.col("encoder") == facts["encoder"])
    return rows.select("encoder", *IDS, (F.col("distance") * F.lit(facts["scale"])).alias("radius"))


def _uncovered(radii: DataFrame, facts: dict[str, Any], method: str, observations: int, percent: float) -> DataFrame:
    """Uncovered images of one encoder by rank."""
    by_radius = Window.partitionBy("encoder").orderBy(F.desc("radius"), "image_id", "target_index")
    ranked = radii.withColumn("rank", F.row_number().over(by_radius))
    if method == "naive":
        limit = naive_coverage_radius(facts["n"], facts["dimensions"], observations)
        uncovered = ranked.where(F.col("radius") > limit).withColumn("coverage_radius", F.lit(limit))
    else:
        count = int(max(facts["n"] * percent, 1))
        # Spark keeps only the first rows of each window group in each task (WindowGroupLimit).
        first = ranked.where(F.col("rank") <= count + 1)
        last = F.avg(F.when(F.col("rank") >= count, F.col("radius"))).over(Window.partitionBy("encoder"))
        uncovered = first.withColumn("coverage_radius", last).where(F.col("rank") <= count)
    return uncovered.withColumn("method", F.lit(method))


def _stats(
    radii: DataFrame,
    uncovered: DataFrame,
    targets: DataFrame,
    encoders: list[dict[str, Any]],
    method: str,
    observations: int,
) -> DataFrame:
    far = uncovered.select("encoder", *IDS, F.lit(1).alias("is_far"), "coverage_radius")
    same = same_keys(("encoder", *IDS), "r", "f")
    with_far = radii.alias("r").join(far.alias("f"), on=same, how="left").select("r.*", "is_far", "coverage_radius")
    of_image = targets.select("image_id", F.lit(None).cast("int").alias("target_index"), "class_name")
    # One row per image and class, and per box.
    classes = of_image.unionByName(targets.select(*IDS, "class_name")).where("class_name IS NOT NULL").distinct()
    by_class = (
        with_far.alias("m")
        .join(classes.alias("c"), on=same_keys(IDS, "m", "c"), how="inner")
        .select("m.*", "c.class_name")
    )
    rows = by_class.unionByName(with_far.withColumn("class_name", F.lit(None).cast("string")))
    others: dict[str, Aggregate] = {
        "n": (F.count("*"), F.sum),
        "uncovered": (F.count("is_far"), F.sum),
        "max_radius": (F.max("radius"), F.max),
    }
    summed = exact_sums(rows, ["encoder", "class_name"], {"sum": F.col("radius")}, others)
    counted = summed.withColumn("mean_radius", ratio("sum", "n")).drop("sum")
    limits = far.groupBy("encoder").agg(F.max("coverage_radius").alias("coverage_radius"))
    naive = {e["encoder"]: naive_coverage_radius(e["n"], e["dimensions"], observations) for e in encoders}

    def of_encoder(values: dict[str, Any], type: str) -> Any:
        whens = [F.when(F.col("encoder") == name, F.lit(value)) for name, value in values.items()]
        return F.coalesce(*whens, F.lit(None)).cast(type)

    values = {
        "uncovered_share": F.col("uncovered") / F.col("n"),
        "coverage_radius": of_encoder(naive, "double") if method == "naive" else F.col("coverage_radius"),
        "method": F.lit(method),
        "observations": F.lit(observations),
        "dimensions": of_encoder({facts["encoder"]: facts["dimensions"] for facts in encoders}, "int"),
    }
    joined = counted.join(limits, on="encoder", how="left")
    return joined.withColumns(values).select(*COVERAGE_STATS.result_names)


def naive_coverage_radius(n: int, dimensions: int, observations: int) -> float:
    r"""Radius of a ball that holds ``observations`` of n uniform points of the unit cube, twice over.

    :math:`\frac{1}{\sqrt\pi} \left(\frac{2 k\, \Gamma(d/2 + 1)}{n}\right)^{1/d}`, in logarithms: the gamma function
    itself overflows beyond 340 dimensions.

    Parameters
    ----------
    n, dimensions, observations : int
        Points, their dimensions d, and k.

    References
    ----------
    DataEval 1.1.4, ``core.coverage_naive``, which fails at 512 dimensions and answers infinity at 340.

    Examples
    --------
    >>> round(naive_coverage_radius(100, 2, 10), 6)
    0.252313
    """
    return exp((log(2 * observations) + lgamma(dimensions / 2 + 1) - log(n)) / dimensions) / sqrt(pi)
