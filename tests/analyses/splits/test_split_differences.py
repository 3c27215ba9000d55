"""Parts compared with train, or with the rest: labels, factors, time, and a classifier."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from dataeval_spark.analyses.splits.split_differences import split_differences
from dataeval_spark.kernels.factors.independence import ImageSums
from dataeval_spark.kernels.splits.part_distances import distance
from dataeval_spark.tables.splits import SPLIT_DIFFERENCES
from tests.analyses.bias.rows import image_labels, images

BINS = "image_id string, target_index int, class_name string, bins map<string, int>"
EDGES = "factor string, bin int, label string, level string"
EMBEDDINGS = "image_id string, target_index int, encoder string, embedding array<float>"


@pytest.fixture(scope="module")
def found(frame):
    """Train by day, test by night; classes alike; the second embedding dimension differs."""
    random = np.random.default_rng(0)
    ids = [f"i{n:03d}" for n in range(120)]
    is_test = [n % 3 == 0 for n in range(120)]
    start = datetime(2024, 1, 1, tzinfo=UTC)
    given = images(
        frame,
        ids,
        split=["test" if test else "train" for test in is_test],
        captured_at=[start + timedelta(hours=n + (60 if test else 0)) for n, test in enumerate(is_test)],
    )
    targets = image_labels(frame, {i: "cat" if n % 2 else "dog" for n, i in enumerate(ids)})
    night = [test if n % 10 else not test for n, test in enumerate(is_test)]
    bins = frame(
        BINS, [(i, 0, "x", {"night": int(night[n]), "noise": int(random.integers(2))}) for n, i in enumerate(ids)]
    )
    edges = frame(EDGES, [(f, b, label, "image") for f in ("night", "noise") for b, label in enumerate(("no", "yes"))])
    vectors = frame(
        EMBEDDINGS,
        [(i, None, "e", [float(random.normal()), float(random.normal() + 2 * is_test[n])]) for n, i in enumerate(ids)],
    )
    frame_of = split_differences(given, targets, None, bins, edges, vectors, sample=100)
    assert frame_of.columns == list(SPLIT_DIFFERENCES.result_names)
    return {(row.kind, row.subject): row for row in frame_of.collect()}, is_test, night


def test_a_factor_that_differs_is_flagged_and_a_label_that_does_not_is_not(found):
    rows, is_test, night = found
    sides = [
        [sum(n == value for n, t in zip(night, is_test, strict=True) if t is side) for value in (False, True)]
        for side in (True, False)
    ]
    expected = distance(*map(ImageSums.of_single, sides))
    row = rows["factor", "night"]

    assert (row.split_a, row.split_b, row.n_a, row.n_b) == ("test", "train", 40, 80)
    assert (row.total_variation, row.jensen_shannon, row.p_value) == pytest.approx(
        (expected.total_variation, expected.jensen_shannon, expected.p_value)
    )
    assert row.is_flagged
    assert not rows["label", "class_name"].is_flagged
    assert rows["label", "class_name"].total_variation == pytest.approx(0.0)


def test_overlap_in_time_is_the_share_that_is_no_later_than_the_last_of_train(found):
    # The last of train is hour 119 (n = 119); of test n + 60 <= 119 holds for 20 of 40.
    assert found[0]["time", "captured_at"].overlap == pytest.approx(20 / 40)


def test_a_classifier_tells_the_parts_apart_and_says_by_what(found):
    by_factors, by_vectors = found[0]["adversarial_factors", "factors"], found[0]["adversarial_embeddings", "e"]

    assert by_factors.top[0] == "night"
    assert by_factors.auc == pytest.approx(0.9, abs=0.07)
    assert by_factors.auc_lower <= by_factors.auc <= by_factors.auc_upper
    assert by_vectors.auc > 0.85
    assert by_vectors.is_flagged


def test_without_a_train_part_each_part_is_compared_with_the_rest(frame):
    given = images(frame, "abcd", split=["x", "x", "y", "z"])
    rows = split_differences(given, image_labels(frame, {"a": "c", "b": "d", "c": "c", "d": "c"})).collect()

    assert {(row.split_a, row.split_b, row.n_a, row.n_b) for row in rows} == {
        ("x", "rest", 2, 2),
        ("y", "rest", 1, 3),
        ("z", "rest", 1, 3),
    }


def test_without_a_split_there_is_nothing(frame):
    assert split_differences(images(frame, "ab"), image_labels(frame, {"a": "c"})).isEmpty()
