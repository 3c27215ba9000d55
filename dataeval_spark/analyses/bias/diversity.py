"""Diversity: how evenly the values of each factor are filled, over all and within each class."""

from __future__ import annotations

from typing import Literal, get_args

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.bias.contingency import of_label, require_label
from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.factors.diversity import shannon_diversity, simpson_diversity
from dataeval_spark.kernels.factors.pair_counts import LABEL, table_of
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.bias import DIVERSITY

Method = Literal["simpson", "shannon"]
_MEASURED = DIVERSITY.ddl_without("method", "threshold", "is_low")
_SCHEMA = arrow_schema(_MEASURED)


def diversity(
    contingency: DataFrame, *, method: Method = "simpson", threshold: float = 0.5, label: str = LABEL
) -> DataFrame:
    r"""Compute an index of diversity of every factor: 0 if one value has all rows, 1 if all have the same number.

    * ``simpson``: :math:`(1 / \sum p_i^2 - 1) / (m - 1)`
    * ``shannon``: :math:`-\sum p_i \ln p_i / \ln m`

    with m the values that occur in the whole dataset, within a class too. A missing value is a value. The label itself
    is one of the factors.

    Parameters
    ----------
    contingency : DataFrame
        Table of that name.
    method : {"simpson", "shannon"}
        Index of diversity.
    threshold : float in [0, 1]
        Diversity at or below which it is low.
    label : str
        Factor whose values take the place of the classes.

    Returns
    -------
    DataFrame
        Table ``diversity`` without ``run_id``: per factor a row for all (class null) and one per class.

    Raises
    ------
    OptionError
        An option is unknown or out of range.

    References
    ----------
    DataEval 1.1.4, ``bias.Diversity``: equal.

    Examples
    --------
    >>> low = diversity(counts, method="shannon").where("is_low AND class_name IS NULL").orderBy("diversity")
    >>> low.selectExpr("factor", "round(diversity, 2) AS diversity", "filled_bins").show(2)
    +----------+---------+-----------+
    |    factor|diversity|filled_bins|
    +----------+---------+-----------+
    | has_alpha|     0.03|          2|
    |pixel_type|     0.03|          2|
    +----------+---------+-----------+
    only showing top 2 rows
    """
    OptionError.unless_one_of("diversity.method", method, get_args(Method))
    within("diversity.threshold", threshold)
    index = {"simpson": simpson_diversity, "shannon": shannon_diversity}[method]
    require_label(contingency, label, "diversity.label")

    def measure(cells: pa.Table) -> pa.Table:
        factor = cells["factor"][0].as_py()
        classes, _, table = table_of(*(cells[name].to_pylist() for name in ("class_name", "value", "n")))
        bins = table.shape[1]
        counts = [(None, table.sum(axis=0)), *([] if factor == label else zip(classes, table, strict=True))]
        rows = [(factor, name, index(n, bins), bins, int((n > 0).sum()), int(n.sum())) for name, n in counts if n.any()]
        return pa.Table.from_arrays(
            [pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), _SCHEMA, strict=True)],
            schema=_SCHEMA,
        )

    own = contingency.where((F.col("factor_a") == label) & (F.col("factor_b") == label)).select(
        F.col("factor_a").alias("factor"), F.col("value_a").alias("value"), F.col("value_a").alias("class_name"), "n"
    )
    cells = of_label(contingency, label).drop("design_effect").unionByName(own)
    measured = cells.groupBy("factor").applyInArrow(measure, _MEASURED)
    values = {
        "method": F.lit(method),
        "threshold": F.lit(float(threshold)),
        "is_low": F.col("diversity") <= F.lit(float(threshold)),
    }
    return measured.withColumns(values).select(*DIVERSITY.result_names)
