"""Univariate drift: the exact two-sample Kolmogorov-Smirnov test on each image statistic."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.contract import rows_of_dicts
from dataeval_spark.frames.exact_sums import Aggregate, exact_mean_and_std, exact_sums
from dataeval_spark.frames.ordered.distribution_gaps import distribution_gaps
from dataeval_spark.frames.quantiles import named_values, unpivot
from dataeval_spark.frames.ratios import ratio
from dataeval_spark.kernels.factors.false_discovery import adjusted_p_values
from dataeval_spark.kernels.factors.kolmogorov_smirnov import ks_pvalue
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.profile import DATAEVAL_STATISTICS
from dataeval_spark.tables.shift import DRIFT_METRICS

MONITOR_VERSION = 1
STATISTICS = tuple(name for name in DATAEVAL_STATISTICS if name not in ("size", "channels", "var", "missing"))
EVIDENCE_IMAGES = 10


def drift_univariate(
    reference: DataFrame,
    current: DataFrame,
    *,
    reference_name: str,
    current_name: str,
    window: tuple[datetime, datetime],
    threshold: float = 0.05,
    statistics: Sequence[str] = STATISTICS,
) -> DataFrame:
    r"""Compare the distribution of each image statistic with a reference.

    The statistic is :math:`D = \max_x |F_{ref}(x) - F_{cur}(x)|` over all values, in one ordered pass;
    its p-value is SciPy's (exact up to 10,000 values a side, else asymptotic). p-values are adjusted
    by Benjamini-Hochberg over the statistics compared; a column has drifted when its adjusted p-value
    is below ``threshold``. The Wasserstein distance is :math:`\int |F_{ref} - F_{cur}| dx`.

    Parameters
    ----------
    reference, current : DataFrame
        Rows of table ``image_stats``; boxes are left out.
    reference_name, current_name : str
        Names of the two, such as ``dataset=photos``.
    window : tuple of datetime
        Capture times of the current data.
    threshold : float in [0, 1]
        False discovery rate.
    statistics : sequence of str
        Columns to compare. A column that is missing, or null in all rows of a side, has no test.

    Returns
    -------
    DataFrame
        Table ``drift_metrics`` without ``run_id``, one row per statistic. The driver holds one row per
        statistic. Equal to ``scipy.stats.ks_2samp``.

    Raises
    ------
    OptionError
        ``threshold`` is out of range or a statistic is unknown.

    References
    ----------
    Benjamini and Hochberg (1995). DataEval's DriftUnivariate leaves ``feature_drift`` uncorrected.

    Examples
    --------
    >>> sides = {"reference_name": "dataset=demo", "current_name": "dataset=later", "window": times}
    >>> rows = drift_univariate(old, new, **sides).where("drift_detected").orderBy("adjusted_pvalue")
    >>> rows.selectExpr("column_name", "round(ks_test.statistic, 2) AS ks", "reference_count AS n").show(3)
    +-----------+----+---+
    |column_name|  ks|  n|
    +-----------+----+---+
    |        std|0.84|149|
    |    entropy|0.72|149|
    |   darkness|0.64|149|
    +-----------+----+---+
    only showing top 3 rows
    """
    within("drift_univariate.threshold", threshold)
    for name in statistics:
        OptionError.unless_one_of("drift_univariate.statistics", name, STATISTICS)
    reference, current = (side.where("target_index IS NULL") for side in (reference, current))
    sides = _side(reference, statistics, is_current=False).unionByName(_side(current, statistics, is_current=True))
    measured = (
        distribution_gaps(sides, values=statistics)
        .withColumnRenamed("value_name", "column_name")
        .join(_summaries(reference, current, statistics), on="column_name", how="right")
    )
    rows = measured.join(_evidence(reference, current, statistics), on="column_name", how="left").orderBy("column_name")
    collected = [row.asDict(recursive=True) for row in bounded(rows, "one row per statistic")]
    pvalues = [_pvalue(row) for row in collected]
    for row, pvalue, adjusted_pvalue in zip(collected, pvalues, adjusted_p_values(pvalues), strict=True):
        row |= {
            "window": window,
            "monitor_version": MONITOR_VERSION,
            "data_type": "double",
            "drift_type": "BASELINE",
            "ks_test": None if pvalue is None else (float(row["statistic"]), pvalue),
            "wasserstein_distance": row["wasserstein"],
            "reference": reference_name,
            "current": current_name,
            "adjusted_pvalue": adjusted_pvalue,
            "threshold": threshold,
            "drift_detected": None if adjusted_pvalue is None else adjusted_pvalue < threshold,
        }
    return rows_of_dicts(reference, DRIFT_METRICS, collected)


def _side(stats: DataFrame, statistics: Sequence[str], *, is_current: bool) -> DataFrame:
    return stats.select(
        *(F.col(name).cast("double").alias(name) for name in statistics), F.lit(is_current).alias("is_current")
    )


def _summaries(reference: DataFrame, current: DataFrame, statistics: Sequence[str]) -> DataFrame:
    """Counts, means, nulls, zeros and distinct values of both sides and their differences."""

    def summary(stats: DataFrame, prefix: str) -> DataFrame:
        rows = stats.select(F.inline(named_values(statistics))).withColumnRenamed("statistic", "column_name")
        # Counted value by value, so that each distinct one is a row.
        counts = rows.groupBy("column_name", "value").agg(F.count("*").alias("rows"))
        filled_rows = F.when(F.col("value").isNotNull(), F.col("rows"))
        others: dict[str, Aggregate] = {
            "all": (F.sum("rows"), F.sum),
            "n": (F.coalesce(F.sum(filled_rows), F.lit(0)), F.sum),
            "zeros": (F.coalesce(F.sum(F.when(F.col("value") == 0, F.col("rows"))), F.lit(0)), F.sum),
            "distinct": (F.count("value"), F.sum),
        }
        summed = exact_sums(counts, ["column_name"], {"sum": F.col("value") * F.col("rows")}, others)
        n = F.col("n")
        return summed.select(
            "column_name",
            n.alias(f"{prefix}_count"),
            ratio(F.col("sum"), n).alias(f"{prefix}_avg"),
            (100 * ratio(F.col("all") - n, F.col("all"))).alias(f"{prefix}_null"),
            (100 * ratio(F.col("zeros"), n)).alias(f"{prefix}_zeros"),
            (100 * ratio(F.col("distinct"), n)).alias(f"{prefix}_distinct"),
        )

    joined = summary(reference, "reference").join(summary(current, "current"), on="column_name", how="full")
    joined = joined.fillna(0, ["reference_count", "current_count"])
    deltas = {f"percent_{kind}_delta": kind for kind in ("null", "zeros", "distinct")} | {"avg_delta": "avg"}
    return joined.select(
        "column_name",
        "reference_count",
        "current_count",
        (F.col("current_count") - F.col("reference_count")).cast("double").alias("count_delta"),
        *((F.col(f"current_{kind}") - F.col(f"reference_{kind}")).alias(name) for name, kind in deltas.items()),
    )


def _evidence(reference: DataFrame, current: DataFrame, statistics: Sequence[str]) -> DataFrame:
    """Current images farthest beyond the reference's mean, in its standard deviations."""
    old = unpivot(reference, ("image_id",), statistics)
    moments = exact_mean_and_std(old, ["statistic"], F.col("value"))
    spread = moments.select("statistic", F.col("mean").alias("m"), F.col("std").alias("s")).where("s > 0")
    new = unpivot(current, ("image_id",), statistics)
    scored = new.join(F.broadcast(spread), on="statistic", how="inner").select(
        F.col("statistic").alias("column_name"),
        F.col("image_id").alias("item_id"),
        (F.abs(F.col("value") - F.col("m")) / F.col("s")).alias("score"),
    )
    # Spark keeps only the first rows of each window group in each task (WindowGroupLimit).
    order = Window.partitionBy("column_name").orderBy(F.desc("score"), "item_id")
    top = scored.withColumn("place", F.row_number().over(order)).where(F.col("place") <= EVIDENCE_IMAGES)
    entries = F.sort_array(F.collect_list(F.struct("place", "item_id", "score")))
    return (
        top.groupBy("column_name")
        .agg(entries.alias("entries"))
        .select("column_name", F.transform("entries", lambda e: F.struct(e["item_id"], e["score"])).alias("evidence"))
    )


def _pvalue(row: dict[str, Any]) -> float | None:
    if row["statistic"] is None:
        return None
    return ks_pvalue(row["statistic"], row["reference_count"], row["current_count"], row["i"], row["j"])
