"""All Spark queries of a report. Everything collected is bounded by the query itself (see `report.section.Query`).

A query runs through ``spark.sql(text, table=frame)``: the reader of a report is shown exactly the text that was
run. PySpark names the frames for the time of the call; nothing of ours is registered in the session.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pyspark.sql import DataFrame

from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.images import IMAGES, TARGETS
from dataeval_spark.verbs.report.data import ReportData
from dataeval_spark.verbs.report.galleries import (
    chosen_boxes,
    chosen_images,
    collect_boxes,
    collect_thumbnails,
    pictures,
)
from dataeval_spark.verbs.report.sections import SECTIONS

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
Rows = tuple[dict[str, Any], ...]


def collect_report_data(
    read: Callable[[Table], DataFrame | None],
    *,
    threads: int = 4,
    max_thumbnails: int = 150,
    thumbnail_size: int = 160,
) -> ReportData:
    """Collect the data of a report: at most a few hundred rows and `max_thumbnails` small pictures.

    Parameters
    ----------
    read : callable
        The DataFrame of a table; null when the table does not exist.
    threads : int
        Queries that run side by side.
    max_thumbnails : int
        Largest number of pictures in all galleries together.
    thumbnail_size : int
        Longest side of a picture, in pixels.

    Returns
    -------
    ReportData
        Plain values.
    """
    with ThreadPoolExecutor(threads, thread_name_prefix="report") as pool:
        loaded = list(pool.map(read, TABLES_READ))
        frames = {table.name: frame for table, frame in zip(TABLES_READ, loaded, strict=True) if frame is not None}
        present = frozenset(frames)
        sql = {query.name: query.text(present, {}) for query in QUERIES if query.after is None}
        rows = _answers(pool, sql, frames)
        gallery = pictures(rows)
        ids = chosen_images(gallery, max_thumbnails)
        boxes = pool.submit(collect_boxes, frames.get("targets"), *chosen_boxes(gallery, ids))
        thumbnails = pool.submit(collect_thumbnails, frames.get("images"), ids, thumbnail_size)
        later = {query.name: query.text(present, rows) for query in QUERIES if query.after is not None}
        rows |= _answers(pool, later, frames)
        queries = {name: text for name, text in (sql | later).items() if text is not None}
        return ReportData(present, rows, queries, thumbnails.result(), boxes.result())


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
