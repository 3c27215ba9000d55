"""Sums of the edge values of 8-bit rows, compiled: the sharpness of each channel and of their mean.

Edges are whole numbers, and so is six times an edge value of the mean of three channels: the sums are exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from dataeval_spark.kernels.numba_options import OPTIONS

SOURCES = "5272ab022c336862"  # see tests/kernels/images/compiled/test_sources.py

_COLUMNS = 512
"""Number of squares of at most (6 * 255)^2 whose sum fits into 32 bits."""

_ZERO, _ONE, _THREE, _NINE = np.int16(0), np.int16(1), np.int16(3), np.int16(9)
_NOTHING = np.int16(-1)
"""An edge whose value is 0."""

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
    for first in range(0, len(edges), _COLUMNS):
        part = edges[first : min(first + _COLUMNS, len(edges))]
        total, squares = np.int32(0), np.int32(0)
        for x in range(len(part)):
            value = min(max(np.int16(np.int16(part[x] + part[x]) + bias), _ZERO), top)
            wide = np.int32(value)
            total = np.int32(total + wide)
            squares = np.int32(squares + np.int32(wide * wide))
        sums[0] += total
        sums[1] += squares


@njit(**OPTIONS)
def edge_sums(planes: Any, height: int, width: int, inner: Any) -> Any:
    """Sum and sum of squares of edge values, of the mean of channels (when there are several) and of each channel.

    With e the edge of a pixel, an edge value is 2 clip(e + 1/2, 0, 255), and 6 times that for the mean of channels.

    Parameters
    ----------
    planes : uint8
        Planes, one per channel.
    height, width : int
        Size of the picture; planes may be larger.
    inner : tuple of int
        Top, left, bottom and right of the pixels that count.
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
