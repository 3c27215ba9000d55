"""Perceptual hashes of a small gray picture and of its eight rotations and flips, compiled.

A flip changes the sign of every second frequency and nothing else, so two transforms serve eight pictures. Their
rounding differs from SciPy's, whose bits are the definition: where a frequency lies so near the median that rounding
could decide its bit (flat or mirrored pictures), the caller is told to take SciPy's.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from dataeval_spark.kernels.numba_options import OPTIONS

SOURCES = "96725087e7d18e14"  # see tests/kernels/images/compiled/test_sources.py

_SIDE = 8
_BITS = 64
_MARGIN = 1e-6
"""Far above the rounding of either transform: frequencies are at most 4 * 255 * 32 * 32, and 2^-53 of that is 1e-10."""

_PICTURES = types.uint8[:, :, ::1]


@functools.lru_cache(maxsize=8)
def cosines(side: int) -> NDArray[np.float64]:
    """The first eight rows of the DCT-II: (8, side)."""
    k, n = np.ogrid[:_SIDE, :side]
    return np.ascontiguousarray(2 * np.cos(np.pi * k * (2 * n + 1) / (2 * side)))


@njit(**OPTIONS)
def _frequencies(picture: Any, table: Any) -> Any:
    side = picture.shape[0]
    partial = np.zeros((_SIDE, side), np.float64)
    for u in range(_SIDE):
        for y in range(side):
            for x in range(side):
                partial[u, x] += table[u, y] * picture[y, x]
    frequencies = np.zeros(_BITS, np.float64)
    for u in range(_SIDE):
        for v in range(_SIDE):
            for x in range(side):
                frequencies[u * _SIDE + v] += table[v, x] * partial[u, x]
    return frequencies


@njit(**OPTIONS)
def _keep(hashes: Any, value: Any, first: bool) -> None:
    if first:
        hashes[0] = value
        hashes[1] = value
    elif value < hashes[1]:
        hashes[1] = value


@njit(types.uint64[::1](_PICTURES, types.float64[:, ::1], types.float64[::1]), **OPTIONS)
def frequency_hashes(
    pictures: NDArray[np.uint8], table: NDArray[np.float64], margins: NDArray[np.float64]
) -> NDArray[np.uint64]:
    """The phash, the smallest of all eight and the noise bits; no element when rounding could decide a bit.

    Parameters
    ----------
    pictures : ndarray
        Small pictures (2, side, side): resized as it is, and resized after transposition.
    table : ndarray
        Result of `cosines(side)`.
    margins : ndarray
        Result of `hashes.noise_margins(side)`.
    """
    hashes = np.empty(3, np.uint64)
    noisy = np.uint64(0)
    signed = np.empty(_BITS, np.float64)
    for turned in range(2):
        frequencies = _frequencies(pictures[turned], table)
        for flips in range(4):
            for i in range(_BITS):
                negative = ((flips & 1) * (i & 1)) ^ ((flips >> 1) * ((i >> 3) & 1))
                signed[i] = -frequencies[i] if negative else frequencies[i]
            ordered = np.sort(signed)
            low, high = ordered[_BITS // 2 - 1], ordered[_BITS // 2]
            if high - low < _MARGIN:
                return hashes[:0]
            value = np.uint64(0)
            is_plain = turned == 0 and flips == 0
            for i in range(_BITS):
                value = (value << np.uint64(1)) | np.uint64(signed[i] >= high)
                if is_plain and abs(signed[i] - (low + high) / 2) <= margins[i]:
                    noisy += np.uint64(1)
            _keep(hashes, value, is_plain)
    hashes[2] = noisy
    return hashes


@njit(types.uint64[::1](_PICTURES), **OPTIONS)
def gradient_hashes(pictures: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The dhash, the smallest of all eight and the noise bits, of pictures (2, 9, 9) as in `frequency_hashes`."""
    hashes = np.empty(3, np.uint64)
    noisy = np.uint64(0)
    for y in range(_SIDE):
        for x in range(_SIDE):
            difference = np.int64(pictures[0, y, x]) - np.int64(pictures[0, y, x + 1])
            if -2 < difference <= 2:
                noisy += np.uint64(1)
    hashes[2] = noisy
    for turned in range(2):
        picture = pictures[turned]
        for flips in range(4):
            value = np.uint64(0)
            for y in range(_SIDE):
                line = picture[_SIDE - y] if flips & 2 else picture[y]
                for x in range(_SIDE):
                    falls = line[_SIDE - x] > line[_SIDE - x - 1] if flips & 1 else line[x] > line[x + 1]
                    value = (value << np.uint64(1)) | np.uint64(falls)
            _keep(hashes, value, turned == 0 and flips == 0)
    return hashes
