"""Noise: the published definition, and that edges are no noise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import convolve2d

from dataeval_spark.kernels.images.blur import row_step
from dataeval_spark.kernels.images.compiled.sums import quiet_sums
from dataeval_spark.kernels.images.noise import QUIETEST, noise, noise_floor, noise_floor_of_sums, stretch
from dataeval_spark.kernels.images.value_range import luma
from tests.kernels.reference import image


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
