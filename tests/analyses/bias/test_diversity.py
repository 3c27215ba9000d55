"""Diversity equals DataEval on its reference."""

from __future__ import annotations

import pytest

from dataeval_spark.analyses.bias.diversity import diversity
from dataeval_spark.analyses.bias.parity import parity
from dataeval_spark.errors import OptionError
from dataeval_spark.tables.bias import DIVERSITY
from tests.kernels.factor_reference import DIVERSITY as EXPECTED


def by_key(found):
    return {(row.factor, row.class_name): row for row in found.collect()}


@pytest.mark.parametrize("method", ["simpson", "shannon"])
def test_diversity_within_a_class_equals_dataeval(reference, method):
    found = diversity(reference.contingency, method=method)
    rows = by_key(found)

    assert [name for name, _ in found.dtypes] == list(DIVERSITY.result_names)
    for factor, expected in EXPECTED[method].items():
        assert rows[factor, "0"].diversity == pytest.approx(expected, rel=1e-12)
        assert rows[factor, "0"].is_low == (expected <= 0.5)


def test_bins_are_those_filled_in_the_whole_dataset(reference):
    rows = by_key(diversity(reference.contingency, threshold=0.02))

    assert (rows["rare", "0"].bins, rows["rare", "0"].filled_bins, rows["rare", "0"].diversity) == (2, 1, 0.0)
    assert (rows["rare", "0"].is_low, rows["rare", None].is_low) == (True, False)
    # The label is a factor of its own, without classes.
    assert rows["class_name", None].n == 400
    assert sum(factor == "class_name" for factor, _ in rows) == 1
    assert len(rows) == 1 + 5 * 5


def test_a_label_that_is_no_factor_is_named(reference):
    for measure in (diversity, parity):
        with pytest.raises(OptionError, match=r"\.label is 'lable'; expected one of"):
            measure(reference.contingency, label="lable")


def test_a_class_in_place_of_the_label_gets_the_name_of_its_column(reference):
    for measure in (diversity, parity):
        expected = (
            r"\.label is '2', a value of class_name; expected the name of a column\.\nHint: .*label = 'class_name'"
        )
        with pytest.raises(OptionError, match=expected):
            measure(reference.contingency, label="2")


def test_a_wrong_option_says_what_to_write(reference):
    with pytest.raises(OptionError, match=r"diversity\.method is 'gini'"):
        diversity(reference.contingency, method="gini")
