"""Feature value: which factors predict the label, which predict nothing, and which only repeat another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.bias.balance import require_class_label
from dataeval_spark.frames.batches import map_batches
from dataeval_spark.frames.contract import rows_of
from dataeval_spark.kernels.factors.feature_ranking import rank_features
from dataeval_spark.kernels.factors.pair_counts import LABEL, LABEL_COUNTS_DDL, label_counts
from dataeval_spark.kernels.factors.rank_auc import cross_validated_auc
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.bias import FEATURE_VALUE

_SEPARATOR = "\u0001"
_MEASURED = FEATURE_VALUE.ddl_of("factor", "auc", "auc_std", "folds", "bins")
_SCHEMA = arrow_schema(_MEASURED)


def feature_value(
    factor_bins: DataFrame,
    balance: DataFrame,
    *,
    folds: int = 5,
    seed: int = 0,
    useless_score: float = 0.01,
    useless_auc: float = 0.55,
    redundant: float = 0.9,
) -> DataFrame:
    """Rank the factors by what each adds to the better ones in predicting the class.

    * ``score``: chance-adjusted share of the label's entropy (``balance``)
    * ``auc``: of predicting the class from the factor's bin, by the share of each class in the bin on the other folds;
      mean over classes by their size. Exact on all rows: from counts per fold, class and bin
    * ``rank``: greedy, by score minus the largest association with a factor already ranked
    * ``verdict``: ``constant``; ``useless`` below both ``useless_score`` and ``useless_auc``; ``redundant`` when the
      association with a better factor reaches ``redundant``; else ``useful``

    Parameters
    ----------
    factor_bins, balance : DataFrame
        Tables of these names; ``balance`` with ``class_name`` as its label.
    folds : int
        Number of folds; an image is in one of them by a hash of its id.
    seed : int
        Seed of that hash.
    useless_score, useless_auc, redundant : float
        Thresholds of the verdict.

    Returns
    -------
    DataFrame
        Table ``feature_value`` without ``run_id``. Constant factors are not among the factors: `factor_bins` lists
        them. The driver holds one row per pair of factors.

    Raises
    ------
    OptionError
        An option is out of range, or ``balance`` was made with another label.

    References
    ----------
    Peng, Long and Ding (2005); see `rank_features` for the difference.

    Examples
    --------
    >>> ranked = feature_value(binned, measured).orderBy("rank")
    >>> ranked.selectExpr("rank", "factor", "verdict", "round(score, 2) AS score", "round(auc, 2) AS auc").show(3)
    +----+----------------+-------+-----+----+
    |rank|          factor|verdict|score| auc|
    +----+----------------+-------+-----+----+
    |   1|box_aspect_ratio| useful| 0.05|0.55|
    |   2|         weekday|useless| 0.01| 0.5|
    |   3|    aspect_ratio|useless|  0.0| 0.5|
    +----+----------------+-------+-----+----+
    only showing top 3 rows
    """
    within("feature_value.folds", folds)
    for name, value in (("useless_score", useless_score), ("useless_auc", useless_auc), ("redundant", redundant)):
        within(f"feature_value.{name}", value)
    require_class_label(balance, "feature_value")
    fold = F.pmod(F.xxhash64(F.lit(seed), "image_id"), F.lit(folds)).cast("string")
    with_class = factor_bins.where("class_name IS NOT NULL")
    labelled = with_class.select(F.concat(fold, F.lit(_SEPARATOR), "class_name").alias("class_name"), "bins")
    counts = (
        map_batches(labelled, label_counts, LABEL_COUNTS_DDL)
        .groupBy("factor", "value", "class_name")
        .agg(F.sum("n").alias("n"))
    )
    measured = counts.groupBy("factor").applyInArrow(_cross_validated, _MEASURED)
    rows = {row["factor"]: row.asDict() for row in bounded(measured, "one row per factor")}
    pairs = bounded(
        balance.where("kind != 'class'").select("kind", "factor_a", "factor_b", "score", "p_value"), "pairs of factors"
    )
    of_label = {row["factor_b"]: row for row in pairs if row["kind"] == "label" and row["factor_a"] == LABEL}
    association = {(row["factor_a"], row["factor_b"]): row["score"] for row in pairs if row["kind"] == "factors"}
    relevance = {name: float(of_label[name]["score"]) if name in of_label else 0.0 for name in rows}
    result = []
    for rank, (name, largest, other) in enumerate(rank_features(relevance, association), 1):
        row = rows[name]
        auc = None if np.isnan(row["auc"]) else row["auc"]
        if row["bins"] < 2:
            verdict = "constant"
        elif relevance[name] < useless_score and (auc or 0.5) < useless_auc:
            verdict = "useless"
        else:
            verdict = "redundant" if largest >= redundant else "useful"
        p_value = of_label[name]["p_value"] if name in of_label else None
        std = None if auc is None else row["auc_std"]
        result.append(
            (name, rank, verdict, relevance[name], p_value, auc, std, row["folds"], largest, other, row["bins"])
        )
    return rows_of(factor_bins, FEATURE_VALUE, result)


def _cross_validated(cells: pa.Table) -> pa.Table:
    keys = [text.partition(_SEPARATOR) for text in cells["class_name"].to_pylist()]
    folds, at_fold = np.unique([fold for fold, _, _ in keys], return_inverse=True)
    classes, at_class = np.unique([name for _, _, name in keys], return_inverse=True)
    values, at_value = np.unique(cells["value"].to_pylist(), return_inverse=True)
    counts = np.zeros((folds.size, classes.size, values.size), np.int64)
    np.add.at(counts, (at_fold, at_class, at_value), cells["n"].to_numpy())
    auc, std, used = cross_validated_auc(counts)
    row: dict[str, Any] = {"factor": cells["factor"][0].as_py(), "auc": auc, "auc_std": std, "folds": used}
    return pa.Table.from_pylist([{**row, "bins": values.size}], schema=_SCHEMA)
