"""Lloyd's iteration against scikit-learn's, and the ranks of clusters against a sort."""

from __future__ import annotations

import numpy as np
from sklearn.cluster import KMeans

from dataeval_spark.kernels.vectors.kmeans import lloyd, nearest_center, probed_centers, ranks_of_centers


def blobs(n=300, centers=5, dimension=6):
    rng = np.random.default_rng(0)
    return (
        rng.normal(size=(centers, dimension))[rng.integers(0, centers, n)] * 3 + rng.normal(size=(n, dimension))
    ).astype(np.float32)


def test_centers_are_those_of_scikit_learn_from_the_same_start():
    vectors = blobs()
    peer = KMeans(5, init=vectors[:5].astype(np.float64), n_init=1, tol=0, max_iter=100).fit(vectors.astype(np.float64))

    centers, labels = lloyd(vectors, vectors[:5], iterations=100)

    np.testing.assert_allclose(centers, peer.cluster_centers_, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(labels, peer.labels_)


def test_a_center_that_nothing_is_near_to_stays():
    centers, labels = lloyd(np.float32([[0], [2]]), np.float32([[1], [50]]))

    assert centers.ravel().tolist() == [1.0, 50.0]
    assert labels.tolist() == [0, 0]


def test_of_equally_near_centers_the_first_is_taken():
    assert nearest_center(np.float32([[0]]), np.float32([[1], [-1]])).tolist() == [0]
    assert nearest_center(np.zeros((0, 1), np.float32), np.float32([[1]])).tolist() == []


def test_cells_that_are_looked_into_and_their_ranks_follow_the_distance():
    vectors, centers = blobs(40), blobs(9)
    distances = ((vectors[:, None] - centers[None]) ** 2).sum(axis=2)
    order = distances.argsort(axis=1)

    near = probed_centers(vectors, centers, 3)

    np.testing.assert_array_equal(np.sort(near, axis=1), np.sort(order[:, :3], axis=1))
    ranks = ranks_of_centers(vectors, centers, order.astype(np.int32))
    np.testing.assert_array_equal(ranks, np.tile(np.arange(9), (40, 1)))
    np.testing.assert_array_equal(probed_centers(vectors, centers, 9)[0], np.arange(9))


def test_centers_far_from_the_origin_are_told_apart():
    rng = np.random.default_rng(0)
    near = rng.normal(size=(200, 64)) + np.repeat([[0.0], [4.0]], 100, axis=0)
    expected = np.repeat([0, 1], 100)

    for shift in (0, 1000, 10_000):
        vectors = (near + shift).astype(np.float32)
        _, labels = lloyd(vectors, vectors[[0, -1]], iterations=50)
        np.testing.assert_array_equal(labels, expected)
