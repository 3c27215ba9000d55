"""The pictures of a report: which images are shown, and one Spark job that makes their thumbnails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.verbs.report.data import Box, Thumbnail
from dataeval_spark.verbs.report.section import Picture, Rows
from dataeval_spark.verbs.report.sections import SECTIONS
from dataeval_spark.verbs.report.thumbnails import thumbnail_of

MAX_BOXES = 40
# Tasks of the thumbnail job: enough for a laptop's cores, few enough for 150 pictures.
TASKS = 8
THUMBNAIL_DDL = (
    "image_id string, data binary, mime string, width int, height int, full_width int, full_height int, reason string"
)
THUMBNAIL_SCHEMA = arrow_schema(THUMBNAIL_DDL)


def pictures(rows: Rows) -> list[Picture]:
    """The pictures of all galleries, in the order in which they are made."""
    galleries = sorted(SECTIONS, key=lambda section: section.pictures_order)
    return [picture for section in galleries if section.pictures for picture in section.pictures(rows)]


def chosen_images(gallery: Sequence[Picture], most: int) -> tuple[str, ...]:
    """Ids of the first images, each once."""
    return tuple(dict.fromkeys(picture.image_id for picture in gallery))[:most]


def chosen_boxes(gallery: Sequence[Picture], ids: Sequence[str]) -> tuple[tuple[str, ...], tuple[tuple[str, int], ...]]:
    """Images whose first boxes are drawn, and single boxes that a finding is about."""
    chosen = set(ids)
    those = [picture for picture in gallery if picture.image_id in chosen]
    single = ((picture.image_id, picture.target_index) for picture in those if picture.target_index is not None)
    return tuple(dict.fromkeys(picture.image_id for picture in those if picture.all_boxes)), tuple(
        dict.fromkeys(single)
    )


def collect_boxes(
    targets: DataFrame | None, images: Sequence[str], single: Sequence[tuple[str, int]]
) -> dict[str, tuple[Box, ...]]:
    """The first boxes of ``images`` and the ``single`` ones: at most 40 per image, plus one per finding."""
    if targets is None or not (images or single):
        return {}
    is_of_image = F.col("image_id").isin(list(images)) & (F.col("target_index") < MAX_BOXES)
    keys = [f"{image}\n{index}" for image, index in single]
    chosen = (
        targets.where(F.col("image_id").isin(sorted({*images, *(image for image, _ in single)})))
        .where(is_of_image | F.concat_ws("\n", "image_id", "target_index").isin(keys))
        .select("image_id", "target_index", "class_name", "box.x0", "box.y0", "box.x1", "box.y1")
    )
    boxes: dict[str, tuple[Box, ...]] = {}
    for row in sorted(
        bounded(chosen, "40 boxes of each image shown, and one box per finding"),
        key=lambda row: (row["image_id"], row["target_index"]),
    ):
        corners = (row["x0"], row["y0"], row["x1"], row["y1"])
        if None not in corners:
            box = Box(row["target_index"], row["class_name"], *corners)
            boxes[row["image_id"]] = (*boxes.get(row["image_id"], ()), box)
    return boxes


def collect_thumbnails(images: DataFrame | None, ids: Sequence[str], size: int) -> dict[str, Thumbnail]:
    """One job: the chosen files are opened on the executors, and only small pictures come back."""
    if images is None or not ids:
        return {}
    chosen = images.where(F.col("image_id").isin(list(ids))).select("image_id", "uri", "content")
    # A filter leaves the rows where they lie, often all in one task: the decoding is worth moving them.
    batches = chosen.repartition(TASKS).mapInArrow(partial(thumbnail_batches, size=size), THUMBNAIL_DDL)
    return {row["image_id"]: _thumbnail(row.asDict()) for row in bounded(batches, "one row per image that is chosen")}


def thumbnail_batches(batches: Iterator[pa.RecordBatch], *, size: int) -> Iterator[pa.RecordBatch]:
    """Arrow batches (image_id, uri, content) to batches of `THUMBNAIL_SCHEMA`; one row in, one row out."""
    for batch in batches:
        rows = [
            {"image_id": row["image_id"], **vars(thumbnail_of(row["uri"], row["content"], size))}
            for row in batch.to_pylist()
        ]
        yield pa.RecordBatch.from_pylist(rows, schema=THUMBNAIL_SCHEMA)


def _thumbnail(row: dict[str, Any]) -> Thumbnail:
    data = row["data"]
    return Thumbnail(
        data=None if data is None else bytes(data), **{k: v for k, v in row.items() if k not in ("image_id", "data")}
    )
