"""Spanning trees in parts: the tree of the whole, whatever the parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import cdist

from dataeval_spark.kernels.vectors.block_clusters import partners
from dataeval_spark.kernels.vectors.spanning_tree import Points, minimum_forest, tree_between, tree_within


def in_parts(vectors, cores, parts):
    points = [Points(vectors[rows], rows, cores[rows]) for rows in parts if len(rows)]
    found = [tree_within(part) for part in points]
    found += [tree_between(one, other) for at, one in enumerate(points) for other in points[:at]]
    return minimum_forest(found)


@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(1, 5), st.booleans())
def test_any_parts_give_the_tree_of_the_whole_edge_by_edge(seed, n, count, is_grid):
    rng = np.random.default_rng(seed)
    # A grid has many ties and equal points.
    values = rng.integers(0, 3, size=(n, 2)) if is_grid else rng.normal(size=(n, 3))
    vectors, cores = values.astype(np.float32), rng.random(n) * rng.integers(0, 2)

    found = in_parts(vectors, cores, np.array_split(rng.permutation(n), count))

    whole = minimum_forest([tree_within(Points(vectors, np.arange(n), cores))])
    assert found.sources.tolist() == whole.sources.tolist()
    assert found.targets.tolist() == whole.targets.tolist()
    assert found.lengths.tolist() == whole.lengths.tolist()


def test_its_weight_is_scipys_under_mutual_reachability():
    rng = np.random.default_rng(1)
    vectors, cores = rng.normal(size=(80, 4)).astype(np.float32), rng.random(80)
    distances = cdist(vectors.astype(np.float64), vectors.astype(np.float64))
    reachability = np.maximum(np.maximum(distances, cores), cores[:, None])

    tree = in_parts(vectors, cores, np.array_split(np.arange(80), 3))

    assert len(tree) == 79
    assert tree.lengths.sum() == pytest.approx(minimum_spanning_tree(reachability).sum(), rel=1e-12)


def test_one_point_has_no_edge():
    assert len(tree_within(Points(np.zeros((1, 2), np.float32), np.arange(1), np.zeros(1)))) == 0


@pytest.mark.parametrize("blocks", [1, 2, 3, 4, 7, 8])
def test_each_pair_of_blocks_is_compared_once_and_the_work_is_even(blocks):
    found = [(number, other) for number in range(blocks) for other in partners(number, blocks)]

    assert len(found) == len({frozenset(pair) for pair in found}) == blocks * (blocks - 1) // 2
    counts = [len(partners(number, blocks)) for number in range(blocks)]
    assert max(counts) - min(counts) <= 1
