"""Clusters on a line are where single linkage with excess of mass finds them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import HDBSCAN

from dataeval_spark.kernels.factors.clusters_1d import cluster_edges


def test_edges_begin_each_cluster():
    values = np.r_[np.linspace(0, 1, 50), np.linspace(10, 11, 50), np.linspace(30, 31, 20)]

    assert cluster_edges(values).tolist() == [0.0, 10.0, 30.0, 31.0]


@pytest.mark.parametrize("seed", range(4))
def test_clusters_equal_those_of_hdbscan_with_core_distances_of_zero(seed):
    r = np.random.default_rng(seed)
    values = r.permutation(np.concatenate([r.normal(center, 0.3, 60) for center in (0, 4, 5.5, 12)]))
    size = int(min(max(5, 0.05 * values.size), 100))
    found = HDBSCAN(min_cluster_size=size, min_samples=1, allow_single_cluster=True, copy=True).fit(values[:, None])

    firsts = sorted(values[found.labels_ == cluster].min() for cluster in range(found.labels_.max() + 1))

    assert cluster_edges(values)[1:-1].tolist() == firsts[1:]


def test_values_without_gaps_are_one_cluster():
    assert cluster_edges(np.linspace(0, 1, 100)).tolist() == [0.0, 1.0]


def test_equal_values_are_one_cluster():
    assert cluster_edges(np.full(30, 2.0)).tolist() == [2.0, 2.0]


@settings(max_examples=30, deadline=None)
@given(values=st.lists(st.integers(0, 50), min_size=1, max_size=80), seed=st.integers(0, 9))
def test_the_order_of_the_values_does_not_matter(values, seed):
    values = np.asarray(values, float)
    shuffled = np.random.default_rng(seed).permutation(values)

    assert cluster_edges(values).tolist() == cluster_edges(shuffled).tolist()
