"""Null model: the scores of guessing on the current labels."""

from __future__ import annotations

from datetime import datetime

from pyspark.sql import DataFrame

from dataeval_spark.analyses.shift.label_parity import labels_of_sides
from dataeval_spark.frames.contract import rows_of_dicts
from dataeval_spark.frames.image_sums import sums_of
from dataeval_spark.kernels.labels.null_model import null_model as guess
from dataeval_spark.tables.shift import NULL_MODEL


def null_model(
    reference: DataFrame,
    current: DataFrame,
    *,
    reference_name: str,
    current_name: str,
    window: tuple[datetime, datetime],
) -> DataFrame:
    """Compute the scores of guessing on the current labels: the least that a model has to beat.

    Parameters
    ----------
    reference, current, reference_name, current_name, window
        See :func:`dataeval_spark.analyses.shift.label_parity.label_parity`.

    Returns
    -------
    DataFrame
        Table ``null_model`` without ``run_id``, one row per predictor; none without current labels. The driver holds
        one row per class.

    References
    ----------
    DataEval 1.1.4, ``core.nullmodel_metrics``.

    Examples
    --------
    >>> sides = {"reference_name": "split=train", "current_name": "split=test", "window": times}
    >>> rows = null_model(train_labels, test_labels, **sides)
    >>> rows.selectExpr("predictor", "round(accuracy, 3) AS accuracy", "round(recall_macro, 3) AS recall").show()
    +-------------------+--------+------+
    |          predictor|accuracy|recall|
    +-------------------+--------+------+
    |     uniform_random|     0.1|   0.1|
    |     dominant_class|   0.167|   0.1|
    |proportional_random|   0.103|   0.1|
    +-------------------+--------+------+
    """
    counts = labels_of_sides(reference, current)
    sides = {"window": window, "reference": reference_name, "current": current_name}
    names = sorted({*counts[0], *counts[1]})
    both = [sums_of(side, names).counts for side in counts]
    scores = guess(*both) if both[1].sum() else {}
    return rows_of_dicts(
        reference, NULL_MODEL, [{**sides, "predictor": name, **score} for name, score in scores.items()]
    )
