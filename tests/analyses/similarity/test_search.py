"""Search through Spark: the same for any number of partitions."""

from __future__ import annotations

import numpy as np
import pytest

from dataeval_spark.analyses.similarity.search import search
from dataeval_spark.errors import EmbeddingError, OptionError
from dataeval_spark.tables.profile import EMBEDDINGS
from tests.analyses.similarity.test_neighbors import embedding


@pytest.mark.parametrize("partitions", [1, 7])
def test_each_query_finds_its_nearest_rows_with_ties_by_id(frame, partitions):
    rows = [embedding(f"i{at:02}", [at % 5, 0]) for at in range(30)]

    found = search(frame(EMBEDDINGS, rows).repartition(partitions), [[0, 0], [4, 3]], k=3, metric="euclidean")

    assert sorted(map(tuple, found.collect())) == [
        (0, 1, "i00", None, 0.0),
        (0, 2, "i05", None, 0.0),
        (0, 3, "i10", None, 0.0),
        (1, 1, "i04", None, 3.0),
        (1, 2, "i09", None, 3.0),
        (1, 3, "i14", None, 3.0),
    ]


def test_one_vector_is_one_query(frame):
    found = search(frame(EMBEDDINGS, [embedding("a", [1, 1]), embedding("b", [-1, -1])]), np.array([2.0, 2.0]), k=5)

    assert [(row["image_id"], round(row["distance"], 12)) for row in found.orderBy("rank").collect()] == [
        ("a", 0.0),
        ("b", 2.0),
    ]


def test_what_cannot_be_looked_for_is_refused(frame):
    data = frame(EMBEDDINGS, [embedding("a", [1])])

    with pytest.raises(EmbeddingError, match="query 1 holds NaN"):
        search(data, [[0.0], [float("nan")]])
    with pytest.raises(OptionError, match=r"search\.metric is 'l1'"):
        search(data, [0.0], metric="l1")
