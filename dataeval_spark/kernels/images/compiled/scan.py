"""All measurements of the pixels of a window of an 8-bit image, in one compiled call."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

from dataeval_spark.kernels.images.compiled.appearance import blurriness, brightness_percentiles, gray_percentile
from dataeval_spark.kernels.images.compiled.planes import blank, has_colour, luma_row, put, split_row, transpose
from dataeval_spark.kernels.images.compiled.resize import PLAN, resize
from dataeval_spark.kernels.images.compiled.sums import (
    curvature_sums,
    edge_sums,
    laplacian_difference_sum,
    opponent_sums,
    quiet_sums,
)
from dataeval_spark.kernels.numba_options import OPTIONS

SOURCES = "96725087e7d18e14"  # see tests/kernels/images/compiled/test_sources.py

_LEVELS = 256
_BYTE, _8, _16, _24 = np.uint64(255), np.uint64(8), np.uint64(16), np.uint64(24)
_32, _40, _48, _56 = np.uint64(32), np.uint64(40), np.uint64(48), np.uint64(56)


@njit(**OPTIONS)
def _split(image: Any, window: Any, planes: Any, luma: Any) -> bool:
    top, left, bottom, right = window
    colour = False
    for y in range(bottom - top):
        row = image[top + y, left:right].reshape(-1)
        if image.shape[2] == 1:
            put(planes[0, y], row)
            put(luma[y], row)
        else:
            red, green, blue = planes[0, y], planes[1, y], planes[2, y]
            split_row(row, red, green, blue)
            luma_row(red, green, blue, luma[y, : len(red)])
            colour = colour or has_colour(red, green, blue)
    return colour


@njit(**OPTIONS)
def _count(plane: Any, height: int, width: int) -> Any:
    # Eight pixels are read at once, and neighbours counted apart: adding to the same number twice in a row would wait.
    apart = np.zeros((4, _LEVELS), np.int64)
    a, b, c, d = apart[0], apart[1], apart[2], apart[3]
    eights = plane.view(np.uint64)
    whole = width // 8
    for y in range(height):
        eight = eights[y]
        for x in range(whole):
            v = eight[x]
            a[v & _BYTE] += 1
            b[(v >> _8) & _BYTE] += 1
            c[(v >> _16) & _BYTE] += 1
            d[(v >> _24) & _BYTE] += 1
            a[(v >> _32) & _BYTE] += 1
            b[(v >> _40) & _BYTE] += 1
            c[(v >> _48) & _BYTE] += 1
            d[v >> _56] += 1
        for x in range(8 * whole, width):
            a[plane[y, x]] += 1
    return a + b + c + d


@njit(**OPTIONS)
def _pictures(luma: Any, turned: Any, height: int, width: int, pair: Any) -> Any:
    # The transposed picture differs from the upright one where Pillow's first pass, which it rounds, is another one.
    upright, other = pair
    side = len(upright[0][0])
    pictures = np.empty((2, side, side), np.uint8)
    resize(luma, turned, height, width, upright, pictures[0])
    second = pictures[0].copy()
    if upright[2] != other[2]:
        resize(luma, turned, height, width, other, second)
    for y in range(side):
        for x in range(side):
            pictures[1, y, x] = second[x, y]
    return pictures


_PIXELS, _FOUR, _PAIR = types.uint8[:, :, ::1], types.UniTuple(types.int64, 4), types.UniTuple(PLAN, 2)
_SUMS = types.int64[:, ::1]
_HASHED = types.Tuple((_PIXELS, _PIXELS))
_SCANNED = types.Tuple((_SUMS, _SUMS, types.boolean, types.float64[::1], types.int64[::1], _PIXELS, _PIXELS))
_READ_ONLY = types.Array(types.uint8, 3, "C", readonly=True)  # what numpy makes of Pillow's bytes


@njit(_SCANNED(_READ_ONLY, _FOUR, _FOUR, _FOUR, _FOUR, PLAN, _PAIR, _PAIR), **OPTIONS)
def scan(image: Any, window: Any, inner: Any, padded: Any, curved: Any, blur: Any, pair: Any, nine: Any) -> Any:
    """Read a window of an image once, and measure it.

    Parameters
    ----------
    image : ndarray of uint8
        Pixels (height, width, 1 or 3) of the whole image.
    window, inner : tuple of int
        Top, left, bottom, right of the window in the image; and, in the window, of the pixels that have an edge value.
    padded : tuple of int
        Place of the window in the picture to hash (top, left), and that picture's height and width.
    curved : tuple of int
        Step of the rows whose curvature is measured, number of lags, and for the noise floor the length of
        stretches of rows and the number of stretches of which one counts.
    blur : Plan
        Plan of the resize for blurriness.
    pair, nine : tuple of Plan
        Plans of the resizes for phash and dhash, of the upright and of the transposed picture, both as seen upright.

    Returns
    -------
    tuple
        Counts (channels, 256); `edge_sums`; whether any pixel has colour; percentiles 5 and 99 of brightness,
        blurriness and the deviation of its gray counts; `opponent_sums`, `laplacian_difference_sum`,
        `curvature_sums` and `quiet_sums`; the small pictures for the hashes, upright and transposed: (2, side, side)
        and (2, 9, 9).
    """
    (top, left, bottom, right), (above, before, tall, wide) = window, padded
    height, width, channels = bottom - top, right - left, image.shape[2]
    planes, hashed = blank(channels, height, width), blank(1, tall, wide)
    colour = _split(image, window, planes, hashed[0, above:, before:])
    counts = np.empty((channels, _LEVELS), np.int64)
    for c in range(channels):
        put(counts[c], _count(planes[c], height, width))
    sums = edge_sums(planes, height, width, inner)
    (step, lags, length, share), luma = curved, hashed[0, above:, before:]
    extras = np.zeros(8 + lags, np.int64)
    if channels == 3:
        put(extras, opponent_sums(planes, height, width))
    extras[4] = laplacian_difference_sum(luma, height, width)
    put(extras[5:], curvature_sums(luma, height, width, step, lags))
    if width > 4:
        put(extras[5 + lags :], quiet_sums(luma, height, width, step, length, share))
    looks = np.empty(4, np.float64)
    if channels == 3:
        looks[0], looks[1] = brightness_percentiles(planes, height, width)
    else:
        looks[0], looks[1] = gray_percentile(5.0, counts), gray_percentile(99.0, counts)
    small, turned = np.empty((channels, len(blur[1][0]), len(blur[0][0])), np.uint8), blank(1, width, height)[0]
    for c in range(channels):  # one plane at a time: what is allocated afresh for every image costs page faults
        transpose(planes[c], height, width, turned)
        resize(planes[c], turned, height, width, blur, small[c])
    looks[2], looks[3] = blurriness(small)
    turned_luma = blank(1, wide, tall)[0]
    transpose(hashed[0], tall, wide, turned_luma)
    frequencies = _pictures(hashed[0], turned_luma, tall, wide, pair)
    gradients = _pictures(hashed[0], turned_luma, tall, wide, nine)
    return counts, sums, colour, looks, extras, frequencies, gradients


@njit(_HASHED(_READ_ONLY, _FOUR, _FOUR, _PAIR, _PAIR), **OPTIONS)
def scan_pictures(image: Any, window: Any, padded: Any, pair: Any, nine: Any) -> Any:
    """The small pictures for the hashes alone: the last two results of `scan`, of the same arguments."""
    (top, left, bottom, right), (above, before, tall, wide) = window, padded
    planes, hashed = blank(image.shape[2], bottom - top, right - left), blank(1, tall, wide)
    _split(image, window, planes, hashed[0, above:, before:])
    turned_luma = blank(1, wide, tall)[0]
    transpose(hashed[0], tall, wide, turned_luma)
    return _pictures(hashed[0], turned_luma, tall, wide, pair), _pictures(hashed[0], turned_luma, tall, wide, nine)
