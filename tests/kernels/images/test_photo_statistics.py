"""Colorfulness, noise and exposure clipping: their published definitions, and what they are for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import convolve2d

from dataeval_spark.kernels.images.blur import row_step
from dataeval_spark.kernels.images.colorfulness import colorfulness
from dataeval_spark.kernels.images.compiled.curvature import quiet_sums
from dataeval_spark.kernels.images.exposure_clipping import exposure_clipping
from dataeval_spark.kernels.images.noise import QUIETEST, noise, noise_floor, noise_floor_of_sums, stretch
from dataeval_spark.kernels.images.value_range import ValueRange, luma
from tests.kernels.reference import image


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


def test_noise_is_the_formula_of_immerkaer():
    gray = luma(image("china_u8"))
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]])
    height, width = gray.shape
    total = np.abs(convolve2d(gray.astype(np.float64), mask, mode="valid")).sum()

    assert noise(gray) == pytest.approx(total * np.sqrt(np.pi / 2) / (6 * (width - 2) * (height - 2)), rel=1e-12)


@pytest.mark.parametrize("sigma", [2.0, 8.0])
def test_noise_finds_the_deviation_that_was_added_to_a_gradient(sigma):
    gradient = np.add.outer(np.arange(200) * 0.4, np.arange(200) * 0.4) + 40
    noisy = gradient + np.random.default_rng(0).normal(0, sigma, gradient.shape)

    assert noise(np.rint(noisy).astype(np.uint8)) == pytest.approx(sigma, rel=0.05)


def test_a_picture_without_inner_pixels_has_no_noise_estimate():
    assert np.isnan(noise(np.zeros((2, 50), dtype=np.uint8)))


def test_clipping_is_counted_at_the_ends_of_the_range_that_the_image_has():
    twelve_bit = np.array([[0, 4095, 4000, 12]], dtype=np.uint16)[:, :, np.newaxis]

    assert exposure_clipping(twelve_bit, ValueRange(12, 4095.0)) == {"clipped_low": 0.25, "clipped_high": 0.25}


def test_missing_values_are_neither_low_nor_high():
    values = np.array([[np.nan, 1.0, 0.5]])[:, :, np.newaxis]

    assert exposure_clipping(values, ValueRange(1, 1.0)) == {"clipped_low": 0.0, "clipped_high": 0.5}
    assert np.isnan(exposure_clipping(values[:, :1], ValueRange(1, 1.0))["clipped_low"])


@pytest.mark.parametrize("name", ["china_u8", "flower_u8"])
@pytest.mark.parametrize("sigma", [15.0, 25.0])
def test_the_noise_floor_finds_noise_in_a_photograph_and_hardly_any_in_the_photograph_itself(name, sigma):
    gray = luma(image(name))
    noisy = gray + np.random.default_rng(1).normal(0, sigma, gray.shape)

    assert noise_floor(gray) < 3
    assert noise_floor(np.rint(noisy).clip(0, 255).astype(np.uint8)) == pytest.approx(sigma, rel=0.35)


def test_edges_are_no_noise():
    stripes = np.tile(np.repeat(np.array([40, 200], dtype=np.uint8), 8), (100, 20))

    assert noise(stripes) == noise_floor(stripes) == 0.0
    assert noise_floor(np.add.outer(np.arange(60) * 3, np.arange(70)).astype(np.uint8) % 64 * 4) < 1


@pytest.mark.parametrize("shape", [(9, 9), (32, 32), (40, 67), (300, 400)])
def test_the_compiled_sums_give_the_same_noise_floor(shape):
    gray = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    sums = quiet_sums(gray, *shape, row_step(*shape), stretch(shape[1]), QUIETEST)

    assert noise_floor(gray) == noise_floor_of_sums(*shape, sums.tolist()) > 0
    assert np.isnan(noise_floor(gray[:8]))
