"""Blocks from a stream of batches: their order, their files, and vectors that make no block."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from dataeval_spark.kernels.vectors.vector_blocks import blocks_in, described, fingerprints, ids_and_fingerprints
from tests.kernels.vectors.stored_blocks import SCHEMA, batches_of, stored


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
        "reach": [None] * len(vectors),
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
