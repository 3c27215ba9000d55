"""Contingency tables of factor values, from one pass over the labelled things; the bias measures follow from them."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.batches import map_batches
from dataeval_spark.frames.contract import same_keys
from dataeval_spark.frames.image_sums import class_effects
from dataeval_spark.kernels.factors.pair_counts import LABEL, PAIRS_DDL, pair_counts
from dataeval_spark.option_checks.columns import value_for_column
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.bias import CONTINGENCY

MOST_NAMES = 10_000


def contingency(factor_bins: DataFrame, bin_edges: DataFrame) -> DataFrame:
    """Count pairs of values for all pairs of factors, the class among them.

    Each task counts all pairs of its rows with numpy; the partial counts of all tasks are summed. However many
    factors there are, the rows are read once for it and only counts are shuffled. They are read once more for the
    design effects, with a row per image and class.

    Parameters
    ----------
    factor_bins, bin_edges : DataFrame
        Tables of these names; images without labels are left out.

    Returns
    -------
    DataFrame
        Table ``contingency`` without ``run_id``. A level that ``bin_edges`` does not have is called ``unseen``.

    Examples
    --------
    >>> rows = contingency(binned, edges).where("factor_a = 'class_name' AND factor_b = 'scene'")
    >>> rows.select("value_a", "value_b", "n").orderBy("value_a", "value_b").show(4)
    +-------+-------+---+
    |value_a|value_b|  n|
    +-------+-------+---+
    |  eight|  china| 19|
    |  eight| flower|  7|
    |  eight|missing|  3|
    |   five|  china| 20|
    +-------+-------+---+
    only showing top 4 rows
    """
    counted = (
        map_batches(factor_bins.where("class_name IS NOT NULL").select("class_name", "bins"), pair_counts, PAIRS_DDL)
        .groupBy("factor_a", "value_a", "factor_b", "value_b")
        .agg(F.sum("n").alias("n"))
    )
    named = _named(_named(counted, bin_edges, "a"), bin_edges, "b")
    labelled = factor_bins.where("class_name IS NOT NULL").select("image_id", "class_name")
    return _with_effects(named, class_effects(labelled))


def _with_effects(counted: DataFrame, effects: DataFrame) -> DataFrame:
    """Cells with the design effect of their class; without a class, that of values that an image has one of."""
    of_class = F.when(F.col("factor_a") == LABEL, F.col("value_a")).when(F.col("factor_b") == LABEL, F.col("value_b"))
    cells = counted.withColumn("class_name", of_class).alias("c")
    # A class has one row, and so has null.
    joined = cells.join(F.broadcast(effects).alias("e"), on=same_keys(["class_name"], "c", "e"), how="inner")
    return joined.select(*CONTINGENCY.result_names)


def _named(counted: DataFrame, bin_edges: DataFrame, side: str) -> DataFrame:
    """Codes replaced by their labels; the class has none."""
    factor, value = f"factor_{side}", f"value_{side}"
    # (factor, bin) is unique in bin_edges; at most max_levels rows per factor.
    labels = bin_edges.select(F.col("factor").alias(factor), F.col("bin").cast("string").alias(value), "label")
    joined = counted.join(F.broadcast(labels), on=[factor, value], how="left")
    others = [name for name in counted.columns if name != value]
    code = F.when(F.col(value) == "-1", "unseen").otherwise(F.concat(F.lit("bin "), value))
    named = F.when(F.col(factor) == LABEL, F.col(value)).otherwise(F.coalesce("label", code))
    return joined.select(*others, named.alias(value))


def require_label(contingency: DataFrame, label: str, option: str) -> None:
    """Raise OptionError where there is no factor of that name; for one of its values the error names the factor."""
    if label == LABEL or not contingency.where(F.col("factor_a") == label).isEmpty():
        return
    sides = [
        contingency.where(F.col(f"value_{side}") == label).select(F.col(f"factor_{side}").alias("factor"))
        for side in "ab"
    ]
    owners = _factors(sides[0].unionByName(sides[1]), "factor")
    if owners:
        raise value_for_column(option, label, LABEL if LABEL in owners else owners[0])
    OptionError.unless_one_of(
        option, label, [LABEL, *(name for name in _factors(contingency, "factor_a") if name != LABEL)]
    )


def _factors(frame: DataFrame, column: str) -> list[str]:
    rows = bounded(frame.select(column).distinct().limit(MOST_NAMES), "names of factors")
    return sorted(row[column] for row in rows)


def of_label(contingency: DataFrame, label: str) -> DataFrame:
    """Counts of one factor's values against every other.

    Columns are ``factor``, ``value``, ``class_name`` (the label's), ``n`` and ``design_effect``.
    """
    is_first = F.col("factor_a") == label
    cells = contingency.where((F.col("factor_a") == label) != (F.col("factor_b") == label))
    return cells.select(
        F.when(is_first, F.col("factor_b")).otherwise(F.col("factor_a")).alias("factor"),
        F.when(is_first, F.col("value_b")).otherwise(F.col("value_a")).alias("value"),
        F.when(is_first, F.col("value_a")).otherwise(F.col("value_b")).alias("class_name"),
        "n",
        "design_effect",
    )


def rows_of_value(factor_bins: DataFrame, bin_edges: DataFrame, factor: str, value: str) -> DataFrame:
    """Select the rows whose factor has a value, to be measured by `contingency` and all that follows from it.

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
    >>> train = rows_of_value(binned, edges, "split", "train")
    >>> rows = balance(contingency(train, edges), edges).where("kind = 'label'").orderBy("score", ascending=False)
    >>> rows.selectExpr("factor_b", "round(score, 2) AS score", "n").show(2)
    +----------------+-----+---+
    |        factor_b|score|  n|
    +----------------+-----+---+
    |box_aspect_ratio| 0.06|228|
    |        exposure| 0.02|228|
    +----------------+-----+---+
    only showing top 2 rows
    """
    own = bin_edges.where(F.col("factor") == factor).select("bin", "label")
    bins = {row["label"]: row["bin"] for row in bounded(own.limit(MOST_NAMES), "bins of one factor")}
    if not bins:
        OptionError.unless_one_of("rows_of_value.factor", factor, _factors(bin_edges, "factor"))
    OptionError.unless_one_of("rows_of_value.value", value, sorted(bins))
    return factor_bins.where(F.col("bins")[factor] == bins[value])
