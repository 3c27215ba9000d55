"""Values of images through Spark: exact with whole lists, and within the stated bound with short ones."""

from __future__ import annotations

import numpy as np
import pytest

from dataeval_spark.analyses.similarity.image_values import image_values
from dataeval_spark.errors import OptionError
from dataeval_spark.tables.images import TARGETS
from dataeval_spark.tables.similarity import NEIGHBORS
from tests.kernels.nearest_reference import nearest
from tests.kernels.vectors.test_shapley import by_definition


def graph(frame, vectors, k, *, names=None, method="exact", target=None):
    """Lists of the k nearest of vectors on a line."""
    vectors = np.array(vectors, np.float32)[:, None]
    names = names or [f"i{at:02}" for at in range(len(vectors))]
    _, order = nearest(vectors, vectors, "euclidean", len(vectors))
    rows = []
    for at, near in enumerate(order):
        for rank, other in enumerate([j for j in near if j != at][:k], start=1):
            gap = float(abs(vectors[at, 0] - vectors[other, 0]))
            rows.append(
                ("e", "euclidean", names[at], target, rank, names[other], target, gap, k, method, "1", "f", "r")
            )
    return frame(NEIGHBORS, rows)


def labels(frame, classes, names=None):
    rows = []
    names = names or [f"i{at:02}" for at in range(len(classes))]
    for number, (image_id, class_name) in enumerate(zip(names, classes, strict=True)):
        row = dict.fromkeys(TARGETS.column_names) | {"image_id": image_id, "target_index": number}
        rows.append(tuple({**row, "class_name": class_name}.values()))
    ddl = ", ".join(f"{column.name} {column.type}" for column in TARGETS.columns)
    return frame(ddl, rows)


def expected(vectors, classes, k):
    """Mean of the definition's values over all queries."""
    vectors = np.array(vectors, np.float32)[:, None]
    _, order = nearest(vectors, vectors, "euclidean", len(vectors))
    values = np.zeros(len(vectors))
    for at, near in enumerate(order):
        others = [j for j in near if j != at]
        values[others] += by_definition([classes[j] == classes[at] for j in others], k)
    return values / len(vectors)


def test_values_from_whole_lists_are_those_of_the_definition(frame):
    rng = np.random.default_rng(0)
    vectors, classes = rng.permutation(20)[:9], rng.choice(["a", "b"], 9)

    found = image_values(graph(frame, vectors, 8), labels(frame, classes.tolist()), k=3).orderBy("image_id").collect()

    np.testing.assert_allclose([row["value"] for row in found], expected(vectors, classes, 3), atol=1e-12)
    assert {(row["error_bound"], row["queries"], row["times_listed"]) for row in found} == {(0.0, 9, 8)}
    assert [row["class_name"] for row in found] == classes.tolist()


def test_values_from_short_lists_are_within_the_bound_that_is_stated(frame):
    rng = np.random.default_rng(1)
    vectors, classes = rng.permutation(30)[:9], rng.choice(["a", "b", "c"], 9)

    found = image_values(graph(frame, vectors, 4), labels(frame, classes.tolist()), k=2).orderBy("image_id").collect()

    errors = np.abs(np.array([row["value"] for row in found]) - expected(vectors, classes, 2))
    assert {row["error_bound"] for row in found} == {0.25}
    assert 0 < errors.max() <= 0.25


def test_images_without_one_class_take_no_part_and_an_approximate_graph_has_no_bound(frame):
    names = ["a", "b", "c", "d"]
    classes = labels(frame, ["x", "x", "y", "x", "y"], ["a", "b", "c", "d", "d"])

    found = (
        image_values(graph(frame, [0, 1, 5, 2], 3, names=names, method="approximate"), classes, k=1)
        .orderBy("image_id")
        .collect()
    )

    assert [row["image_id"] for row in found] == ["a", "b", "c"]
    np.testing.assert_allclose([row["value"] for row in found], expected([0, 1, 5], ["x", "x", "y"], 1), atol=1e-12)
    assert {row["error_bound"] for row in found} == {None}


def test_k_is_checked(frame):
    with pytest.raises(OptionError, match=r"image_values\.k is 0"):
        image_values(graph(frame, [0, 1], 1), labels(frame, ["x", "y"]), k=0)
