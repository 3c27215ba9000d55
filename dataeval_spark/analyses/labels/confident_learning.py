"""Label errors by confident learning: labels that a model's predicted probabilities contradict."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from dataeval_spark.analyses.labels.probability_blocks import Block, ProbabilityBlocks, probability_blocks
from dataeval_spark.errors import OptionError, PredictionError
from dataeval_spark.frames.blocks import Checkpoint
from dataeval_spark.frames.contract import rows_of
from dataeval_spark.frames.ranks import positions
from dataeval_spark.kernels.labels.confident_learning import (
    BY_CLASS,
    BY_RATE,
    CONFIDENT,
    MAX_CLASSES,
    MISPREDICTED,
    STAGED_DDL,
    TOLERANCE,
    UNREACHABLE,
    Selection,
    calibrated_joint,
    confident_thresholds,
    count_rows,
    doubtful_counts,
    doubtful_rows,
    half_bins,
    selection,
    wilson_interval,
)
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.labels import CLASS_NOISE, CONFIDENT_JOINT, LABEL_ERRORS, LABEL_SCORES
from dataeval_spark.tables.runs import DATASET_FINDINGS

KEYS = ("image_id", "target_index")
COUNTS_DDL = "given int, joint binary, histogram binary"

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
    scratch: str | None = None,
    checkpoint: Checkpoint | None = None,
) -> tuple[DataFrame, DataFrame, DataFrame, DataFrame, DataFrame]:
    r"""Find labels that a model's out-of-sample probabilities contradict, one model after another.

    A class's threshold is the mean probability of it among the labels of it. A row is confidently of class j if p_j
    reaches j's threshold (of several the most probable class of all). The counts of (given, confident class), scaled
    to the number of labels, estimate how many labels k are truly j: :math:`n_{kj}`. Then

    * ``prune_by_noise_rate``: for each k and j the n_kj labels k with the largest :math:`p_j - p_k`
    * ``prune_by_class``: for each k the n_k - n_kk labels k with the smallest :math:`p_k`
    * ``both``: labels that both of these take
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
        Rule that selects the errors.
    share : float in [0, 1]
        Share of the estimated errors to take (cleanlab's ``frac_noise``); with ``confident_learning`` 1 only.
    scratch : str, optional
        Folder that the driver and all workers can open, for the blocks.
    checkpoint : callable, optional
        Function that stores a frame; without it, and without ``scratch``, blocks are made anew for each pass.

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
    >>> errors, scores, joint, noise, _ = confident_learning(targets, predictions, prediction_classes)
    >>> errors.orderBy("rank").selectExpr("rank", "class_name", "suggested_class", "round(score, 2) AS score").show(2)
    +----+----------+---------------+-----+
    |rank|class_name|suggested_class|score|
    +----+----------+---------------+-----+
    |   1|       two|           five| 0.01|
    |   2|       two|           five| 0.01|
    +----+----------+---------------+-----+
    only showing top 2 rows
    >>> noise.orderBy("class_name").selectExpr("class_name", "label_count", "round(noise_rate, 2) AS rate").show(2)
    +----------+-----------+----+
    |class_name|label_count|rate|
    +----------+-----------+----+
    |     eight|         29| 0.0|
    |      five|         37|0.11|
    +----------+-----------+----+
    only showing top 2 rows
    """
    OptionError.unless_one_of("confident_learning.filter_by", filter_by, get_args(FilterBy))
    within("confident_learning.share", share)
    if share != 1.0 and filter_by == "confident_learning":
        raise OptionError(
            f"confident_learning.share is {share}, and filter_by 'confident_learning' takes all of its errors.\n"
            "Hint: --set confident_learning.filter_by=prune_by_noise_rate"
        )
    store = checkpoint or (lambda frame: frame)
    errors: list[DataFrame] = []
    scores: list[DataFrame] = []
    joint: list[Any] = []
    noise: list[Any] = []
    findings: list[Any] = []
    for number, (model, names) in enumerate(_classes(prediction_classes).items()):
        class_indices = targets.sparkSession.createDataFrame(
            list(enumerate(names)), "class_index int, class_name string"
        )
        model_predictions = predictions.where((F.col("model") == model) & F.col("probabilities").isNotNull())
        predicted = model_predictions.where("box IS NULL")
        folder = None if scratch is None else f"{scratch}/{number}"
        blocks = probability_blocks(
            predicted, targets, class_indices, len(names), scratch=folder, checkpoint=checkpoint
        )
        counts = blocks.label_counts
        unknown = targets.where("class_name IS NOT NULL").join(
            F.broadcast(class_indices), on="class_name", how="left_anti"
        )
        findings += _findings(model, int(counts.sum()), len(names), unknown.count(), model_predictions)
        if counts.sum() == 0:
            continue
        thresholds = confident_thresholds(blocks.confidence, counts)
        half = half_bins(len(names))
        confident, histogram = counts_of_blocks(blocks, thresholds - TOLERANCE, half)
        calibrated = calibrated_joint(confident, counts)
        doubted = _wanted_counts(doubtful_counts(calibrated, share=share), filter_by)
        chosen = selection(histogram, doubted)
        staged = store(candidates(blocks, thresholds - TOLERANCE, half, chosen, WANTED[filter_by]))
        scores.append(self_confidence(blocks, model, names))
        errors.append(rows_in_doubt(staged, WANTED[filter_by], model, names))
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
    for model, classes in names.items():
        if len(classes) > MAX_CLASSES:
            raise PredictionError.of_classes(model, len(classes), MAX_CLASSES)
    return names


def _wanted_counts(doubted: NDArray[np.int64], filter_by: str) -> NDArray[np.int64]:
    """Cells that the filter needs; the others need no ranks."""
    diagonal = np.eye(len(doubted), dtype=bool)
    if filter_by == "confident_learning":
        return np.zeros_like(doubted)
    if filter_by == "both":
        return doubted
    return np.where(diagonal == (filter_by == "prune_by_class"), doubted, 0)


def _ranked(
    targets: DataFrame, frames: Sequence[DataFrame], table: Table, store: Callable[[DataFrame], DataFrame]
) -> DataFrame:
    """Rows of ``label_errors`` or ``label_scores``, ranked among the rows passed."""
    if not frames:
        return rows_of(targets, table, [])
    every = store(reduce(DataFrame.unionByName, frames))
    constants = {
        "step": F.lit("confident_learning"),
        "method": F.lit("self_confidence"),
        "second_class": F.lit(None).cast("string"),
        "is_bound": F.lit(False),
        "precision": F.lit(None).cast("double"),
    }
    ranked = positions(every, ["source"], "score", KEYS).withColumnRenamed("position", "rank")
    return ranked.withColumns(constants).select(*table.result_names)


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


def counts_of_blocks(
    blocks: ProbabilityBlocks, lowered: NDArray[np.float64], half: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Confident classes of each given class (C, C), and the bins of each cell (C, C, bins), in one pass."""
    classes = len(lowered)

    def count(pieces: Iterator[Block]) -> Iterator[pa.RecordBatch]:
        joint = np.zeros((classes, classes), np.int64)
        histogram = np.zeros((classes, classes, 2 * half), np.int32)
        for _, labels, matrix in pieces:
            count_rows(matrix, labels, lowered, joint, histogram)
        for k in np.flatnonzero(histogram.any(axis=(1, 2))).tolist():
            yield _count_row(k, joint[k], histogram[k])

    def add(rows: pa.Table) -> pa.Table:
        joints = [np.frombuffer(value.as_buffer(), np.int64) for value in rows["joint"]]
        histograms = [np.frombuffer(value.as_buffer(), np.int32) for value in rows["histogram"]]
        label = rows["given"][0].as_py()
        return pa.Table.from_batches([_count_row(label, sum(joints), np.sum(histograms, axis=0, dtype=np.int64))])

    # One row per class and task is shuffled, and one per class comes to the driver: 8 million counts at most.
    parts = blocks.mapped(count, COUNTS_DDL)
    joint = np.zeros((classes, classes), np.int64)
    histogram = np.zeros((classes, classes, 2 * half), np.int64)
    for row in bounded(parts.groupBy("given").applyInArrow(add, COUNTS_DDL), "one row per class"):
        joint[row["given"]] = np.frombuffer(row["joint"], np.int64)
        histogram[row["given"]] = np.frombuffer(row["histogram"], np.int64).reshape(classes, -1)
    return joint, histogram


def _count_row(label: int, joint: Any, histogram: Any) -> pa.RecordBatch:
    row = {"given": label, "joint": joint.tobytes(), "histogram": histogram.tobytes()}
    return pa.RecordBatch.from_pylist([row], schema=arrow_schema(COUNTS_DDL))


def candidates(
    blocks: ProbabilityBlocks, lowered: NDArray[np.float64], half: int, chosen: Selection, mask: int
) -> DataFrame:
    """Rows that have all flags of ``mask``, or may get them: `STAGED_DDL`, in a second pass."""

    def run(pieces: Iterator[Block]) -> Iterator[pa.RecordBatch]:
        for ids, labels, matrix in pieces:
            yield from doubtful_rows(ids, labels, matrix, lowered, half, chosen, mask)

    return blocks.mapped(run, STAGED_DDL)


def self_confidence(blocks: ProbabilityBlocks, model: str, names: Sequence[str]) -> DataFrame:
    """Every row with the probability of its class, and the most probable class where it is another one."""
    vocabulary = pa.array(names, pa.string())

    def run(pieces: Iterator[Block]) -> Iterator[pa.RecordBatch]:
        for ids, labels, matrix in pieces:
            rows = np.arange(len(labels))
            own, best = matrix[rows, labels], matrix.argmax(axis=1)
            columns = {
                "image_id": ids["image_id"].cast(pa.string()),
                "target_index": ids["target_index"].cast(pa.int32()),
                "class_name": vocabulary.take(pa.array(labels)),
                "suggested_class": vocabulary.take(pa.array(best, mask=matrix[rows, best] <= own)),
                "score": pa.array(own),
            }
            yield from pa.table(columns).combine_chunks().to_batches()

    ddl = LABEL_ERRORS.ddl_of("image_id", "target_index", "class_name", "suggested_class", "score")
    return blocks.mapped(run, ddl).select(F.lit(model).alias("source"), "*")


def rows_in_doubt(staged: DataFrame, mask: int, model: str, names: Sequence[str]) -> DataFrame:
    """Rows that are certain, and the contested ones of the best ranks."""
    cell = Window.partitionBy("given", "class_index").orderBy(F.desc("value"), *KEYS)
    entries = staged.select(*KEYS, "given", F.inline("contested")).withColumn("place", F.row_number().over(cell))
    won = entries.where("place <= slots").groupBy(*KEYS)
    bits = won.agg(
        F.max(F.when(F.col("class_index") == F.col("given"), BY_CLASS).otherwise(0)).alias("by_class"),
        F.max(F.when(F.col("class_index") != F.col("given"), BY_RATE).otherwise(0)).alias("by_rate"),
    )
    # Both sides have a row once: ids are unique in the blocks.
    joined = staged.where(F.col("flags").bitwiseAND(MISPREDICTED) != 0).join(bits, on=list(KEYS), how="left")
    flags = (
        F.col("flags")
        .bitwiseOR(F.coalesce("by_class", F.lit(0)))
        .bitwiseOR(F.coalesce("by_rate", F.lit(0)))
        .bitwiseAND(mask)
    )
    name_of = F.array(*(F.lit(name) for name in names))
    return joined.where(flags == mask).select(
        F.lit(model).alias("source"),
        *KEYS,
        F.get(name_of, "given").alias("class_name"),
        F.get(name_of, "suggested").alias("suggested_class"),
        "score",
    )


def joint_rows(
    model: str, names: Sequence[str], confident: NDArray[np.int64], calibrated: NDArray[np.int64]
) -> list[tuple[Any, ...]]:
    """Rows of table ``confident_joint``: pairs of classes with a count."""
    total = max(int(calibrated.sum()), 1)
    pairs = np.argwhere((confident > 0) | (calibrated > 0)).tolist()
    return [
        (model, names[k], names[j], int(confident[k, j]), int(calibrated[k, j]), float(calibrated[k, j] / total))
        for k, j in pairs
    ]


def noise_rows(
    model: str,
    names: Sequence[str],
    counts: NDArray[np.int64],
    thresholds: NDArray[np.float64],
    confident: NDArray[np.int64],
    calibrated: NDArray[np.int64],
) -> list[tuple[Any, ...]]:
    """Rows of table ``class_noise``.

    The rate is the share of the calibrated joint off its diagonal. Its interval takes the labels that the model is
    confident of as a sample of all: Wilson's on those that are confidently another class's.
    """
    right = calibrated.diagonal()
    members = calibrated.sum(axis=0)
    label_counts = confident.sum(axis=1)
    lower, upper = wilson_interval(label_counts - confident.diagonal(), label_counts)
    rows: list[tuple[Any, ...]] = []
    for k, name in enumerate(names):
        has_labels = counts[k] > 0
        rows.append(
            (
                model,
                name,
                int(counts[k]),
                float(thresholds[k]) if thresholds[k] < UNREACHABLE else None,
                int(label_counts[k]),
                float(1 - right[k] / counts[k]) if has_labels else None,
                float(lower[k]) if label_counts[k] else None,
                float(upper[k]) if label_counts[k] else None,
                float(1 - right[k] / members[k]) if members[k] else None,
            )
        )
    return rows
