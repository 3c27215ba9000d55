"""Clusters over files of blocks: the same for any blocks, and exact where all of them are looked into."""

from __future__ import annotations

import numpy as np
import pytest

from dataeval_spark.kernels.vectors.block_search import Search, search_blocks
from dataeval_spark.kernels.vectors.inverted_file import (
    CENTERS,
    fewest_probes,
    found_by_rank,
    recall_of,
    search_clusters,
    sort_into_clusters,
    train_clusters,
)
from dataeval_spark.kernels.vectors.vector_blocks import read_array
from tests.kernels.vectors.stored_blocks import batches_of, stored


def clusters_of(folder, block_rows, order, metric="cosine"):
    """Files of blocks of clustered vectors in ten clusters, and the search for five neighbours."""
    rng = np.random.default_rng(0)
    vectors = (rng.normal(size=(8, 6))[rng.integers(0, 8, 150)] * 4 + rng.normal(size=(150, 6))).astype(np.float32)
    ids = [(f"i{at:03}", None) for at in range(150)]
    files, shift = stored(str(folder), batches_of(ids, vectors, order, 2), metric, block_rows)
    search = Search(metric, 5, 1, shift)
    assert train_clusters(files, metric, 10, 0.9) == 10
    for number in range(len(files.names)):
        sort_into_clusters(files, number, search)
    return files, search


def lists(files, search, find):
    found = {}
    for number in range(len(files.names)):
        block = files.block(number)
        part = find(search, files, block, block.rows(1))
        names = np.array(part.neighbors["image_id"].to_pylist()).reshape(part.codes.shape)
        for query, near in zip(part.queries["image_id"].to_pylist(), names.tolist(), strict=True):
            found[query] = near
    return found


def test_centers_and_lists_do_not_depend_on_the_blocks(tmp_path):
    results = []
    for name, block_rows, order in (("a", 200, range(150)), ("b", 40, np.random.default_rng(1).permutation(150))):
        files, search = clusters_of(tmp_path / name, block_rows, order)
        found = lists(files, search, lambda *args: search_clusters(*args, probes=2))
        results.append((read_array(files.folder, CENTERS).tolist(), found))

    assert results[0] == results[1]


def test_with_all_clusters_the_search_is_exact(tmp_path):
    files, search = clusters_of(tmp_path, 40, range(150))

    every = lists(files, search, lambda *args: search_clusters(*args, probes=10))

    assert every == lists(files, search, search_blocks)


def test_true_neighbours_are_counted_by_how_near_their_cluster_is(tmp_path):
    files, search = clusters_of(tmp_path, 40, range(150))
    exact = lists(files, search, search_blocks)
    counts = np.zeros(10, np.int64)
    for number in range(len(files.names)):
        block = files.block(number)
        counts += found_by_rank(search, files, block, block.rows(1))

    assert counts.sum() == 150 * 5
    for probes in (1, 3):
        found = lists(files, search, lambda *args, probes=probes: search_clusters(*args, probes=probes))
        had = sum(len(set(found[name]) & set(near)) - 1 for name, near in exact.items())  # without the query itself
        assert counts[:probes].sum() == had


def test_the_interval_is_wilsons():
    # Wilson's interval of 81 in 263, Newcombe (1998), table I.
    recall = recall_of(81, 263, 263)

    assert recall.value == pytest.approx(81 / 263)
    assert (recall.lower, recall.upper) == (pytest.approx(0.2553, abs=1e-4), pytest.approx(0.3662, abs=1e-4))


def test_a_sample_in_which_all_is_found_leaves_doubt():
    recall = recall_of(500, 500, 50)

    assert (recall.value, recall.upper) == (1.0, 1.0)
    assert recall.lower == pytest.approx(0.9287, abs=1e-4)
    assert str(recall) == "1.0000 (95 % interval 0.9287 to 1.0000, 50 queries)"


@pytest.mark.parametrize(("target", "probes"), [(0.5, 1), (0.7, 2), (0.95, 3), (1.0, 4)])
def test_the_fewest_clusters_for_a_recall(target, probes):
    assert fewest_probes(np.array([60, 30, 5, 5, 0]), target) == probes
