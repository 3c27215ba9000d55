"""Geometry: DataEval's dimension statistics, and the window that a box covers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataeval_spark.kernels.images.geometry import dimension_statistics, is_invalid, window_of
from tests.kernels.reference import BOXES, EXPECTED, differences, image, same

NAMES = (
    "offset_x",
    "offset_y",
    "width",
    "height",
    "size",
    "aspect_ratio",
    "distance_center",
    "distance_edge",
    "invalid_box",
)


@pytest.mark.parametrize("name", list(EXPECTED["whole"]))
def test_dimensions_of_an_image_equal_dataeval(name):
    height, width, _ = image(name).shape

    statistics = dimension_statistics(height, width)

    assert differences(statistics, EXPECTED["whole"][name], NAMES) == {}
    assert same([statistics["center_x"], statistics["center_y"]], EXPECTED["whole"][name]["center"])


@pytest.mark.parametrize("case", BOXES)
def test_dimensions_of_a_box_equal_dataeval(case):
    height, width, _ = image(case["image"]).shape

    statistics = dimension_statistics(height, width, tuple(case["box"]))

    assert differences(statistics, case["expected"], NAMES) == {}
    assert same([statistics["center_x"], statistics["center_y"]], case["expected"]["center"])


def test_a_box_inside_is_rounded_outwards():
    window = window_of((0.5, 3.2, 20.7, 33.9), height=120, width=160)

    assert (window.left, window.top, window.right, window.bottom) == (0, 3, 21, 34)
    assert window.outside == 0


def test_the_part_of_a_box_outside_the_image_is_counted():
    window = window_of((-10, -5, 30, 40), height=90, width=131)

    assert (window.left, window.top, window.right, window.bottom) == (0, 0, 30, 40)
    assert (window.visible, window.outside) == (1200, 600)


@pytest.mark.parametrize(
    "box",
    [
        (4, 4, 4, 9),
        (9, 2, 5, 4),
        (2, 9, 5, 4),
        (500, 500, 600, 600),
        (-9, 0, 0, 5),
        (math.nan, 0, 1, 1),
        (0, 0, math.inf, 1),
    ],
    ids=["empty", "right of its right edge", "upside down", "outside", "touching", "nan", "infinite"],
)
def test_a_box_without_pixels_is_invalid_and_has_no_window(box):
    assert is_invalid(box, 16, 16)
    assert window_of(box, 16, 16) is None


def test_an_inverted_box_shows_its_negative_width():
    statistics = dimension_statistics(16, 16, (9, 2, 5, 4))

    assert statistics["width"] == -4
    assert math.isnan(statistics["size"])
    assert math.isnan(statistics["aspect_ratio"])
    assert statistics["invalid_box"]


coordinates = st.floats(-50, 50)


@given(x0=coordinates, y0=coordinates, x1=coordinates, y1=coordinates)
def test_a_window_lies_within_the_image_and_with_the_outside_makes_up_the_box(x0, y0, x1, y1):
    window = window_of((x0, y0, x1, y1), height=20, width=30, tolerance=0.0)

    if window is not None:
        assert 0 <= window.left < window.right <= 30
        assert 0 <= window.top < window.bottom <= 20
        area = (math.ceil(x1) - math.floor(x0)) * (math.ceil(y1) - math.floor(y0))
        assert window.visible + window.outside == area


def test_a_window_cuts_the_visible_part_and_knows_what_lies_beyond():
    window = window_of((-2, 1, 3, 6), height=4, width=5)

    assert np.arange(20).reshape(4, 5)[window.slices].tolist() == [[5, 6, 7], [10, 11, 12], [15, 16, 17]]
    assert window.padding == ((0, 2), (2, 0))
    assert window.size == (5, 5)
    assert (window.visible, window.outside) == (9, 16)
