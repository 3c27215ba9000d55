"""Tests of whether a number differs between classes: Kolmogorov-Smirnov and Kruskal-Wallis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from scipy.special import chdtrc

from dataeval_spark.frames.contract import rows_of_dicts
from dataeval_spark.frames.ratios import ratio
from dataeval_spark.kernels.factors.false_discovery import adjusted_p_values
from dataeval_spark.kernels.factors.kolmogorov_smirnov import ks_pvalue
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.bias import FACTOR_TESTS

KOLMOGOROV_SMIRNOV, KRUSKAL_WALLIS = "kolmogorov_smirnov", "kruskal_wallis"


def factor_tests(factor_bins: DataFrame) -> DataFrame:
    r"""Test for each numeric factor whether its values depend on the class.

    ``kruskal_wallis``, of all classes at once by the ranks of the values, ties in the middle:

    .. math:: H = \left(\frac{12}{N (N + 1)} \sum_c \frac{R_c^2}{n_c} - 3 (N + 1)\right) \Big/
              \left(1 - \frac{\sum (t^3 - t)}{N^3 - N}\right)

    with a p-value from chi-square; the effect size is :math:`\varepsilon^2 = H / (N - 1)`, 0 to 1.
    ``kolmogorov_smirnov``, of each class against the rest: :math:`D = \max_x |F_c(x) - F_{rest}(x)|`, which is its own
    effect size. p-values are adjusted by Benjamini-Hochberg over the rows of a test. All counts are exact; a factor is
    the unit of parallelism. A box counts once, so that an image with many weighs more in the p-value than it should.

    Parameters
    ----------
    factor_bins : DataFrame
        Table of this name.

    Returns
    -------
    DataFrame
        Table ``factor_tests`` without ``run_id``. Missing values are left out; a factor that one class alone has is not
        tested. The driver holds one row per class and factor.

    References
    ----------
    Kruskal and Wallis (1952); SciPy's ``kruskal`` and ``ks_2samp(method="auto")``, whose results these are. Where all
    values are equal, H is 0 and p is 1.

    Examples
    --------
    >>> tests = factor_tests(binned).where("adjusted_pvalue < 0.05").orderBy("effect_size", ascending=False)
    >>> tests.selectExpr("factor", "test", "class_name", "round(effect_size, 2) AS effect_size").show(3)
    +----------------+------------------+----------+-----------+
    |          factor|              test|class_name|effect_size|
    +----------------+------------------+----------+-----------+
    |box_aspect_ratio|kolmogorov_smirnov|      four|       0.43|
    |box_aspect_ratio|kolmogorov_smirnov|       one|       0.37|
    |box_aspect_ratio|    kruskal_wallis|      NULL|       0.19|
    +----------------+------------------+----------+-----------+
    """
    labelled = factor_bins.where("class_name IS NOT NULL")
    values = labelled.select("class_name", F.explode("numbers").alias("factor", "value"))
    counted = _cumulated(values.groupBy("factor", "value", "class_name").agg(F.count("*").alias("c")))
    rows = [row.asDict() for row in bounded(_sums(counted).orderBy("factor", "class_name"), "classes x factors")]
    by_factor: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_factor.setdefault(row["factor"], []).append(row)
    tested = {factor: class_rows for factor, class_rows in by_factor.items() if len(class_rows) > 1}
    overall = [_kruskal_wallis(factor, class_rows) for factor, class_rows in tested.items()]
    one_class = [_kolmogorov_smirnov(row) for class_rows in tested.values() for row in class_rows]
    return rows_of_dicts(factor_bins, FACTOR_TESTS, [*_adjusted(overall), *_adjusted(one_class)])


def _cumulated(counts: DataFrame) -> DataFrame:
    """Counts ``c`` of a class and value, beside those up to the value: ``i`` of the class and ``a`` of all.

    ``t`` are all with that value, ``n`` all of the class, ``total`` all of the factor.
    """
    factor, of_class = Window.partitionBy("factor"), Window.partitionBy("factor", "class_name")
    return counts.select(
        "*",
        F.sum("c").over(factor.orderBy("value")).alias("a"),
        F.sum("c").over(Window.partitionBy("factor", "value")).alias("t"),
        F.sum("c").over(of_class.orderBy("value")).alias("i"),
        F.sum("c").over(of_class).alias("n"),
        F.sum("c").over(factor).alias("total"),
    )


def _sums(counted: DataFrame) -> DataFrame:
    """Sums of each factor and class, all of whole numbers, and where its distribution is farthest from the rest's."""
    # Doubled, mean ranks are whole: a value's is the number below it and half of 1 more than those equal to it.
    twice_rank = 2 * (F.col("a") - F.col("t")) + F.col("t") + 1
    wide = "decimal(38,0)"
    # Of a value's t^3 - t each class has as much as it has of the value.
    ties = F.sum(F.col("c").cast(wide) * (F.col("t") * F.col("t") - 1).cast(wide))
    # The gap is largest at a value of the class, or just below one.
    at = _gap(F.col("i"), F.col("a"))
    below = _gap(F.col("i") - F.col("c"), F.col("a") - F.col("t"))
    return counted.groupBy("factor", "class_name").agg(
        F.first("n").alias("n"),
        F.first("total").alias("total"),
        F.sum(F.col("c").cast(wide) * twice_rank.cast(wide)).alias("twice_ranks"),
        ties.alias("ties"),
        F.max(F.greatest(at, below)).alias("farthest"),
    )


def _gap(i: Column, a: Column) -> Column:
    """The gap of the shares at one place; of equal gaps the largest counts decide."""
    j = a - i
    gap = F.abs(i / F.col("n") - ratio(j, F.col("total") - F.col("n")))
    return F.struct(gap.alias("gap"), i.alias("i"), j.alias("j"), F.col("value"))


def _kruskal_wallis(factor: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    total = int(rows[0]["total"])
    correction = 1 - float(sum(row["ties"] for row in rows)) / (float(total) ** 3 - total)
    between = sum((float(row["twice_ranks"]) / 2) ** 2 / row["n"] for row in rows)
    h = 12 / (total * (total + 1)) * between - 3 * (total + 1)
    h = h / correction if correction > 0 else 0.0
    degrees = len(rows) - 1
    return {
        "factor": factor,
        "test": KRUSKAL_WALLIS,
        "statistic": h,
        "p_value": float(chdtrc(degrees, h)),
        "effect_size": float(np.clip(h / (total - 1), 0.0, 1.0)),
        "degrees_of_freedom": degrees,
        "n": total,
    }


def _kolmogorov_smirnov(row: Mapping[str, Any]) -> dict[str, Any]:
    n, rest, farthest = int(row["n"]), int(row["total"]) - int(row["n"]), row["farthest"]
    return {
        "factor": row["factor"],
        "test": KOLMOGOROV_SMIRNOV,
        "class_name": row["class_name"],
        "statistic": farthest["gap"],
        "p_value": ks_pvalue(farthest["gap"], n, rest, int(farthest["i"]), int(farthest["j"])),
        "effect_size": farthest["gap"],
        "location": farthest["value"],
        "n": n,
        "n_rest": rest,
    }


def _adjusted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    adjusted = adjusted_p_values(row["p_value"] for row in rows)
    return [{**row, "adjusted_pvalue": value} for row, value in zip(rows, adjusted, strict=True)]
