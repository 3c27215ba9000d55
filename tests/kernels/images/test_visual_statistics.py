"""Visual statistics: DataEval's values, numpy's percentiles, SciPy's filter."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import ndimage

from dataeval_spark.kernels.images.geometry import window_of
from dataeval_spark.kernels.images.value_range import EIGHT_BIT, value_range
from dataeval_spark.kernels.images.visual_statistics import NAMES, visual_statistics
from tests.kernels.reference import CHANNELS, EXPECTED, VALID_BOXES, differences, image

images = npst.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3, 20])))


@pytest.mark.parametrize("name", list(EXPECTED["whole"]))
def test_an_image_equals_dataeval(name):
    pixels = image(name)

    statistics = visual_statistics(pixels, value_range(pixels, as_dataeval=True)).whole

    assert differences(statistics, EXPECTED["whole"][name], NAMES) == {}


@pytest.mark.parametrize("case", VALID_BOXES)
def test_a_box_equals_dataeval(case):
    pixels = image(case["image"])
    window = window_of(tuple(case["box"]), *pixels.shape[:2])

    crop = pixels[window.slices]
    statistics = visual_statistics(crop, value_range(pixels, as_dataeval=True), window=window).whole

    assert differences(statistics, case["expected"], NAMES) == {}


@pytest.mark.parametrize("case", CHANNELS)
def test_a_channel_equals_dataeval(case):
    pixels = image(case["image"])

    statistics = visual_statistics(pixels, value_range(pixels, as_dataeval=True)).channels[case["channel"]]

    assert differences(statistics, case["expected"], NAMES) == {}


@given(pixels=images)
def test_percentiles_equal_numpy(pixels):
    percentiles = visual_statistics(pixels, EIGHT_BIT).whole["percentiles"]

    assert percentiles == pytest.approx(np.percentile(pixels, [0, 25, 50, 75, 100]).tolist(), abs=1e-9)


@given(pixels=images)
def test_sharpness_equals_the_filter_of_scipy(pixels):
    kernel = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]], dtype=np.float64)
    edges = ndimage.convolve(pixels.mean(axis=2), kernel, mode="reflect") + 0.5

    sharpness = visual_statistics(pixels, EIGHT_BIT).whole["sharpness"]

    assert sharpness == pytest.approx(np.clip(edges, 0, 255).std(), abs=1e-9)


@given(pixels=images)
def test_counted_and_direct_paths_agree(pixels):
    counted = visual_statistics(pixels, value_range(pixels, as_dataeval=True))
    direct = visual_statistics(pixels.astype(np.float64), value_range(pixels, as_dataeval=True))

    for one, other in zip([counted.whole, *counted.channels], [direct.whole, *direct.channels], strict=True):
        for name in NAMES:
            assert one[name] == pytest.approx(other[name], rel=1e-9, abs=1e-9)


def test_an_unknown_range_leaves_everything_unknown():
    statistics = visual_statistics(np.full((3, 3, 1), -1.0), None).whole

    assert all(math.isnan(statistics[name]) for name in ("brightness", "contrast", "darkness", "sharpness"))
    assert all(map(math.isnan, statistics["percentiles"]))


def test_a_black_image_has_no_contrast():
    assert visual_statistics(np.zeros((4, 4, 1), dtype=np.uint8), EIGHT_BIT).whole["contrast"] == 0.0
