"""The search in a stream of batches against brute force."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataeval_spark.errors import EmbeddingError
from dataeval_spark.kernels.vectors.stream_search import nearest_in_stream
from tests.kernels.nearest_reference import nearest

SCHEMA = pa.schema([("image_id", pa.string()), ("target_index", pa.int32()), ("embedding", pa.list_(pa.float32()))])


def batch(ids, vectors, target=None):
    columns = {
        "image_id": ids,
        "target_index": [target] * len(ids),
        "embedding": [list(map(float, v)) for v in vectors],
    }
    return pa.RecordBatch.from_pydict(columns, schema=SCHEMA)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 80),
    k=st.integers(1, 12),
    cuts=st.integers(1, 5),
    metric=st.sampled_from(["euclidean", "inner_product"]),
)
def test_rows_and_ties_are_those_of_brute_force_for_any_batches_and_order(seed, n, k, cuts, metric):
    rng = np.random.default_rng(seed)
    vectors = rng.integers(-2, 3, size=(n, 3)).astype(np.float32)
    queries = rng.integers(-2, 3, size=(4, 3)).astype(np.float32)
    names = np.array([f"é{at:02}" if at % 2 else f"z{at:02}" for at in range(n)])
    by_id = np.argsort([name.encode() for name in names])
    distances, order = nearest(queries, vectors[by_id], metric, k)
    shuffled = rng.permutation(n)
    batches = [batch(names[rows], vectors[rows]) for rows in np.array_split(shuffled, cuts)]

    found = nearest_in_stream(batches, queries, metric, k).to_pandas()

    for number in range(4):
        of_query = found[found["query"] == number].sort_values("rank")
        assert of_query["image_id"].tolist() == names[by_id][order[number]].tolist()
        np.testing.assert_allclose(of_query["distance"], distances[number], rtol=1e-12)


def test_an_empty_stream_finds_nothing():
    assert nearest_in_stream([], np.zeros((1, 2), np.float32), "cosine", 3).num_rows == 0
    assert nearest_in_stream([batch([], [])], np.zeros((1, 2), np.float32), "cosine", 3).num_rows == 0


def test_slices_of_batches_are_read_from_where_they_begin():
    part = batch(["a", "b", "c"], [[9], [1], [2]]).slice(1)

    assert nearest_in_stream([part], np.float32([[0]]), "euclidean", 1)["image_id"].to_pylist() == ["b"]


def test_rows_that_cannot_be_compared_are_named():
    queries = np.zeros((1, 2), np.float32)

    with pytest.raises(EmbeddingError, match=r"another length than the rest: b \(1\); expected 2"):
        nearest_in_stream([batch(["a", "b"], [[1, 2], [1]])], queries, "euclidean", 1)
    with pytest.raises(EmbeddingError, match=r"The embedding of c holds NaN"):
        nearest_in_stream([batch(["a", "c"], [[1, 2], [float("inf"), 0]])], queries, "euclidean", 1)
