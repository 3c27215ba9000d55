"""Labels of two sides: the test equals SciPy's for two samples, every class is listed."""

from __future__ import annotations

from datetime import datetime

import pytest
from scipy.stats import chi2_contingency, chisquare

from dataeval_spark.analyses.shift.label_parity import label_parity
from dataeval_spark.errors import OptionError
from dataeval_spark.tables.images import TARGETS
from dataeval_spark.tables.shift import LABEL_PARITY
from tests.analyses.bias.rows import image_labels, table
from tests.kernels.factor_reference import INPUTS

NAMES = {
    "reference_name": "split=train",
    "current_name": "split=test",
    "window": (datetime(2024, 5, 1), datetime(2024, 6, 1)),
}


def side(frame, labels):
    return image_labels(frame, {f"i{row:03}": name for row, name in enumerate(labels)})


def by_class(found):
    return {row.class_name: row for row in found.collect()}


def test_the_test_is_that_of_two_samples_and_every_class_is_listed(frame):
    label = INPUTS["label"].astype(str).tolist()

    found = label_parity(side(frame, label), side(frame, [*label[:200], None]), **NAMES)

    assert [name for name, _ in found.dtypes] == list(LABEL_PARITY.result_names)
    rows = by_class(found)
    whole = rows.pop(None)
    table = [[of.count(name) for name in "0123"] for of in (label, label[:200])]
    expected = chi2_contingency(table, correction=False)
    assert (whole.chi_squared, whole.p_value) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-9)
    assert (whole.method, whole.design_effect, whole.robust_p_value) == ("two samples", 1.0, whole.p_value)
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
    assert [rows[name].expected_count for name in "0123"] == pytest.approx(expected.expected_freq[1].tolist())


def test_dataevals_number_is_an_option(frame):
    label = INPUTS["label"].astype(str).tolist()

    whole = by_class(label_parity(side(frame, label), side(frame, label[:200]), compat="dataeval", **NAMES))[None]

    assert (whole.chi_squared, whole.p_value) == pytest.approx((0.5049076214922001, 0.9178119133050757), rel=1e-9)
    assert (whole.method, whole.robust_p_value, whole.is_different) == ("dataeval", None, False)


def test_new_and_vanished_classes_are_named_and_small_counts_too(frame):
    sides = side(frame, ["cat"] * 9 + ["dog"]), side(frame, ["cat"] * 9 + ["cow"])
    rows = by_class(label_parity(*sides, **NAMES))
    as_dataeval = by_class(label_parity(*sides, compat="dataeval", **NAMES))[None]

    assert {name: row.status for name, row in rows.items()} == {
        None: None,
        "cat": "in both",
        "dog": "vanished",
        "cow": "new",
    }
    assert {name: row.is_low_expected for name, row in rows.items()} == {
        None: None,
        "cat": False,
        "dog": True,
        "cow": True,
    }
    # One label more or less of two classes says nothing.
    assert (rows[None].chi_squared, rows[None].low_count_classes, rows[None].is_different) == (2.0, 2, False)
    assert rows[None].robust_p_value > rows[None].p_value
    assert (as_dataeval.chi_squared, as_dataeval.p_value, as_dataeval.is_different) == (float("inf"), 0.0, True)


def test_labels_can_be_tested_against_shares_that_are_given(frame):
    current = side(frame, ["cat"] * 60 + ["dog"] * 40)

    rows = by_class(label_parity(side(frame, ["cow"]), current, expected_shares={"cat": 1, "dog": 1}, **NAMES))

    # The cow, which the reference has, is in neither the shares nor the current labels.
    assert (rows[None].chi_squared, rows[None].method) == (4.0, "fixed distribution")
    assert rows[None].robust_p_value == rows[None].p_value == pytest.approx(chisquare([60, 40]).pvalue)
    assert (rows["cat"].expected_count, rows["cow"].expected_count, rows["cow"].status) == (50.0, 0.0, "vanished")
    none = label_parity(side(frame, []), current, expected_shares={"cat": 0.5, "dog": 0.5}, **NAMES)
    assert by_class(none)[None].is_different is True


def test_boxes_of_one_image_count_as_what_they_say_together(frame):
    """Each image shows five boxes of one class: 30 and 20 images are compared, not 150 and 100 boxes."""

    def of(classes):
        rows = [
            {"image_id": f"i{i}", "target_index": box, "class_name": name}
            for i, name in enumerate(classes)
            for box in range(5)
        ]
        return table(frame, TARGETS, rows)

    found = by_class(label_parity(of("a" * 18 + "b" * 12), of("a" * 7 + "b" * 13), **NAMES))[None]
    single = by_class(label_parity(side(frame, "a" * 18 + "b" * 12), side(frame, "a" * 7 + "b" * 13), **NAMES))[None]

    assert found.chi_squared == pytest.approx(5 * single.chi_squared)
    assert found.design_effect == pytest.approx(5, rel=0.1)
    assert (found.p_value < 0.001, found.robust_p_value) == (True, pytest.approx(single.p_value, rel=0.25))
    assert (found.is_different, single.is_different) == (False, False)


def test_without_labels_there_is_no_test(frame):
    rows = by_class(label_parity(side(frame, ["cat"]), side(frame, []), **NAMES))

    assert (rows[None].p_value, rows[None].is_different, rows[None].current_count) == (None, None, 0)


def test_a_wrong_option_says_what_to_write(frame):
    with pytest.raises(OptionError, match=r"label_parity\.threshold is 2"):
        label_parity(side(frame, []), side(frame, []), threshold=2, **NAMES)


def test_shares_and_dataevals_number_exclude_one_another(frame):
    sides = side(frame, []), side(frame, [])
    with pytest.raises(OptionError, match="are both given; expected one of them"):
        label_parity(*sides, expected_shares={"cat": 1.0}, compat="dataeval", **NAMES)
    with pytest.raises(OptionError, match="no share above 0"):
        label_parity(*sides, expected_shares={"cat": 0.0}, **NAMES)
    with pytest.raises(OptionError, match=r"label_parity\.compat is 'dateval'"):
        label_parity(*sides, compat="dateval", **NAMES)
