"""The section on splits: parts, leaks, differences, bias within parts, hold-outs and how often they were opened."""

from __future__ import annotations

from datetime import datetime

import pytest

from dataeval_spark.tables.images import IMAGES
from dataeval_spark.tables.runs import RUNS
from dataeval_spark.tables.splits import (
    PART_BIAS,
    SPLIT_ASSIGNMENTS,
    SPLIT_DIFFERENCES,
    SPLIT_LEAKAGE,
    SPLIT_REPAIRS,
    SPLITS,
)
from dataeval_spark.verbs.report import ReportData
from dataeval_spark.verbs.report.queries import collect_report_data
from dataeval_spark.verbs.report.sections.attention import matters
from dataeval_spark.verbs.report.sections.splits import splits
from tests.verbs.report.literals import reader

OPENED = "open hold-out main/test"


@pytest.fixture(scope="module")
def data(spark) -> ReportData:
    main = {"split_name": "main", "repeat": 0}
    rows = {
        IMAGES: [
            *({"image_id": f"i{n}", "split": "train" if n else None} for n in range(4)),
            {"image_id": "gone", "split": "train", "deleted_at": datetime(2024, 6, 1)},
        ],
        SPLITS: [{"split_name": "main", "guarded": ["test"], "created_at": datetime(2024, 6, 1)}],
        SPLIT_ASSIGNMENTS: [
            *({**main, "image_id": f"i{n}", "split": "test" if n == 3 else "train"} for n in range(4)),
            {**main, "image_id": "gone", "split": "test"},
            {**main, "repeat": 1, "image_id": "i0", "split": "test"},
        ],
        SPLIT_LEAKAGE: [
            {**main, "kind": "dhash", "image_id_a": "i0", "image_id_b": "i3", "split_a": "train", "split_b": "test"},
            {**main, "kind": "phash", "image_id_a": "i0", "image_id_b": "i3", "split_a": "train", "split_b": "test"},
            {**main, "kind": "label", "image_id_a": "i3", "image_id_b": "i0", "split_a": "test", "split_b": "train"},
        ],
        SPLIT_REPAIRS: [{**main, "image_id": "i3"}],
        SPLIT_DIFFERENCES: [
            {
                **main,
                "kind": "factor",
                "subject": subject,
                "split_a": "test",
                "total_variation": size,
                "is_flagged": bad,
            }
            for subject, size, bad in (("alike", 0.9, False), ("light", 0.2, True))
        ],
        PART_BIAS: [
            {"split_name": "main", "split": split, "factor": factor, "score": score, "is_flagged": score > 0.3}
            for split, factor, score in (("train", "light", 0.8), ("test", "light", 0.1), ("train", "site", 0.0))
        ],
        RUNS: [
            {"run_id": str(n), "step": OPENED, "status": status, "started_at": datetime(2024, 6, 1)}
            for n, status in enumerate(("done", "done", "failed"))
        ],
    }
    return collect_report_data(reader(spark, rows))


def test_parts_have_their_share_and_a_hold_out_says_how_often_it_was_opened(data):
    parts = {(row["split_name"], row["split"]): row for row in data.rows_of("split_parts")}

    assert {key: row["images"] for key, row in parts.items()} == {
        ("given", "train"): 3,
        ("main", "train"): 3,
        ("main", "test"): 1,
    }
    assert (parts["main", "test"]["total"], parts["main", "test"]["held"], parts["main", "test"]["opened"]) == (
        4,
        True,
        2,
    )
    (table, *_) = splits(data)["tables"]
    assert [cell.text for cell in table["listing"].rows[2]] == [
        "main",
        "test",
        "1",
        "25.0 %",
        "hold-out, opened 2 times",
    ]


def test_leaks_differences_and_bias_are_listed_flagged_ones_first(data):
    content = splits(data)
    tables = {table["title"]: table["listing"] for table in content["tables"]}

    assert content["summary"].startswith("2 splits; 1 pair of images ties parts together")
    assert [cell.text for cell in tables["What leaks"].rows[0]] == ["main", "test", "train", "dhash", "1", "1"]
    assert [row[4].text for row in tables["How the parts differ"].rows] == ["light", "alike"]
    assert [(row[1].text, row[2].text) for row in tables["Factors that predict the class within a part"].rows] == [
        ("light", "test"),
        ("light", "train"),
    ]


def test_a_pair_that_leaks_by_several_kinds_is_counted_once(data):
    assert data.counts("split_leaks") == {"main": 1}
    assert sum(row["pairs"] for row in data.rows_of("split_leakage")) == 3


def test_leaks_and_differences_need_attention(data):
    found = [(matter.level, matter.section) for matter in matters(data) if matter.section == "splits"]
    assert found == [("error", "splits"), ("warning", "splits")]
