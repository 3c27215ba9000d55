"""Labelled and predicted boxes of each image: one row per image, and arrays for the kernels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.finite import is_finite
from dataeval_spark.kernels.labels.object_label_quality import Boxes
from dataeval_spark.tables.keys import CORNERS

PREDICTED_TYPE = (
    "array<struct<number: int, name: string, x0: double, y0: double, x1: double, y1: double, score: double>>"
)


@dataclass(frozen=True)
class ImageBoxes:
    """Boxes of one image; classes are numbers into ``names``, the order of which differs from batch to batch."""

    image_id: str
    names: list[str]
    targets: NDArray[np.int32]
    labelled: Boxes
    is_crowd: NDArray[np.bool_]
    numbers: NDArray[np.int32]
    predicted: Boxes
    probabilities: NDArray[np.float64]


def boxes_per_image(targets: DataFrame, predictions: DataFrame | None = None) -> DataFrame:
    """One row per image that has a box: ``image_id``, ``labelled`` and ``predicted``, arrays of boxes.

    A box without class, or with a coordinate that is none, is left out. A row is as long as an image has boxes.
    """
    corners = [F.col(f"box.{name}").alias(name) for name in CORNERS]
    usable = reduce(Column.__and__, (is_finite(f"box.{name}") for name in CORNERS))
    crowd = F.coalesce("is_crowd", F.lit(False)).alias("is_crowd")
    label = F.struct(F.col("target_index").alias("number"), F.col("class_name").alias("name"), *corners, crowd)
    labelled = targets.where(usable & F.col("class_name").isNotNull()).groupBy("image_id")
    left = labelled.agg(F.sort_array(F.collect_list(label)).alias("labelled"))
    if predictions is None:
        return left.withColumn("predicted", F.lit(None).cast(PREDICTED_TYPE))
    guess = F.struct(F.col("target_index").alias("number"), F.col("label").alias("name"), *corners, "score")
    right = predictions.where(usable).groupBy("image_id").agg(F.sort_array(F.collect_list(guess)).alias("predicted"))
    return left.join(right, on="image_id", how="full").select("image_id", "labelled", "predicted")


def read_images(batch: pa.RecordBatch) -> Iterator[ImageBoxes]:
    """The images of a batch of :func:`boxes_per_image`."""
    columns = [batch.column(name) for name in ("labelled", "predicted")]
    names_by_column = [pc.unique(pc.struct_field(pc.list_flatten(column), "name")).to_pylist() for column in columns]
    names = sorted({name for each in names_by_column for name in each})
    vocabulary = pa.array(names, pa.string())
    sides = [_flat(column, vocabulary) for column in columns]
    for row, image_id in enumerate(batch.column("image_id").to_pylist()):
        (a, labelled), (b, predicted) = (side.boxes_of_row(row) for side in sides)
        yield ImageBoxes(
            image_id,
            names,
            sides[0].more["number"][a],
            labelled,
            sides[0].more["is_crowd"][a],
            sides[1].more["number"][b],
            predicted,
            sides[1].more["score"][b],
        )


def box_at(boxes: Boxes, place: int) -> dict[str, float]:
    """Corners of one box by name, as tables have them."""
    return dict(zip(CORNERS, boxes.corners[place].tolist(), strict=True))


@dataclass(frozen=True)
class _Side:
    offsets: NDArray[np.intp]
    corners: NDArray[np.float64]
    classes: NDArray[Any]
    more: dict[str, NDArray[Any]]

    def boxes_of_row(self, row: int) -> tuple[slice, Boxes]:
        rows = slice(int(self.offsets[row]), int(self.offsets[row + 1]))
        return rows, Boxes(self.corners[rows], self.classes[rows])


def _flat(lists: pa.Array, vocabulary: pa.Array) -> _Side:
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    values = pc.list_flatten(lists)
    columns = {field.name: pc.struct_field(values, field.name) for field in values.type}
    corners = np.stack([columns.pop(name).to_numpy(zero_copy_only=False) for name in CORNERS], axis=1)
    classes = pc.index_in(columns.pop("name"), vocabulary).to_numpy().astype(np.int64)
    more = {name: column.to_numpy(zero_copy_only=False) for name, column in columns.items()}
    return _Side(np.r_[0, np.cumsum(lengths)], corners, classes, more)
