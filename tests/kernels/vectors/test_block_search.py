"""The search in blocks, without Spark, against brute force."""

from __future__ import annotations

import tempfile

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from dataeval_spark.kernels.vectors.block_search import PartialLists, Search, merged, result_rows, search_blocks
from tests.kernels.nearest_reference import nearest
from tests.kernels.vectors.stored_blocks import batches_of, stored


def lists_of(parts):
    lists = {}
    for part in parts:
        for row in part.to_pylist():
            listed = lists.setdefault((row["image_id"], row["target_index"]), [])
            listed.append((row["neighbor_id"], row["neighbor_target_index"], row["distance"]))
            assert row["rank"] == len(listed)
    return lists


def expected_lists(ids, vectors, metric, k):
    order = sorted(range(len(ids)), key=lambda at: (ids[at][0].encode(), -1 if ids[at][1] is None else ids[at][1]))
    ids, vectors = [ids[at] for at in order], vectors[order]
    distances, near = nearest(vectors, vectors, metric, len(ids))
    lists = {}
    for at, own in enumerate(ids):
        others = [(*ids[j], gap) for j, gap in zip(near[at], distances[at], strict=True) if j != at][:k]
        lists |= {own: others} if others else {}
    return lists


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 70),
    k=st.integers(1, 80),
    metric=st.sampled_from(["euclidean", "inner_product"]),
    block_rows=st.sampled_from([3, 20, 100]),
    cuts=st.integers(1, 4),
)
def test_lists_are_those_of_brute_force_for_any_blocks_and_order(seed, n, k, metric, block_rows, cuts):
    rng = np.random.default_rng(seed)
    vectors = rng.integers(-2, 3, size=(n, 3)).astype(np.float32)  # many ties and equal vectors
    names = [f"é/{at}" if at % 3 else f"Z{at}" for at in range(n)]
    ids = [(name, None if rng.random() < 0.7 else int(rng.integers(0, 5))) for name in names]
    with tempfile.TemporaryDirectory() as folder:
        files, shift = stored(folder, batches_of(ids, vectors, rng.permutation(n), cuts), metric, block_rows)
        search, found = Search(metric, k, 1, shift), {}
        for number in range(len(files.names)):
            block = files.block(number)
            found |= lists_of(result_rows(search_blocks(search, files, block, block.rows(1)), k, is_self=True))

    assert found == expected_lists(ids, vectors, metric, k)


def test_lists_that_went_through_rows_are_merged_by_distance_and_id():
    queries = pa.table({"image_id": ["q"], "target_index": pa.array([None], pa.int32())})

    def part(distances, names):
        targets = pa.array([None] * len(names), pa.int32())
        neighbors = pa.table({"image_id": names, "target_index": targets})
        codes = np.arange(len(names))[None, :]
        return PartialLists(queries, np.array([distances]), codes, neighbors).to_row("block").to_pylist()[0]

    rows = [part([1.0, 2.0], ["d", "b"]), part([1.0, 2.0], ["c", "a"])]

    lists = lists_of(result_rows(merged(map(PartialLists.from_row, rows), 3), 3, is_self=True))

    assert lists == {("q", None): [("c", None, 1.0), ("d", None, 1.0), ("a", None, 2.0)]}
