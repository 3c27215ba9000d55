"""Thumbnails of the images of a report, made by the tasks of a query."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.batches import map_batches
from dataeval_spark.frames.task_processes import map_images
from dataeval_spark.kernels.images.decoding.decode import UnreadableImage
from dataeval_spark.kernels.images.thumbnails import SIZE, Thumbnail, thumbnail_of
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.arrow import arrow_schema, rows_of

# Tasks of the thumbnail job: enough for a laptop's cores, few enough for 150 pictures.
TASKS = 8
THUMBNAIL_DDL = (
    "image_id string, data binary, mime string, width int, height int, full_width int, full_height int, reason string"
)
THUMBNAIL_SCHEMA = arrow_schema(THUMBNAIL_DDL)


def collect_thumbnails(images: DataFrame | None, ids: Sequence[str]) -> dict[str, Thumbnail]:
    """One job: the chosen files are opened on the executors, and only small pictures come back."""
    if images is None or not ids:
        return {}
    chosen = images.where(F.col("image_id").isin(list(ids))).select("image_id", "uri", "content")
    # A filter leaves the rows where they lie, often all in one task: the decoding is worth moving them.
    batches = map_batches(chosen.repartition(TASKS), _thumbnail_batches, THUMBNAIL_DDL)
    made = {}
    for row in bounded(batches, "one row per image that is chosen"):
        values = row.asDict()
        image, data = values.pop("image_id"), values.pop("data")
        made[image] = Thumbnail(None if data is None else bytes(data), **values)
    return made


def _thumbnail_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Arrow batches (image_id, uri, content) to batches of `THUMBNAIL_SCHEMA`; one row in, one row out."""
    for batch in batches:
        ids = batch["image_id"].to_pylist()
        files = ((row["uri"], row["content"], SIZE) for row in rows_of([batch]))
        made = map(_shown, map_images(thumbnail_of, files, size=lambda file: len(file[1] or b"")))
        rows = [{"image_id": image, **vars(thumbnail)} for image, thumbnail in zip(ids, made, strict=True)]
        yield pa.RecordBatch.from_pylist(rows, schema=THUMBNAIL_SCHEMA)


def _shown(outcome: Thumbnail | UnreadableImage) -> Thumbnail:
    return Thumbnail(None, reason=str(outcome)) if isinstance(outcome, UnreadableImage) else outcome
