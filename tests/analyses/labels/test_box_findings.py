"""Boxes that are odd in themselves."""

from __future__ import annotations

import pytest

from dataeval_spark.analyses.labels.box_findings import box_findings
from dataeval_spark.errors import OptionError
from dataeval_spark.tables.images import TARGETS
from dataeval_spark.tables.labels import BOX_FINDINGS

NAN = float("nan")
BOXES = [
    ("a", 0, "cat", (0.0, 0.0, 100.0, 100.0), False),
    ("a", 1, "cat", (0.0, 0.0, 100.0, 95.0), False),  # 0.95 of the first
    ("a", 2, "dog", (0.0, 0.0, 100.0, 97.0), False),  # 0.97 of the first
    ("a", 3, "cat", (0.0, 0.0, 100.0, 100.0), True),  # a crowd
    ("a", 4, "cat", (0.0, 0.0, 100.0, 80.0), False),  # 0.84 of the second
    ("b", 0, "cat", (5.0, 5.0, 5.0, 9.0), False),
    ("b", 1, "cat", (5.0, 5.0, 9.0, 9.0), False),  # 16 pixels
    ("b", 2, "cat", (50.0, 50.0, 54.0, 54.5), False),  # 18 pixels
    ("b", 3, "cat", (NAN, 5.0, 9.0, 9.0), False),
    ("c", 0, "cat", None, None),
]


def test_each_rule_finds_its_boxes(frame):
    targets = frame(TARGETS, [(i, t, name, box, crowd, None, None, "r") for i, t, name, box, crowd in BOXES])

    found = box_findings(targets)

    assert found.columns == list(BOX_FINDINGS.result_names)
    rows = {
        (row.image_id, row.target_index, row.rule): (row.other_class, round(row.score, 4), row.threshold)
        for row in found.collect()
    }
    assert rows == {
        ("a", 1, "duplicate_box"): (None, 0.95, 0.9),
        ("a", 2, "conflicting_box"): ("cat", 0.97, 0.95),
        ("b", 0, "degenerate_box"): (None, 0.0, 0.0),
        ("b", 1, "tiny_box"): (None, 16.0, 16.0),
    }


def test_a_wrong_option_names_itself(frame):
    with pytest.raises(OptionError, match=r"box_findings\.duplicate_overlap is 0\.0; expected"):
        box_findings(frame(TARGETS, []), duplicate_overlap=0.0)
