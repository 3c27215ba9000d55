"""The value range: DataEval's rule, first hit wins."""

from __future__ import annotations

import numpy as np
import pytest

from dataeval_spark.kernels.images.value_range import (
    EIGHT_BIT,
    ValueRange,
    exposure_clipping,
    perceptual,
    picture,
    value_range,
)
from tests.kernels.reference import EXPECTED, image, same


@pytest.mark.parametrize("name", list(EXPECTED["whole"]))
def test_the_bit_depth_equals_dataeval(name):
    encoded = value_range(image(name), as_dataeval=True)

    assert same(None if encoded is None else encoded.bit_depth, EXPECTED["whole"][name]["depth"])


@pytest.mark.parametrize(
    ("values", "dtype", "depth"),
    [
        ([0], "uint8", 8),
        ([0, 1], "uint8", 8),
        ([False, True], "bool", 1),
        ([255], "int32", 8),
        ([200], "uint16", 12),
        ([256], "uint16", 12),
        ([4096], "uint16", 16),
        ([65536], "int32", 32),
        ([-1, 5], "int32", None),
        ([0.0, 1.0], "float32", 1),
        ([1.5], "float64", 8),
        ([256.0], "float64", None),
        ([-0.1], "float64", None),
        ([np.nan], "float64", None),
        ([np.nan, 0.5], "float64", 1),
        ([np.inf], "float64", None),
        ([], "uint8", None),
    ],
)
def test_the_first_rule_that_holds_decides(values, dtype, depth):
    encoded = value_range(np.array(values, dtype=dtype))

    assert (None if encoded is None else encoded.bit_depth) == depth


@pytest.mark.parametrize(("values", "dtype", "depth"), [([0, 1], "uint8", 1), ([2], "uint8", 8), ([200], "uint16", 8)])
def test_dataeval_goes_by_the_largest_value_alone(values, dtype, depth):
    assert value_range(np.array(values, dtype=dtype), as_dataeval=True).bit_depth == depth


def test_a_picture_of_zeros_and_ones_is_as_dark_as_it_is():
    pixels = np.array([[[0], [1]]], dtype=np.uint8)

    assert picture(pixels, value_range(pixels)).max() == 1
    assert picture(pixels, value_range(pixels, as_dataeval=True)).max() == 255


def test_eight_bit_pixels_are_not_copied():
    pixels = np.full((2, 2, 3), 200, dtype=np.uint8)

    assert picture(pixels, EIGHT_BIT) is pixels


def test_a_twelve_bit_value_keeps_its_share_of_the_range():
    assert perceptual(np.array([[[819]]], dtype=np.uint16), ValueRange(12, 4095.0)).tolist() == [[[51.0]]]


@pytest.mark.parametrize(
    ("pixel", "shown"),
    [([10, 20, 30, 0], [255, 255, 255]), ([10, 20, 30, 255], [10, 20, 30]), ([10, 30], [20]), ([1, 2, 3, 4, 5], [3])],
    ids=["transparent", "opaque", "two channels", "five channels"],
)
def test_a_picture_has_one_or_three_channels(pixel, shown):
    assert picture(np.array([[pixel]], dtype=np.uint8), EIGHT_BIT)[0, 0].tolist() == shown


def test_missing_values_are_black_in_a_picture():
    assert picture(np.array([[[np.nan]]]), EIGHT_BIT).tolist() == [[[0]]]


def test_clipping_is_counted_at_the_ends_of_the_range_that_the_image_has():
    twelve_bit = np.array([[0, 4095, 4000, 12]], dtype=np.uint16)[:, :, np.newaxis]

    assert exposure_clipping(twelve_bit, ValueRange(12, 4095.0)) == {"clipped_low": 0.25, "clipped_high": 0.25}


def test_missing_values_are_neither_low_nor_high():
    values = np.array([[np.nan, 1.0, 0.5]])[:, :, np.newaxis]

    assert exposure_clipping(values, ValueRange(1, 1.0)) == {"clipped_low": 0.0, "clipped_high": 0.5}
    assert np.isnan(exposure_clipping(values[:, :1], ValueRange(1, 1.0))["clipped_low"])
