"""Object label errors: boxes that a model's predictions show as missing, of the wrong class or badly placed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from dataeval_spark.analyses.labels.image_boxes import ImageBoxes, box_at, boxes_per_image, read_images
from dataeval_spark.errors import OptionError
from dataeval_spark.frames.batches import map_batches
from dataeval_spark.frames.contract import rows_of
from dataeval_spark.frames.ratios import ratio
from dataeval_spark.kernels.labels.object_label_quality import (
    AP_THRESHOLDS,
    THRESHOLD_OF_PRECISION,
    Agreement,
    Boxes,
    agreement,
    image_quality,
    matches,
    smallest_similarity,
)
from dataeval_spark.session.bounded import bounded, one_row
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.labels import IMAGE_LABEL_QUALITY, OBJECT_LABEL_ERRORS
from dataeval_spark.tables.runs import DATASET_FINDINGS

STEP = "object_label_errors"
BITS = range(len(AP_THRESHOLDS))

MARKED_DDL = "class_name string, image_id string, number int, score double, bits bigint, smallest double"
MARKED_SCHEMA = arrow_schema(MARKED_DDL)
SCORED_DDL = (
    f"{IMAGE_LABEL_QUALITY.ddl_without('model', 'is_error')}, "
    f"errors array<struct<{OBJECT_LABEL_ERRORS.ddl_without('image_id', 'model')}>>"
)
SCORED_SCHEMA = arrow_schema(SCORED_DDL)
MAX_MODELS = 50
MAX_CLASSES = 100_000
SHOWN_NAMES = 5
Lacking = Literal["empty", "left_out"]


def object_label_errors(
    targets: DataFrame,
    predictions: DataFrame,
    *,
    unlabelled_images: Lacking = "empty",
    unpredicted_images: Lacking = "left_out",
    checkpoint: Callable[[DataFrame], DataFrame] | None = None,
) -> tuple[DataFrame, DataFrame, DataFrame]:
    r"""Find boxes that contradict a model's predicted ones: ObjectLab's three kinds of error.

    Boxes are similar by 0.9 of their overlap and 0.1 of :math:`e^{-0.1 d}` (d: distance of the centers in pixels).

    * ``overlooked``: a prediction of 0.95 or more that no labelled box touches; its score is the similarity to the most
      similar box of its class, else 1 - p times the smallest similarity there is
    * ``swapped``: 1 less the similarity to the most similar prediction above 0.95 of another class; the smallest
      similarity where another class is labelled in the same place
    * ``badly_located``: similarity to the most similar overlapping prediction above 0.5 of its class

    A score at or below a fifth of the class's mean average precision is an error. The score of an image is the
    geometric mean of its three soft minima. All equal cleanlab's ``object_detection`` (whose average precision is
    rounded to float32), whatever the partitions. Crowds have no errors of their own. One pass marks true positives, one
    scores.

    Parameters
    ----------
    targets : DataFrame
        Table ``targets``; boxes with a class.
    predictions : DataFrame
        Table ``predictions``; rows with a box. One model after another.
    unlabelled_images : {"empty", "left_out"}
        Whether an image that has predictions and no labelled box shows nothing, so that each confident prediction in it
        is overlooked, or has not been labelled yet.
    unpredicted_images : {"left_out", "empty"}
        Whether the model has not seen an image that has labels and no predictions, or found nothing in it, which lowers
        the average precision. cleanlab, which asks for a list per image, has "empty".
    checkpoint : callable, optional
        Function that stores a frame; without it boxes are grouped by image twice.

    Returns
    -------
    tuple of DataFrame
        Tables ``object_label_errors``, ``image_label_quality`` and ``dataset_findings`` without ``run_id``: how many
        images lack labels or predictions, and predictions of classes that are no label's.

    Raises
    ------
    OptionError
        An option is unknown.

    References
    ----------
    Tkachenko, Thyagarajan and Mueller, "ObjectLab" (2023).

    Examples
    --------
    >>> errors, quality, findings = object_label_errors(targets, detections)
    >>> errors.groupBy("rule").count().orderBy("rule").show()
    +-------------+-----+
    |         rule|count|
    +-------------+-----+
    |badly_located|    1|
    |   overlooked|    7|
    |      swapped|   12|
    +-------------+-----+
    >>> quality.orderBy("score", "image_id").selectExpr("image_id", "round(score, 2) AS score", "is_error").show(2)
    +-------------------+-----+--------+
    |           image_id|score|is_error|
    +-------------------+-----+--------+
    |later/six/00008.jpg|  0.0|    true|
    | demo/six/00134.jpg|  0.0|    true|
    +-------------------+-----+--------+
    only showing top 2 rows
    """
    OptionError.unless_one_of("object_label_errors.unlabelled_images", unlabelled_images, get_args(Lacking))
    OptionError.unless_one_of("object_label_errors.unpredicted_images", unpredicted_images, get_args(Lacking))
    store = checkpoint or (lambda frame: frame)
    boxed = predictions.where("box IS NOT NULL")
    models = [
        row["model"]
        for row in bounded(boxed.select("model").distinct().orderBy("model").limit(MAX_MODELS), "names of models")
    ]
    errors, qualities, findings = [], [], []
    for model in models:
        of_model = boxed.where(F.col("model") == model)
        every_image = store(boxes_per_image(targets, of_model))
        findings += _lacking_images(model, every_image, unlabelled_images, unpredicted_images)
        findings += _unknown_classes(model, of_model, targets)
        images = every_image.where("labelled IS NOT NULL") if unlabelled_images == "left_out" else every_image
        images = images.where("predicted IS NOT NULL") if unpredicted_images == "left_out" else images
        precision, smallest = _precision(images)
        scored = store(_scored(images, precision, smallest))
        named = F.lit(model).alias("model")
        errors.append(scored.select("image_id", named, F.inline("errors")))
        qualities.append(scored.select("*", named, (F.size("errors") > 0).alias("is_error")))
    if not models:
        tables = (OBJECT_LABEL_ERRORS, IMAGE_LABEL_QUALITY, DATASET_FINDINGS)
        return tuple(rows_of(targets, table, []) for table in tables)  # type: ignore[return-value]
    every = reduce(DataFrame.unionByName, errors)
    quality = reduce(DataFrame.unionByName, qualities)
    return (
        every.select(*OBJECT_LABEL_ERRORS.result_names),
        quality.select(*IMAGE_LABEL_QUALITY.result_names),
        rows_of(targets, DATASET_FINDINGS, findings),
    )


def _lacking_images(model: str, images: DataFrame, unlabelled: str, unpredicted: str) -> list[tuple[Any, ...]]:
    """Rows of ``dataset_findings``: images without labels, and without predictions."""
    counts = one_row(images, *(F.count_if(F.col(side).isNull()) for side in ("labelled", "predicted")))
    treatment = {"empty": "taken as empty", "left_out": "left out"}
    cases = (
        (counts[0], "images_without_labels", "have predictions and no labelled box", unlabelled, "unlabelled_images"),
        (counts[1], "images_without_predictions", "have labels and no prediction", unpredicted, "unpredicted_images"),
    )
    return [
        _finding(
            rule, model, count, "info", f"{count:,} images {text}; they are {treatment[choice]} ({STEP}.{option})."
        )
        for count, rule, text, choice, option in cases
        if count
    ]


def _finding(rule: str, model: str, count: int, severity: str, text: str) -> tuple[Any, ...]:
    return (STEP, rule, model, float(count), 0.0, severity, f"Model {model}: {text}")


def of_unknown_classes(predictions: DataFrame, targets: DataFrame) -> DataFrame:
    """Predictions whose ``label`` is no label's class."""
    classes = targets.select(F.col("class_name").alias("label")).where("label IS NOT NULL").distinct()
    return predictions.join(F.broadcast(classes), on="label", how="left_anti")


def _unknown_classes(model: str, predictions: DataFrame, targets: DataFrame) -> list[tuple[Any, ...]]:
    """Rows of ``dataset_findings``: predicted boxes of classes that no label has."""
    unknown = of_unknown_classes(predictions, targets)
    labels = bounded(
        unknown.groupBy("label").count().orderBy(F.desc("count"), "label").limit(MAX_CLASSES), "one row per class"
    )
    if not labels:
        return []
    names = ", ".join(str(row["label"]) for row in labels[:SHOWN_NAMES]) + (" ..." if len(labels) > SHOWN_NAMES else "")
    total = sum(row["count"] for row in labels)
    text = (
        f"{total:,} predicted boxes are of classes that no label has ({names}); they cannot agree with any label. "
        "Name the classes as the labels do: ingest --predictions FILE --class-names NAMES."
    )
    return [_finding("predictions_of_unknown_classes", model, total, "warning", text)]


def _precision(images: DataFrame) -> tuple[dict[str, float], float]:
    """Mean average precision of each predicted class, and the smallest similarity of all images."""

    def mark(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for image in read_images(batch):
                if len(image.numbers):
                    yield _detections(image)

    truth = images.select(F.explode("labelled").alias("of")).where("NOT of.is_crowd").groupBy("of.name").count()
    counts = truth.select(F.col("name").alias("class_name"), "count")
    detections = map_batches(images, mark, MARKED_DDL)
    rows = bounded(_mean_average_precision(detections, counts).limit(MAX_CLASSES), "one row per class")
    return {row["class_name"]: row["precision"] for row in rows}, min((row["smallest"] for row in rows), default=1.0)


def _detections(image: ImageBoxes) -> pa.RecordBatch:
    real = ~image.is_crowd
    single = Boxes(image.labelled.corners[real], image.labelled.classes[real])
    n = len(image.numbers)
    columns = [
        pa.array([image.names[code] for code in image.predicted.classes]),
        pa.array([image.image_id] * n),
        pa.array(image.numbers, pa.int32()),
        pa.array(image.probabilities),
        pa.array(matches(single, image.predicted, image.probabilities)),
        pa.array(np.full(n, smallest_similarity(image.labelled, image.predicted))),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=MARKED_SCHEMA)


def _scored(images: DataFrame, precision: Mapping[str, float], smallest: float) -> DataFrame:
    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            rows = [_score(image, precision, smallest) for image in read_images(batch)]
            yield pa.RecordBatch.from_pylist(rows, schema=SCORED_SCHEMA)

    return map_batches(images, run, SCORED_DDL)


def _score(image: ImageBoxes, precision: Mapping[str, float], smallest: float) -> dict[str, Any]:
    matching = agreement(image.labelled, image.predicted, image.probabilities, smallest, image.is_crowd)
    limits = np.array([precision.get(name, 0.0) * THRESHOLD_OF_PRECISION for name in image.names])
    score, overlooked, swapped, badly_located = image_quality(matching)
    return {
        "image_id": image.image_id,
        "score": score,
        "overlooked": overlooked,
        "swapped": swapped,
        "badly_located": badly_located,
        "errors": list(_errors(image, matching, limits)),
    }


def _errors(image: ImageBoxes, matching: Agreement, limits: Any) -> Iterator[dict[str, Any]]:
    for rule, boxes, scores in (
        ("overlooked", image.predicted, matching.overlooked),
        ("swapped", image.labelled, matching.swapped),
        ("badly_located", image.labelled, matching.badly_located),
    ):
        thresholds = limits[boxes.classes] if len(boxes.classes) else np.zeros(0)
        for place in np.flatnonzero(scores <= thresholds).tolist():
            is_label = rule != "overlooked"
            other = int(matching.other[place]) if rule == "swapped" else -1
            yield {
                "rule": rule,
                "target_index": int(image.targets[place]) if is_label else None,
                "predicted_index": None if is_label else int(image.numbers[place]),
                "class_name": image.names[boxes.classes[place]],
                "other_class": image.names[other] if other >= 0 else None,
                "box": box_at(boxes, place),
                "score": float(scores[place]),
                "threshold": float(thresholds[place]),
            }


def _mean_average_precision(detections: DataFrame, truth: DataFrame) -> DataFrame:
    """Area under precision (its maximum to the right) over recall, mean over the ten overlaps: ``precision`` per class.

    Of ``detections``, one row per predicted box, bit t of ``bits`` is set where it is a true positive at the t-th
    overlap, and the minimum of ``smallest`` is carried along; ``truth`` counts the labelled boxes. Classes are the
    parallelism: the predictions of one class are sorted twice in one task, which spills to disk.
    """
    of_class, rows = Window.partitionBy("class_name"), (Window.unboundedPreceding, Window.currentRow)
    down = of_class.orderBy(F.desc("score"), "image_id", "number").rowsBetween(*rows)
    up = of_class.orderBy("score", F.desc("image_id"), F.desc("number")).rowsBetween(*rows)
    bit = {t: F.col("bits").bitwiseAND(1 << t).cast("boolean").cast("int") for t in BITS}
    keys = ("class_name", "image_id", "number", "score", "bits", "smallest")
    precise = detections.select(
        *keys, *((F.sum(bit[t]).over(down) / F.count("*").over(down)).alias(f"p{t}") for t in BITS)
    )
    # From the last prediction to the first: the largest precision at this recall or more.
    enveloped = precise.select(*keys, *(F.max(f"p{t}").over(up).alias(f"e{t}") for t in BITS))
    area = sum((F.col(f"e{t}") * bit[t] for t in BITS), F.lit(0.0))
    summed = enveloped.groupBy("class_name").agg(F.sum(area).alias("area"), F.min("smallest").alias("smallest"))
    joined = summed.join(F.broadcast(truth), on="class_name", how="left")
    mean = F.coalesce(ratio("area", F.col("count") * len(AP_THRESHOLDS)), F.lit(0.0))
    return joined.select("class_name", mean.alias("precision"), "smallest")
