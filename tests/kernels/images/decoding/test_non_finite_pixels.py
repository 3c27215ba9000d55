"""Pixels that are NaN or infinite, and no-data values near the ends of float64: the others are measured."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from scipy import stats

from dataeval_spark.kernels.images.pixel_statistics import pixel_statistics
from dataeval_spark.kernels.images.profile import Measures, profile_image
from tests.kernels.picture_files import tiff

RANDOM = np.random.default_rng(3)
PIXELS = RANDOM.random((20, 30, 1)).astype(np.float32)
NUMBERS = ("mean", "std", "var", "skew", "kurtosis", "entropy", "brightness", "contrast", "darkness", "noise")


def with_pixel(value: float, dtype: type = np.float32, channels: int = 1) -> np.ndarray:
    pixels = np.repeat(PIXELS, channels, axis=2).astype(dtype)
    pixels[7, 9, 0] = value
    return pixels


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("channels", [1, 3])
def test_one_non_finite_pixel_is_counted_and_the_others_are_measured(value, channels):
    pixels = with_pixel(value, channels=channels)

    profile = profile_image(tiff(pixels, photometric=2 if channels == 3 else 1), [(5, 5, 12, 12), (20, 0, 30, 9)])
    found = profile.image.stats

    finite = pixels[np.isfinite(pixels)].astype(np.float64)
    assert (found["non_finite"], found["bit_depth"]) == (1, 1)
    assert found["missing"] == pytest.approx(1 / pixels.size)
    assert found["mean"] == pytest.approx(finite.mean(), rel=1e-12)
    assert found["std"] == pytest.approx(finite.std(), rel=1e-12)
    assert found["skew"] == pytest.approx(stats.skew(finite), rel=1e-9)
    assert found["kurtosis"] == pytest.approx(stats.kurtosis(finite), rel=1e-9)
    assert found["percentiles"] == pytest.approx(np.quantile(finite * 255.0, [0, 0.25, 0.5, 0.75, 1]), rel=1e-9)
    assert all(found[name] is not None for name in NUMBERS)
    assert sum(sum(channel["histogram"]) for channel in profile.image.channels) == finite.size
    assert profile.image.channels[0]["mean"] == pytest.approx(
        pixels[:, :, 0][np.isfinite(pixels[:, :, 0])].astype(np.float64).mean(), rel=1e-12
    )
    assert [box.stats["non_finite"] for box in profile.boxes] == [1, 0]
    assert profile.image.hashes["phash"] is not None


def test_nan_and_infinity_are_measured_alike_and_have_different_exact_hashes():
    nan, plus, minus = (profile_image(tiff(with_pixel(v))).image for v in (math.nan, math.inf, -math.inf))

    assert nan.stats == plus.stats == minus.stats
    assert len({image.hashes["content_hash"] for image in (nan, plus, minus)}) == 3


def test_a_hole_is_neither_noise_nor_a_color():
    flat = np.full((20, 30, 3), 0.25, dtype=np.float32)
    flat[7, 9] = math.nan

    found = profile_image(tiff(flat, photometric=2)).image.stats

    assert (found["noise"], found["colorfulness"], found["std"], found["is_grayscale"]) == (0.0, 0.0, 0.0, True)
    assert found["non_finite"] == 3


def test_an_image_without_any_finite_pixel_has_rows_and_nothing_measured():
    profile = profile_image(tiff(np.full((4, 5, 1), math.inf, dtype=np.float32)))

    assert (profile.image.stats["missing"], profile.image.stats["non_finite"]) == (1.0, 20)
    assert profile.image.stats["mean"] is None
    assert profile.image.hashes["content_hash"] is not None


def test_integers_have_no_such_pixels():
    assert profile_image(b"P5 2 1 255 " + bytes([100, 200])).image.stats["non_finite"] == 0


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(3.4e38, np.float32), (-3.4e38, np.float32), (1e308, np.float64), (-1e308, np.float64), (1.7e308, np.float64)],
)
@pytest.mark.parametrize("declared", [None, (0.0, 1.0)])
def test_no_data_values_at_the_ends_of_floats_are_measured_or_null_and_break_nothing(value, dtype, declared):
    pixels = with_pixel(value, dtype, channels=3)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        measures = Measures(value_range=declared, background=True, channel_groups={"all": (0, 1, 2)})
        profile = profile_image(tiff(pixels, photometric=2), [(0, 0, 20, 20)], measures)

    found = profile.image.stats
    scaled = pixels.astype(np.float64).ravel() / abs(value)
    assert found["mean"] == pytest.approx(scaled.mean() * abs(value), rel=1e-9)
    assert found["std"] == pytest.approx(scaled.std() * abs(value), rel=1e-9)
    assert found["skew"] == pytest.approx(stats.skew(scaled), rel=1e-9)
    assert found["var"] is None or found["var"] == pytest.approx(found["std"] ** 2, rel=1e-9)
    assert found["non_finite"] == 0
    for row in (found, *profile.image.channels, *profile.image.groups, profile.boxes[0].stats, profile.background):
        assert all(math.isfinite(number) for number in row.values() if isinstance(number, float))
    if declared is None:
        assert found["entropy"] is None  # no range is known
    else:
        assert sum(sum(channel["histogram"]) for channel in profile.image.channels) == pixels.size - 1
        assert found["percentiles"][0 if value < 0 else 4] == (0.0 if value < 0 else 255.0)


@pytest.mark.parametrize("scale", [1e-300, 1e-80, 1e-20, 1.0, 1e20, 1e80, 1e300])
def test_moments_do_not_depend_on_the_scale(scale):
    values = RANDOM.gamma(2.0, size=(10, 10, 1))

    found = pixel_statistics(values * scale, None).whole

    assert found["mean"] / scale == pytest.approx(values.mean(), rel=1e-12)
    assert found["std"] / scale == pytest.approx(values.std(), rel=1e-12)
    assert found["skew"] == pytest.approx(stats.skew(values.ravel()), rel=1e-9)
    assert found["kurtosis"] == pytest.approx(stats.kurtosis(values.ravel()), rel=1e-9)
