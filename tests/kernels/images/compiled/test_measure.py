"""The compiled way of measuring 8-bit images: the same results as the plain one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.datasets import load_sample_image

from dataeval_spark.kernels.images.compiled import measure
from dataeval_spark.kernels.images.geometry import Window, window_of
from dataeval_spark.kernels.images.hashes import perceptual_hashes
from dataeval_spark.kernels.images.profile import measure_plainly
from dataeval_spark.kernels.images.value_range import EIGHT_BIT
from tests.kernels.reference import EXPECTED, image

PHOTOS = [name for name in EXPECTED["whole"] if image(name).dtype == np.uint8 and image(name).shape[2] in (1, 3)]


@st.composite
def pictures(draw: st.DrawFn, most: int = 80) -> np.ndarray:
    """Noise, two values, one value, a ramp, or gray in three channels: what ties, and what does not."""
    shape = (draw(st.integers(1, most)), draw(st.integers(1, most)), draw(st.sampled_from([1, 3])))
    kind = draw(st.sampled_from(["noise", "two values", "constant", "ramp", "gray", "any"]))
    if kind == "any":
        return draw(npst.arrays(np.uint8, tuple(min(side, 12) for side in shape)))
    random = np.random.default_rng(draw(st.integers(0, 1000)))
    noise = random.integers(0, 256, shape, dtype=np.uint8)
    if kind == "constant":
        return np.full(shape, draw(st.integers(0, 255)), dtype=np.uint8)
    if kind == "two values":
        return (noise > 128) * np.uint8(255)
    if kind == "gray":
        return np.ascontiguousarray(np.broadcast_to(noise[:, :, :1], shape))
    if kind == "ramp":
        ramp = np.add.outer(np.arange(shape[0]) * 2, np.arange(shape[1]) * 3)[:, :, np.newaxis]
        return (ramp + np.arange(shape[2]) * 7).clip(0, 255).astype(np.uint8)
    return noise


def same(actual: object, expected: object) -> bool:
    if isinstance(expected, np.ndarray):
        return np.array_equal(actual, expected)
    if isinstance(expected, list):
        return len(actual) == len(expected) and all(map(same, actual, expected))
    if expected is None or isinstance(expected, bool):
        return actual is expected
    # Where a sum cancels out (skew of a symmetric image), only its absolute size means something.
    return actual == pytest.approx(expected, rel=1e-12, abs=1e-12)


def assert_same(pixels: np.ndarray, window: Window) -> None:
    compiled = measure.measure(pixels, window)
    crop = pixels[window.slices]
    whole, channels = measure_plainly(crop, EIGHT_BIT, window)

    assert compiled.hashes == perceptual_hashes(crop, EIGHT_BIT, window=window)
    assert measure.perceptual_hashes(pixels, window) == compiled.hashes
    for one, other in zip([compiled.whole, *compiled.channels], [whole, *channels], strict=True):
        assert set(one) == set(other)
        assert {name: (one[name], other[name]) for name in one if not same(one[name], other[name])} == {}


@settings(max_examples=300, deadline=None)
@given(pixels=pictures())
def test_an_image_is_measured_the_same(pixels):
    assert_same(pixels, Window(0, 0, pixels.shape[1], pixels.shape[0]))


@settings(max_examples=300, deadline=None)
@given(
    pixels=pictures(),
    x=st.floats(-30, 79),
    y=st.floats(-30, 79),
    width=st.floats(0.1, 90),
    height=st.floats(0.1, 90),
)
def test_a_box_is_measured_the_same_wherever_it_lies(pixels, x, y, width, height):
    window = window_of((x, y, x + width, y + height), *pixels.shape[:2])

    if window is not None:
        assert_same(pixels, window)


@pytest.mark.parametrize("name", PHOTOS)
def test_a_picture_that_others_have_measured_is_measured_the_same(name):
    pixels = np.ascontiguousarray(image(name))

    assert_same(pixels, Window(0, 0, pixels.shape[1], pixels.shape[0]))


@pytest.mark.parametrize("name", ["china.jpg", "flower.jpg"])
@pytest.mark.parametrize(
    "window",
    [
        Window(0, 0, 640, 427),
        Window(3, 5, 515, 420),  # 512 columns
        Window(100, 0, 180, 427),  # tall: Pillow may begin with the columns
        Window(0, 100, 640, 160),
        Window(600, 400, 640, 427, 0, 0, 30, 200),
    ],
    ids=["whole", "512 columns", "tall", "wide", "beyond the corner"],
)
def test_a_photograph_is_measured_the_same(name, window):
    assert_same(np.ascontiguousarray(load_sample_image(name)), window)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 3), (1, 700, 3), (700, 1, 3), (700, 20, 1), (20, 700, 3)])
def test_extreme_shapes_are_measured_the_same(shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)

    assert_same(pixels, Window(0, 0, shape[1], shape[0]))


def test_a_box_of_which_no_pixel_has_an_edge_value_has_no_sharpness():
    pixels = np.full((5, 5, 3), 7, dtype=np.uint8)

    measured = measure.measure(pixels, window_of((-3, 0, 1, 5), 5, 5))

    assert measured.whole["sharpness"] is None
    assert measured.whole["mean"] == 7.0


def test_a_large_flat_image_has_no_spread():
    measured = measure.measure(np.full((2000, 2000, 3), 200, dtype=np.uint8), Window(0, 0, 2000, 2000)).whole

    assert (measured["std"], measured["sharpness"]) == (0.0, 0.0)
    assert measured["perceived_brightness_p5"] == pytest.approx(200 / 255, abs=1e-12)


def test_sums_of_a_large_image_do_not_overflow():
    stripes = np.zeros((3000, 3000, 1), dtype=np.uint8)
    stripes[:, ::2] = 255

    measured = measure.measure(stripes, Window(0, 0, 3000, 3000)).whole

    assert measured["std"] == 127.5
    assert measured["sharpness"] == pytest.approx(127.5, rel=1e-12)
    assert math.isfinite(measured["kurtosis"])
