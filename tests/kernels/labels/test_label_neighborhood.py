"""Label errors from lists of neighbours, against DataEval's definition computed on all distances."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from dataeval_spark.kernels.labels.label_neighborhood import neighborhoods


def lists(vectors, labels, listed, k):
    """Arguments of the kernel for lists of ``listed`` neighbours."""
    distances = np.sqrt(((vectors[:, None] - vectors[None]) ** 2).sum(axis=2))
    np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, axis=1, kind="stable")[:, : min(listed, len(labels) - 1)]
    counts = np.bincount(labels)[labels]
    wanted = np.minimum(k, np.minimum(counts - 1, len(labels) - counts))
    near = np.take_along_axis(distances, order, 1)
    return labels, labels[order], near, wanted, near[:, -1]


def defined_score(vectors, labels, k):
    """The definition, row by row."""
    scores = []
    for i, own in enumerate(labels):
        distance = np.sqrt(((vectors - vectors[i]) ** 2).sum(axis=1))
        same = np.sort(distance[(labels == own) & (np.arange(len(labels)) != i)])
        other = np.sort(distance[labels != own])
        count = min(k, len(same), len(other))
        scores.append(same[:count].mean() / other[:count].mean() if count else np.nan)
    return np.array(scores)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(2, 4))
def test_complete_lists_give_the_definition(seed, k, classes):
    generator = np.random.default_rng(seed)
    vectors, labels = generator.normal(size=(30, 3)), generator.integers(0, classes, 30)

    found = neighborhoods(*lists(vectors, labels, 29, k))

    np.testing.assert_allclose(found.score, defined_score(vectors, labels, k), rtol=1e-12)
    assert not found.is_open.any()
    assert not found.is_bound.any()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 12))
def test_short_lists_never_call_a_label_wrong_that_is_not(seed, k, listed):
    generator = np.random.default_rng(seed)
    vectors, labels = generator.normal(size=(30, 2)), generator.integers(0, 3, 30)
    truth = defined_score(vectors, labels, k)

    found = neighborhoods(*lists(vectors, labels, listed, k))

    said = ~np.isnan(found.score)
    exact = said & ~found.is_bound
    np.testing.assert_allclose(found.score[exact], truth[exact], rtol=1e-12)
    assert (found.score[found.is_bound] <= truth[found.is_bound] + 1e-12).all()
    assert (truth[found.is_bound] >= 1).all()
    # What is neither said nor open is below 1.
    assert (truth[~said & ~found.is_open & ~np.isnan(truth)] < 1).all()


def test_a_class_of_one_image_has_no_score_and_lowers_nobody_elses_k():
    labels = np.array([0, 1, 1, 1, 2, 2, 2])
    vectors = np.array([[0.0], [5], [6], [7], [20], [21], [22]])

    found = neighborhoods(*lists(vectors, labels, 6, 2))

    assert np.isnan(found.score[0])
    assert found.score[1] == pytest.approx(((1 + 2) / 2) / ((5 + 15) / 2))


def test_one_class_alone_has_no_errors():
    found = neighborhoods(*lists(np.arange(5.0)[:, None], np.zeros(5, int), 4, 2))

    assert np.isnan(found.score).all()
    assert not found.is_open.any()


def test_equal_images_of_two_classes_are_in_doubt():
    labels = np.array([0, 0, 1, 1])
    found = neighborhoods(*lists(np.zeros((4, 2)), labels, 3, 1))

    assert found.score.tolist() == [1.0, 1.0, 1.0, 1.0]


def test_the_nearer_of_the_others_weigh_more_and_a_close_second_is_named():
    own, wanted = np.array([0, 0, 0]), np.array([4, 4, 4])
    # weights of four: 2, 1, 1, 1
    classes = np.array([[1, 2, 3, 3], [1, 1, 2, 3], [1, 2, 3, 4]])

    found = neighborhoods(own, classes, np.ones((3, 4)), wanted, np.ones(3))

    assert found.first.tolist() == [3, 1, 1]  # 2/5 each of 1 and 3: the later name; 3/5; 2/5
    assert found.second.tolist() == [1, -1, -1]  # 2/5; 1/5 is 2/5 behind; 1/5 is just 0.2 behind


@pytest.mark.shared
def test_scores_and_suggestions_equal_dataeval(shared):
    reference = json.loads((shared / "reference" / "parity_reference.json").read_text())
    expected = reference["expected"]["label_errors/digits"]
    digits = load_digits()
    labels = digits.target[:300]
    labels = np.where(np.arange(300) % 37 == 0, (labels + 3) % 10, labels)

    found = neighborhoods(*lists(digits.data[:300] / 16, labels, 299, 10))

    np.testing.assert_allclose(found.score, expected["scores"], rtol=1e-6)
    suggested = {
        str(i): [int(labels[i]), [c for c in (int(found.first[i]), int(found.second[i])) if c >= 0]]
        for i in np.flatnonzero(found.score >= 1)
    }
    assert suggested == expected["errors"]
