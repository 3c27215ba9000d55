"""Label errors by the nearest neighbours, from the tables: by votes, and by DataEval's ratio of distances."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.datasets import load_digits

from dataeval_spark.analyses.labels.label_neighbors import label_neighbors
from dataeval_spark.errors import OptionError
from dataeval_spark.tables.images import TARGETS
from dataeval_spark.tables.labels import LABEL_ERRORS, LABEL_SCORES
from dataeval_spark.tables.runs import DATASET_FINDINGS
from dataeval_spark.tables.similarity import NEIGHBORS
from tests.kernels.labels.test_label_neighborhood import defined_score


def graph(vectors, k, encoder="e"):
    """Table neighbors of some vectors, without its rows' ids: a frame of pandas."""
    distances = np.sqrt(((vectors[:, None] - vectors[None]) ** 2).sum(axis=2))
    np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    ids = np.array([f"{i:04}" for i in range(len(vectors))])
    n, k = order.shape
    values = {
        "encoder": encoder,
        "metric": "euclidean",
        "image_id": np.repeat(ids, k),
        "target_index": pd.array([None] * (n * k), "Int32"),
        "rank": np.tile(np.arange(1, k + 1, dtype=np.int32), n),
        "neighbor_id": ids[order.ravel()],
        "neighbor_target_index": pd.array([None] * (n * k), "Int32"),
        "distance": np.take_along_axis(distances, order, axis=1).ravel(),
        "k": np.int32(k),
        "method": "exact",
        "encoder_version": "1",
        "fingerprint": "f",
        "run_id": "r",
    }
    return pd.DataFrame(values)


@pytest.fixture(scope="session")
def neighbors_of(spark):
    """``neighbors_of(vectors, k)``: table neighbors."""

    def make(*graphs):
        rows = pa.Table.from_pandas(pd.concat(graphs), preserve_index=False)
        return spark.createDataFrame(rows, NEIGHBORS.ddl(comments=False))

    return make


def target(image, class_name, index=0):
    return (image, index, class_name, None, None, None, None, "r")


@pytest.fixture(scope="module")
def digits():
    found = load_digits()
    labels = np.where(np.arange(60) % 37 == 0, (found.target[:60] + 3) % 10, found.target[:60])
    return found.data[:60] / 16, labels


@pytest.fixture(scope="module")
def noisy(frame, neighbors_of):
    """1,000 digits of which 30 are labelled as the next digit, and the tables of them."""
    found = load_digits()
    wrong = np.random.default_rng(3).permutation(1000)[:30]
    labels = found.target[:1000].copy()
    labels[wrong] = (labels[wrong] + 1) % 10
    targets = frame(TARGETS, [target(f"{i:04}", str(label)) for i, label in enumerate(labels)]).cache()
    # Vectors that have nothing to do with the labels.
    noise = np.random.default_rng(0).normal(size=(1000, 8))
    neighbors = neighbors_of(graph(found.data[:1000] / 16, 10), graph(noise, 10, encoder="noise"))
    return targets, neighbors.cache(), {f"{i:04}" for i in wrong}


def test_labels_that_were_changed_are_listed_and_about_as_many_others_as_the_precision_allows(noisy):
    targets, neighbors, wrong = noisy

    errors, scores, findings = label_neighbors(targets, neighbors)
    listed = [row.image_id for row in errors.where("source = 'e'").orderBy("rank").collect()]

    assert len(wrong & set(listed)) >= 28
    assert len(listed) <= 75
    # The estimate against the truth, of the list and of its ends.
    estimated = {row.image_id: row.precision or 0.0 for row in scores.where("source = 'e'").collect()}
    for number in (30, len(listed), 120):
        first = [row.image_id for row in scores.where(f"source = 'e' AND rank <= {number}").collect()]
        truth = len(wrong & set(first)) / number
        assert 0.4 * truth <= min(estimated[image] for image in first) <= truth + 0.1
    assert "are listed, of which 40 % or more are estimated to be wrong" in message_of(findings, "e")


def message_of(findings, source):
    (row,) = (row for row in findings.collect() if row.subject == source)
    return row.message


def test_an_encoder_that_tells_nothing_lists_nothing_and_says_so(noisy):
    targets, neighbors, _ = noisy

    errors, scores, findings = label_neighbors(targets, neighbors)

    assert errors.where("source = 'noise'").isEmpty()
    assert scores.where("source = 'noise'").count() == 1000
    assert "no list of them is estimated to be 40 % wrong" in message_of(findings, "noise")


def test_all_labels_have_a_score_between_0_and_1_and_a_rank(noisy):
    targets, neighbors, wrong = noisy

    _, scores, _ = label_neighbors(targets, neighbors)
    rows = sorted(scores.where("source = 'e'").collect(), key=lambda row: row.rank)

    assert [row.rank for row in rows] == list(range(1, 1001))
    assert all(0 <= one.score <= other.score <= 1 for one, other in itertools.pairwise(rows))
    # The labels are as probable as the scores say.
    assert np.mean([row.score for row in rows]) == pytest.approx(0.9, abs=0.05)
    assert {row.suggested_class for row in rows[:10]} <= set("0123456789")
    ranks = [row.rank for row in rows if row.image_id in wrong]
    assert max(ranks) <= 75


def test_the_result_does_not_depend_on_the_partitions(noisy):
    targets, neighbors, _ = noisy
    results = []
    for partitions in (1, 7):
        tables = targets.repartition(partitions), neighbors.repartition(partitions)
        frames = label_neighbors(*tables)
        results.append([sorted(map(tuple, result.collect()), key=repr) for result in frames])

    assert results[0] == results[1]


def test_without_labels_nothing_is_doubted(frame):
    results = label_neighbors(frame(TARGETS, []), frame(NEIGHBORS, []))

    assert [result.count() for result in results] == [0, 0, 0]


def test_too_few_labels_are_not_judged(frame, neighbors_of, digits):
    vectors, labels = digits
    targets = frame(TARGETS, [target(f"{i:04}", str(label)) for i, label in enumerate(labels[:15])])

    errors, scores, findings = label_neighbors(targets, neighbors_of(graph(vectors[:15], 10)))

    assert errors.isEmpty()
    assert scores.where("precision IS NOT NULL").isEmpty()
    assert "too few to estimate" in message_of(findings, "e")


@pytest.mark.parametrize("partitions", [1, 3])
def test_errors_by_ratio_are_those_of_the_definition_worst_first(frame, neighbors_of, digits, partitions):
    vectors, labels = digits
    targets = frame(TARGETS, [target(f"{i:04}", str(label)) for i, label in enumerate(labels)])
    neighbors = neighbors_of(graph(vectors, 59)).repartition(partitions)
    truth = defined_score(vectors, labels, 5)

    errors, scores, findings = label_neighbors(targets, neighbors, method="distance_ratio")
    rows = sorted(errors.collect(), key=lambda row: row.rank)

    expected = sorted(np.flatnonzero(truth >= 1), key=lambda i: -truth[i])
    assert [int(row.image_id) for row in rows] == expected
    assert [row.rank for row in rows] == list(range(1, len(rows) + 1))
    np.testing.assert_allclose([row.score for row in rows], truth[expected])
    assert rows[0].class_name == str(labels[expected[0]])
    assert {row.source for row in rows} == {"e"}
    (finding,) = findings.collect()
    assert (finding.value, finding.severity) == (0.0, "info")
    ranked = scores.orderBy("rank").collect()
    assert [int(row.image_id) for row in ranked] == sorted(range(60), key=lambda i: -truth[i])
    assert [row.rank for row in ranked] == list(range(1, 61))
    for result, table in ((errors, LABEL_ERRORS), (scores, LABEL_SCORES), (findings, DATASET_FINDINGS)):
        assert result.columns == list(table.result_names)


def test_images_with_several_targets_or_none_are_left_out(frame, neighbors_of):
    rows = [target("0000", "a"), target("0001", "a"), target("0002", "b"), target("0003", "b"), target("0003", "a", 1)]
    vectors = np.array([[0.0], [9], [1], [2], [3]])

    tables = frame(TARGETS, rows), neighbors_of(graph(vectors, 4))
    errors, _, findings = label_neighbors(*tables, method="distance_ratio", k=1)

    # 0002 is alone in its class then: two labels of class a remain, each 9 from the other and nearer to b.
    assert {(row.image_id, row.score, row.suggested_class) for row in errors.collect()} == {
        ("0000", 9.0, "b"),
        ("0001", 9 / 8, "b"),
    }
    assert findings.collect()[0].message.endswith("3 labels were compared with those of their neighbours")


def test_short_lists_are_counted(frame, neighbors_of, digits):
    vectors, labels = digits
    targets = frame(TARGETS, [target(f"{i:04}", str(label)) for i, label in enumerate(labels)])

    errors, _, findings = label_neighbors(targets, neighbors_of(graph(vectors, 3)), method="distance_ratio")

    assert errors.where("NOT is_bound").isEmpty()
    assert findings.collect()[0].severity == "warning"


def test_a_wrong_option_names_itself(frame):
    with pytest.raises(OptionError, match=r"label_neighbors\.k is 0; expected a number in \[1, 1000\]"):
        label_neighbors(frame(TARGETS, []), frame(NEIGHBORS, []), k=0)
    with pytest.raises(OptionError, match=r"label_neighbors\.precision is 0"):
        label_neighbors(frame(TARGETS, []), frame(NEIGHBORS, []), precision=0.0)


def test_inner_products_are_no_distances(frame):
    graph = frame(NEIGHBORS, [("e", "inner_product", "a", None, 1, "b", None, -3.0, 1, "exact", "1", "f", "r")])
    with pytest.raises(OptionError, match=r"(?s)label_neighbors needs distances.*neighbors\.metric=cosine"):
        label_neighbors(frame(TARGETS, []), graph)
