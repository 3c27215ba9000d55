"""Pillow's resize of 8-bit images, bit for bit and compiled.

Pillow weighs pixels in fixed point: weights are computed in float64, normalised and rounded to 22 fractional bits;
sums are 32-bit integers, and what leaves each of the two passes is rounded and clipped to
0..255. A pass that Pillow skips because the size stays has weights of exactly 0 and 1, which change nothing. From
version 13 on, Pillow begins with the columns where much more height than width goes; we do as the installed Pillow.
Source: Pillow 13, src/libImaging/Resample.c.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import PIL
from numba import njit, types
from numpy.typing import NDArray

from dataeval_spark.kernels.images.compiled.planes import rounded
from dataeval_spark.kernels.numba_options import OPTIONS

SOURCES = "96725087e7d18e14"  # see tests/kernels/images/compiled/test_sources.py

Weights = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]
"""First source pixel of each target pixel, number of pixels that it reads, and their weights (0 beyond)."""

Plan = tuple[Weights, Weights, bool]
"""Weights along rows and along columns, and whether the rows come first."""

LANCZOS, BICUBIC = 3, 2
WEIGHTS = types.Tuple((types.int32[::1], types.int32[::1], types.int32[:, ::1]))
PLAN = types.Tuple((WEIGHTS, WEIGHTS, types.boolean))
_PICTURE = types.uint8[:, ::1]
_AT_ONCE = 8  # so many lines are added at once: weights are filled up with 0 to a multiple

_BITS = 22
_HALF = np.int32(1 << (_BITS - 1))
_TABLES = 256
_COLUMNS_MAY_COME_FIRST = int(PIL.__version__.split(".")[0]) >= 13


@njit(**OPTIONS)
def _filter(x: float, lobes: int) -> float:
    if lobes == LANCZOS:
        if x == 0.0:
            return 1.0
        if not -3.0 <= x < 3.0:
            return 0.0
        wide, narrow = x * math.pi, x / 3 * math.pi
        return math.sin(wide) / wide * (math.sin(narrow) / narrow)
    x = abs(x)
    if x < 1.0:
        return (1.5 * x - 2.5) * x * x + 1
    if x < 2.0:
        return (((x - 5) * x + 8) * x - 4) * -0.5
    return 0.0


@njit(WEIGHTS(types.int64, types.int64, types.int64), **OPTIONS)
def _weights(size: int, target: int, lobes: int) -> Weights:
    scale = size / target
    stretch = max(scale, 1.0)
    support = lobes * stretch
    most = math.ceil(support) * 2 + 1
    starts, numbers = np.empty(target, np.int32), np.empty(target, np.int32)
    fixed = np.zeros((target, (most + _AT_ONCE - 1) // _AT_ONCE * _AT_ONCE), np.int32)
    exact = np.empty(most, np.float64)
    for i in range(target):
        center = (i + 0.5) * scale
        start = max(int(center - support + 0.5), 0)
        number = min(int(center + support + 0.5), size) - start
        total = 0.0
        for t in range(number):
            exact[t] = _filter((t + start - center + 0.5) * (1.0 / stretch), lobes)
            total += exact[t]
        for t in range(number):
            weight = exact[t] / total if total != 0.0 else exact[t]
            fixed[i, t] = int(weight * (1 << _BITS) + (-0.5 if weight < 0 else 0.5))
        starts[i], numbers[i] = start, number
    return starts, numbers, fixed


@functools.lru_cache(maxsize=_TABLES)
def weights_of(size: int, target: int, lobes: int) -> Weights:
    """The weights that shrink or stretch `size` pixels to `target`, by LANCZOS or BICUBIC.

    Examples
    --------
    >>> weights_of(2, 1, BICUBIC)[2][0, :2].tolist()
    [2097152, 2097152]
    """
    return _weights(size, target, lobes)


def columns_first(height: int, width: int, target_height: int, target_width: int) -> bool:
    """Whether Pillow, from version 13 on, resizes the columns before the rows: where much more height goes than width.

    Examples
    --------
    >>> columns_first(500, 100, 32, 32)
    True
    """
    lost = height - target_height
    return _COLUMNS_MAY_COME_FIRST and lost > 0 and lost > 2 * (width - target_width)


def plan_of(height: int, width: int, target_height: int, target_width: int, lobes: int) -> Plan:
    """Plan to resize a picture: weights along rows, along columns, and whether rows come first."""
    along_rows, along_columns = weights_of(width, target_width, lobes), weights_of(height, target_height, lobes)
    return along_rows, along_columns, not columns_first(height, width, target_height, target_width)


@njit(**OPTIONS)
def _pass(lines: Any, weights: Any, out: Any) -> None:
    # The pass makes fewer or more lines of pixels, which are stored as columns: the next pass goes across them.
    starts, numbers, table = weights
    length, most = lines.shape[1], len(lines) - 1
    totals = np.empty(length, np.int32)
    for i in range(len(starts)):
        totals[:] = _HALF
        for t in range(0, numbers[i], _AT_ONCE):
            at, w = starts[i] + t, table[i, t : t + _AT_ONCE]
            a, b = lines[min(at, most)], lines[min(at + 1, most)]
            c, d = lines[min(at + 2, most)], lines[min(at + 3, most)]
            e, f = lines[min(at + 4, most)], lines[min(at + 5, most)]
            g, h = lines[min(at + 6, most)], lines[min(at + 7, most)]
            w0, w1, w2, w3, w4, w5, w6, w7 = w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]
            for x in range(length):
                ab = np.int32(np.int32(w0 * np.int32(a[x])) + np.int32(w1 * np.int32(b[x])))
                cd = np.int32(np.int32(w2 * np.int32(c[x])) + np.int32(w3 * np.int32(d[x])))
                ef = np.int32(np.int32(w4 * np.int32(e[x])) + np.int32(w5 * np.int32(f[x])))
                gh = np.int32(np.int32(w6 * np.int32(g[x])) + np.int32(w7 * np.int32(h[x])))
                totals[x] = np.int32(totals[x] + np.int32(np.int32(ab + cd) + np.int32(ef + gh)))
        for x in range(len(out)):
            value = np.int32(totals[x] >> _BITS)
            out[x, i] = np.uint8(min(max(value, np.int32(0)), np.int32(255)))


@njit(**OPTIONS)
def _resize(lines: Any, length: int, first: Any, second: Any) -> Any:
    # Lines may be longer than the picture. The result has lines again.
    lines_left = len(first[0])
    between = np.zeros((length, rounded(lines_left)), np.uint8)
    _pass(lines, first, between)
    out = np.empty((lines_left, len(second[0])), np.uint8)
    _pass(between, second, out)
    return out


@njit(types.void(_PICTURE, _PICTURE, types.int64, types.int64, PLAN, _PICTURE), **OPTIONS)
def resize(rows: Any, columns: Any, height: int, width: int, plan: Any, out: Any) -> None:
    """Resize a picture as Pillow does.

    Parameters
    ----------
    rows, columns : uint8
        The picture and the transposed picture, both at least as large as it is.
    height, width : int
        Size of the picture.
    plan : Plan
        Result of `plan_of`.
    out : uint8
        Output: the resized picture.
    """
    along_rows, along_columns, rows_first = plan
    if rows_first:
        turned = _resize(columns, height, along_rows, along_columns)
        for y in range(out.shape[0]):
            for x in range(out.shape[1]):
                out[y, x] = turned[x, y]
    else:
        resized = _resize(rows, width, along_columns, along_rows)
        for y in range(out.shape[0]):
            for x in range(out.shape[1]):
                out[y, x] = resized[y, x]


def _nothing() -> Plan:
    none = np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros((0, _AT_ONCE), np.int32)
    return none, none, True


NOTHING = _nothing()
"""Plan for a picture that is not needed."""
