"""Label statistics on small tables."""

from __future__ import annotations

import math

import pytest
from chispa import assert_approx_df_equality

from dataeval_spark.analyses.labels.label_stats import label_stats
from dataeval_spark.tables.images import IMAGES, TARGETS
from dataeval_spark.tables.labels import LABEL_STATS

# As many equally large classes have the entropy of 4, 2 and 1 labels.
EFFECTIVE = math.exp(-sum(n / 7 * math.log(n / 7) for n in (4, 2, 1)))


def live(frame, *names):
    return frame(IMAGES, [(name, *[None] * 7, "d", "s", None, "r") for name in names])


def labels(frame, *rows):
    """Rows of image and class; targets of an image are numbered in order."""
    count = {}
    numbered = [
        (image, count.setdefault(image, []).append(name) or len(count[image]) - 1, name) for image, name in rows
    ]
    return frame(TARGETS, [(image, index, name, None, None, None, None, "r") for image, index, name in numbered])


def expected(frame, rows):
    return frame(LABEL_STATS, [(*row, "r") for row in rows]).drop("run_id")


def assert_equal(found, wanted):
    # chispa orders rows by a hash, and the embedded engine has none of arrays of structs.
    found, wanted = found.orderBy("class_name"), wanted.orderBy("class_name")
    assert_approx_df_equality(found, wanted, precision=1e-12, ignore_nullable=True)


@pytest.mark.parametrize("partitions", [1, 7])
def test_labels_and_images_are_counted_per_class_and_over_all(frame, partitions):
    targets = labels(
        frame,
        *[("a", "cat"), ("a", "cat"), ("a", "cat"), ("a", "dog")],
        *[("b", "cat"), ("b", "ant")],
        *[("c", "dog")],
    )

    found = label_stats(targets.repartition(partitions), live(frame, "a", "b", "c", "d").repartition(partitions))

    # labels, images, shares of both, labels per image, most in one, classes, images without, imbalance, seen with,
    # effective classes, weight
    assert_equal(
        found,
        expected(
            frame,
            [
                ("cat", 4, 2, 4 / 7, 0.5, 2.0, 3, 1, None, None, [("ant", 1), ("dog", 1)], None, 7 / 12),
                ("dog", 2, 2, 2 / 7, 0.5, 1.0, 1, 1, None, None, [("cat", 1)], None, 7 / 6),
                ("ant", 1, 1, 1 / 7, 0.25, 1.0, 1, 1, None, None, [("cat", 1)], None, 7 / 3),
                (None, 7, 3, 1.0, 0.75, 7 / 3, 4, 3, 1, 4.0, None, EFFECTIVE, None),
            ],
        ),
    )


def test_labels_of_deleted_images_are_not_counted(frame):
    targets = labels(frame, ("a", "cat"), ("gone", "cat"), ("gone", "dog"), ("gone", "ant"))

    found = label_stats(targets, live(frame, "a"))

    assert_equal(
        found,
        expected(
            frame,
            [
                ("cat", 1, 1, 1.0, 1.0, 1.0, 1, 1, None, None, [], None, 1.0),
                (None, 1, 1, 1.0, 1.0, 1.0, 1, 1, 0, 1.0, None, 1.0, None),
            ],
        ),
    )


def test_a_label_of_unknown_class_counts_for_the_dataset_only(frame):
    found = label_stats(labels(frame, ("a", "cat"), ("a", None), ("b", None)), live(frame, "a", "b"))

    assert_equal(
        found,
        expected(
            frame,
            [
                ("cat", 1, 1, 1 / 3, 0.5, 1.0, 1, 1, None, None, [], None, 1.0),
                (None, 3, 2, 1.0, 1.0, 1.5, 2, 1, 0, 1.0, None, 1.0, None),
            ],
        ),
    )


def test_without_targets_there_is_the_row_of_the_dataset_alone(frame):
    found = label_stats(labels(frame), live(frame, "a", "b"))

    assert_equal(found, expected(frame, [(None, 0, 0, 0.0, 0.0, None, 0, 0, 2, None, None, None, None)]))


def test_without_images_every_count_is_zero(frame):
    found = label_stats(labels(frame), live(frame))

    assert_equal(found, expected(frame, [(None, 0, 0, 0.0, 0.0, None, 0, 0, 0, None, None, None, None)]))
