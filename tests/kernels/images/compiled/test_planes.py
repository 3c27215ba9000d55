"""Planes of an 8-bit picture: taken apart, transposed, and their luma to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from dataeval_spark.kernels.images.compiled.planes import blank, has_colour, luma_row, rounded, split_row, transpose

COLOURS = np.random.default_rng(0).integers(0, 256, (3, 100_000), dtype=np.uint8)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (height, width), dtype=np.uint8)


def test_a_transposed_picture_is_transposed():
    gray = noise(21, 37)
    rows, columns = blank(1, 21, 37)[0], blank(1, 37, 21)[0]
    rows[:21, :37] = gray

    transpose(rows, 21, 37, columns)

    assert (columns[:37, :21] == gray.T).all()
    assert columns[37:].sum() + columns[:, 21:].sum() == 0


@pytest.mark.parametrize(("length", "pitch"), [(1, 32), (32, 32), (33, 64), (511, 544), (512, 544), (513, 544)])
def test_lengths_are_rounded_up_to_whole_vectors_that_do_not_crowd_the_cache(length, pitch):
    assert rounded(length) == pitch
    assert blank(2, length, 1).shape == (2, pitch, 32)


def test_a_row_is_taken_apart_and_has_colour_where_its_channels_differ():
    red, green, blue = np.zeros((3, 2), dtype=np.uint8)

    split_row(np.array([1, 2, 3, 9, 9, 9], dtype=np.uint8), red, green, blue)

    assert (red.tolist(), green.tolist(), blue.tolist()) == ([1, 9], [2, 9], [3, 9])
    assert has_colour(red, green, blue)
    assert not has_colour(red, red, red)


@pytest.mark.parametrize("colours", [COLOURS, np.repeat(np.arange(256, dtype=np.uint8)[np.newaxis], 3, axis=0)])
def test_luma_is_that_of_float64_also_where_the_whole_numbers_leave_no_remainder(colours):
    red, green, blue = colours
    luma = np.empty(len(red), dtype=np.uint8)

    luma_row(red, green, blue, luma)

    assert luma.tolist() == (red * 0.299 + green * 0.587 + blue * 0.114).astype(np.uint8).tolist()
