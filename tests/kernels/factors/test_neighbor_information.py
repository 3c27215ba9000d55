"""Nearest-neighbour estimates of mutual information: near the truth, and DataEval's."""

from __future__ import annotations

import numpy as np
import pytest

from dataeval_spark.kernels.factors.mutual_information import entropy
from dataeval_spark.kernels.factors.neighbor_information import neighbor_information, permutation_p_value
from tests.kernels.factor_reference import INPUTS, NEIGHBOR_SHARES

LABEL = INPUTS["label"]


@pytest.mark.parametrize(("factor", "expected"), NEIGHBOR_SHARES.items())
def test_the_share_of_the_label_equals_dataeval(factor, expected):
    found = neighbor_information(LABEL, INPUTS[factor], continuous=(False, True))

    assert found / entropy(np.bincount(LABEL)) == pytest.approx(expected, abs=1e-6)


def test_two_normals_have_the_information_of_their_correlation():
    r = np.random.default_rng(1)
    x, noise = r.normal(size=(2, 3000))
    y = 0.8 * x + 0.6 * noise

    found = neighbor_information(x, y, continuous=(True, True))

    assert found == pytest.approx(-0.5 * np.log(1 - 0.8**2), abs=0.05)


def test_missing_values_are_left_out_and_labels_may_be_texts():
    values = np.where(np.arange(LABEL.size) % 7 == 0, np.nan, INPUTS["continuous"])
    kept = ~np.isnan(values)
    names = np.array(["a", "b", "c", "d"])[LABEL]

    found = neighbor_information(names, values, continuous=(False, True))

    assert found == neighbor_information(LABEL[kept], values[kept], continuous=(False, True))


@pytest.mark.parametrize("values", [np.full(LABEL.size, 2.0), np.full(LABEL.size, np.nan)])
def test_a_constant_says_nothing(values):
    assert neighbor_information(LABEL, values, continuous=(False, True)) == 0.0


def test_the_p_value_is_the_share_of_permutations_with_as_much_information():
    r = np.random.default_rng(2)
    label, noise = r.integers(0, 2, 200), r.normal(size=200)

    def p_value(values):
        found = neighbor_information(label, values, continuous=(False, True))
        return permutation_p_value(label, values, found, continuous=(False, True), permutations=19)

    assert p_value(label + 0.1 * noise) == 1 / 20
    assert p_value(noise) > 0.05
