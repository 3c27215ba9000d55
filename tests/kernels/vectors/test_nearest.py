"""Exact nearest neighbours in numpy, against every distance in float64."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataeval_spark.errors import MissingExtraError
from dataeval_spark.kernels.vectors.nearest import KINDS, NO_CODE, NearestLists, centred, multiplier, points
from dataeval_spark.kernels.vectors.nearest_compiled import COSINE, SQUARED, inverse_norms, pair_distance
from tests.kernels.nearest_reference import all_distances, nearest

METRICS = sorted(KINDS)


def search(queries, index, metric, k, *, blocks=2, multiply=None):
    """Lists of the nearest of ``index``, given in blocks."""
    shift = centred(metric, index, np.float64, np.zeros(index.shape[1] + (metric == "cosine"))).mean(axis=0)
    lists = NearestLists(points(queries, metric, shift), k, multiply)
    for rows in np.array_split(np.arange(len(index)), blocks):
        lists.update(points(index[rows], metric, shift), rows)
    return lists


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.tuples(st.integers(1, 30), st.integers(1, 120), st.integers(1, 40)),
    k=st.integers(1, 12),
    blocks=st.integers(1, 5),
    far=st.sampled_from([0.0, 1e4]),
)
def test_lists_are_those_of_a_search_by_brute_force(metric, seed, sizes, k, blocks, far):
    (q, m, d), rng = sizes, np.random.default_rng(seed)
    index = (rng.normal(size=(m, d)) + far).astype(np.float32)
    queries = np.concatenate([index[: q // 2], (rng.normal(size=(q - q // 2, d)) + far).astype(np.float32)])
    distances, order = nearest(queries, index, metric, k)

    found = search(queries, index, metric, k, blocks=blocks)

    present = found.codes[:, : order.shape[1]]
    truth = all_distances(queries, index, metric)
    # numpy sums in another order, so what it calls two distances may be one to the last bits.
    np.testing.assert_allclose(np.take_along_axis(truth, present, axis=1), distances, rtol=1e-9, atol=1e-12 * (1 + far))
    np.testing.assert_allclose(found.distances[:, : order.shape[1]], distances, rtol=1e-6, atol=1e-9 * (1 + far))


@pytest.mark.parametrize("metric", METRICS)
def test_equal_distances_stand_in_the_order_of_the_codes(metric):
    rng = np.random.default_rng(1)
    index = rng.choice(np.array([-1.0, 1.0], np.float32), size=(300, 4))  # of 16 different vectors

    found = search(index[:20], index, metric, 40, blocks=3)

    np.testing.assert_array_equal(found.codes, nearest(index[:20], index, metric, 40)[1])


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e7])
def test_equal_vectors_have_distance_exactly_zero(metric, scale):
    vectors = (np.random.default_rng(2).normal(size=(50, 33)) * scale + 5 * scale).astype(np.float32)

    found = search(vectors, np.concatenate([vectors, vectors]), metric, 2, blocks=3)

    assert (found.distances == 0).all()
    np.testing.assert_array_equal(found.codes, np.arange(50)[:, None] + [0, 50])


def test_clusters_narrower_than_float32_can_tell_are_told_apart():
    rng = np.random.default_rng(3)
    # 400 vectors around one point: products in float32 differ in rounding only.
    index = (1 + rng.integers(0, 8, size=(400, 64)) * 2.0**-23).astype(np.float32)
    index = np.concatenate([index, -index])

    found = search(index[:30], index, "euclidean", 5)

    distances, order = nearest(index[:30], index, "euclidean", 5)
    np.testing.assert_array_equal(found.distances, distances)  # whole multiples of a power of two
    np.testing.assert_array_equal(found.codes, order)


def test_values_whose_squares_float32_cannot_hold_are_compared_in_float64():
    index = np.array([[1e25, 0], [1e25, 1e24], [-1e25, 0]], np.float32)

    found = search(index, index, "euclidean", 2, blocks=1)

    assert found.codes.tolist() == [[0, 1], [1, 0], [2, 0]]


def test_a_list_is_filled_up_where_the_index_is_smaller():
    vectors = np.eye(3, dtype=np.float32)

    found = search(vectors, vectors, "euclidean", 5, blocks=2)

    assert (found.codes[:, 3:] == NO_CODE).all()
    assert np.isinf(found.distances[:, 3:]).all()
    np.testing.assert_array_equal(found.codes[:, :3], [[0, 1, 2], [1, 0, 2], [2, 0, 1]])


def test_only_some_queries_are_compared_where_rows_are_given():
    vectors = np.eye(3, dtype=np.float32)
    lists = NearestLists(points(vectors, "euclidean", np.zeros(3)), 1)

    lists.update(points(vectors, "euclidean", np.zeros(3)), np.arange(3), rows=np.array([1]))

    assert lists.codes[:, 0].tolist() == [NO_CODE, 1, NO_CODE]


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        ([1, 0], [0, 2], 1.0),
        ([1, 0], [-3, 0], 2.0),
        ([0, 0], [3, 4], 1.0),
        ([0, 0], [0, 0], 0.0),
        ([3, 4], [3, 4], 0.0),
    ],
)
def test_cosine_distance_of_opposite_orthogonal_and_zero_vectors(x, y, expected):
    pair = np.array([x, y], np.float32)
    scales = inverse_norms(pair)

    assert pair_distance(COSINE, pair[0], pair[1], scales[0], scales[1]) == expected


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=40), st.integers(0, 2**32 - 1))
def test_the_distance_of_a_pair_is_the_same_from_both_ends(values, seed):
    x = np.array(values, np.float32)
    y = np.random.default_rng(seed).permutation(x)
    one = 1.0

    assert pair_distance(SQUARED, x, y, one, one) == pair_distance(SQUARED, y, x, one, one)


def test_a_product_on_a_device_needs_torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)

    with pytest.raises(MissingExtraError, match=r"dataeval_spark\[torch\]"):
        multiplier("cuda:0")


def test_the_product_by_torch_gives_the_same_lists():
    pytest.importorskip("torch")
    vectors = np.random.default_rng(4).normal(size=(200, 24)).astype(np.float32)

    by_torch = search(vectors, vectors, "cosine", 7, multiply=multiplier("cpu"))

    by_numpy = search(vectors, vectors, "cosine", 7)
    np.testing.assert_array_equal(by_torch.codes, by_numpy.codes)
    np.testing.assert_array_equal(by_torch.distances, by_numpy.distances)


@pytest.mark.parametrize("metric", METRICS)
def test_within_a_reach_stand_all_up_to_it_and_none_beyond(metric):
    rng = np.random.default_rng(5)
    index = rng.integers(-3, 4, size=(200, 5)).astype(np.float32)
    index[50:] += rng.normal(size=(150, 5)).astype(np.float32)
    queries, shift, k = index[:40], np.zeros(5 + (metric == "cosine")), 12
    whole = search(queries, index, metric, k)
    reach = whole.distances[np.arange(40), np.arange(40) % k]
    reach[::7] = np.inf
    lists = NearestLists(points(queries, metric, shift), k)

    lists.leave_out_beyond(reach)
    for rows in np.array_split(np.arange(200), 3):
        lists.update(points(index[rows], metric, shift), rows)

    is_near = whole.distances <= reach[:, None]
    assert 0 < is_near.sum() < is_near.size
    np.testing.assert_array_equal(lists.codes, np.where(is_near, whole.codes, NO_CODE))
    np.testing.assert_array_equal(lists.distances, np.where(is_near, whole.distances, np.inf))
