"""What guessing reaches, as a table."""

from __future__ import annotations

from datetime import datetime

from dataeval_spark.analyses.shift.null_model import null_model
from dataeval_spark.tables.shift import NULL_MODEL
from tests.analyses.bias.rows import image_labels

NAMES = {
    "reference_name": "split=train",
    "current_name": "split=test",
    "window": (datetime(2024, 5, 1), datetime(2024, 6, 1)),
}


def side(frame, labels):
    return image_labels(frame, {f"i{row:03}": name for row, name in enumerate(labels)})


def test_guessing_is_measured_on_the_current_labels(frame):
    found = null_model(side(frame, ["cat"] * 3 + ["dog"]), side(frame, ["cat", "dog"]), **NAMES)

    assert [name for name, _ in found.dtypes] == list(NULL_MODEL.result_names)
    assert {row.predictor: row.accuracy for row in found.collect()} == {
        "uniform_random": 0.5,
        "dominant_class": 0.5,
        "proportional_random": 0.5,
    }


def test_without_current_labels_nothing_is_guessed(frame):
    assert null_model(side(frame, ["cat"]), side(frame, []), **NAMES).collect() == []
