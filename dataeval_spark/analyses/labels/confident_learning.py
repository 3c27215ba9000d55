"""Label errors by confident learning: labels that a model's predicted probabilities contradict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.labels.confident_passes import KEYS, candidates, counted, selected, self_confidence
from dataeval_spark.analyses.labels.noise_tables import joint_rows, noise_rows
from dataeval_spark.analyses.labels.probability_blocks import label_sums, probability_blocks
from dataeval_spark.errors import OptionError, PredictionError
from dataeval_spark.frames.contract import rows_of
from dataeval_spark.frames.ranks import positions
from dataeval_spark.kernels.labels.confident_counting import BY_CLASS, BY_RATE, CONFIDENT, TOLERANCE
from dataeval_spark.kernels.labels.confident_learning import (
    MAX_CLASSES,
    calibrated_joint,
    confident_thresholds,
    doubtful_counts,
    half_bins,
    selection,
)
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.labels import CLASS_NOISE, CONFIDENT_JOINT, LABEL_ERRORS, LABEL_SCORES
from dataeval_spark.tables.runs import DATASET_FINDINGS

FilterBy = Literal["prune_by_noise_rate", "prune_by_class", "both", "confident_learning"]
WANTED = {
    "prune_by_noise_rate": BY_RATE,
    "prune_by_class": BY_CLASS,
    "both": BY_RATE | BY_CLASS,
    "confident_learning": CONFIDENT,
}
MAX_MODELS = 50


def confident_learning(
    targets: DataFrame,
    predictions: DataFrame,
    prediction_classes: DataFrame,
    *,
    filter_by: FilterBy = "prune_by_noise_rate",
    share: float = 1.0,
    checkpoint: Callable[[DataFrame], DataFrame] | None = None,
) -> tuple[DataFrame, DataFrame, DataFrame, DataFrame, DataFrame]:
    r"""Find labels that a model's out-of-sample probabilities contradict, one model after another.

    A class's threshold is the mean probability of it among the labels of it. A row is confidently of class j where p_j
    reaches j's threshold (of several the most probable class of all). The counts of (given, confident class), scaled
    to the number of labels, estimate how many labels k are truly j: :math:`n_{kj}`. Then

    * ``prune_by_noise_rate``: for each k and j the n_kj labels k with the largest :math:`p_j - p_k`
    * ``prune_by_class``: for each k the n_k - n_kk labels k with the smallest :math:`p_k`
    * ``both``: what both take
    * ``confident_learning``: labels k that are confidently of another class

    and never a label whose class is the most probable one. The worst has the smallest p_k.

    The set is that of cleanlab's ``find_label_issues(..., return_indices_ranked_by="self_confidence")``, whatever the
    partitions; of equal values at a cut those with smaller ids are taken, where cleanlab takes any. Cost: predictions
    are laid out in blocks once and read three times, and only values in the one bin that a cut goes through are
    sorted. The driver holds classes x classes x bins, at most 8 million counts.

    Parameters
    ----------
    targets, predictions, prediction_classes : DataFrame
        Tables of these names. Labels of a class that the model does not know are left out, and so are predictions
        with a box, which are not predictions of the label with the same number: :func:`object_label_errors` compares
        them. Findings count both.
    filter_by : {"prune_by_noise_rate", "prune_by_class", "both", "confident_learning"}
        See above.
    share : float in [0, 1]
        Share of the estimated errors to take (cleanlab's ``frac_noise``); with ``confident_learning`` 1 only.
    checkpoint : callable, optional
        Stores a frame; without it blocks are made anew for each pass.

    Returns
    -------
    tuple of DataFrame
        Tables ``label_errors``, ``label_scores``, ``confident_joint``, ``class_noise`` and ``dataset_findings`` without
        ``run_id``.

    Raises
    ------
    OptionError
        An option is unknown or out of range.
    PredictionError
        A model has more than 2,000 classes, or a row another number of probabilities.

    References
    ----------
    Northcutt, Jiang and Chuang, "Confident Learning" (2021).

    Examples
    --------
    >>> errors, scores, joint, noise, findings = confident_learning(targets, predictions, prediction_classes)
    """
    OptionError.unless_one_of("confident_learning.filter_by", filter_by, get_args(FilterBy))
    OptionError.unless_between("confident_learning.share", share, 0.0, 1.0)
    if share != 1.0 and filter_by == "confident_learning":
        raise OptionError(
            f"confident_learning.share is {share}, and filter_by confident_learning takes no share of its errors.\n"
            "Hint: filter_by prune_by_noise_rate, prune_by_class or both"
        )
    store = checkpoint or (lambda frame: frame)
    errors: list[DataFrame] = []
    scores: list[DataFrame] = []
    joint: list[Any] = []
    noise: list[Any] = []
    findings: list[Any] = []
    for model, names in _classes(prediction_classes).items():
        class_indices = targets.sparkSession.createDataFrame(
            list(enumerate(names)), "class_index int, class_name string"
        )
        given = predictions.where((F.col("model") == model) & F.col("probabilities").isNotNull())
        predicted = given.where("box IS NULL")
        blocks = store(probability_blocks(predicted, targets, class_indices, len(names)))
        counts, confidence = label_sums(blocks, len(names))
        findings += _findings(model, int(counts.sum()), len(names), _unknown(targets, class_indices), given)
        if counts.sum() == 0:
            continue
        thresholds = confident_thresholds(confidence, counts)
        half = half_bins(len(names))
        confident, histogram = counted(blocks, thresholds - TOLERANCE, half)
        calibrated = calibrated_joint(confident, counts)
        doubted = _wanted_counts(doubtful_counts(calibrated, share=share), filter_by)
        chosen = selection(histogram, doubted)
        staged = store(candidates(blocks, thresholds - TOLERANCE, half, chosen, WANTED[filter_by]))
        scores.append(self_confidence(blocks, model, names))
        errors.append(selected(staged, WANTED[filter_by], model, names))
        joint += joint_rows(model, names, confident, calibrated)
        noise += noise_rows(model, names, counts, thresholds, confident, calibrated)
    return (
        _ranked(targets, errors, LABEL_ERRORS, store),
        _ranked(targets, scores, LABEL_SCORES, store),
        rows_of(targets, CONFIDENT_JOINT, joint),
        rows_of(targets, CLASS_NOISE, noise),
        rows_of(targets, DATASET_FINDINGS, findings),
    )


def _classes(prediction_classes: DataFrame) -> dict[str, list[str]]:
    rows = bounded(
        prediction_classes.orderBy("model", "class_index").limit(MAX_CLASSES * MAX_MODELS + 1), "classes of each model"
    )
    names: dict[str, list[str]] = {}
    for row in rows:
        names.setdefault(row["model"], []).append(row["class_name"])
    for model, found in names.items():
        if len(found) > MAX_CLASSES:
            raise PredictionError.of_classes(model, len(found), MAX_CLASSES)
    return names


def _wanted_counts(doubted: NDArray[np.int64], filter_by: str) -> NDArray[np.int64]:
    """Cells that the filter asks for; the others need no ranks."""
    diagonal = np.eye(len(doubted), dtype=bool)
    if filter_by == "confident_learning":
        return np.zeros_like(doubted)
    if filter_by == "both":
        return doubted
    return np.where(diagonal == (filter_by == "prune_by_class"), doubted, 0)


def _ranked(
    targets: DataFrame, frames: Sequence[DataFrame], table: Table, store: Callable[[DataFrame], DataFrame]
) -> DataFrame:
    """Rows of ``label_errors`` or ``label_scores``: ranks among the rows that are given."""
    if not frames:
        return rows_of(targets, table, [])
    every = store(reduce(DataFrame.unionByName, frames))
    constants = {
        "step": F.lit("confident_learning"),
        "method": F.lit("self_confidence"),
        "second_class": F.lit(None).cast("string"),
        "is_bound": F.lit(False),
        "precision": F.lit(None).cast("double"),
        "rank": F.col("position"),
    }
    ranked = positions(every, ["source"], "score", KEYS)
    return ranked.select(*(constants.get(name, F.col(name)).alias(name) for name in table.result_names))


def _unknown(targets: DataFrame, class_indices: DataFrame) -> int:
    labels = targets.where("class_name IS NOT NULL")
    return labels.join(F.broadcast(class_indices), on="class_name", how="left_anti").count()


def _findings(
    model: str, compared: int, classes: int, unknown: int, predictions: DataFrame
) -> list[tuple[str, str, str, float, float, str, str]]:
    message = f"Model {model}: {compared:,} labels compared with its probabilities of {classes:,} classes"
    message += f"; {unknown:,} labels are of classes it does not know." if unknown else "."
    severity = "warning" if unknown or not compared else "info"
    rows = [("confident_learning", "labels_of_unknown_classes", model, float(unknown), 0.0, severity, message)]
    boxes = predictions.where("box IS NOT NULL").count()
    if boxes:
        message = (
            f"Model {model}: {boxes:,} predictions have a box of their own and are no predictions of a given label; "
            "object_label_errors compares them. For the labels of given boxes: target_index, and no box."
        )
        rows.append(("confident_learning", "predictions_with_boxes", model, float(boxes), 0.0, "warning", message))
    return rows
