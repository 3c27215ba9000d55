"""Clusters of a spanning tree: scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import HDBSCAN
from sklearn.metrics import adjusted_rand_score

from dataeval_spark.kernels.vectors.hdbscan import hdbscan_labels
from dataeval_spark.kernels.vectors.spanning_tree import Edges, Points, minimum_forest, tree_within


def blobs(seed, n=240):
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(5, 3)) * 6
    return (centers[rng.integers(0, 5, n)] + rng.normal(size=(n, 3)) * rng.uniform(0.3, 2, (n, 1))).astype(np.float32)


def tree_of(vectors, samples=1):
    distances = np.linalg.norm(vectors[:, None].astype(np.float64) - vectors.astype(np.float64), axis=2)
    cores = np.sort(distances, axis=1)[:, samples - 1]
    return minimum_forest([tree_within(Points(vectors, np.arange(len(vectors)), cores))])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("selection", ["eom", "leaf"])
@pytest.mark.parametrize("allow_single_cluster", [False, True])
@pytest.mark.parametrize("min_cluster_size", [2, 5, 12])
def test_without_ties_clusters_and_probabilities_are_scikit_learns(
    seed, selection, allow_single_cluster, min_cluster_size
):
    vectors = blobs(seed)
    peer = HDBSCAN(
        min_cluster_size=min_cluster_size,
        min_samples=1,  # plain distances, of which no two are equal
        cluster_selection_method=selection,
        allow_single_cluster=allow_single_cluster,
        algorithm="brute",
        copy=True,
    ).fit(vectors.astype(np.float64))

    found = hdbscan_labels(
        tree_of(vectors),
        len(vectors),
        min_cluster_size=min_cluster_size,
        selection=selection,
        allow_single_cluster=allow_single_cluster,
    )

    assert adjusted_rand_score(peer.labels_, found.clusters) == 1.0
    assert ((peer.labels_ == -1) == (found.clusters == -1)).all()
    np.testing.assert_allclose(found.probabilities, peer.probabilities_, atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_mutual_reachability_has_ties_and_agrees_all_the_same(seed):
    vectors = blobs(seed)
    peer = HDBSCAN(min_cluster_size=8, min_samples=5, algorithm="brute", copy=True).fit(vectors.astype(np.float64))

    found = hdbscan_labels(tree_of(vectors, 5), len(vectors), min_cluster_size=8)

    assert adjusted_rand_score(peer.labels_, found.clusters) >= 0.98


@pytest.mark.parametrize("selection", ["eom", "leaf"])
def test_where_nothing_splits_all_are_one_cluster_or_noise_as_in_scikit_learn(selection):
    vectors = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    options = {"min_cluster_size": 30, "allow_single_cluster": True}
    peer = HDBSCAN(**options, cluster_selection_method=selection, min_samples=1, algorithm="brute", copy=True)

    found = hdbscan_labels(tree_of(vectors), 60, **options, selection=selection)

    assert found.clusters.tolist() == peer.fit(vectors.astype(np.float64)).labels_.tolist()


def test_clusters_are_numbered_in_the_order_of_their_first_nodes():
    vectors = np.float32([[9], [0], [9.1], [0.1], [50]])

    assert hdbscan_labels(tree_of(vectors), 5, min_cluster_size=2).clusters.tolist() == [0, 1, 0, 1, -1]


def test_equal_points_are_one_cluster():
    vectors = np.float32([[0]] * 6 + [[1]] * 6 + [[7]])

    found = hdbscan_labels(tree_of(vectors), 13, min_cluster_size=3)

    assert found.clusters.tolist() == [0] * 6 + [1] * 6 + [-1]
    assert found.probabilities.tolist() == [1.0] * 12 + [0.0]


@pytest.mark.parametrize("n", [0, 1])
def test_without_a_pair_there_is_no_cluster(n):
    assert hdbscan_labels(Edges.empty(), n, min_cluster_size=2).clusters.tolist() == [-1] * n
