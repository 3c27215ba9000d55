"""Labels of two sides: the test equals DataEval's, every class is listed."""

from __future__ import annotations

from datetime import datetime

import pytest

from dataeval_spark.bias.label_parity import label_parity, null_model
from dataeval_spark.errors import OptionError
from dataeval_spark.tables import LABEL_PARITY, NULL_MODEL
from tests.kernels.factor_reference import INPUTS

from .rows import image_labels

NAMES = {
    "reference_name": "split=train",
    "current_name": "split=test",
    "window": (datetime(2024, 5, 1), datetime(2024, 6, 1)),
}


def side(frame, labels):
    return image_labels(frame, {f"i{row:03}": name for row, name in enumerate(labels)})


def by_class(found):
    return {row.class_name: row for row in found.collect()}


def test_the_test_equals_dataeval_and_every_class_is_listed(frame):
    label = INPUTS["label"].astype(str).tolist()

    found = label_parity(side(frame, label), side(frame, [*label[:200], None]), **NAMES)

    assert [name for name, _ in found.dtypes] == [name for name in LABEL_PARITY.column_names if name != "run_id"]
    rows = by_class(found)
    whole = rows.pop(None)
    assert (whole.chi_squared, whole.p_value) == pytest.approx((0.5049076214922001, 0.9178119133050757), rel=1e-9)
    assert (whole.total_variation, whole.l_infinity, whole.is_different) == (
        pytest.approx(0.02),
        pytest.approx(0.02),
        False,
    )
    assert (whole.reference_count, whole.current_count, whole.reference) == (400, 200, "split=train")
    assert set(rows) == set("0123")
    assert rows["0"].reference_count == label.count("0")
    assert rows["0"].current_share == label[:200].count("0") / 200
    assert (rows["0"].status, rows["0"].p_value) == ("in both", None)


def test_new_and_vanished_classes_are_named(frame):
    rows = by_class(label_parity(side(frame, ["cat"] * 9 + ["dog"]), side(frame, ["cat"] * 9 + ["cow"]), **NAMES))

    assert (rows[None].chi_squared, rows[None].p_value, rows[None].is_different) == (float("inf"), 0.0, True)
    assert {name: row.status for name, row in rows.items()} == {
        None: None,
        "cat": "in both",
        "dog": "vanished",
        "cow": "new",
    }


def test_without_labels_there_is_no_test(frame):
    rows = by_class(label_parity(side(frame, ["cat"]), side(frame, []), **NAMES))

    assert (rows[None].p_value, rows[None].is_different, rows[None].current_count) == (None, None, 0)
    assert null_model(side(frame, ["cat"]), side(frame, []), **NAMES).collect() == []


def test_guessing_is_measured_on_the_current_labels(frame):
    found = null_model(side(frame, ["cat"] * 3 + ["dog"]), side(frame, ["cat", "dog"]), **NAMES)

    assert [name for name, _ in found.dtypes] == [name for name in NULL_MODEL.column_names if name != "run_id"]
    assert {row.predictor: row.accuracy for row in found.collect()} == {
        "uniform_random": 0.5,
        "dominant_class": 0.5,
        "proportional_random": 0.5,
    }


def test_a_wrong_option_says_what_to_write(frame):
    with pytest.raises(OptionError, match=r"label_parity\.threshold is 2"):
        label_parity(side(frame, []), side(frame, []), threshold=2, **NAMES)
