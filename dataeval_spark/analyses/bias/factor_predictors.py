"""Factors that explain why images have a finding, and factors that set one image apart from the others."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.batches import map_batches
from dataeval_spark.frames.contract import rows_of_dicts
from dataeval_spark.frames.image_sums import image_effect
from dataeval_spark.frames.quantiles import exact_quantiles
from dataeval_spark.kernels.factors.false_discovery import adjusted_p_values
from dataeval_spark.kernels.factors.independence import independence
from dataeval_spark.kernels.factors.mutual_information import adjusted_share, entropy, mutual_information
from dataeval_spark.kernels.factors.pair_counts import LABEL_COUNTS_DDL, label_counts, table_of
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.bias import FACTOR_PREDICTORS

_ALL = ""
_ROWS = FACTOR_PREDICTORS.ddl_without("adjusted_pvalue", "explains")
_SCHEMA = arrow_schema(_ROWS)


def factor_predictors(factor_bins: DataFrame, image_findings: DataFrame, *, threshold: float = 0.1) -> DataFrame:
    r"""Measure for every kind of finding how well each factor predicts which images have it.

    ``share`` is :math:`MI / H` of being flagged or not, ``score`` the same corrected for chance,
    :math:`(MI - EMI) / (H - EMI)`. Both are exact on the factors' bins, the class among the factors left out. An image
    is flagged by a rule when any of its findings is of that rule; each of its labelled things then counts. The p-value
    is Pearson's with the statistic divided by the design effect of what all boxes of an image share.

    Parameters
    ----------
    factor_bins, image_findings : DataFrame
        Tables of these names; any frame with ``image_id`` and ``rule`` can take the place of the second.
    threshold : float in [0, 1]
        Score above which, with an adjusted p-value of at most 0.05, a factor explains a rule.

    Returns
    -------
    DataFrame
        Table ``factor_predictors`` without ``run_id``. A rule that flags all or none is left out. The driver holds one
        row per rule and factor.

    Raises
    ------
    OptionError
        ``threshold`` is out of range.

    References
    ----------
    DataEval 1.1.4, ``core.factor_predictors``: ``share`` is equal for discrete factors; there continuous ones are
    estimated by nearest neighbours.

    Examples
    --------
    >>> rows = factor_predictors(binned, findings).orderBy("score", ascending=False)
    >>> rows.selectExpr("rule", "factor", "round(score, 2) AS score", "n_flagged", "explains").show(3)
    +---------------+--------------------+-----+---------+--------+
    |           rule|              factor|score|n_flagged|explains|
    +---------------+--------------------+-----+---------+--------+
    |low_information|blurriness_graysc...|  1.0|        1|   false|
    |low_information|        entropy_bits|  1.0|        1|   false|
    |low_information|             entropy|  1.0|        1|   false|
    +---------------+--------------------+-----+---------+--------+
    only showing top 3 rows
    """
    within("factor_predictors.threshold", threshold)
    rules = image_findings.select("image_id", "rule").distinct()
    by_rule = factor_bins.join(rules, on="image_id", how="inner").select(F.col("rule").alias("class_name"), "bins")
    everything = factor_bins.select(F.lit(_ALL).alias("class_name"), "bins")
    counts = map_batches(by_rule.unionByName(everything), label_counts, LABEL_COUNTS_DDL)
    counts = counts.groupBy("factor", "value", "class_name").agg(F.sum("n").alias("n"))
    counts = counts.crossJoin(F.broadcast(image_effect(factor_bins)))
    measured = counts.groupBy("factor").applyInArrow(_of_factor, _ROWS).orderBy("rule", "factor")
    rows = [row.asDict() for row in bounded(measured, "rules x factors")]
    for row, p_value in zip(rows, adjusted_p_values(row["p_value"] for row in rows), strict=True):
        row |= {"adjusted_pvalue": p_value, "explains": row["score"] > threshold and p_value <= 0.05}
    return rows_of_dicts(factor_bins, FACTOR_PREDICTORS, rows)


def _of_factor(cells: pa.Table) -> pa.Table:
    factor = cells["factor"][0].as_py()
    rules, _, table = table_of(*(cells[name].to_pylist() for name in ("class_name", "value", "n")))
    total, effect = table[rules.index(_ALL)], cells["image_effect"][0].as_py()
    rows = []
    for rule, of_rule in zip(rules, table, strict=True):
        against_rest = np.stack([of_rule, total - of_rule])
        sums = against_rest.sum(axis=1)
        if rule == _ALL or not sums.all():
            continue
        information = mutual_information(against_rest)
        share = float(np.clip(information / entropy(sums), 0.0, 1.0))
        p_value = independence(against_rest, effect).robust_p_value
        values = (rule, factor, adjusted_share(against_rest), share, p_value, int(sums[0]), int(sums.sum()))
        rows.append(dict(zip(_SCHEMA.names, values, strict=True)))
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


def factor_deviation(reference: DataFrame, images: DataFrame) -> DataFrame:
    r"""Measure how far the numbers of some images lie from the median of others, factor by factor.

    :math:`|x - \tilde x| / s` with s the median distance of the reference's values on the same side of their median
    (above for :math:`x \ge \tilde x`), 1 where there are none. Medians are exact.

    Parameters
    ----------
    reference, images : DataFrame
        Rows of table ``factor_bins``.

    Returns
    -------
    DataFrame
        ``image_id``, ``target_index``, ``factor``, ``value``, ``deviation``: a row per row and number of ``images``, of
        the factors that the reference has.

    References
    ----------
    DataEval 1.1.4, ``core.factor_deviation``.

    Examples
    --------
    >>> odd = binned.where("image_id = 'demo/eight/00032.jpg'")
    >>> rows = factor_deviation(binned, odd).orderBy("deviation", ascending=False)
    >>> rows.selectExpr("factor", "round(value, 2) AS value", "round(deviation, 1) AS deviation").show(3)
    +---------+-----+---------+
    |   factor|value|deviation|
    +---------+-----+---------+
    |    noise|11.48|      5.8|
    |    noise|11.48|      5.8|
    |sharpness| 83.0|      3.1|
    +---------+-----+---------+
    only showing top 3 rows
    """
    values = reference.select(F.explode("numbers").alias("factor", "value"))
    medians = exact_quantiles(values, ["factor"], "value", {"median": 0.5}).select("factor", "median")
    # One row per factor, so it is broadcast.
    distances = values.join(F.broadcast(medians), on="factor", how="inner").select(
        "factor",
        (F.col("value") > F.col("median")).alias("is_above"),
        F.abs(F.col("value") - F.col("median")).alias("distance"),
    )
    scales = exact_quantiles(distances.where("distance > 0"), ["factor", "is_above"], "distance", {"scale": 0.5})
    sides = scales.groupBy("factor").agg(
        F.max(F.when(F.col("is_above"), F.col("scale"))).alias("above"),
        F.max(F.when(~F.col("is_above"), F.col("scale"))).alias("below"),
    )
    centers = medians.join(sides, on="factor", how="left")
    tested = images.select("image_id", "target_index", F.explode("numbers").alias("factor", "value"))
    joined = tested.join(F.broadcast(centers), on="factor", how="inner")
    scale = F.when(F.col("value") >= F.col("median"), F.col("above")).otherwise(F.col("below"))
    deviation = F.abs(F.col("value") - F.col("median")) / F.coalesce(scale, F.lit(1.0))
    return joined.select("image_id", "target_index", "factor", "value", deviation.alias("deviation"))
