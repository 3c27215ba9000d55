"""Metrics of scores of a binary label: AUC, average precision, calibration, Brier score and log loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.ordered.ordered_pass import ordered_statistics
from dataeval_spark.kernels.ordered.scores import AVERAGE_PRECISION, PROBABILITY_LOSSES, calibration, quantiles
from dataeval_spark.kernels.ordered.two_samples import MANN_WHITNEY, RANGE
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.contract import identifier

Bins = Literal["width", "mass"]
METRICS = ("auc", "average_precision", "brier", "log_loss", "calibration_error", "largest_calibration_error")
BINS = ("bin_weight", "bin_positive", "bin_score")


def score_metrics(
    frame: DataFrame,
    by: Sequence[str],
    score: str,
    label: str,
    *,
    weight: str | None = None,
    unit: str | None = None,
    replicates: int = 0,
    seed: int = 0,
    bins: int = 10,
) -> DataFrame:
    r"""Metrics of a score of a binary label in each group, in one ordered pass.

    Parameters
    ----------
    frame : DataFrame
        Rows; read two or three times. Rows with a null label, or a null or NaN score, are left out.
    by : sequence of str
        Grouping columns, of 10,000 groups at most; nulls are a group.
    score, label : str
        Number, larger for positive rows, and boolean.
    weight : str, optional
        Column with the weight of a row, 0 or more; null is 0.
    unit, replicates, seed
        Bootstrap: see :func:`~dataeval_spark.frames.ordered.ordered_pass.ordered_statistics`.
    bins : int
        Bins of equal width, between 0 and 1, of the calibration error; for bins that hold equally many rows, see
        `equal_mass_calibration`.

    Returns
    -------
    DataFrame
        ``by``; with ``replicates`` ``replicate`` (0 is the data); ``negatives`` and ``positives`` (weights), ``auc``,
        ``average_precision`` (sum of steps), ``brier``, ``log_loss``, ``calibration_error``,
        ``largest_calibration_error``, and the bins (arrays). Null where they are not defined: with one kind of row,
        or, of the last four, with scores outside [0, 1].

    References
    ----------
    Equal to scikit-learn's ``roc_auc_score``, ``average_precision_score``, ``brier_score_loss`` and ``log_loss``; bins
    are those of its ``calibration_curve``.

    Examples
    --------
    >>> score_metrics(predictions, ["model"], "score", "is_correct").select("model", "auc", "calibration_error")
    """
    statistics = (
        RANGE,
        MANN_WHITNEY,
        AVERAGE_PRECISION,
        PROBABILITY_LOSSES,
        calibration(np.linspace(0, 1, bins + 1).tolist()),
    )
    found = ordered_statistics(
        _by_label(frame, by, score, label, weight, unit),
        by,
        ["_score"],
        ["_negative", "_positive"],
        statistics,
        unit="_unit" if unit else None,
        replicates=replicates,
        seed=seed,
    )
    is_probability = (F.col("lowest") >= 0) & (F.col("highest") <= 1)
    calibrated = [F.when(is_probability, F.col(name)).alias(name) for name in (*METRICS[-2:], *BINS)]
    keys = [F.col(identifier(name)) for name in (*by, *(["replicate"] if replicates else []))]
    sizes = [F.col("n").alias("negatives"), F.col("m").alias("positives")]
    return found.select(*keys, *sizes, *map(F.col, METRICS[:-2]), *calibrated)


def equal_mass_calibration(frame: DataFrame, by: Sequence[str], score: str, label: str, *, bins: int = 10) -> DataFrame:
    """Calibration in bins that hold equally many rows, in two ordered passes.

    The edges are quantiles of the scores of all groups together, so that the bins of groups can be compared. Equal
    to scikit-learn's ``calibration_curve`` with ``strategy="quantile"`` where there is one group; parameters are those
    of `score_metrics`.

    Returns
    -------
    DataFrame
        ``by``, ``calibration_error``, ``largest_calibration_error``, ``edges`` and the bins (arrays).

    Examples
    --------
    >>> equal_mass_calibration(predictions, [], "score", "is_correct").select("calibration_error")
    """
    sides = _by_label(frame, by, score, label, None, None)
    names = ("_negative", "_positive")
    at = np.linspace(0, 1, bins + 1).tolist()
    rows = bounded(ordered_statistics(sides, [], ["_score"], names, [quantiles(at)]), "one row")
    edges = rows[0]["quantiles"] if rows else at
    found = ordered_statistics(sides, by, ["_score"], names, [calibration(edges)])
    quoted = [F.col(identifier(name)) for name in by]
    return found.select(*quoted, *METRICS[-2:], F.array(*map(F.lit, edges)).alias("edges"), *BINS)


def _by_label(
    frame: DataFrame, by: Sequence[str], score: str, label: str, weight: str | None, unit: str | None
) -> DataFrame:
    """Rows with their score, and their weight as negative and as positive ones."""
    is_positive = F.col(identifier(label))
    sides = {"_negative": ~is_positive, "_positive": is_positive}
    if weight is not None:
        of_row = F.coalesce(F.col(identifier(weight)).cast("double"), F.lit(0.0))
        sides = {name: F.when(is_side, of_row).otherwise(F.lit(0.0)) for name, is_side in sides.items()}
    columns = [F.col(identifier(name)) for name in by]
    columns += [F.col(identifier(score)).cast("double").alias("_score")]
    columns += [side.alias(name) for name, side in sides.items()]
    columns += [F.col(identifier(unit)).alias("_unit")] if unit else []
    return frame.where(is_positive.isNotNull()).select(*columns)
