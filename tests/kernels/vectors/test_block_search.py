"""Blocks from a stream of batches and the search in them, without Spark, against brute force."""

from __future__ import annotations

import tempfile

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataeval_spark.kernels.vectors.block_making import blocks_in, described, ids_and_fingerprints, write_codes
from dataeval_spark.kernels.vectors.block_search import Search, search_blocks
from dataeval_spark.kernels.vectors.blocks import BlockFiles, fingerprints, write_block
from dataeval_spark.kernels.vectors.neighbor_lists import PartialLists, merged, result_rows
from tests.kernels.nearest_reference import nearest

SCHEMA = pa.schema(
    [
        ("image_id", pa.string()),
        ("target_index", pa.int32()),
        ("roles", pa.int32()),
        ("draw", pa.int64()),
        ("embedding", pa.list_(pa.float32())),
    ]
)


def batches_of(ids, vectors, order, cuts):
    for rows in np.array_split(order, cuts):
        columns = {
            "image_id": [ids[row][0] for row in rows],
            "target_index": [ids[row][1] for row in rows],
            "roles": [1] * len(rows),
            "draw": [int(np.random.default_rng(int(row)).integers(-(2**63), 2**63 - 1)) for row in rows],
            "embedding": [vectors[row].tolist() for row in rows],
        }
        yield pa.RecordBatch.from_pydict(columns, schema=SCHEMA)


def stored(folder, batches, metric, block_rows):
    """Files of blocks, and the mean of the operands."""
    names, sizes, total = [], [], 0.0
    for number, table in enumerate(blocks_in(batches, block_rows)):
        record, block = described(table, metric)
        names.append(f"{number:03}")
        sizes.append(len(table))
        total = total + np.array(record["total"])
        write_block(folder, names[-1], block)
    files = BlockFiles(folder, tuple(names), np.cumsum([0, *sizes])[:-1])
    for number in range(len(names)):
        write_codes(files, number)
    return files, total / sum(sizes)


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


def test_no_block_is_longer_than_asked_for_and_each_is_in_the_order_of_the_ids():
    ids = [(f"i{at:02}", None) for at in range(23)]
    vectors = np.zeros((23, 2), np.float32)
    order = np.random.default_rng(0).permutation(23)

    blocks = list(blocks_in(batches_of(ids, vectors, order, 3), 5))

    assert [len(block) for block in blocks] == [5, 5, 5, 5, 3]
    assert all(block["image_id"].to_pylist() == sorted(block["image_id"].to_pylist()) for block in blocks)
    taken = [name for block in blocks for name in block["image_id"].to_pylist()]
    assert sorted(taken) == [name for name, _ in ids]


def test_codes_put_all_rows_in_the_order_of_their_ids_and_say_where_they_are(tmp_path):
    ids = [("b", None), ("a", 1), ("c", None), ("a", None), ("a", 0)]
    files, _ = stored(str(tmp_path), batches_of(ids, np.zeros((5, 1), np.float32), range(5), 1), "euclidean", 2)

    codes = np.concatenate([files.codes(number) for number in range(3)])

    in_order = np.sort(codes)
    assert (in_order >> 32).tolist() == [0, 1, 2, 3, 4]
    block, row = files.places(in_order)
    found = [files.block(b).ids.slice(r, 1).to_pylist()[0] for b, r in zip(block.tolist(), row.tolist(), strict=True)]
    assert [(each["image_id"], each["target_index"]) for each in found] == [
        ("a", None),
        ("a", 0),
        ("a", 1),
        ("b", None),
        ("c", None),
    ]


def test_of_equal_vectors_a_block_gives_the_first_copies_of_a_role(tmp_path):
    ids = [(f"i{at}", None) for at in range(6)]
    vectors = np.array([[0.0], [-0.0], [1], [0], [1], [0]], np.float32)
    files, _ = stored(str(tmp_path), batches_of(ids, vectors, range(6), 1), "euclidean", 10)

    assert files.block(0).rows(1, copies=2).tolist() == [0, 1, 2, 4]
    assert files.block(0).rows(1).tolist() == [0, 1, 2, 3, 4, 5]
    assert files.block(0).rows(2).tolist() == []


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


@pytest.mark.parametrize(
    ("vectors", "lengths", "refused"),
    [
        ([[1.0, 2.0], [3.0]], [(1, 1, ["i1"]), (2, 1, ["i0"])], []),
        ([[1.0], [float("nan")]], [(1, 2, ["i0", "i1"])], ["i1"]),
        ([[1.0], None], [(0, 1, ["i1"]), (1, 1, ["i0"])], []),
        ([[1.0], [None]], [(1, 2, ["i0", "i1"])], ["i1"]),
    ],
)
def test_what_cannot_be_compared_is_described_and_no_block(vectors, lengths, refused):
    columns = {
        "image_id": [f"i{at}" for at in range(len(vectors))],
        "target_index": [None] * len(vectors),
        "roles": [1] * len(vectors),
        "draw": [0] * len(vectors),
        "embedding": vectors,
    }

    record, block = described(pa.Table.from_pydict(columns, schema=SCHEMA), "euclidean")

    assert block is None
    assert [(entry["length"], entry["rows"], entry["names"]) for entry in record["lengths"]] == lengths
    assert record["refused"] == refused


def test_equal_vectors_have_equal_fingerprints_and_others_have_others():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(3000, 5)).astype(np.float32)
    vectors[1] = vectors[0]
    vectors[2] = np.nextafter(vectors[0], np.float32(9))
    vectors[3:5] = [[0.0] * 5, [-0.0] * 5]

    found = fingerprints(vectors).to_pylist()

    assert found[0] == found[1]
    assert found[3] == found[4]
    assert len(set(found)) == 2998


def test_a_batch_with_vectors_of_several_lengths_has_no_fingerprints():
    columns = {"image_id": ["a", "b"], "target_index": [None, 1], "embedding": [[1.0], [1.0, 2.0]]}
    schema = pa.schema([SCHEMA.field(name) for name in columns])

    found = ids_and_fingerprints(pa.RecordBatch.from_pydict(columns, schema=schema))

    assert found["fingerprint"].to_pylist() == [None, None]
