"""Agreement beyond chance, against statsmodels, krippendorff and a jackknife that leaves things out one by one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dataeval_spark.kernels.labels.rater_agreement import STATISTICS, VoteSums, agreement_sums, cohen, jackknife, spread

EXPECTED = json.loads((Path(__file__).resolve().parents[1] / "data" / "rater_agreement.json").read_text())


def votes_of(rows):
    return np.array([[row.count(name) for name in range(3)] for row in rows], float)


def value_of(statistic, votes, weights=None):
    sums = agreement_sums(votes, np.ones(len(votes)) if weights is None else weights)
    return STATISTICS[statistic](sums.votes, sums.differing)


@pytest.mark.parametrize(
    ("statistic", "data", "overall", "classes"),
    [
        ("krippendorff_alpha", "missing", "alpha_missing", "alpha_missing_class"),
        ("krippendorff_alpha", "complete", "alpha_complete", None),
        ("fleiss_kappa", "complete", "fleiss", "fleiss_class"),
    ],
)
def test_values_equal_those_of_krippendorff_and_statsmodels(statistic, data, overall, classes):
    found = value_of(statistic, votes_of(EXPECTED[data]))

    assert found[0] == pytest.approx(EXPECTED[overall], rel=1e-12)
    if classes:
        assert found[1:].tolist() == pytest.approx(EXPECTED[classes], rel=1e-12)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_the_interval_is_the_jackknifes(statistic):
    votes = votes_of(EXPECTED["complete"])
    n = len(votes)
    left_out = np.array([value_of(statistic, np.delete(votes, i, axis=0)) for i in range(n)])
    sums = agreement_sums(votes, np.ones(n))
    value = value_of(statistic, votes)

    lower, upper = jackknife(value, spread(statistic, votes, np.ones(n), sums), n)

    reach = 1.959963984540054 * np.sqrt((n - 1) / n * ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0))
    np.testing.assert_allclose(lower, value - reach, rtol=1e-9)
    np.testing.assert_allclose(upper, np.minimum(value + reach, 1), rtol=1e-9)


def test_things_of_one_kind_may_be_counted_and_parts_added():
    votes, counts = np.array([[2.0, 0, 1], [0, 2, 0], [1, 0, 0]]), np.array([4.0, 3.0, 9.0])
    repeated = np.repeat(votes, counts.astype(int), axis=0)

    whole = agreement_sums(votes, counts)
    parts = (agreement_sums(votes[:1], counts[:1]), agreement_sums(votes[1:], counts[1:]))
    added = VoteSums.from_vector(sum(part.to_vector() for part in parts))

    assert whole.things == added.things == 7  # what one rater saw says nothing of agreement
    np.testing.assert_allclose(value_of("krippendorff_alpha", repeated), value_of("krippendorff_alpha", votes, counts))
    np.testing.assert_allclose(added.votes, whole.votes)


def test_full_agreement_is_one_and_one_class_alone_is_nothing():
    assert value_of("krippendorff_alpha", np.array([[3.0, 0], [0, 3]])).tolist() == [1.0, 1.0, 1.0]
    assert np.isnan(value_of("krippendorff_alpha", np.array([[3.0, 0], [3, 0]]))).all()


@pytest.mark.parametrize("statistic", STATISTICS)
def test_a_class_of_one_thing_has_no_interval(statistic):
    votes = np.array([[3.0, 0], [3, 0], [3, 0], [0, 3]])
    sums = agreement_sums(votes, np.ones(4))
    value = value_of(statistic, votes)

    lower, upper = jackknife(value, spread(statistic, votes, np.ones(4), sums), 4)

    assert value.tolist() == [1.0, 1.0, 1.0]
    assert np.isnan(lower).all()
    assert np.isnan(upper).all()


def test_cohen_and_its_interval_equal_statsmodels():
    table = np.zeros((3, 3))
    for first, second, *_ in EXPECTED["complete"]:
        table[first, second] += 1

    assert cohen(table) == pytest.approx(EXPECTED["cohen"], rel=1e-9)


def test_raters_who_say_one_thing_only_agree_by_chance():
    assert np.isnan(cohen(np.array([[5.0, 0], [0, 0]]))).all()
    assert np.isnan(cohen(np.zeros((2, 2)))).all()
