"""Label errors by the nearest neighbours, from the tables."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from dataeval_spark.errors import OptionError
from dataeval_spark.labels.label_neighbors import label_neighbors
from dataeval_spark.tables import DATASET_FINDINGS, LABEL_ERRORS, NEIGHBORS, TARGETS
from tests.kernels.test_label_neighborhood import defined_score


def graph(vectors, k):
    distances = np.sqrt(((vectors[:, None] - vectors[None]) ** 2).sum(axis=2))
    np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return [
        (
            "e",
            "euclidean",
            f"{i:03}",
            None,
            rank + 1,
            f"{j:03}",
            None,
            float(distances[i, j]),
            k,
            "exact",
            "1",
            "f",
            "r",
        )
        for i, near in enumerate(order)
        for rank, j in enumerate(near)
    ]


def target(image, class_name, index=0):
    return (image, index, class_name, None, None, None, None, "r")


@pytest.fixture(scope="module")
def digits():
    found = load_digits()
    labels = np.where(np.arange(60) % 37 == 0, (found.target[:60] + 3) % 10, found.target[:60])
    return found.data[:60] / 16, labels


@pytest.mark.parametrize("partitions", [1, 3])
def test_errors_are_those_of_the_definition_worst_first(frame, digits, partitions):
    vectors, labels = digits
    targets = frame(TARGETS, [target(f"{i:03}", str(label)) for i, label in enumerate(labels)])
    neighbors = frame(NEIGHBORS, graph(vectors, 59)).repartition(partitions)
    truth = defined_score(vectors, labels, 5)

    errors, findings = label_neighbors(targets, neighbors, k=5)
    rows = sorted(errors.collect(), key=lambda row: row.rank)

    expected = sorted(np.flatnonzero(truth >= 1), key=lambda i: -truth[i])
    assert [int(row.image_id) for row in rows] == expected
    assert [row.rank for row in rows] == list(range(1, len(rows) + 1))
    np.testing.assert_allclose([row.score for row in rows], truth[expected])
    assert rows[0].class_name == str(labels[expected[0]])
    assert {row.source for row in rows} == {"e"}
    (finding,) = findings.collect()
    assert (finding.value, finding.severity) == (0.0, "info")
    for result, table in ((errors, LABEL_ERRORS), (findings, DATASET_FINDINGS)):
        assert result.columns == [name for name in table.column_names if name != "run_id"]


def test_images_with_several_targets_or_none_are_left_out(frame):
    rows = [target("000", "a"), target("001", "a"), target("002", "b"), target("003", "b"), target("003", "a", 1)]
    vectors = np.array([[0.0], [9], [1], [2], [3]])

    errors, findings = label_neighbors(frame(TARGETS, rows), frame(NEIGHBORS, graph(vectors, 4)), k=1)

    # 002 is alone in its class then: two labels of class a remain, each 9 from the other and nearer to b.
    assert {(row.image_id, row.score, row.suggested_class) for row in errors.collect()} == {
        ("000", 9.0, "b"),
        ("001", 9 / 8, "b"),
    }
    assert "3 labels compared" in findings.collect()[0].message


def test_short_lists_are_counted(frame, digits):
    vectors, labels = digits
    targets = frame(TARGETS, [target(f"{i:03}", str(label)) for i, label in enumerate(labels)])

    errors, findings = label_neighbors(targets, frame(NEIGHBORS, graph(vectors, 3)), k=5)

    assert errors.where("NOT is_bound").isEmpty()
    assert findings.collect()[0].severity == "warning"


def test_a_wrong_option_names_itself(frame):
    with pytest.raises(OptionError, match=r"label_neighbors\.k is 0; expected a number in \[1, 1000\]"):
        label_neighbors(frame(TARGETS, []), frame(NEIGHBORS, []), k=0)


def test_inner_products_are_no_distances(frame):
    graph = frame(NEIGHBORS, [("e", "inner_product", "a", None, 1, "b", None, -3.0, 1, "exact", "1", "f", "r")])
    with pytest.raises(OptionError, match=r"(?s)label_neighbors needs distances.*neighbors\.metric=cosine"):
        label_neighbors(frame(TARGETS, []), graph)
