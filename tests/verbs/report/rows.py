"""Rows of most tables that a report reads: few, and such that each query has something to leave out."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.images import IMAGES, INGEST_FINDINGS, TARGETS
from dataeval_spark.tables.labels import LABEL_STATS
from dataeval_spark.tables.profile import IMAGE_STATS, UNREADABLE_IMAGES
from dataeval_spark.tables.quality import DUPLICATE_GROUPS, DUPLICATE_PAIRS, IMAGE_FINDINGS, OUTLIERS
from dataeval_spark.tables.runs import DATASET_FINDINGS, RUNS
from dataeval_spark.tables.shift import DRIFT_METRICS
from tests.verbs.report.literals import jpeg

NAIVE = datetime(2024, 6, 1)
QUOTED = 'it\'s {a} \\ "name"'
# 14 groups: sizes 2 to 15, the smallest one across splits.
GROUPS = {f"g{size:02}": size for size in range(2, 16)}


def image(name: str, **more: Any) -> dict[str, Any]:
    return {"image_id": name, "dataset": QUOTED, "content": jpeg(), "content_length": 900, **more}


def drift_row(column: str, run: str, pvalue: float, **more: Any) -> dict[str, Any]:
    return {
        "run_id": run,
        "window": (NAIVE, NAIVE),
        "column_name": column,
        "reference": f"dataset={QUOTED}",
        "current": "split=test",
        "ks_test": (0.5, pvalue),
        "adjusted_pvalue": pvalue,
        "threshold": 0.05,
        "drift_detected": pvalue < 0.05,
        **more,
    }


# What the query of an overlay asks about.
DRIFTED = {"drift": [drift_row("width", "r", 0.01, reference="dataset=a", current="dataset=b", slice_key=None)]}


def run_row(run: str, started: datetime) -> dict[str, Any]:
    return {"run_id": run, "started_at": started, "step": "drift"}


ROWS: dict[Table, list[dict[str, Any]]] = {
    IMAGES: [
        image("a", split="train"),
        image("b", split="test"),
        image("broken", content=b"no image"),
        image("gone", deleted_at=NAIVE),
    ],
    IMAGE_STATS: [
        {"image_id": "a", "width": 10.0, "mean": 1.0},
        {"image_id": "b", "width": 20.0, "mean": math.nan},
        {"image_id": "a", "target_index": 0, "width": 99.0},
        {"image_id": "gone", "width": 77.0},
    ],
    UNREADABLE_IMAGES: [
        {"image_id": name, "stage": "decode", "error_class": "E", "message": "m"} for name in ("broken", "gone")
    ],
    TARGETS: [
        {"image_id": "a", "target_index": 0, "class_name": "dog", "box": (1.0, 2.0, 30.0, 40.0)},
        {"image_id": "a", "target_index": 50, "class_name": "cat", "box": (1.0, 2.0, 30.0, 40.0)},
        {"image_id": "b", "target_index": 0, "class_name": "dog"},
        {"image_id": "gone", "target_index": 0, "class_name": "cow"},
    ],
    DUPLICATE_GROUPS: [
        {
            "group_id": group,
            "image_id": f"{group}-{member:02}",
            "kinds": ["exact_pixels"] if size % 2 else ["phash"],
            "is_kept": member == size - 1,
            "group_size": size,
            "spans_splits": size == 2,
        }
        for group, size in GROUPS.items()
        for member in range(size)
    ],
    DUPLICATE_PAIRS: [
        {"image_id_a": "a", "image_id_b": other, "kind": kind}
        for other, kind in (("b", "exact_file"), ("b", "exact_pixels"), ("c", "exact_pixels"), ("d", "phash"))
    ],
    IMAGE_FINDINGS: [
        {"image_id": "a", "rule": rule, "score": score / 10, "severity": "warning"}
        for rule in ("dark", "blurry")
        for score in range(7)
    ]
    + [{"image_id": "a", "target_index": 50, "rule": "invalid_box", "severity": "error"}],
    OUTLIERS: [
        {"image_id": name, "statistic": statistic, "score": score, "direction": "low"}
        for statistic in ("mean", "width")
        for name, score in (("a", 5.0), ("b", 9.0))
    ],
    LABEL_STATS: [
        {"label_count": 3, "class_count": 2, "imbalance_ratio": 2.0},
        {"class_name": "dog", "label_count": 2},
        {"class_name": "cat", "label_count": 1},
    ],
    INGEST_FINDINGS: [
        {"kind": kind, "location": f"{place:02}"} for kind in ("bad_time", "inverted_box") for place in range(10)
    ],
    DRIFT_METRICS: [
        drift_row("width", "z-old", 0.9),
        drift_row("width", "a-new", 0.01),
        drift_row("mean", "a-new", 0.5),
        drift_row("width", "a-new", 0.02, slice_key="split", slice_value="train"),
    ],
    DATASET_FINDINGS: [
        {"step": "s", "rule": "r", "subject": severity, "severity": severity} for severity in ("info", "error")
    ],
    RUNS: [run_row("z-old", NAIVE), run_row("a-new", NAIVE + timedelta(days=1))],
}
