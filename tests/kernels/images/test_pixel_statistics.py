"""Pixel statistics: DataEval's values, and one answer whichever path computes it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import stats

from dataeval_spark.kernels.images.geometry import window_of
from dataeval_spark.kernels.images.pixel_statistics import NAMES, pixel_statistics
from dataeval_spark.kernels.images.value_range import EIGHT_BIT, ValueRange, value_range
from dataeval_spark.kernels.images.visual_statistics import visual_statistics
from tests.kernels.reference import CHANNELS, EXPECTED, VALID_BOXES, differences, image

images = npst.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3])))


@pytest.mark.parametrize("name", list(EXPECTED["whole"]))
def test_an_image_equals_dataeval(name):
    pixels = image(name)

    statistics = pixel_statistics(pixels, value_range(pixels, as_dataeval=True)).whole

    assert differences(statistics, EXPECTED["whole"][name], NAMES) == {}


@pytest.mark.parametrize("name", list(EXPECTED["whole"]))
def test_the_histogram_of_an_image_equals_dataeval(name):
    pixels, expected = image(name), EXPECTED["whole"][name]["histogram"]

    histograms = pixel_statistics(pixels, value_range(pixels, as_dataeval=True)).histograms

    assert (["nan"] * 256 if histograms is None else histograms.sum(axis=0).tolist()) == expected


@pytest.mark.parametrize("case", VALID_BOXES)
def test_a_box_equals_dataeval(case):
    pixels = image(case["image"])
    window = window_of(tuple(case["box"]), *pixels.shape[:2])

    crop = pixels[window.slices]
    statistics = pixel_statistics(crop, value_range(pixels, as_dataeval=True), outside=window.outside).whole

    assert differences(statistics, case["expected"], NAMES) == {}


@pytest.mark.parametrize("case", CHANNELS)
def test_a_channel_equals_dataeval(case):
    pixels = image(case["image"])

    statistics = pixel_statistics(pixels, value_range(pixels, as_dataeval=True)).channels[case["channel"]]

    assert differences(statistics, case["expected"], NAMES) == {}


@given(pixels=images, outside=st.integers(0, 5))
def test_counted_and_direct_paths_agree(pixels, outside):
    encoded = value_range(pixels, as_dataeval=True)

    counted = pixel_statistics(pixels, encoded, outside=outside)
    direct = pixel_statistics(pixels.astype(np.float64), encoded, outside=outside)

    assert counted.whole == pytest.approx(direct.whole, rel=1e-9, abs=1e-9)
    for one, other in zip(counted.channels, direct.channels, strict=True):
        assert one == pytest.approx(other, rel=1e-9, abs=1e-9)
    assert (counted.histograms == direct.histograms).all()


@given(pixels=images)
def test_moments_equal_scipy(pixels):
    values = pixels.astype(np.float64).ravel()
    statistics = pixel_statistics(pixels, EIGHT_BIT).whole

    assert statistics["mean"] == pytest.approx(values.mean(), abs=1e-9)
    assert statistics["var"] == pytest.approx(values.var(), abs=1e-9)
    if np.ptp(values) > 0:
        assert statistics["skew"] == pytest.approx(stats.skew(values), abs=1e-9)
        assert statistics["kurtosis"] == pytest.approx(stats.kurtosis(values), abs=1e-9)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float64"])
def test_a_constant_image_has_no_spread(dtype):
    statistics = pixel_statistics(np.full((5, 7, 3), 200, dtype=dtype), EIGHT_BIT).whole

    assert statistics.pop("mean") == 200.0
    assert set(statistics.values()) == {0.0}


def test_a_constant_float_image_has_variance_zero_exactly():
    assert pixel_statistics(np.full((3, 3, 1), 0.1), None).whole["var"] == 0.0


def test_two_equally_frequent_values_have_an_entropy_of_ln_two_nats():
    statistics = pixel_statistics(np.array([[[0], [255]]], dtype=np.uint8), EIGHT_BIT).whole

    assert statistics["entropy"] == pytest.approx(math.log(2))


def test_missing_values_count_in_the_denominator_of_zeros():
    pixels = np.array([[[0.0], [np.nan], [5.0], [7.0]]])

    statistics = pixel_statistics(pixels, EIGHT_BIT).whole

    assert (statistics["missing"], statistics["zeros"], statistics["mean"]) == (0.25, 0.25, 4.0)


def test_of_pixels_that_are_all_missing_only_missing_is_known():
    statistics = pixel_statistics(np.full((2, 2, 1), np.nan), None).whole

    assert statistics.pop("missing") == 1.0
    assert all(math.isnan(value) for value in statistics.values())


def test_ones_of_a_one_bit_image_fall_into_the_last_bin():
    pixels = np.array([[[False], [True], [True]]])

    (histogram,) = pixel_statistics(pixels, value_range(pixels, as_dataeval=True)).histograms

    assert (histogram[0], histogram[255], histogram.sum()) == (1, 2, 3)


@pytest.mark.parametrize("name", list(EXPECTED["normalized"]))
def test_dividing_by_the_range_gives_dataeval_s_normalized_statistics(name):
    pixels, expected = image(name), EXPECTED["normalized"][name]
    encoded = value_range(pixels, as_dataeval=True)
    if encoded is None:
        pytest.skip("the range is unknown: there is nothing to divide by")
    found = pixel_statistics(pixels, encoded).whole

    scaled = {"mean": encoded.maximum, "std": encoded.maximum, "var": encoded.maximum**2}
    normalized = {key: value / scaled.get(key, 1.0) for key, value in found.items()}

    assert differences(normalized, expected, NAMES) == {}


@pytest.mark.parametrize("case", EXPECTED["declared_range"], ids=lambda case: case["image"])
def test_a_declared_range_gives_signed_values_an_entropy_and_a_look(case):
    pixels, (low, high) = image(case["image"]), case["range"]
    encoded = ValueRange(None, high, low)
    found = pixel_statistics(pixels, encoded).whole | visual_statistics(pixels, encoded).whole

    # DataEval gives the normalized ones here.
    found |= {"mean": (found["mean"] - low) / (high - low), "std": found["std"] / (high - low)}
    found["var"] /= (high - low) ** 2
    names = tuple(name for name in case["expected"] if name != "depth")
    assert differences(found, case["expected"], names) == {}
