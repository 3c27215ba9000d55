"""The approximate search: what it promises, what it finds, and that neither depends on the partitions."""

from __future__ import annotations

import numpy as np
import pytest

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.approximate_neighbors import approximate_neighbors, make_inverted_file
from dataeval_spark.frames.blocks import cut_into_blocks
from dataeval_spark.frames.neighbors import nearest_neighbors
from tests.frames.vector_rows import VECTORS


def clustered(frame, n=400, partitions=2):
    rng = np.random.default_rng(8)
    vectors = rng.normal(size=(20, 8))[rng.integers(0, 20, n)] * 4 + rng.normal(size=(n, 8))
    rows = [(f"i{at:03}", None, vectors[at].tolist(), 1) for at in range(n)]
    return frame(VECTORS, rows).repartition(partitions)


def pairs(result):
    return {(row["image_id"], row["neighbor_id"], row["distance"]) for row in result.collect()}


def test_the_recall_that_is_stated_is_the_recall_that_is_had(frame, tmp_path):
    data = clustered(frame)
    blocks = cut_into_blocks(data, metric="euclidean", scratch=str(tmp_path), block_rows=250)
    exact = pairs(nearest_neighbors(blocks, data, k=5))

    index = make_inverted_file(blocks, data, k=5, recall=0.9)

    found = pairs(approximate_neighbors(blocks, data, index, k=5))
    had = len(found & exact) / len(exact)
    assert index.clusters == 20
    assert index.probes < 20
    assert index.recall.lower <= had <= index.recall.upper
    assert had >= 0.85


def test_without_a_shared_folder_it_is_refused(frame):
    data = clustered(frame, n=10)
    blocks = cut_into_blocks(data, metric="euclidean")

    with pytest.raises(OptionError, match="needs a folder that the driver and the workers share"):
        make_inverted_file(blocks, data, k=2, recall=0.9)
