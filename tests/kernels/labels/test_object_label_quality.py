"""ObjectLab's scores per box and image, against cleanlab, and boxes that are odd in themselves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dataeval_spark.kernels.labels.object_label_quality import (
    Boxes,
    agreement,
    image_quality,
    matches,
    overlaps,
    same_places,
    smallest_similarity,
    soft_minimum,
)

EXPECTED = json.loads((Path(__file__).resolve().parents[1] / "data" / "object_label_quality.json").read_text())
IMAGES = EXPECTED["images"]


def boxes(corners, classes):
    return Boxes(np.array(corners, float).reshape(-1, 4), np.array(classes, int))


def parts(image):
    return (
        boxes(image["boxes"], image["classes"]),
        boxes(image["predicted_boxes"], image["predicted_classes"]),
        np.array(image["probabilities"], float),
    )


def test_the_smallest_similarity_is_cleanlabs():
    assert min(smallest_similarity(*parts(image)[:2]) for image in IMAGES) == pytest.approx(
        EXPECTED["smallest"], rel=1e-9, abs=0
    )


@pytest.mark.parametrize("kind", ["overlooked", "swapped", "badly_located"])
def test_scores_per_box_equal_cleanlabs(kind):
    for image in IMAGES:
        found = getattr(agreement(*parts(image), EXPECTED["smallest"]), kind)

        np.testing.assert_allclose(found, np.array(image[kind], float), rtol=1e-9)


def test_the_quality_of_an_image_equals_cleanlabs():
    found = [image_quality(agreement(*parts(image), EXPECTED["smallest"]))[0] for image in IMAGES]

    np.testing.assert_allclose(found, [image["score"] for image in IMAGES], rtol=1e-9)


def test_each_labelled_box_is_claimed_once_and_by_the_most_probable():
    labelled = boxes([[0, 0, 10, 10]], [0])
    predicted = boxes([[0, 0, 10, 10], [0, 0, 10, 8], [0, 0, 10, 10]], [0, 0, 1])

    # The second is surer, and overlaps by 0.8: thresholds 0.5 to 0.8; then the first may claim it.
    assert [bin(bits) for bits in matches(labelled, predicted, np.array([0.6, 0.9, 1.0]))] == [
        "0b1110000000",
        "0b1111111",
        "0b0",
    ]


def test_a_swapped_box_names_the_class_that_is_predicted_there():
    labelled = boxes([[0, 0, 10, 10]], [0])

    found = agreement(labelled, boxes([[0, 0, 10, 10]], [2]), np.array([0.99]), 1e-3)

    assert (found.swapped.tolist(), found.other.tolist()) == ([1e-3], [2])


def test_a_crowd_has_no_errors_of_its_own_and_hides_what_is_in_it():
    labelled = boxes([[0, 0, 100, 100]], [0])
    predicted = boxes([[10, 10, 20, 20]], [1])

    found = agreement(labelled, predicted, np.array([0.99]), 1e-3, np.array([True]))

    assert (found.swapped.tolist(), found.badly_located.tolist()) == ([1.0], [1.0])
    assert np.isnan(found.overlooked).all()


def test_an_image_without_boxes_is_clean():
    nothing = boxes([], [])

    assert image_quality(agreement(nothing, nothing, np.zeros(0), 1e-3)) == pytest.approx((1.0, 1.0, 1.0, 1.0))
    assert soft_minimum(np.array([np.nan])) == 1.0


def test_boxes_too_far_apart_have_no_similarity_at_all():
    # exp(-0.1 x 400) is below what 1 - x can tell from 1.
    assert smallest_similarity(boxes([[0, 0, 1, 1]], [0]), boxes([[400, 0, 401, 1]], [0])) == 1.0


def test_boxes_that_only_touch_do_not_overlap():
    assert overlaps(np.array([[0.0, 0, 1, 1]]), np.array([[1.0, 0, 2, 1], [0, 0, 1, 0.5]])).tolist() == [[0.0, 0.5]]


def test_pairs_in_one_place_are_found_in_blocks_as_without():
    generator = np.random.default_rng(3)
    low = generator.uniform(0, 50, (700, 2))
    many = Boxes(np.c_[low, low + generator.uniform(5, 9, (700, 2))], generator.integers(0, 2, 700))
    overlap = overlaps(many.corners, many.corners)
    needed = np.where(many.classes[:, None] == many.classes[None], 0.6, 0.7)

    firsts, seconds, shares = same_places(many, 0.6, 0.7)

    expected = np.argwhere(np.triu(overlap >= needed, 1))
    assert sorted(zip(firsts.tolist(), seconds.tolist(), strict=True)) == [tuple(pair) for pair in expected.tolist()]
    assert len(expected) > 20
    np.testing.assert_array_equal(shares, overlap[firsts, seconds])
