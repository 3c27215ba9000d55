"""The thumbnail embedding."""

from __future__ import annotations

import numpy as np
import pytest

from dataeval_spark.kernels.thumbnail import DIMENSION, VERSION, thumbnail_embedding

from .reference import INPUTS, image


@pytest.mark.parametrize("name", list(INPUTS))
def test_any_image_gives_192_finite_numbers_with_mean_zero(name):
    vector = thumbnail_embedding(image(name))

    assert (vector.shape, vector.dtype, DIMENSION) == ((192,), np.float32, 192)
    assert np.isfinite(vector).all()
    assert vector.mean() == pytest.approx(0, abs=1e-6)


def test_cells_are_mean_colours_row_by_row_red_green_blue():
    pixels = np.zeros((16, 16, 3), dtype=np.uint8)
    pixels[:2, 2:4, 0] = 192  # the second cell of the first row

    vector = thumbnail_embedding(pixels)

    assert vector.argmax() == 3
    assert vector[3] - vector[0] == pytest.approx(192 / 255)


def test_a_brighter_copy_has_the_same_vector():
    pixels = np.random.default_rng(0).integers(50, 150, (32, 32, 3), dtype=np.uint8)

    assert thumbnail_embedding(pixels + 40) == pytest.approx(thumbnail_embedding(pixels), abs=1 / 255 + 1e-6)


def test_a_flat_gray_image_gives_zeros():
    assert not thumbnail_embedding(np.full((10, 10, 1), 77, dtype=np.uint8)).any()


def test_the_version_changes_only_with_the_definition():
    assert VERSION == "9e18dd68df99f860"
