"""Feature distance: how far the values of each numeric factor have moved, on the reference's scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.contract import rows_of
from dataeval_spark.frames.ordered.distribution_gaps import distribution_gaps
from dataeval_spark.frames.quantiles import exact_quantiles
from dataeval_spark.kernels.factors.false_discovery import adjusted_p_values
from dataeval_spark.kernels.factors.independence import ImageSums, design_effect
from dataeval_spark.kernels.factors.kolmogorov_smirnov import ks_pvalue, ks_pvalue_of_images
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.shift import FEATURE_DISTANCE

MAX_FACTORS = 10_000


def feature_distance(
    reference: DataFrame,
    current: DataFrame,
    *,
    reference_name: str,
    current_name: str,
    window: tuple[datetime, datetime],
) -> DataFrame:
    r"""Measure how far the values of each numeric factor lie apart in two parts of the data.

    The distance is Wasserstein's, divided by the interquartile range of the reference (by its range where that is 0;
    as it is where the reference has one value): how many widths of the reference the values have moved. The
    Kolmogorov-Smirnov statistic comes with the place where it is attained, on a scale from the smallest (0) to the
    largest (1) of all values. p-values are SciPy's, adjusted by Benjamini-Hochberg over the factors. Where images hold
    several things, whose values are often alike (those of the image itself are the same), the samples count as smaller
    by the design effect of the shares below two places, that of the statistic and the reference's median: the larger.

    Parameters
    ----------
    reference, current : DataFrame
        Rows of table ``factor_bins``; each labelled thing counts.
    reference_name, current_name : str
        Names of the two, such as ``split=train``.
    window : tuple of datetime
        Capture times of the current data.

    Returns
    -------
    DataFrame
        Table ``feature_distance`` without ``run_id``, the largest distance first. The driver holds one row per factor.

    Raises
    ------
    OptionError
        There are more than 10,000 factors.

    References
    ----------
    DataEval 1.1.4, ``core.feature_distance``: equal, but its p-value is asymptotic for samples of any size (here up to
    10,000 values exact), and where several places attain the statistic it may name another.

    Examples
    --------
    >>> sides = {"reference_name": "split=train", "current_name": "split=test", "window": times}
    >>> rows = feature_distance(train_bins, test_bins, **sides)
    >>> rows.selectExpr("factor", "round(distance, 2) AS distance", "round(adjusted_pvalue, 4) AS p").show(3)
    +--------------------+--------+------+
    |              factor|distance|     p|
    +--------------------+--------+------+
    |blurriness_graysc...|    0.67|   1.0|
    |               noise|    0.53|   1.0|
    |           sharpness|     0.5|0.0049|
    +--------------------+--------+------+
    only showing top 3 rows
    """
    long = _long(reference, is_current=False).unionByName(_long(current, is_current=True))
    quartiles = {"first": 0.25, "median": 0.5, "third": 0.75, "least": 0.0, "most": 1.0}
    spread = exact_quantiles(long.where("NOT is_current"), ["factor"], "value", quartiles).drop("n")
    rows = distribution_gaps(long, "factor").join(spread, on="factor", how="inner")
    collected = bounded(rows.limit(MAX_FACTORS + 1), "one row per factor")
    if len(collected) > MAX_FACTORS:
        raise OptionError(
            f"feature_distance: there are more than {MAX_FACTORS:,} numeric factors; each is a row on the driver.\n"
            'Hint: analyze factor_bins --set \'factor_bins.include=["age", "brightness"]\', then compare'
        )
    effects = _design_effects(reference, current, collected)
    tests = []
    for row in collected:
        width = (row["third"] - row["first"]) or (row["most"] - row["least"]) or 1.0
        reach = row["highest"] - row["lowest"]
        location = (row["location"] - row["lowest"]) / reach if reach else 0.0
        pvalue = _pvalue(row, effects.get(row["factor"], 1.0)) if reach else 1.0
        tests.append((row, row["wasserstein"] / width, location, pvalue))
    tests.sort(key=lambda each: (-each[1], each[0]["factor"]))
    adjusted = adjusted_p_values(each[3] for each in tests)
    sides = (window, reference_name, current_name)
    result = [
        (*sides, row["factor"], distance, row["statistic"], location, pvalue, each, row["n_r"], row["n_c"])
        for (row, distance, location, pvalue), each in zip(tests, adjusted, strict=True)
    ]
    return rows_of(reference, FEATURE_DISTANCE, result)


def _pvalue(row: Row, effect: float) -> float:
    sizes = row["n_r"], row["n_c"]
    if effect > 1.0:
        return ks_pvalue_of_images(row["statistic"], *sizes, effect)
    return ks_pvalue(row["statistic"], *sizes, row["i"], row["j"])


def _design_effects(reference: DataFrame, current: DataFrame, rows: Sequence[Row]) -> dict[str, float]:
    """How many times more shares of each factor's values vary because images hold several; none where none does."""
    sides = reference.select("image_id", F.lit(0).alias("side"), "numbers").unionByName(
        current.select("image_id", F.lit(1).alias("side"), "numbers")
    )
    if sides.groupBy("side", "image_id").agg(F.count("*").alias("n")).where("n > 1").isEmpty():
        return {}
    cuts = [(row["factor"], place, row[place]) for row in rows for place in ("location", "median")]
    spark = reference.sparkSession
    places = F.broadcast(spark.createDataFrame(cuts, "factor string, place string, cut double"))
    long = sides.select("side", "image_id", F.explode("numbers").alias("factor", "value"))
    joined = long.where("value IS NOT NULL AND NOT isnan(value)").join(places, on="factor", how="inner")
    of_images = joined.groupBy("side", "factor", "place", "image_id").agg(
        F.count("*").alias("n"), F.count_if(F.col("value") <= F.col("cut")).alias("below")
    )
    summed = of_images.groupBy("factor", "place", "side").agg(
        F.sum("below").alias("below"),
        F.sum(F.col("below") * F.col("below")).alias("squares"),
        F.sum(F.col("below") * F.col("n")).alias("products"),
        F.sum("n").alias("n"),
        F.sum(F.col("n") * F.col("n")).alias("n_squares"),
        F.count("*").alias("images"),
    )
    sums: dict[tuple[str, str], dict[int, ImageSums]] = {}
    for row in bounded(summed, "one row per factor, place and side"):
        sizes = (row["n"], row["n_squares"], row["images"])
        of_side = ImageSums.of_two(row["below"], row["squares"], row["products"], sizes)
        sums.setdefault((row["factor"], row["place"]), {})[row["side"]] = of_side
    effects: dict[str, float] = {}
    for (factor, _), sums_of_factor in sums.items():
        effect = design_effect(sums_of_factor[0], sums_of_factor[1])
        # All values of a side are of one image: as if there were no more than one value.
        effects[factor] = max(effects.get(factor, 1.0), math.inf if math.isnan(effect) else effect)
    return effects


def _long(factor_bins: DataFrame, *, is_current: bool) -> DataFrame:
    values = factor_bins.select(F.explode("numbers").alias("factor", "value"))
    return values.where("value IS NOT NULL AND NOT isnan(value)").withColumn("is_current", F.lit(is_current))
