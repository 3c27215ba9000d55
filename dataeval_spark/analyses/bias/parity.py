"""Parity: whether the label is independent of a factor, and how strong their association is."""

from __future__ import annotations

import pyarrow as pa
from pyspark.sql import DataFrame

from dataeval_spark.analyses.bias.contingency import of_label, require_label
from dataeval_spark.frames.contract import rows_of_dicts
from dataeval_spark.kernels.factors.contingency_statistics import association
from dataeval_spark.kernels.factors.false_discovery import adjusted_p_values
from dataeval_spark.kernels.factors.pair_counts import LABEL, effect_of, table_of
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.bias import PARITY

FEWEST_IN_A_CELL = 5
_MEASURED = PARITY.ddl_without("adjusted_pvalue", "is_significant", "is_flagged")
_SCHEMA = arrow_schema(_MEASURED)


def parity(
    contingency: DataFrame, *, score_threshold: float = 0.3, p_value_threshold: float = 0.05, label: str = LABEL
) -> DataFrame:
    """Test the independence of label and factor, for every factor.

    The test is the G-test (log-likelihood ratio, Yates's correction for 2 x 2), the strength Cramér's V from its
    statistic with Bergsma's correction of bias; Pearson's test and the V from it stand beside. Cells with 1 to 4 rows
    are listed. The G-test finds a dependence far too often where few rows are expected in a cell, so what decides is
    ``robust_p_value``: Pearson's, and where fewer than 5 rows are expected in a cell that of tables with the same
    margins. The statistic is divided by the design effect of the classes, because boxes of one image are often alike;
    where a factor differs between them the test is conservative. It is also adjusted by Benjamini-Hochberg over the
    factors.

    Parameters
    ----------
    contingency : DataFrame
        Table of that name.
    score_threshold : float in [0, 1]
        Cramér's V from which a significant association is flagged.
    p_value_threshold : float in [0, 1]
        Robust p-value at or below which it is significant.
    label : str
        Factor whose values take the place of the classes.

    Returns
    -------
    DataFrame
        Table ``parity`` without ``run_id``. The driver holds one row per factor.

    Raises
    ------
    OptionError
        A threshold is out of range.

    References
    ----------
    DataEval 1.1.4, ``bias.Parity``: equal in score, p-value and insufficient cells.

    Examples
    --------
    >>> rows = parity(counts).orderBy("score", ascending=False)
    >>> rows.selectExpr("factor", "round(score, 2) AS score", "low_expected_cells AS low", "is_flagged").show(3)
    +----------------+-----+---+----------+
    |          factor|score|low|is_flagged|
    +----------------+-----+---+----------+
    |box_aspect_ratio| 0.27| 21|     false|
    |        exposure| 0.13| 29|     false|
    |        box_area|  0.1| 38|     false|
    +----------------+-----+---+----------+
    only showing top 3 rows
    """
    within("parity.score_threshold", score_threshold)
    within("parity.p_value_threshold", p_value_threshold)
    require_label(contingency, label, "parity.label")

    def measure(cells: pa.Table) -> pa.Table:
        values, classes, table = table_of(*(cells[name].to_pylist() for name in ("value", "class_name", "n")))
        few = [
            {"value": value, "class_name": name, "n": int(table[i, j])}
            for i, value in enumerate(values)
            for j, name in enumerate(classes)
            if 0 < table[i, j] < FEWEST_IN_A_CELL
        ]
        factor = cells["factor"][0].as_py()
        side = "class_name" if label == LABEL else "value" if factor == LABEL else None
        classes_of_cells = None if side is None else cells[side].to_pylist()
        strength = association(
            table, effect_of(classes_of_cells, *(cells[c].to_pylist() for c in ("n", "design_effect")))
        )
        row = {
            **vars(strength),
            "factor": factor,
            "score": strength.corrected_v,
            "insufficient": few,
            "n": int(table.sum()),
        }
        return pa.Table.from_pylist([{name: row[name] for name in _SCHEMA.names}], schema=_SCHEMA)

    measured = of_label(contingency, label).groupBy("factor").applyInArrow(measure, _MEASURED)
    rows = [row.asDict(recursive=True) for row in bounded(measured.orderBy("factor"), "one row per factor")]
    for row, p_value in zip(rows, adjusted_p_values(row["robust_p_value"] for row in rows), strict=True):
        is_significant = row["robust_p_value"] <= p_value_threshold
        is_flagged = is_significant and row["score"] >= score_threshold
        row |= {"adjusted_pvalue": p_value, "is_significant": is_significant, "is_flagged": is_flagged}
    return rows_of_dicts(contingency, PARITY, rows)
