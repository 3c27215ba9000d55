"""Feature distance: how far each numeric factor of two parts of the data lies apart, on the reference's scale."""

from __future__ import annotations

from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy.stats import false_discovery_control

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.contract_rows import rows_of
from dataeval_spark.frames.histogram import exact_quantiles
from dataeval_spark.frames.two_samples import distribution_gaps
from dataeval_spark.kernels.kolmogorov_smirnov import ks_pvalue
from dataeval_spark.tables import FEATURE_DISTANCE

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
    largest (1) of all values. p-values are SciPy's, adjusted by Benjamini-Hochberg over the factors.

    Parameters
    ----------
    reference, current : DataFrame
        Rows of table ``factor_bins``; each labelled thing counts.
    reference_name, current_name : str
        What the two are, such as ``split=train``.
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
    >>> feature_distance(train, test, reference_name="split=train", current_name="split=test", window=times).show()
    """
    long = _long(reference, is_current=False).unionByName(_long(current, is_current=True))
    quartiles = {"first": 0.25, "third": 0.75, "least": 0.0, "most": 1.0}
    spread = exact_quantiles(long.where("NOT is_current"), ["factor"], "value", quartiles).drop("n")
    rows = distribution_gaps(long, "factor").join(spread, on="factor", how="inner")
    collected = rows.limit(MAX_FACTORS + 1).collect()
    if len(collected) > MAX_FACTORS:
        raise OptionError(f"feature_distance: there are more than {MAX_FACTORS:,} factors.")
    found = []
    for row in collected:
        width = (row["third"] - row["first"]) or (row["most"] - row["least"]) or 1.0
        reach = row["highest"] - row["lowest"]
        location = (row["location"] - row["lowest"]) / reach if reach else 0.0
        pvalue = ks_pvalue(row["statistic"], row["n_r"], row["n_c"], row["i"], row["j"]) if reach else 1.0
        found.append((row, row["wasserstein"] / width, location, pvalue))
    found.sort(key=lambda each: (-each[1], each[0]["factor"]))
    adjusted = false_discovery_control([each[3] for each in found]).tolist() if found else []
    sides = (window, reference_name, current_name)
    result = [
        (*sides, row["factor"], distance, row["statistic"], location, pvalue, each, row["n_r"], row["n_c"])
        for (row, distance, location, pvalue), each in zip(found, adjusted, strict=True)
    ]
    return rows_of(reference, FEATURE_DISTANCE, result)


def _long(factor_bins: DataFrame, *, is_current: bool) -> DataFrame:
    values = factor_bins.select(F.explode("numbers").alias("factor", "value"))
    return values.where("value IS NOT NULL AND NOT isnan(value)").withColumn("is_current", F.lit(is_current))
