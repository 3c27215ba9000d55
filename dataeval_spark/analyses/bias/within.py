"""A part of the labelled things by a factor's value, such as a split: all measures of bias work within it."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.session.bounded import bounded

MAX_BINS = 10_000


def within(factor_bins: DataFrame, bin_edges: DataFrame, factor: str, value: str) -> DataFrame:
    """Rows whose factor has a value; what `contingency` and every measure that follows take in place of all rows.

    Parameters
    ----------
    factor_bins, bin_edges : DataFrame
        Tables of these names.
    factor : str
        Factor, such as ``split``.
    value : str
        Label of one of its bins, such as ``train``.

    Returns
    -------
    DataFrame
        Rows of ``factor_bins``.

    Raises
    ------
    OptionError
        There is no such factor, or no such value of it; the message names those there are.

    Examples
    --------
    >>> train = within(audit.table("factor_bins"), edges := audit.table("bin_edges"), "split", "train")
    >>> balance(contingency(train, edges), edges).where("kind = 'label'").show()
    """
    rows = bounded(
        bin_edges.where(F.col("factor") == factor).select("bin", "label").limit(MAX_BINS), "bins of one factor"
    )
    if not rows:
        known = bounded(bin_edges.select("factor").distinct().limit(MAX_BINS), "names of factors")
        OptionError.unless_one_of("within.factor", factor, sorted(row["factor"] for row in known))
    bins = {row["label"]: row["bin"] for row in rows}
    OptionError.unless_one_of("within.value", value, sorted(bins))
    return factor_bins.where(F.col("bins")[factor] == bins[value])
