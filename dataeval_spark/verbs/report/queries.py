"""All Spark queries of a report, and the choice of its pictures. Everything collected is bounded by the query itself.

A query runs through ``spark.sql(text, table=frame)``: the reader of a report is shown exactly the text that was
run. PySpark names the frames for the time of the call; nothing of ours is registered in the session.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.images import IMAGES, TARGETS
from dataeval_spark.verbs.report.data import Box, ReportData, Row
from dataeval_spark.verbs.report.section import Picture
from dataeval_spark.verbs.report.sections import SECTIONS
from dataeval_spark.verbs.report.thumbnails import collect_thumbnails

QUERIES = tuple(query for section in SECTIONS for query in section.queries)
# Pictures are of IMAGES and TARGETS; a section without one of its tables says how to fill it.
TABLES_READ: tuple[Table, ...] = tuple(
    dict.fromkeys(
        [
            *(IMAGES, TARGETS),
            *(table for section in SECTIONS for table in section.tables),
            *(table for query in QUERIES for table in (*query.needs, *query.uses)),
        ]
    )
)
MAX_BOXES = 40
Rows = tuple[dict[str, Any], ...]


def collect_report_data(read: Callable[[Table], DataFrame | None], *, max_thumbnails: int = 200) -> ReportData:
    """Collect the data of a report: at most a few hundred rows and `max_thumbnails` small pictures.

    Parameters
    ----------
    read : callable
        Returns the DataFrame of a table; None when the table does not exist.
    max_thumbnails : int
        Largest number of pictures in all galleries together.

    Returns
    -------
    ReportData
        Plain values.
    """
    with ThreadPoolExecutor(4, thread_name_prefix="report") as pool:
        loaded = list(pool.map(read, TABLES_READ))
        frames = {table.name: frame for table, frame in zip(TABLES_READ, loaded, strict=True) if frame is not None}
        present = frozenset(frames)
        sql = {query.name: query.text(present, {}) for query in QUERIES if query.after is None}
        rows = _answers(pool, sql, frames)
        gallery = pictures(rows)
        ids = chosen_images(gallery, max_thumbnails)
        single = chosen_boxes(gallery, ids)
        boxes = pool.submit(collect_boxes, frames.get("targets"), *single)
        made = pool.submit(lambda: collect_thumbnails(frames.get("images"), ids, crops_of(boxes.result(), single[1])))
        later = {query.name: query.text(present, rows) for query in QUERIES if query.after is not None}
        rows |= _answers(pool, later, frames)
        queries = {name: text for name, text in (sql | later).items() if text is not None}
        whole = {image: picture for (image, index), picture in made.result().items() if index is None}
        parts = {(image, index): picture for (image, index), picture in made.result().items() if index is not None}
        return ReportData(present, rows, queries, whole, boxes.result(), parts)


def _answers(
    pool: ThreadPoolExecutor, sql: Mapping[str, str | None], frames: Mapping[str, DataFrame]
) -> dict[str, Rows]:
    """Rows of each query that has a text."""
    running = {name: pool.submit(_run, text, frames) for name, text in sql.items() if text is not None}
    return {name: rows.result() for name, rows in running.items()}


def _run(text: str, frames: Mapping[str, DataFrame]) -> Rows:
    """Rows of a bounded query."""
    used: dict[str, Any] = {name: frame for name, frame in frames.items() if f"{{{name}}}" in text}
    session = next(iter(used.values())).sparkSession
    rows = bounded(session.sql(text, **used), "a limit, ranks within a group, or a number of bins")
    return tuple(row.asDict(recursive=True) for row in rows)


def pictures(rows: Mapping[str, Sequence[Row]]) -> list[Picture]:
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
    return tuple(dict.fromkeys(each.image_id for each in those if each.all_boxes)), tuple(dict.fromkeys(single))


def crops_of(
    boxes: Mapping[str, Sequence[Box]], single: Sequence[tuple[str, int]]
) -> dict[str, list[tuple[int, tuple[float, float, float, float]]]]:
    """Target and corners of the single boxes of each image."""
    wanted = set(single)
    return {
        image: [
            (box.target_index, (box.x0, box.y0, box.x1, box.y1)) for box in those if (image, box.target_index) in wanted
        ]
        for image, those in boxes.items()
    }


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
