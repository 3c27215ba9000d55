"""Distances of counts against SciPy and by hand; a classifier that finds what was planted, and nothing in noise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from dataeval_spark.kernels.factors.independence import ImageSums
from dataeval_spark.kernels.splits.part_distances import distance, one_hot, separation


def single(*counts):
    return ImageSums.of_single(counts)


def test_distances_by_hand():
    found = distance(single(30, 70), single(50, 50))

    assert found.total_variation == pytest.approx(0.2)
    assert found.l_infinity == pytest.approx(0.2)
    # JSD = H(0.4, 0.6) - (H(0.3, 0.7) + H(0.5, 0.5)) / 2 in bits
    entropy = lambda p: -(p * np.log2(p) + (1 - p) * np.log2(1 - p))  # noqa: E731
    assert found.jensen_shannon == pytest.approx(np.sqrt(entropy(0.4) - (entropy(0.3) + entropy(0.5)) / 2))
    expected = chi2_contingency([[30, 70], [50, 50]], correction=False)
    assert (found.chi_square, found.p_value) == pytest.approx((expected.statistic, expected.pvalue))


def test_equal_shares_have_distance_zero_and_disjoint_ones_distance_one():
    equal, disjoint = distance(single(1, 2), single(10, 20)), distance(single(5, 0), single(0, 7))

    assert (equal.total_variation, equal.jensen_shannon) == (0.0, 0.0)
    assert (disjoint.total_variation, disjoint.l_infinity, disjoint.jensen_shannon) == (1.0, 1.0, 1.0)


def test_one_value_has_no_test_and_an_empty_side_no_distance():
    assert distance(single(3), single(4)).p_value is None
    assert distance(single(0, 0), single(1, 2)) is None


def test_a_planted_difference_is_found_and_named_by_its_weight():
    random = np.random.default_rng(0)
    features = random.normal(size=(600, 5))
    is_second = np.arange(600) >= 300
    features[is_second, 3] += 1.5
    found = separation(features, is_second)

    # Two normal distributions 1.5 deviations apart: the AUC of the best classifier is Phi(1.5 / sqrt 2) = 0.856.
    assert found.lower < 0.856 < found.upper
    assert found.p_value < 1e-10
    assert found.weights.argmax() == 3


def test_in_noise_the_interval_holds_one_half_about_as_often_as_it_says():
    random = np.random.default_rng(1)
    is_second = np.arange(200) >= 100
    found = [separation(random.normal(size=(200, 3)), is_second) for _ in range(20)]

    assert sum(each.lower <= 0.5 <= each.upper for each in found) >= 16
    assert sum(each.p_value < 0.05 for each in found) <= 4


def test_parts_of_one_population_are_told_apart_as_often_as_the_level_says():
    random = np.random.default_rng(2)
    is_second = np.arange(100) >= 50
    found = [separation(random.normal(size=(100, 16)), is_second) for _ in range(200)]

    # 10 are expected; folds taken for independent give 22.
    assert sum(each.p_value < 0.05 for each in found) <= 17
    assert sum(each.lower <= 0.5 <= each.upper for each in found) >= 182


def test_parts_of_a_few_images_are_not_compared():
    assert separation(np.zeros((20, 2)), np.arange(20) >= 12) is None


def test_one_hot_leaves_constants_out_and_makes_missing_a_value():
    features, names = one_hot([["a", "b", None], ["same", "same", "same"]])

    assert names == [(0, "a"), (0, "b"), (0, "missing")]
    assert features.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
