"""Blur: the width of edges in pixels, found in photographs and not in what is merely smooth, dark or noisy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.ndimage import gaussian_filter
from scipy.stats import norm

from dataeval_spark.kernels.images.blur import blur, blur_of_sums, lags_of, row_step
from dataeval_spark.kernels.images.compiled.sums import curvature_sums
from dataeval_spark.kernels.images.value_range import luma
from tests.kernels.reference import image

SOFT = 1.38
"""Blur that a sharp picture does not reach."""


def as_picture(values):
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)


def photograph(name):
    return luma(image(name)).astype(float)


@pytest.mark.parametrize("deviation", [0.3, 0.7, 1.0, 1.5, 2.5, 4.0, 8.0])
def test_the_sums_of_a_blurred_step_give_its_deviation_back(deviation):
    def curvature(x, lag):
        return norm.cdf((x + lag) / deviation) - 2 * norm.cdf(x / deviation) + norm.cdf((x - lag) / deviation)

    # Integrals by another way than the closed form; the height of the step makes the shift for evidence vanish.
    sums = [quad(lambda x, k=k: curvature(x, k) ** 2, -60, 60, points=[0.0], limit=400)[0] for k in (1, 2, 4, 8)]

    sums = [1e12 * total for total in sums]
    assert blur_of_sums(32, 32, sums[:3]) == pytest.approx(deviation, rel=1e-5)
    assert blur_of_sums(64, 64, sums) == pytest.approx(deviation, rel=1e-5)


@pytest.mark.parametrize("deviation", [1.0, 1.5, 2.5, 4.0, 6.0])
def test_a_blurred_edge_in_a_picture_has_about_that_blur(deviation):
    edges = np.where((np.add.outer(np.arange(200), 0.37 * np.arange(300)) // 60) % 2 == 0, 30.0, 220.0)

    assert blur(as_picture(gaussian_filter(edges, deviation))) == pytest.approx(deviation, rel=0.2)


@pytest.mark.parametrize("name", ["china_u8", "flower_u8"])
def test_a_photograph_is_as_blurred_as_it_was_made(name):
    sharp = photograph(name)
    found = [blur(as_picture(gaussian_filter(sharp, deviation))) for deviation in (0.001, 0.7, 1.0, 1.5, 2.5, 4, 6)]

    assert found == sorted(found)
    assert found[0] < 0.8 < SOFT < found[3]


@pytest.mark.parametrize(
    "values",
    [
        np.full((100, 100), 90.0),
        np.add.outer(np.zeros(300), np.linspace(0, 255, 400)),
        np.add.outer(np.linspace(20, 80, 300), np.linspace(0, 90, 400)),
        255 - np.hypot(*np.meshgrid(np.arange(-200, 200), np.arange(-150, 150))),
        gaussian_filter(np.random.default_rng(1).normal(0, 3000, (300, 400)), 40) + 130,
        np.add.outer(np.zeros(32), np.linspace(0, 255, 32)),
    ],
    ids=["blank", "gradient", "slanted gradient", "vignette", "clouds", "small gradient"],
)
def test_what_is_smooth_is_not_blurred(values):
    assert blur(as_picture(values)) < SOFT


@pytest.mark.parametrize("name", ["china_u8", "flower_u8"])
def test_dark_noisy_and_partly_sharp_photographs_are_not_blurred(name):
    sharp = photograph(name)
    height, width = sharp.shape
    inside = np.zeros_like(sharp)
    inside[height // 3 : 2 * height // 3, width // 3 : 2 * width // 3] = 1
    inside = gaussian_filter(inside, 5)
    soft_background = sharp * inside + gaussian_filter(sharp, 6) * (1 - inside)
    noisy = sharp + np.random.default_rng(2).normal(0, 12, sharp.shape)

    assert max(blur(as_picture(values)) for values in (0.15 * sharp, noisy, soft_background)) < SOFT


def test_rows_are_left_out_of_large_pictures_only():
    assert [row_step(*shape) for shape in [(255, 256), (256, 256), (375, 500), (3000, 4000)]] == [1, 3, 5, 7]


@pytest.mark.parametrize("shape", [(9, 9), (9, 40), (40, 9), (31, 50), (300, 400), (480, 640)])
def test_the_compiled_sums_give_the_same_blur(shape):
    gray = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    gray = as_picture(gaussian_filter(gray.astype(float), 1.2) * 3 - 250)

    assert (
        blur(gray)
        == blur_of_sums(*shape, curvature_sums(gray, *shape, row_step(*shape), len(lags_of(*shape))).tolist())
        > 0
    )


def test_a_picture_that_is_too_small_has_no_blur():
    assert math.isnan(blur(np.zeros((8, 50), dtype=np.uint8)))
    assert blur(np.zeros((9, 50), dtype=np.uint8)) == 0.0
