"""Two samples of many columns at once: the largest gap between their distribution functions, and the area between."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from dataeval_spark.frames.exact_sums import Aggregate, exact_sums


def distribution_gaps(long: DataFrame, by: str) -> DataFrame:
    r"""Kolmogorov-Smirnov and Wasserstein distance of the two sides of each group, from exact counts.

    Parameters
    ----------
    long : DataFrame
        ``by``, ``value`` (double, neither null nor NaN) and ``is_current``.
    by : str
        Grouping column; groups are the parallelism.

    Returns
    -------
    DataFrame
        Per group with values on both sides: ``by``; ``statistic``, :math:`D = \max_x |F_{ref}(x) - F_{cur}(x)|`; ``i``
        and ``j``, the counts at or below the value where it is attained, and ``location``, that value (where several
        attain it, the one with the largest counts); ``wasserstein``, :math:`\int |F_{ref} - F_{cur}| dx`; ``lowest``
        and ``highest`` of all values; ``n_r`` and ``n_c``, values of reference and current data.

    Examples
    --------
    >>> distribution_gaps(frame, "column_name")
    """
    counts = long.groupBy(by, "value").agg(
        F.count_if(~F.col("is_current")).alias("r"), F.count_if("is_current").alias("c")
    )
    group = Window.partitionBy(by)
    ordered = group.orderBy("value")
    cumulated = counts.select(
        by,
        "value",
        F.sum("r").over(ordered).alias("i"),
        F.sum("c").over(ordered).alias("j"),
        F.sum("r").over(group).alias("n_r"),
        F.sum("c").over(group).alias("n_c"),
        F.lead("value").over(ordered).alias("next_value"),
    ).where("n_r > 0 AND n_c > 0")
    gap = F.abs(F.col("i") / F.col("n_r") - F.col("j") / F.col("n_c"))
    # Ties of the gap are broken by the counts, so that the same point is reported for any row order.
    at = F.struct(gap.alias("gap"), "i", "j", "value")
    area = gap * (F.coalesce("next_value", "value") - F.col("value"))
    others: dict[str, Aggregate] = {
        "at": (F.max(at), F.max),
        "lowest": (F.min("value"), F.min),
        "highest": (F.max("value"), F.max),
        "n_r": (F.max("n_r"), F.max),
        "n_c": (F.max("n_c"), F.max),
    }
    gaps = exact_sums(cumulated, [by], {"wasserstein": area}, others)
    return gaps.select(
        by,
        F.col("at.gap").alias("statistic"),
        "at.i",
        "at.j",
        F.col("at.value").alias("location"),
        *("wasserstein", "lowest", "highest", "n_r", "n_c"),
    )
