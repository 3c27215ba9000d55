"""Sums over vectors: the same in any parts, and what follows from them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataeval_spark.kernels.vectors.embedding_moments import Moments, effective_rank, first_share, intrinsic_dimension

RNG = np.random.default_rng(8)


@given(cuts=st.lists(st.integers(0, 60), max_size=5), offset=st.sampled_from([0.0, 1e6]))
@settings(max_examples=25, deadline=None)
def test_moments_of_parts_are_those_of_the_whole(cuts, offset):
    vectors = np.random.default_rng(1).normal(size=(60, 4)) + offset
    merged = Moments.none(4)
    for part in np.split(vectors, sorted(cuts)):
        merged = merged.merged(Moments.from_vectors(part))

    assert merged.count == 60
    assert merged.mean == pytest.approx(vectors.mean(axis=0))
    assert merged.scatter == pytest.approx(np.cov(vectors.T) * 59, rel=1e-6, abs=1e-6)
    assert merged.powers.tolist() == Moments.from_vectors(vectors).powers.tolist()
    assert merged.variances() == pytest.approx(np.linalg.svd(vectors - vectors.mean(0))[1] ** 2 / 59, rel=1e-6)


@pytest.mark.parametrize("most_bytes", [1, 64, 10**6])
def test_moments_can_be_sent_and_merged_in_rows(most_bytes):
    first, second = RNG.normal(size=(20, 5)), RNG.normal(size=(7, 5))

    rows = zip(
        Moments.from_vectors(first).packed(most_bytes), Moments.from_vectors(second).packed(most_bytes), strict=True
    )
    joined = Moments.joined([Moments.unpacked(a).merged(Moments.unpacked(b)) for a, b in rows][::-1])

    whole = Moments.from_vectors(np.concatenate([first, second]))
    assert joined.scatter == pytest.approx(whole.scatter)
    assert joined.low.tolist() == whole.low.tolist()
    assert (joined.count, joined.powers.tolist()) == (27, whole.powers.tolist())


def test_many_vectors_are_summed_in_chunks():
    vectors = RNG.normal(size=(5000, 3)).astype(np.float32)

    assert Moments.from_vectors(vectors).scatter == pytest.approx(np.cov(vectors.T.astype(float)) * 4999)


def test_vectors_that_are_not_finite_are_counted_and_left_out():
    vectors = np.array([[1.0, 2.0], [np.nan, 0.0], [3.0, 4.0], [np.inf, 1.0]])

    found = Moments.from_vectors(vectors)

    assert (found.count, found.not_finite) == (2, 2)
    assert found.mean.tolist() == [2.0, 3.0]
    assert Moments.from_vectors(vectors[1:2]).merged(Moments.from_vectors(vectors[:1])).mean.tolist() == [1.0, 2.0]


def test_dimensions_with_one_value_are_counted():
    assert Moments.from_vectors(np.array([[1.0, 2.0, 0.0], [1.0, 3.0, 0.0]])).constant_dimensions() == 2
    assert Moments.from_vectors(np.array([[1.0, 2.0, 0.0]])).constant_dimensions() == 0


def test_lengths_far_from_the_median_are_extreme_and_zeros_are_none_of_them():
    lengths = [0.0, 1.0, 1.5, 1.9, 1.2, 15.9, 16.0, 0.07, 0.06]
    found = Moments.from_vectors(np.array([[length, 0.0] for length in lengths]))

    assert found.zeros == 1
    assert found.extreme_lengths(16) == 3  # 16, 0.07 and 0.06 have the powers 4, -4 and -5, the median 0
    assert found.extreme_lengths(8) == 4
    assert Moments.from_vectors(np.zeros((3, 2))).extreme_lengths(16) == 0


def test_the_smallest_and_largest_lengths_have_a_power():
    extremes = np.array([[np.finfo(np.float32).smallest_subnormal], [np.finfo(np.float32).max]])

    assert Moments.from_vectors(extremes).powers.sum() == 2


def test_the_effective_rank_is_the_number_of_equal_variances():
    assert effective_rank(np.array([4.0, 4.0, 0.0])) == pytest.approx(2)
    assert effective_rank(np.array([1.0, 0.0])) == pytest.approx(1)
    assert effective_rank(np.array([0.9, 0.1])) == pytest.approx(math.exp(-0.9 * math.log(0.9) - 0.1 * math.log(0.1)))
    assert (effective_rank(np.zeros(3)), first_share(np.zeros(3))) == (0.0, 1.0)


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_the_intrinsic_dimension_is_that_of_the_surface_not_of_the_space(dimension):
    points = RNG.random((2000, dimension)) @ np.linalg.qr(RNG.normal(size=(30, dimension)))[0].T + 100

    found, used = intrinsic_dimension(points)

    assert used == 2000
    assert found == pytest.approx(dimension, rel=0.12)


def test_the_intrinsic_dimension_is_its_formula():
    points = np.array([[0.0], [1.0], [3.0], [7.0]])
    ratios = [3 / 1, 2 / 1, 3 / 2, 6 / 4]

    assert intrinsic_dimension(points)[0] == pytest.approx(3 / sum(map(math.log, ratios)))


def test_equal_vectors_count_once():
    points = RNG.random((50, 2))

    assert intrinsic_dimension(np.repeat(points, 3, axis=0)) == intrinsic_dimension(points)
    assert math.isnan(intrinsic_dimension(points[:2])[0])
