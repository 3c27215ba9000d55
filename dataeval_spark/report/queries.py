"""All Spark queries of a report. Everything collected is bounded by the query itself (see `report.sql`).

A query runs through ``spark.sql(text, table=frame)``: the reader of a report is shown exactly the text that was
run. PySpark names the frames for the time of the call; nothing of ours is registered in the session.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pyspark.sql import DataFrame

from dataeval_spark.frames.bounded import bounded
from dataeval_spark.report.data import ReportData
from dataeval_spark.report.galleries import chosen_boxes, chosen_images, collect_boxes, collect_thumbnails
from dataeval_spark.report.histograms import drift_overlay, overlay_pairs
from dataeval_spark.report.sql import QUERIES
from dataeval_spark.tables.bias import BALANCE, COVERAGE_GAPS, DIVERSITY, FEATURE_VALUE, PARITY, SHORTCUTS
from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.images import IMAGES, INGEST_FINDINGS, TARGETS
from dataeval_spark.tables.labels import LABEL_ERRORS, LABEL_STATS
from dataeval_spark.tables.profile import EMBEDDINGS, IMAGE_STATS, UNREADABLE_IMAGES
from dataeval_spark.tables.quality import (
    DUPLICATE_EVALUATION,
    DUPLICATE_GROUPS,
    DUPLICATE_PAIRS,
    IMAGE_FINDINGS,
    OUTLIERS,
)
from dataeval_spark.tables.runs import DATASET_FINDINGS, RUNS
from dataeval_spark.tables.shift import DRIFT_METRICS
from dataeval_spark.tables.similarity import CLUSTERS
from dataeval_spark.tables.splits import (
    PART_BIAS,
    SPLIT_ASSIGNMENTS,
    SPLIT_DIFFERENCES,
    SPLIT_LEAKAGE,
    SPLIT_REPAIRS,
    SPLIT_REPRESENTATIVENESS,
    SPLIT_STRATA,
    SPLITS,
)

TABLES_READ = (
    IMAGES,
    TARGETS,
    INGEST_FINDINGS,
    IMAGE_STATS,
    UNREADABLE_IMAGES,
    DUPLICATE_PAIRS,
    DUPLICATE_GROUPS,
    DUPLICATE_EVALUATION,
    OUTLIERS,
    IMAGE_FINDINGS,
    LABEL_STATS,
    LABEL_ERRORS,
    CLUSTERS,
    EMBEDDINGS,
    BALANCE,
    COVERAGE_GAPS,
    SHORTCUTS,
    PARITY,
    FEATURE_VALUE,
    DIVERSITY,
    SPLITS,
    SPLIT_ASSIGNMENTS,
    SPLIT_LEAKAGE,
    SPLIT_DIFFERENCES,
    SPLIT_REPAIRS,
    SPLIT_STRATA,
    SPLIT_REPRESENTATIVENESS,
    PART_BIAS,
    DRIFT_METRICS,
    DATASET_FINDINGS,
    RUNS,
)
Rows = tuple[dict[str, Any], ...]


def collect_report_data(
    read: Callable[[Table], DataFrame | None],
    *,
    threads: int = 4,
    max_thumbnails: int = 150,
    thumbnail_size: int = 160,
) -> ReportData:
    """Collect what a report shows: at most a few hundred rows and `max_thumbnails` small pictures.

    Parameters
    ----------
    read : callable
        The DataFrame of a table; null when the table does not exist.
    threads : int
        Queries that run side by side.
    max_thumbnails : int
        Pictures in all galleries together.
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
        texts = {name: build(present) for name, needs, build in QUERIES if present.issuperset(needs)}
        sql = {name: text for name, text in texts.items() if text}
        rows = dict(zip(sql, pool.map(lambda text: _run(text, frames), sql.values()), strict=True))

        overlay = drift_overlay(present, overlay_pairs(rows.get("drift", ())))
        ids = chosen_images(rows, max_thumbnails)
        overlays = pool.submit(_run, overlay, frames) if overlay else None
        boxes = pool.submit(collect_boxes, frames.get("targets"), *chosen_boxes(rows, ids))
        thumbnails = pool.submit(collect_thumbnails, frames.get("images"), ids, thumbnail_size)
        if overlay and overlays:
            sql["drift_overlay"] = overlay
            rows["drift_overlay"] = overlays.result()
        return ReportData(present, rows, sql, thumbnails.result(), boxes.result())


def _run(text: str, frames: Mapping[str, DataFrame]) -> Rows:
    """Rows of a bounded query."""
    used: dict[str, Any] = {name: frame for name, frame in frames.items() if f"{{{name}}}" in text}
    session = next(iter(used.values())).sparkSession
    rows = bounded(session.sql(text, **used), "a limit, ranks within a group, or a number of bins")
    return tuple(row.asDict(recursive=True) for row in rows)
