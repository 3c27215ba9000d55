"""Nearest neighbours through Spark: the same lists for any blocks, partitions, order and place of the blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.blocks import cut_into_blocks
from dataeval_spark.frames.neighbors import first_of_lists, nearest_neighbors
from tests.analyses.similarity.test_image_values import graph
from tests.frames.vector_rows import VECTORS
from tests.kernels.vectors.test_block_search import expected_lists


def found_lists(result):
    lists = {}
    for row in sorted(result.collect(), key=lambda row: row["rank"]):
        listed = lists.setdefault((row["image_id"], row["target_index"]), [])
        listed.append((row["neighbor_id"], row["neighbor_target_index"], row["distance"]))
        assert row["rank"] == len(listed)
    return lists


def frame_of(frame, ids, vectors, partitions, role=1):
    rows = [(*own, [float(x) for x in vector], role) for own, vector in zip(ids, vectors, strict=True)]
    return frame(VECTORS, rows).repartition(partitions)


def search(data, k, metric, scratch, block_rows):
    blocks = cut_into_blocks(data, metric=metric, scratch=scratch, block_rows=block_rows)
    return nearest_neighbors(blocks, data, k=k)


# Few whole numbers: many ties and equal vectors. A single row lists nothing, and k may be more than there are.
@settings(max_examples=12, deadline=None)
@given(
    n=st.integers(1, 60),
    k=st.sampled_from([1, 5, 80]),
    metric=st.sampled_from(["euclidean", "inner_product"]),
    partitions=st.sampled_from([1, 2, 7, 64]),
    block_rows=st.sampled_from([15, 1000]),
    seed=st.integers(0, 99),
)
def test_lists_are_those_of_brute_force_for_any_blocks_partitions_and_order(
    frame, tmp_path_factory, n, k, metric, partitions, block_rows, seed
):
    rng = np.random.default_rng(seed)
    vectors = rng.integers(-2, 3, size=(n, 3)).astype(np.float32)
    names = rng.permutation([f"é/{at}" if at % 3 else f"Z{at}" for at in range(n)]).tolist()
    ids = [(name, None if rng.random() < 0.7 else int(rng.integers(0, 5))) for name in names]

    found = search(
        frame_of(frame, ids, vectors, partitions), k, metric, str(tmp_path_factory.mktemp("blocks")), block_rows
    )

    assert found_lists(found) == expected_lists(ids, vectors, metric, k)


def test_without_a_shared_folder_a_join_of_blocks_gives_the_same(frame, tmp_path):
    rng = np.random.default_rng(5)
    ids = [(f"i{at:02}", None) for at in range(40)]
    vectors = rng.integers(0, 3, size=(40, 4)).astype(np.float32)
    data = frame_of(frame, ids, vectors, 3)

    joined = search(data, 4, "cosine", None, 15)

    assert found_lists(joined) == found_lists(search(data, 4, "cosine", str(tmp_path), 40))


def test_a_crowd_of_equal_vectors_lists_the_smallest_ids_of_its_own(frame, tmp_path):
    ids = [(f"i{at:03}", None) for at in range(200)]
    vectors = np.zeros((200, 2), np.float32)
    vectors[150:] = 1

    found = found_lists(search(frame_of(frame, ids, vectors, 2), 2, "euclidean", str(tmp_path), 60))

    assert found[("i000", None)] == [("i001", None, 0.0), ("i002", None, 0.0)]
    assert found[("i140", None)] == [("i000", None, 0.0), ("i001", None, 0.0)]
    assert found[("i199", None)] == [("i150", None, 0.0), ("i151", None, 0.0)]


def test_queries_of_one_role_are_looked_for_among_the_rows_of_another(frame, tmp_path):
    data = frame(VECTORS, [("q", None, [0.0], 1), ("a", None, [3.0], 2), ("b", None, [1.0], 2), ("c", None, [9.0], 4)])
    blocks = cut_into_blocks(data, metric="euclidean", scratch=str(tmp_path))

    found = nearest_neighbors(blocks, data, k=5, query_role=1, index_role=2, is_self=False)

    assert found_lists(found) == {("q", None): [("b", None, 1.0), ("a", None, 3.0)]}


def test_no_vectors_have_no_neighbours(frame, tmp_path):
    assert search(frame(VECTORS, []), 3, "euclidean", str(tmp_path), 10).collect() == []


def test_k_is_checked(frame, tmp_path):
    data = frame(VECTORS, [("a", None, [0.0], 1)]).select("*", F.lit(1).alias("other"))
    blocks = cut_into_blocks(data, metric="euclidean", scratch=str(tmp_path))

    with pytest.raises(OptionError, match=r"neighbors\.k is 0"):
        nearest_neighbors(blocks, data, k=0)


def test_fewer_neighbours_than_the_lists_hold_may_be_taken_but_not_more(frame):
    lists = graph(frame, [0, 2, 5, 50], 2)

    assert {row["rank"] for row in first_of_lists(lists, 1, "prioritization.k").collect()} == {1}
    assert first_of_lists(lists, None, "prioritization.k") is lists
    message = r"prioritization\.k is 3, .*table neighbors holds 2 neighbours of each row.\nHint: .*neighbors\.k=3"
    with pytest.raises(OptionError, match=message):
        first_of_lists(lists, 3, "prioritization.k")
