"""Appearance: equal to the formulas of cleanvision, written out with Pillow and numpy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image, ImageFilter, ImageStat

from dataeval_spark.kernels.images.appearance import appearance, brightness_percentiles, colorfulness
from tests.kernels.reference import image

PHOTOS = ["china_u8", "flower_u8", "flower_rot90", "digit_gray_u8", "hw2d", "const"]


def as_pillow(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def pixel_brightness(pixels: np.ndarray) -> np.ndarray:
    if pixels.shape[2] == 1:
        return pixels[:, :, 0] / 255.0
    red, green, blue = pixels.transpose(2, 0, 1).astype(np.int64)
    return np.sqrt(0.241 * red**2 + 0.691 * green**2 + 0.068 * blue**2) / 255


@pytest.mark.parametrize("name", PHOTOS)
def test_entropy_equals_pillow(name):
    pixels = image(name)

    assert appearance(pixels)["entropy_bits"] == pytest.approx(as_pillow(pixels).entropy(), abs=1e-12)


@pytest.mark.parametrize("name", PHOTOS)
def test_brightness_is_that_of_the_mean_colour(name):
    pixels = image(name)
    mean = ImageStat.Stat(as_pillow(pixels)).mean
    red, green, blue = mean if len(mean) == 3 else mean * 3

    expected = math.sqrt(0.241 * red**2 + 0.691 * green**2 + 0.068 * blue**2) / 255
    assert appearance(pixels)["perceived_brightness"] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", PHOTOS)
def test_blurriness_is_that_of_the_edges_at_64_pixels(name):
    picture = as_pillow(image(name))
    ratio = max(picture.size) / 64
    small = picture.resize((int(picture.width // ratio), int(picture.height // ratio))) if ratio > 1 else picture
    gray = small.convert("L")

    measured = appearance(image(name))

    edges = ImageStat.Stat(gray.filter(ImageFilter.FIND_EDGES))
    assert measured["blurriness"] == pytest.approx(math.sqrt(edges.var[0]), abs=1e-9)
    assert measured["blurriness_grayscale_std"] == pytest.approx(np.std(gray.histogram()), abs=1e-12)


@given(pixels=npst.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]))))
def test_percentiles_of_brightness_are_exact(pixels):
    expected = np.percentile(pixel_brightness(pixels), [5, 99]).tolist()

    assert brightness_percentiles(pixels, (5.0, 99.0)) == pytest.approx(expected, abs=1e-12)


def test_a_picture_of_equal_channels_is_grayscale():
    gray = np.random.default_rng(0).integers(0, 256, (5, 5, 1), dtype=np.uint8)
    colour = np.repeat(gray, 3, axis=2)
    tinted = colour.copy()
    tinted[2, 2, 1] ^= 1

    assert [appearance(picture)["is_grayscale"] for picture in (gray, colour, tinted)] == [True, True, False]


def test_a_white_picture_is_as_bright_as_can_be():
    white = appearance(np.full((4, 4, 1), 255, dtype=np.uint8))

    assert white["perceived_brightness"] == pytest.approx(1, abs=1e-12)
    assert white["perceived_brightness_p5"] == 1.0


def test_a_thin_picture_keeps_a_pixel_of_width():
    assert appearance(np.full((500, 2, 3), 9, dtype=np.uint8))["blurriness"] == 0.0


@pytest.mark.parametrize("name", ["china_u8", "flower_u8"])
def test_colorfulness_is_the_formula_of_hasler_and_susstrunk(name):
    pixels = image(name)
    red, green, blue = pixels.astype(np.float64).transpose(2, 0, 1)
    rg, yb = red - green, 0.5 * (red + green) - blue
    expected = np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())

    assert colorfulness(pixels) == pytest.approx(expected, rel=1e-12)


def test_a_gray_picture_has_no_color():
    gray = np.random.default_rng(0).integers(0, 256, (9, 9, 1), dtype=np.uint8)

    assert colorfulness(gray) == 0
    assert colorfulness(np.repeat(gray, 3, axis=2)) == 0
