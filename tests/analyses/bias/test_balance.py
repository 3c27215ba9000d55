"""Balance equals DataEval on its reference, and flags what was planted."""

from __future__ import annotations

import pytest
from scipy.stats import false_discovery_control

from dataeval_spark.analyses.bias.balance import balance
from dataeval_spark.analyses.bias.parity import parity
from dataeval_spark.errors import OptionError
from dataeval_spark.tables.bias import BALANCE
from tests.kernels.factor_reference import DEPENDENT_WITH_RARE, NEIGHBOR_SHARES, SHARE_OF_CLASSES, SHARE_OF_LABEL


def by_key(found):
    return {(row.kind, row.factor_a, row.factor_b, row.class_name): row for row in found.collect()}


@pytest.fixture(scope="module")
def found(reference):
    return balance(reference.contingency, reference.edges)


@pytest.fixture(scope="module")
def rows(found):
    return by_key(found)


def test_shares_of_label_and_classes_equal_dataeval(rows):
    for factor, expected in SHARE_OF_LABEL.items():
        assert rows["label", "class_name", factor, None].score == pytest.approx(expected, abs=1e-12)
    for factor, shares in SHARE_OF_CLASSES.items():
        for name, expected in enumerate(shares):
            assert rows["class", "class_name", factor, str(name)].score == pytest.approx(expected, abs=1e-12)


def test_associations_of_factors_equal_dataeval_and_say_how_they_were_scored(rows):
    row = rows["factors", "dependent", "rare", None]

    assert row.score == pytest.approx(DEPENDENT_WITH_RARE[False, False], abs=1e-12)
    assert row.method == "table"
    assert rows["factors", "continuous", "skewed", None].method == "linfoot"
    assert ("factors", "rare", "dependent", None) not in rows


def test_p_values_are_those_of_parity_that_hold_and_adjusted_within_their_kind(rows, reference):
    of_label = [row for key, row in sorted(rows.items(), key=str) if key[0] == "label"]

    measured = parity(reference.contingency).collect()
    assert {row.factor_b: row.p_value for row in of_label} == pytest.approx(
        {row.factor: row.robust_p_value for row in measured}, rel=1e-9
    )
    expected = false_discovery_control([row.p_value for row in of_label])
    assert [row.adjusted_pvalue for row in of_label] == pytest.approx(expected.tolist())


def test_only_what_gives_the_label_away_is_flagged(rows):
    flagged = {(key[0], key[2], key[3]) for key, row in rows.items() if row.is_flagged}

    assert flagged == {("label", "dependent", None), *(("class", "dependent", name) for name in "012")}


def test_columns_are_those_of_the_contract(found):
    assert [name for name, _ in found.dtypes] == list(BALANCE.result_names)


def test_any_factor_can_take_the_place_of_the_class(reference):
    rows = by_key(balance(reference.contingency, reference.edges, label="dependent"))

    assert rows["label", "dependent", "class_name", None].score > 0.3
    assert rows["class", "dependent", "class_name", "2"].n == 400
    assert ("factors", "class_name", "independent", None) in rows


def test_factors_that_were_cut_can_be_scored_by_their_values(reference):
    rows = by_key(balance(reference.contingency, reference.edges, reference.bins, estimator="neighbors"))

    for factor, expected in NEIGHBOR_SHARES.items():
        row = rows["label", "class_name", factor, None]
        assert row.score == pytest.approx(expected, abs=1e-6)
        assert (row.method, row.p_value, row.n) == ("neighbors", None, 400)
    assert rows["factors", "continuous", "skewed", None].score == pytest.approx(0.038030680269002914, abs=1e-3)
    assert rows["factors", "continuous", "dependent", None].score == pytest.approx(0.033577870577573776, abs=1e-3)
    assert rows["label", "class_name", "dependent", None].method == "table"


def test_permutations_give_estimates_by_neighbours_a_p_value(reference):
    options = {"estimator": "neighbors", "sample": 120, "permutations": 19}

    rows = by_key(balance(reference.contingency, reference.edges, reference.bins, **options))

    found = {key: row for key, row in rows.items() if row.method == "neighbors"}
    assert all(round(row.p_value * 20) / 20 == pytest.approx(row.p_value) for row in found.values())
    assert all(row.p_value <= row.adjusted_pvalue <= 1 for row in found.values())
    assert found["label", "class_name", "continuous", None].p_value == 0.05


def test_a_sample_is_the_same_for_any_partitions_and_its_size_is_told(reference):
    found = [
        balance(reference.contingency, reference.edges, bins, estimator="neighbors", sample=100)
        .where("method = 'neighbors'")
        .collect()
        for bins in (reference.bins.coalesce(1), reference.bins.repartition(5))
    ]

    assert found[0] == found[1]
    assert {row.n for row in found[0]} == {100}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"imbalance_threshold": 2.0}, r"balance\.imbalance_threshold is 2\.0"),
        ({"estimator": "bins"}, r"balance\.estimator is 'bins'"),
        ({"estimator": "neighbors"}, r"which reads the table factor_bins"),
        ({"permutations": 99}, r"balance\.permutations is 99 and balance\.estimator is 'table'"),
    ],
)
def test_a_wrong_option_says_what_to_write(reference, options, message):
    with pytest.raises(OptionError, match=message):
        balance(reference.contingency, reference.edges, **options)


def test_no_factors_have_no_balance(reference):
    nothing = reference.contingency.where("factor_a = factor_b")

    assert balance(nothing, reference.edges).collect() == []


def test_a_label_must_be_a_column_and_a_class_or_a_typo_says_which(reference):
    with pytest.raises(OptionError, match=r"balance\.label is '1', a value of class_name; .*\nHint: .* = 'class_name'"):
        balance(reference.contingency, reference.edges, label="1")
    with pytest.raises(OptionError, match=r"balance\.label is 'dependant'; expected one of.*\nHint: .* = 'dependent'"):
        balance(reference.contingency, reference.edges, label="dependant")
