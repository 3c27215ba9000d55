"""Boxes around polygons and masks: those of the pixels, however the runs are written."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays

from dataeval_spark.kernels.formats.segmentations import segmentation_box

masks = array_shapes(min_dims=2, max_dims=2, max_side=12).flatmap(lambda shape: arrays(bool, shape))


def runs_of(mask):
    """Lengths of runs outside and inside in turn, down the columns."""
    pixels = mask.ravel(order="F").tolist()
    runs, inside = [0], False
    for pixel in pixels:
        if pixel != inside:
            runs.append(0)
            inside = pixel
        runs[-1] += 1
    return runs


def text_of(runs):
    """As `rleToString` of pycocotools."""
    text = ""
    for place, run in enumerate(runs):
        value = run - runs[place - 2] if place > 2 else run
        is_last = False
        while not is_last:
            bits = value & 31
            value >>= 5
            is_last = value == (-1 if bits & 16 else 0)
            text += chr(48 + (bits if is_last else bits | 32))
    return text


@given(masks)
def test_the_box_of_a_mask_is_that_of_its_pixels(mask):
    rows, columns = np.nonzero(mask)
    size, runs = list(mask.shape), runs_of(mask)
    expected = None
    if len(rows):
        left, top = columns.min(), rows.min()
        expected = (left, top, columns.max() - left + 1, rows.max() - top + 1)

    assert segmentation_box({"size": size, "counts": runs}) == expected
    assert segmentation_box({"size": size, "counts": text_of(runs)}) == expected


def test_runs_as_pycocotools_writes_them():
    counts = r"^`0f0b0000000000000000T:\O`F000^Q1"

    assert segmentation_box({"size": [40, 60], "counts": counts}) == (13.0, 6.0, 20.0, 22.0)


@pytest.mark.parametrize(
    "segmentation",
    [
        None,
        [],
        [[1, 2, 3, 4]],
        [[1, 2, 3, 4, 5, "6"]],
        "0123",
        {},
        {"size": [2, 2]},
        {"size": [2, 2], "counts": []},
        {"size": [2, 2], "counts": ""},
        {"size": [2, 2], "counts": [1, 2]},
        {"size": [2, 2], "counts": [5, -2, 1]},
        {"size": [2, 2], "counts": [1, 1.5, 1.5]},
        {"size": [2, 2], "counts": [4]},
        {"size": [0, 2], "counts": [0]},
        {"size": [2, 2], "counts": "\x00"},
        {"size": [2, 2], "counts": "oooooooooooooooooo"},
        {"size": [2, 2], "counts": "o"},
        {"size": [2, 2], "counts": "oooooooooo0" * 3000},
    ],
)
def test_what_has_no_area_or_is_no_segmentation_has_no_box(segmentation):
    assert segmentation_box(segmentation) is None
