"""The thumbnail embedding."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dataeval_spark.kernels.encoders.thumbnail import VERSION, Thumbnail
from dataeval_spark.kernels.images.value_range import ValueRange
from tests.kernels.reference import INPUTS, image


def thumbnail(*pixels):
    encoder = Thumbnail()
    return encoder.embed([encoder.prepare(image) for image in pixels])


@pytest.mark.parametrize("name", list(INPUTS))
def test_any_image_gives_192_finite_numbers_with_mean_zero(name):
    vectors = thumbnail(image(name))

    assert (vectors.shape, vectors.dtype, Thumbnail.dimension) == ((1, 192), np.float32, 192)
    assert np.isfinite(vectors).all()
    assert vectors.mean() == pytest.approx(0, abs=1e-6)


def test_cells_are_those_of_the_lanczos_filter_row_by_row_red_green_blue():
    pixels = np.zeros((16, 16, 3), dtype=np.uint8)
    pixels[:2, 2:4, 0] = 192  # the second cell of the first row
    small = np.asarray(Image.fromarray(pixels).resize((8, 8), Image.Resampling.LANCZOS)).ravel().astype(float)

    (vector,) = thumbnail(pixels)

    assert vector.argmax() == 3
    assert vector == pytest.approx((small - small.mean()) / 255, abs=1e-6)


def test_a_brighter_copy_has_the_same_vector():
    pixels = np.random.default_rng(0).integers(50, 150, (32, 32, 3), dtype=np.uint8)

    bright, dark = thumbnail(pixels + 40, pixels)

    assert bright == pytest.approx(dark, abs=1 / 255 + 1e-6)


def test_a_flat_gray_image_gives_zeros():
    assert not thumbnail(np.full((10, 10, 1), 77, dtype=np.uint8)).any()


def test_a_crop_is_seen_in_the_value_range_of_its_image():
    crop = np.zeros((8, 8, 1), dtype=np.float32)
    crop[0, 0] = 1  # alone, it would be taken for an image of 0 to 1
    encoder = Thumbnail()

    assert encoder.prepare(crop, ValueRange(8, 255.0))[0, 0, 0] == 1
    assert encoder.prepare(crop)[0, 0, 0] == 255


def test_the_version_changes_only_with_the_definition():
    assert VERSION == "7e2817d3744ba987"
