"""MAITE images and targets: what is kept to the bit, and what cannot be taken."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from dataeval_spark.kernels.formats.maite import png_of, target_rows
from dataeval_spark.kernels.images.decoding.decode import decode


@dataclass
class Detections:
    boxes: Any
    labels: Any
    scores: Any


def rows(target, names=None):
    return list(target_rows(target, names or {0: "cat", 1: "dog", 2: "owl"}, (10, 10)))


@pytest.mark.parametrize(
    ("dtype", "high", "channels"),
    [
        ("uint8", 256, 1),
        ("uint8", 256, 3),
        ("int64", 256, 3),
        ("uint16", 65536, 1),
        ("int32", 65536, 1),
        ("bool", 2, 1),
    ],
)
def test_whole_numbers_are_kept(dtype, high, channels):
    image = np.random.default_rng(0).integers(0, high, (channels, 5, 7)).astype(dtype)

    decoded = decode(png_of(image)).pixels.transpose(2, 0, 1)

    np.testing.assert_array_equal(decoded, image.astype(np.uint8) * 255 if dtype == "bool" else image)


def test_floating_point_numbers_are_rounded_to_255ths():
    image = np.random.default_rng(0).random((3, 5, 7), np.float32)

    decoded = decode(png_of(image)).pixels.transpose(2, 0, 1) / 255

    assert np.abs(decoded - image).max() <= 1 / 510 + 1e-6


def test_two_dimensions_are_gray_and_a_fourth_channel_is_transparency():
    assert decode(png_of(np.full((5, 7), 9, np.uint8))).pixels.shape == (5, 7, 1)
    assert decode(png_of(np.zeros((4, 5, 7), np.uint8))).pixels.min() == 255  # all transparent: the page is white


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((5, 7, 3), np.uint8),  # channels last
        np.zeros((3, 0, 7), np.uint8),
        np.zeros(3),
        np.full((3, 5, 7), 1.5),
        np.full((3, 5, 7), np.nan),
        np.full((3, 5, 7), -1),
        np.full((3, 5, 7), 256),
        np.array([["a"]]),
        None,
    ],
)
def test_what_is_no_image_is_a_value_error(image):
    with pytest.raises(ValueError, match="expected"):
        png_of(image)


@pytest.mark.parametrize(("target", "name"), [([0, 1, 0], "dog"), (np.float32([1, 0, 0]), "cat"), (2, "owl")])
def test_one_hot_scores_or_a_number_are_the_class(target, name):
    (row,) = rows(target)

    assert (row["class_name"], row["box"], row["attributes"]) == (name, None, None)


def test_other_scores_are_kept_by_class():
    (row,) = rows([0.25, 0.5, 0.25])

    assert (row["class_name"], json.loads(row["attributes"])) == (
        "dog",
        {"scores": {"cat": 0.25, "dog": 0.5, "owl": 0.25}},
    )


@pytest.mark.parametrize("nothing", [[0, 0, 0], [], [np.nan, np.nan], Detections([], [], [])])
def test_no_label(nothing):
    assert rows(nothing) == []


def test_boxes_are_targets_with_their_scores():
    found = rows(Detections([[1, 2, 3, 4], [0, 0, 9, 9]], [1, 0], [1.0, 0.5]))

    assert [(row["class_name"], tuple(row["box"].values()), row["attributes"]) for row in found] == [
        ("dog", (1, 2, 3, 4), None),
        ("cat", (0, 0, 9, 9), '{"score": 0.5}'),
    ]
    (per_class,) = rows(Detections([[1, 2, 3, 4]], [1], [[0.25, 0.75, 0]]))
    assert json.loads(per_class["attributes"])["scores"] == {"cat": 0.25, "dog": 0.75, "owl": 0}


@pytest.mark.parametrize(
    ("target", "kinds"),
    [
        (9, ["unknown_class"]),
        ("cat", ["broken_element"]),
        ([[1, 0], [0, 1]], ["broken_element"]),
        (Detections([[1, 2, 3]], [1], [1]), ["broken_element"]),
        (Detections([[1, 2, 3, 4]], [1, 2], [1]), ["broken_element"]),
        (Detections([[1, 2, np.inf, 4]], [1], None), ["not_numeric_box"]),
        (Detections([[3, 2, 1, 4]], [1], None), ["inverted_box"]),
        (Detections([[1, 2, 30, 4]], [1], None), ["outside_box"]),
    ],
)
def test_what_cannot_be_taken_is_a_finding(target, kinds):
    assert [row["kind"] for row in rows(target) if row["element"] == "finding"] == kinds
