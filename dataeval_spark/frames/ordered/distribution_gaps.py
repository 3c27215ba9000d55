"""Two samples of many columns at once: the largest gap between their distribution functions, and the area between."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.ordered.ordered_pass import ordered_statistics
from dataeval_spark.kernels.ordered.two_samples import AREAS, KOLMOGOROV_SMIRNOV, RANGE


def distribution_gaps(sides: DataFrame, by: str | None = None, values: Sequence[str] = ("value",)) -> DataFrame:
    r"""Kolmogorov-Smirnov and Wasserstein distance of the two sides of each group, in one ordered pass.

    Parameters
    ----------
    sides : DataFrame
        ``is_current`` and the columns of ``by`` and ``values``, whose nulls and NaN are left out; read two or three
        times, see :func:`~dataeval_spark.frames.ordered.ordered_pass.ordered_statistics`.
    by : str, optional
        Grouping column, of 10,000 groups at most; without it each column of ``values`` is a group.
    values : sequence of str
        Numeric columns; one where there is a grouping column.

    Returns
    -------
    DataFrame
        Per group with values on both sides: ``by``, or ``value_name``; ``statistic``,
        :math:`D = \max_x |F_{ref}(x) - F_{cur}(x)|`; ``i`` and ``j``, the counts at or below the value where it is
        attained, and ``location``, that value (where several attain it, the one with the largest counts);
        ``wasserstein``, :math:`\int |F_{ref} - F_{cur}| dx`; ``lowest`` and ``highest`` of all values; ``n_r`` and
        ``n_c``, values of reference and current data.

    Raises
    ------
    OptionError
        There are more than 10,000 groups.

    Examples
    --------
    >>> distribution_gaps(frame, "column_name")
    """
    with_reference = sides.withColumn("is_reference", ~F.col("is_current"))
    statistics = (KOLMOGOROV_SMIRNOV, AREAS, RANGE)
    keys = () if by is None else (by,)
    gaps = ordered_statistics(with_reference, keys, values, ("is_reference", "is_current"), statistics)
    counts = {"i": "i", "j": "j", "n": "n_r", "m": "n_c"}
    whole = {name: F.col(name).cast("bigint").alias(renamed) for name, renamed in counts.items()}
    return gaps.where("n > 0 AND m > 0").select(
        *(by or "value_name", "statistic", whole["i"], whole["j"], "location", "wasserstein", "lowest", "highest"),
        *(whole["n"], whole["m"]),
    )
