"""Literal rows and literal report data for the tests of the report."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from PIL import Image
from pyspark.sql import DataFrame, SparkSession

from dataeval_spark.tables import ALL_TABLES
from dataeval_spark.tables.contract import Table
from dataeval_spark.verbs.report import Box, Provenance, ReportData, Thumbnail
from tests.null_structs import with_null_fields

SCRIPT = "<script>document.title='ran'</script>"
IMAGE = "\"><img src=x onerror=document.title='ran'>"
MATH = "$\\frac{1}{0}$ {images} %s"
BIDI = "a\u202egpj.exe\x00\ud800"
LONG = "very-long-" * 40
HOSTILE = (SCRIPT, IMAGE, MATH, BIDI, LONG)
ZEROS = {"string": "", "bigint": 0, "int": 0, "double": 0.0, "boolean": False}
WHEN = datetime(2024, 6, 2, 12, 30, tzinfo=UTC)


def frame(spark: SparkSession, table: Table, rows: Iterable[Mapping[str, Any]]) -> DataFrame:
    """A DataFrame of a table: what a row does not name is null, or empty where it must not be null."""
    full = [
        tuple(row.get(c.name, None if c.nullable else ZEROS.get(c.type, [])) for c in table.columns) for row in rows
    ]
    return with_null_fields(spark.createDataFrame(full, table.ddl(comments=False)))


def reader(spark: SparkSession, rows: Mapping[Table, Iterable[Mapping[str, Any]]]) -> Any:
    """What a workspace gives a report: the DataFrame of a table, null when it does not exist."""
    frames = {table.name: frame(spark, table, table_rows) for table, table_rows in rows.items()}
    return lambda table: frames.get(table.name)


def provenance(**changes: Any) -> Provenance:
    given: dict[str, Any] = {"workspace": "/data/ws", "snapshot": None, "generated_at": WHEN, "code_version": "0.1.0"}
    return Provenance(**{**given, **changes})


def jpeg(width: int = 80, height: int = 60, **options: Any) -> bytes:
    out = BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(out, "JPEG", **options)
    return out.getvalue()


def full_rows(name: str) -> dict[str, list[dict[str, Any]]]:
    """Rows of every query, with ``name`` wherever a stranger can put a text."""
    image = {"image_id": name, "target_index": 0}
    return {
        "overview": [
            {"measure": measure, "item": item, "value": value}
            for measure, item, value in (
                ("live_images", "", 340),
                ("readable_images", "", 338),
                ("unreadable_images", "", 2),
                ("splits", "", 2),
                ("targets", "", 900),
                ("classes", "", 40),
                ("boxes", "", 800),
                ("embedded_images", name, 338),
                ("scored_labels", name, 900),
                ("duplicate_groups", "exact", 33),
                ("duplicate_groups", "near", 7),
                ("spanning_groups", "exact", 1),
                ("removable_images", "", 50),
                ("outliers", name, 12),
                ("outlier_images", "", 9),
                ("image_findings", name, 41),
                ("ingest_findings", name, 3),
                ("split_leaks", name, 5),
            )
        ],
        "split_parts": [
            {"split_name": name, "fold": 0, "split": name, "images": 30, "total": 40, "held": True, "opened": 2},
            {"split_name": "b", "fold": None, "split": "b", "images": 9, "total": 9, "held": False, "opened": None},
        ],
        "split_leakage": [
            {"split_name": name, "fold": None, "kind": name, "split_a": name, "split_b": name, "pairs": 5}
        ],
        "split_repairs": [{"split_name": name, "moves": 3}],
        "split_differences": [
            {
                "split_name": name,
                "fold": None,
                "kind": "factor",
                "subject": name,
                "split_a": name,
                "split_b": name,
                "total_variation": 0.4,
                "auc": None,
                "adjusted_pvalue": 0.01,
                "is_flagged": True,
            }
        ],
        "part_bias": [
            {
                "split_name": name,
                "fold": None,
                "split": name,
                "factor": name,
                "score": 0.7,
                "adjusted_pvalue": 0.001,
                "diversity": 0.4,
                "n": 30,
                "is_flagged": True,
                "worst": 0.7,
            }
        ],
        "composition": [{"dataset": name, "split": name, "images": 340}, {"dataset": "b", "split": None, "images": 1}],
        "unreadable": [
            {"image_id": name, "stage": "decode", "error_class": name, "message": name, "content_length": None}
        ],
        "duplicates": [
            {
                **image,
                "group_id": name,
                "kinds": ["phash", name],
                "is_kept": True,
                "reason": name,
                "group_size": 9,
                "spans_splits": True,
            }
        ],
        "duplicate_evaluation": [
            {
                "kind": name,
                "threshold": threshold,
                "true_pairs": 39,
                **{f"{n}{end}": 0.5 for n in ("precision", "recall") for end in ("_lower", "", "_upper")},
            }
            for threshold in (0.0, 2.0)
        ],
        "image_findings": [{**image, "rule": name, "score": 0.1, "threshold": 0.5, "severity": name, "message": name}],
        "outliers": [
            {
                **image,
                "statistic": name,
                "channel": 1,
                "method": name,
                "group_name": name,
                "value": float("nan"),
                "score": float("inf"),
                "threshold": 3.5,
                "lower": 0.0,
                "upper": 1.0,
                "direction": "high",
            }
        ],
        "labels": [_class(None, 60), _class(name, 59), _class("dog", 1)],
        "label_examples": [{"class_name": name, "labels": 2, "image_a": name, "image_b": "b"}],
        "annotations": [
            {
                **image,
                "kind": name,
                "dataset": name,
                "source_file": name,
                "location": name,
                "message": name,
                "found": name,
                "expected": None,
            }
        ],
        "statistics": [
            {"statistic": "width", "bin": place, "low": 0.0, "high": 60.0, "images": place + 1, "total": 9.0}
            for place in range(30)
        ],
        "drift": [
            {
                "reference": name,
                "current": name,
                "slice_key": key,
                "slice_value": name,
                "column_name": "width" if key is None else name,
                "ks_statistic": 0.7,
                "wasserstein_distance": None,
                "avg_delta": -1.0,
                "reference_count": 10,
                "current_count": 20,
                "adjusted_pvalue": 1e-9,
                "threshold": 0.05,
                "drift_detected": True,
                "evidence": [{"item_id": name, "score": 4.5}],
            }
            for key in (None, name)
        ],
        "drift_overlay": [
            {"place": 0, "side": side, "bin": 3, "low": 0.0, "high": 1.0, "images": 4, "total": 1.0}
            for side in ("current", "reference")
        ],
        "balance": [
            {"kind": kind, "factor_a": a, "factor_b": b, "score": 0.4, "adjusted_pvalue": 0.0, "is_flagged": True}
            for kind, a, b in (("label", name, "width"), ("label", name, name), ("factors", name, "width"))
        ],
        "coverage_gaps": [
            {"pattern": name, "level": 2, "n": 0, "expected": 3.5, "images_needed": 10, "found": 40},
        ],
        "shortcuts": [
            {
                "class_name": name,
                "factor": name,
                "value": name,
                "auc": 0.9,
                "score": None,
                "adjusted_pvalue": 1e-9,
                "n": 7,
                "lowest": [{"image_id": name, "target_index": 0, "value": 0.5}],
                "highest": [],
            }
        ],
        "parity": [
            {
                "factor": name,
                "score": 0.4,
                "adjusted_pvalue": 1e-9,
                "degrees_of_freedom": 4,
                "low_expected_cells": 2,
                "thin": 1,
                "is_significant": True,
                "is_flagged": False,
                "found": 17,
            }
        ],
        "label_errors": [
            {
                **image,
                "step": name,
                "source": name,
                "class_name": name,
                "suggested_class": suggested,
                "score": 0.1,
                "place": 1,
                "total": 40,
            }
            for suggested in (name, None)
        ],
        "box_errors": [
            {
                **image,
                "target_index": index,
                "rule": rule,
                "model": name,
                "class_name": name,
                "other_class": name,
                "box": {"x0": 8.0, "y0": 6.0, "x1": 40.0, "y1": 30.0},
                "score": 0.2,
                "threshold": 0.5,
                "place": 1,
                "total": 8,
            }
            for rule, index in (("overlooked", None), (name, 0))
        ],
        "clusters": [
            {
                "encoder": name,
                "method": name,
                "cluster_id": cluster,
                "image_id": name,
                "target_index": None,
                "centroid_distance": 0.5,
                "members": 7,
                "noise": 1,
                "found": 2,
                "place": 1,
            }
            for cluster in (0, 1)
        ],
        "cluster_map": [
            {
                "cluster_id": cluster,
                "embedding": [float(cluster), 1.0, float(cluster * at)],
                "class_name": name if at else None,
                "dataset": name if at else "b",
            }
            for at, cluster in enumerate((0, 0, 1, 1, -1))
        ],
        "dataset_checks": [{"step": name}],
        "dataset_findings": [
            {
                "severity": "error",
                "step": name,
                "rule": name,
                "subject": name,
                "value": None,
                "threshold": 0.5,
                "message": name,
            }
        ],
    }


def _class(name: str | None, labels: int) -> dict[str, Any]:
    return {
        "class_name": name,
        "label_count": labels,
        "image_count": 40,
        "label_share": labels / 60,
        "image_share": 0.5,
        "labels_per_image": 1.5,
        "max_labels_per_image": 4,
        "class_count": 2 if name is None else 1,
        "images_without_labels": 300 if name is None else None,
        "imbalance_ratio": 59.0 if name is None else None,
    }


def full_data(name: str = "street") -> ReportData:
    """Report data in which every section has something to show."""
    box = Box(0, name, 8.0, 6.0, 40.0, 30.0)
    outside = Box(1, name, -5.0, -5.0, 0.0, 3.0)
    return ReportData(
        present=frozenset(table.name for table in ALL_TABLES),
        rows=full_rows(name),
        sql={"unreadable": "SELECT '{{' FROM {unreadable_images}"},
        thumbnails={
            name: Thumbnail(jpeg(), "image/jpeg", 80, 60, 800, 600),
            "b": Thumbnail(None, reason=name),
        },
        boxes={name: (box, outside)},
    )


def full_provenance(name: str = "street") -> Provenance:
    class Score:
        kind, planted, hits, missed, extra, status = name, 5, 4, 1, 0, name
        missed_paths = (name,)

    run = {"run_id": name, "job": name, "step": None, "status": name, "started_at": WHEN, "message": name}
    return provenance(
        workspace=name,
        snapshot=name,
        code_version=name,
        table_versions={name: 3},
        sql_name=lambda table: f"delta.`{name}/{table}`",
        runs=[{**run, "options": json.dumps(name)}],
        demo_scores=[Score()],
    )
