"""Images in which labels and predictions can be compared, and findings about the others."""

from __future__ import annotations

from typing import Any, Literal

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.session.bounded import bounded, one_row

MAX_CLASSES = 100_000
SHOWN_NAMES = 5
Lacking = Literal["empty", "left_out"]


def compared_images(images: DataFrame, unlabelled: str, unpredicted: str) -> DataFrame:
    """Rows of `boxes_per_image` whose labels and predictions can be compared."""
    if unlabelled == "left_out":
        images = images.where("labelled IS NOT NULL")
    return images.where("predicted IS NOT NULL") if unpredicted == "left_out" else images


def lacking_images(model: str, images: DataFrame, unlabelled: str, unpredicted: str) -> list[tuple[Any, ...]]:
    """Rows of ``dataset_findings``: images without labels, and without predictions."""
    counts = one_row(images, *(F.count_if(F.col(side).isNull()) for side in ("labelled", "predicted")))
    treatment = {"empty": "taken as empty", "left_out": "left out"}
    cases = (
        (counts[0], "images_without_labels", "have predictions and no labelled box", unlabelled, "unlabelled_images"),
        (counts[1], "images_without_predictions", "have labels and no prediction", unpredicted, "unpredicted_images"),
    )
    return [
        (
            "object_label_errors",
            rule,
            model,
            float(count),
            0.0,
            "info",
            f"Model {model}: {count:,} images {text}; they are {treatment[choice]} (object_label_errors.{option}).",
        )
        for count, rule, text, choice, option in cases
        if count
    ]


def of_unknown_classes(predictions: DataFrame, targets: DataFrame) -> DataFrame:
    """Predictions whose ``label`` is no label's class."""
    classes = targets.select(F.col("class_name").alias("label")).where("label IS NOT NULL").distinct()
    return predictions.join(F.broadcast(classes), on="label", how="left_anti")


def unknown_classes(model: str, predictions: DataFrame, targets: DataFrame) -> list[tuple[Any, ...]]:
    """Rows of ``dataset_findings``: predicted boxes of classes that no label has."""
    unknown = of_unknown_classes(predictions, targets)
    labels = bounded(
        unknown.groupBy("label").count().orderBy(F.desc("count"), "label").limit(MAX_CLASSES), "one row per class"
    )
    if not labels:
        return []
    names = ", ".join(str(row["label"]) for row in labels[:SHOWN_NAMES]) + (" ..." if len(labels) > SHOWN_NAMES else "")
    total = sum(row["count"] for row in labels)
    message = (
        f"Model {model}: {total:,} predicted boxes are of classes that no label has ({names}); they cannot agree with "
        "any label. Name the classes as the labels do: ingest --predictions FILE --class-names NAMES."
    )
    return [("object_label_errors", "predictions_of_unknown_classes", model, float(total), 0.0, "warning", message)]
