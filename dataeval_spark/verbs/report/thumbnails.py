"""Thumbnails of the images of a report, made by the tasks of a query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.batches import map_batches
from dataeval_spark.frames.task_processes import map_images
from dataeval_spark.kernels.images.decoding.decode import UnreadableImage
from dataeval_spark.kernels.images.thumbnails import SIZE, Corners, Thumbnail, thumbnail_of
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.arrow import arrow_schema, rows_of

# Tasks of the thumbnail job: enough for a laptop's cores, few enough for 200 pictures.
TASKS = 8
THUMBNAIL_DDL = (
    "image_id string, target_index int, data binary, mime string, width int, height int, full_width int, "
    "full_height int, reason string, left int, top int"
)
THUMBNAIL_SCHEMA = arrow_schema(THUMBNAIL_DDL)


Key = tuple[str, int | None]
Crops = Mapping[str, Sequence[tuple[int, Corners]]]


def collect_thumbnails(
    images: DataFrame | None, ids: Sequence[str], crops: Crops | None = None
) -> dict[Key, Thumbnail]:
    """One job: the chosen files are opened on the executors, and only small pictures come back.

    Each has the key (image_id, None); the part around a box of ``crops``, where it is shown apart, has the key
    (image_id, target_index).
    """
    if images is None or not ids:
        return {}
    chosen = images.where(F.col("image_id").isin(list(ids))).select("image_id", "uri", "content")
    # A filter leaves the rows where they lie, often all in one task: the decoding is worth moving them.
    making = partial(_thumbnail_batches, crops=crops or {})
    made = {}
    for row in bounded(
        map_batches(chosen.repartition(TASKS), making, THUMBNAIL_DDL), "one row per image and box that is chosen"
    ):
        values = row.asDict()
        key, data = (values.pop("image_id"), values.pop("target_index")), values.pop("data")
        made[key] = Thumbnail(None if data is None else bytes(data), **values)
    return made


def _thumbnail_batches(batches: Iterator[pa.RecordBatch], crops: Crops) -> Iterator[pa.RecordBatch]:
    """Arrow batches (image_id, uri, content) to batches of `THUMBNAIL_SCHEMA`: a row per image and per box of it."""
    for batch in batches:
        wanted = [
            (row, index, corners)
            for row in rows_of([batch])
            for index, corners in ((None, None), *crops.get(row["image_id"], ()))
        ]
        files = ((row["uri"], row["content"], SIZE, corners) for row, _, corners in wanted)
        made = map(_shown, map_images(thumbnail_of, files, size=lambda file: len(file[1] or b"")))
        rows = [
            {"image_id": row["image_id"], "target_index": index, **vars(thumbnail)}
            for (row, index, _), thumbnail in zip(wanted, made, strict=True)
        ]
        yield pa.RecordBatch.from_pylist(rows, schema=THUMBNAIL_SCHEMA)


def _shown(outcome: Thumbnail | UnreadableImage) -> Thumbnail:
    return Thumbnail(None, reason=str(outcome)) if isinstance(outcome, UnreadableImage) else outcome
