"""Sums behind sharpness, noise, blur and colorfulness of 8-bit pictures, compiled, in whole numbers.

Edges are whole numbers, and so is six times an edge value of the mean of three channels: all sums are exact. Loops add
up as many numbers as 32 bits hold, which is vectorised, and 64 bits hold the rest. Pictures are given as planes, one
per channel, or as a gray plane, either of which may be larger than their height and width.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

from dataeval_spark.kernels.numba_options import OPTIONS

SOURCES = "96725087e7d18e14"  # see tests/kernels/images/compiled/test_sources.py

_EDGE_SQUARES = 512
"""Number of squares of at most (6 * 255)^2 whose sum fits into 32 bits."""

_CURVATURE_SQUARES = 4096
"""Number of squares of at most (2 * 255)^2 whose sum fits into 32 bits."""

_OPPONENT_SQUARES = 1024
"""Number of squares of at most 510^2 whose sum fits into 32 bits."""

_MASK_VALUES = 1 << 19
"""Number of values of at most 8 x 255 whose sum fits into 32 bits."""

_ZERO, _ONE, _THREE, _NINE = np.int16(0), np.int16(1), np.int16(3), np.int16(9)
_NOTHING = np.int16(-1)
"""An edge whose value is 0."""

_FOUR = types.UniTuple(types.int64, 4)
_TOP, _TOP_OF_MEAN = np.int16(2 * 255), np.int16(6 * 255)


@njit(**OPTIONS)
def _edges(above: Any, row: Any, below: Any, width: int, columns: Any, edges: Any) -> None:
    second, third = columns[1:], columns[2:]
    for x in range(len(edges)):
        second[x] = np.int16(np.int16(np.int16(above[x]) + np.int16(row[x])) + np.int16(below[x]))
    columns[0], columns[width + 1] = columns[1], columns[width]  # borders are reflected
    for x in range(len(edges)):
        around = np.int16(np.int16(columns[x] + second[x]) + third[x])
        edges[x] = np.int16(np.int16(_NINE * np.int16(row[x])) - around)


@njit(**OPTIONS)
def _add(edges: Any, bias: Any, top: Any, sums: Any) -> None:
    for first in range(0, len(edges), _EDGE_SQUARES):
        part = edges[first : min(first + _EDGE_SQUARES, len(edges))]
        total, squares = np.int32(0), np.int32(0)
        for x in range(len(part)):
            value = min(max(np.int16(np.int16(part[x] + part[x]) + bias), _ZERO), top)
            wide = np.int32(value)
            total = np.int32(total + wide)
            squares = np.int32(squares + np.int32(wide * wide))
        sums[0] += total
        sums[1] += squares


@njit(types.int64[:, ::1](types.uint8[:, :, ::1], types.int64, types.int64, _FOUR), **OPTIONS)
def edge_sums(planes: Any, height: int, width: int, inner: Any) -> Any:
    """Sum and sum of squares of edge values, of the mean of channels (when there are several) and of each channel.

    With e the edge of a pixel, an edge value is 2 clip(e + 1/2, 0, 255), and 6 times that for the mean of channels.
    ``inner`` is top, left, bottom and right of the pixels that count.
    """
    top, left, bottom, right = inner
    channels, _, pitch = planes.shape
    shift = 1 if channels > 1 else 0
    sums = np.zeros((channels + shift, 2), np.int64)
    edges, columns = np.empty((channels, pitch), np.int16), np.zeros(pitch + 2, np.int16)
    mean = columns[:pitch]
    for y in range(top, bottom):
        for c in range(channels):
            plane = planes[c]
            _edges(plane[max(y - 1, 0)], plane[y], plane[min(y + 1, height - 1)], width, columns, edges[c])
            edges[c, :left], edges[c, right:] = _NOTHING, _NOTHING
            _add(edges[c], _ONE, _TOP, sums[c + shift])
        if shift:
            red, green, blue = edges[0], edges[1], edges[2]
            for x in range(pitch):
                mean[x] = np.int16(np.int16(red[x] + green[x]) + blue[x])
            _add(mean, _THREE, _TOP_OF_MEAN, sums[0])
    return sums


@njit(**OPTIONS)
def _squares(before: Any, twice: Any, after: Any) -> Any:
    total = np.int64(0)
    for first in range(0, len(twice), _CURVATURE_SQUARES):
        middle = twice[first : min(first + _CURVATURE_SQUARES, len(twice))]
        left, right = before[first:], after[first:]
        part = np.int32(0)
        for x in range(len(middle)):
            bend = np.int32(np.int16(np.int16(np.int16(left[x]) + np.int16(right[x])) - middle[x]))
            part = np.int32(part + np.int32(bend * bend))
        total += np.int64(part)
    return total


@njit(**OPTIONS)
def curvature_sums(gray: Any, height: int, width: int, step: int, lags: int) -> Any:
    """Sums of squares of ``I(x - k) - 2 I(x) + I(x + k)`` for k = 1, 2, 4 .., along every step-th row and across it.

    Pixels count that have neighbours at the largest of the lags on both sides in the direction.
    """
    sums, reach = np.zeros(lags, np.int64), 1 << (lags - 1)
    twice = np.empty(width, np.int16)
    for y in range(0, height, step):
        row = gray[y, :width]
        for x in range(width):
            twice[x] = np.int16(np.int16(row[x]) + np.int16(row[x]))
        if width > 2 * reach:
            middle = twice[reach : width - reach]
            for i in range(lags):
                k = 1 << i
                sums[i] += _squares(row[reach - k : width - reach - k], middle, row[reach + k : width - reach + k])
        if reach <= y < height - reach:
            for i in range(lags):
                k = 1 << i
                sums[i] += _squares(gray[y - k, :width], twice, gray[y + k, :width])
    return sums


@njit(types.int64[::1](types.uint8[:, :], *5 * (types.int64,)), **OPTIONS)
def quiet_sums(gray: Any, height: int, width: int, step: int, length: int, share: int) -> Any:
    """Sums of squared curvature at 1 and 2 pixels in the quietest stretches of rows, and the number of these stretches.

    Every step-th row is cut into stretches of a length, but for two pixels at its ends; the quietest are one in
    ``share``, at least one, by the sum of both.
    """
    per_row = (width - 4) // length
    rows = (height + step - 1) // step
    near, far = np.zeros(rows * per_row, np.int64), np.zeros(rows * per_row, np.int64)
    twice = np.empty(width, np.int16)
    at = 0
    for y in range(0, height, step):
        row = gray[y, :width]
        for x in range(width):
            twice[x] = np.int16(np.int16(row[x]) + np.int16(row[x]))
        for i in range(per_row):
            first = 2 + i * length
            middle = twice[first : first + length]
            near[at] = _squares(row[first - 1 : first - 1 + length], middle, row[first + 1 : first + 1 + length])
            far[at] = _squares(row[first - 2 : first - 2 + length], middle, row[first + 2 : first + 2 + length])
            at += 1
    order = np.argsort(near + far, kind="mergesort")[: max(len(near) // share, 1)]
    return np.array([near[order].sum(), far[order].sum(), len(order)])


@njit(**OPTIONS)
def laplacian_difference_sum(gray: Any, height: int, width: int) -> Any:
    """Sum of absolute values of the mask [1 -2 1; -2 4 -2; 1 -2 1] over the inner pixels of a picture."""
    total = np.int64(0)
    vertical = np.empty(width, np.int16)
    for y in range(1, height - 1):
        above, row, below = gray[y - 1, :width], gray[y, :width], gray[y + 1, :width]
        for x in range(width):
            twice = np.int16(np.int16(row[x]) + np.int16(row[x]))
            vertical[x] = np.int16(np.int16(np.int16(above[x]) + np.int16(below[x])) - twice)
        second, third = vertical[1:], vertical[2:]
        for first in range(0, width - 2, _MASK_VALUES):
            part = np.int32(0)
            for x in range(first, min(first + _MASK_VALUES, width - 2)):
                twice = np.int16(second[x] + second[x])
                value = np.int16(np.int16(vertical[x] + third[x]) - twice)
                part = np.int32(part + np.int32(abs(value)))
            total += np.int64(part)
    return total


@njit(**OPTIONS)
def opponent_sums(planes: Any, height: int, width: int) -> Any:
    """Sums of R - G, of its square, of R + G - 2 B and of its square over the pixels of planes R, G, B."""
    sums = np.zeros(4, np.int64)
    for y in range(height):
        for first in range(0, width, _OPPONENT_SQUARES):
            last = min(first + _OPPONENT_SQUARES, width)
            red, green, blue = planes[0, y, first:last], planes[1, y, first:last], planes[2, y, first:last]
            rg, rg_squares, yb, yb_squares = np.int32(0), np.int32(0), np.int32(0), np.int32(0)
            for x in range(len(red)):
                r, g, b = np.int32(red[x]), np.int32(green[x]), np.int32(blue[x])
                one, other = np.int32(r - g), np.int32(np.int32(r + g) - np.int32(b + b))
                rg = np.int32(rg + one)
                rg_squares = np.int32(rg_squares + np.int32(one * one))
                yb = np.int32(yb + other)
                yb_squares = np.int32(yb_squares + np.int32(other * other))
            sums[0] += rg
            sums[1] += rg_squares
            sums[2] += yb
            sums[3] += yb_squares
    return sums
