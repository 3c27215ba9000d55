"""Parity equals DataEval on its reference."""

from __future__ import annotations

import pytest

from dataeval_spark.analyses.bias.parity import parity
from dataeval_spark.errors import OptionError
from dataeval_spark.tables.bias import PARITY
from tests.kernels.factor_reference import PARITY as EXPECTED


@pytest.fixture(scope="module")
def rows(reference):
    return {row.factor: row for row in parity(reference.contingency).collect()}


def test_scores_and_p_values_equal_dataeval(rows):
    assert set(rows) == set(EXPECTED)
    for factor, (score, p_value) in EXPECTED.items():
        assert (rows[factor].score, rows[factor].p_value) == (
            pytest.approx(score, abs=1e-12),
            pytest.approx(p_value, rel=1e-9),
        )


def test_what_decides_is_pearsons_test_and_where_counts_are_small_one_that_holds_there(rows):
    for factor, row in rows.items():
        if row.low_expected_cells == 0:
            assert row.robust_p_value == row.pearson_p_value, factor
    thin = rows["continuous"]
    assert thin.low_expected_cells > 0
    assert thin.robust_p_value != thin.pearson_p_value
    assert thin.robust_p_value < 1e-9


def test_significance_is_told_apart_from_the_size_of_the_effect(rows):
    # continuous is significant (p < 1e-13) but weak: only what is strong too is flagged
    assert {factor for factor, row in rows.items() if row.is_significant} == {"dependent", "continuous"}
    assert [factor for factor, row in rows.items() if row.is_flagged] == ["dependent"]


def test_what_is_strong_by_chance_is_neither_significant_nor_flagged(reference):
    found = parity(reference.contingency, score_threshold=0.0, p_value_threshold=1e-300).collect()
    assert [(row.factor, row.is_significant) for row in found if row.is_significant != row.is_flagged] == []
    assert any(row.score > 0 and not row.is_significant for row in found)


def test_cells_with_too_few_rows_are_listed(rows):
    assert [tuple(cell) for cell in rows["continuous"].insufficient] == [
        (">= 2.44518", "0", 1),
        (">= 2.44518", "1", 4),
        ("[-1.24792, -0.324644)", "3", 1),
    ]
    assert rows["independent"].insufficient == []


def test_thresholds_are_options(reference):
    found = parity(reference.contingency, score_threshold=0.1, p_value_threshold=1e-3)

    assert {row.factor for row in found.where("is_flagged").collect()} == {"dependent", "continuous"}
    assert [name for name, _ in found.dtypes] == list(PARITY.result_names)
    with pytest.raises(OptionError, match=r"parity\.score_threshold is -1"):
        parity(reference.contingency, score_threshold=-1)


def test_any_factor_can_take_the_place_of_the_class(reference):
    rows = {row.factor: row for row in parity(reference.contingency, label="rare").collect()}

    assert rows["class_name"].p_value == pytest.approx(EXPECTED["rare"][1], rel=1e-9)
    assert "rare" not in rows
