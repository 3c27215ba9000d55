"""Percentiles of perceived brightness by counting instead of sorting, and blurriness, of 8-bit pictures, compiled.

Colours are ranked by 241 R^2 + 691 G^2 + 68 B^2, below 2^26. The upper bits are counted for all pixels; the rest only
for pixels that share them with a wanted rank.

Blurriness is cleanvision's, of a small picture, with the integer arithmetic of Pillow 13: ``convert("L")`` and
``ImageFilter.FIND_EDGES``, which leaves the border as it is.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit, types

from dataeval_spark.kernels.images.compiled.moments import value_at
from dataeval_spark.kernels.numba_options import OPTIONS

SOURCES = "96725087e7d18e14"  # see tests/kernels/images/compiled/test_sources.py

_LOW_BITS = 13
_FINE = 1 << _LOW_BITS
_BUCKETS = (1000 * 255 * 255 >> _LOW_BITS) + 1
_RED, _GREEN, _BLUE = np.int32(241), np.int32(691), np.int32(68)
_CHUNK, _BLOCK = 32, 64


@njit(**OPTIONS)
def _rank(red: Any, green: Any, blue: Any, values: Any) -> None:
    for x in range(len(values)):
        r, g, b = np.int32(red[x]), np.int32(green[x]), np.int32(blue[x])
        weighted = np.int32(_RED * np.int32(r * r)) + np.int32(_GREEN * np.int32(g * g))
        values[x] = np.int32(weighted + np.int32(_BLUE * np.int32(b * b)))


@njit(**OPTIONS)
def _count_buckets(planes: Any, height: int, width: int, values: Any) -> Any:
    buckets = np.zeros(_BUCKETS, np.int32)
    for y in range(height):
        _rank(planes[0, y], planes[1, y], planes[2, y], values)
        for x in range(width):
            buckets[np.uintp(values[x] >> _LOW_BITS)] += 1
    return buckets


@njit(**OPTIONS)
def _locate(counts: Any, rank: int) -> Any:
    # The value at a rank, and the number of smaller ones: blocks are summed first, which is vectorised.
    before = 0
    for first in range(0, len(counts), _BLOCK):
        block_count = counts[first : first + _BLOCK].sum()
        if before + block_count > rank:
            for value in range(first, min(first + _BLOCK, len(counts))):
                if before + counts[value] > rank:
                    return value, before
                before += counts[value]
        before += block_count
    return len(counts), before


@njit(**OPTIONS)
def _count_within(planes: Any, height: int, width: int, values: Any, bucket: int, above: int) -> Any:
    # Few pixels lie in the wanted buckets: most chunks are passed over by a vectorised comparison.
    fine = np.zeros((2, _FINE), np.int32)
    first, second = np.int32(bucket), np.int32(above)
    for y in range(height):
        _rank(planes[0, y], planes[1, y], planes[2, y], values)
        for start in range(0, width, _CHUNK):
            chunk = values[start : min(start + _CHUNK, width)]
            hits = np.int32(0)
            for x in range(len(chunk)):
                pixel_bucket = np.int32(chunk[x] >> _LOW_BITS)
                hits = np.int32(hits + np.int32((pixel_bucket == first) | (pixel_bucket == second)))
            if hits:
                for x in range(len(chunk)):
                    if chunk[x] >> _LOW_BITS == first:
                        fine[0, chunk[x] & (_FINE - 1)] += 1
                    elif chunk[x] >> _LOW_BITS == second:
                        fine[1, chunk[x] & (_FINE - 1)] += 1
    return fine


@njit(types.UniTuple(types.float64, 2)(types.uint8[:, :, ::1], types.int64, types.int64), **OPTIONS)
def brightness_percentiles(planes: Any, height: int, width: int) -> Any:
    """Percentiles 5 and 99, interpolated as numpy does, of the pixels of a picture given as planes R, G, B."""
    scratch = np.empty(planes.shape[2], np.int32)
    buckets = _count_buckets(planes, height, width, scratch)
    low, high = 5.0 / 100 * (height * width - 1), 99.0 / 100 * (height * width - 1)
    ranks = (math.floor(low), math.floor(high), math.ceil(low), math.ceil(high))
    at, before, values = np.empty(4, np.int64), np.empty(4, np.int64), np.empty(4, np.float64)
    for k in range(4):
        at[k], before[k] = _locate(buckets, ranks[k])
    fine = _count_within(planes, height, width, scratch, at[0], at[1])
    for k in range(4):
        if k == 2 and (at[2] != at[0] or at[3] != at[1]):
            fine = _count_within(planes, height, width, scratch, at[2], at[3])
        counts = fine[0] if at[k] == at[k & 2] else fine[1]
        value = (at[k] << _LOW_BITS) + _locate(counts, ranks[k] - before[k])[0]
        values[k] = math.sqrt(value / 1000) / 255
    return (
        values[0] + (values[2] - values[0]) * (low - ranks[0]),
        values[1] + (values[3] - values[1]) * (high - ranks[1]),
    )


@njit(**OPTIONS)
def gray_percentile(percentile: float, counts: Any) -> float:
    """The same for pixels of one channel, whose brightness is value / 255, from their counts (1, 256)."""
    position = percentile / 100 * (counts[0].sum() - 1)
    low = value_at(counts[0], math.floor(position)) / 255
    high = value_at(counts[0], math.ceil(position)) / 255
    return low + (high - low) * (position - math.floor(position))


@njit(**OPTIONS)
def _gray(bands: Any) -> Any:
    channels, height, width = bands.shape
    gray = np.empty((height, width), np.int32)
    for y in range(height):
        for x in range(width):
            if channels == 1:
                gray[y, x] = bands[0, y, x]
            else:
                gray[y, x] = (bands[0, y, x] * 19595 + bands[1, y, x] * 38470 + bands[2, y, x] * 7471 + 0x8000) >> 16
    return gray


@njit(**OPTIONS)
def _edge(gray: Any, y: int, x: int) -> int:
    height, width = gray.shape
    if min(height, width) < 3 or y in (0, height - 1) or x in (0, width - 1):
        return gray[y, x]
    around = 0
    for row in range(y - 1, y + 2):
        around += gray[row, x - 1] + gray[row, x] + gray[row, x + 1]
    return min(max(9 * gray[y, x] - around, 0), 255)


@njit(**OPTIONS)
def blurriness(bands: Any) -> Any:
    """Standard deviations of the edges of a picture (channels, height, width), and of its 256 gray counts."""
    gray = _gray(bands)
    n = gray.size
    total, squares = 0, 0
    counts = np.zeros(256, np.int64)
    for y in range(gray.shape[0]):
        for x in range(gray.shape[1]):
            edge = _edge(gray, y, x)
            total += edge
            squares += edge * edge
            counts[gray[y, x]] += 1
    of_counts = 256 * (counts * counts).sum() - n * n
    return math.sqrt(n * squares - total * total) / n, math.sqrt(of_counts) / 256
