"""Planes of an 8-bit window, compiled: one per channel and the luma, each also transposed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from dataeval_spark.kernels.numba_options import OPTIONS

SOURCES = "96725087e7d18e14"  # see tests/kernels/images/compiled/test_sources.py

_BLOCK, _PITCH, _CROWDED = 8, 32, 512
_CHUNK = 64
_RED, _GREEN, _BLUE, _1000, _PER_125 = np.int32(299), np.int32(587), np.int32(114), np.int32(1000), np.int32(33555)
_1, _2 = np.uintp(1), np.uintp(2)
_S32, _S16, _S8 = np.uint64(32), np.uint64(16), np.uint64(8)
_M32, _M16, _M8 = np.uint64(0x00000000FFFFFFFF), np.uint64(0x0000FFFF0000FFFF), np.uint64(0x00FF00FF00FF00FF)


@njit(**OPTIONS)
def rounded(length: int) -> int:
    """Round a length up to one that loops process without single pixels at the end, which are not vectorised."""
    pitch = (length + _PITCH - 1) // _PITCH * _PITCH
    return pitch if pitch % _CROWDED else pitch + _PITCH  # else lines that are read together share places in the cache


@njit(**OPTIONS)
def put(target: Any, values: Any) -> None:
    """Assign values to the first items of an array.

    To compile ``target[:] = values``, with its messages about shapes, takes a second.
    """
    for i in range(len(values)):
        target[i] = values[i]


@njit(**OPTIONS)
def blank(planes: int, height: int, width: int) -> Any:
    """Planes of zeros, with both sides `rounded`."""
    return np.zeros((planes, rounded(height), rounded(width)), np.uint8)


@njit(**OPTIONS)
def split_row(pixels: Any, red: Any, green: Any, blue: Any) -> None:
    """Take a row of RGB pixels apart."""
    for x in range(len(pixels) // 3):
        at = np.uintp(3 * x)  # unsigned: no check for an index from the end, and the loop is vectorised
        red[x], green[x], blue[x] = pixels[at], pixels[at + _1], pixels[at + _2]


@njit(**OPTIONS)
def has_colour(red: Any, green: Any, blue: Any) -> bool:
    """Whether the channels differ in any pixel of a row."""
    for x in range(len(red)):  # noqa: SIM110 - numba compiles no generators
        if red[x] != green[x] or green[x] != blue[x]:
            return True
    return False


@njit(**OPTIONS)
def luma_row(red: Any, green: Any, blue: Any, luma: Any) -> None:
    """The luma of the perceptual hashes: ``r * 0.299 + g * 0.587 + b * 0.114`` in float64, truncated.

    In whole numbers that is (299 r + 587 g + 114 b) div 1000, but where the division leaves nothing: there, rounding in
    float64 decides, and a chunk with such a pixel is computed like that.
    """
    width = len(luma)
    for first in range(0, width, _CHUNK):
        end = min(first + _CHUNK, width)
        r, g, b, out = red[first:end], green[first:end], blue[first:end], luma[first:end]
        undecided = np.int32(0)
        for x in range(len(out)):
            red_green = np.int32(_RED * np.int32(r[x])) + np.int32(_GREEN * np.int32(g[x]))
            total = np.int32(red_green + np.int32(_BLUE * np.int32(b[x])))
            # Division by 1000 of what is at most 255,000: checked for every total.
            whole = np.int32(np.int32(np.int32(total >> 3) * _PER_125) >> 22)
            out[x] = np.uint8(whole)
            undecided = np.int32(undecided + np.int32((np.int32(whole * _1000) == total) & (total > 0)))
        if undecided:
            for x in range(len(out)):
                out[x] = np.uint8(np.int32(r[x] * 0.299 + g[x] * 0.587 + b[x] * 0.114))


@njit(**OPTIONS)
def _swap(a: Any, b: Any, shift: Any, mask: Any) -> Any:
    moved = ((a >> shift) ^ b) & mask
    return a ^ (moved << shift), b ^ moved


@njit(**OPTIONS)
def transpose(plane: Any, height: int, width: int, out: Any) -> None:
    """Transpose the picture in a plane: 8 x 8 bytes at a time, as eight numbers of 64 bits."""
    source, target = plane.view(np.uint64), out.view(np.uint64)
    for row in range((height + _BLOCK - 1) // _BLOCK):
        lines = source[row * _BLOCK : (row + 1) * _BLOCK]
        for block in range((width + _BLOCK - 1) // _BLOCK):
            a, b, c, d = lines[0, block], lines[1, block], lines[2, block], lines[3, block]
            e, f, g, h = lines[4, block], lines[5, block], lines[6, block], lines[7, block]
            a, e = _swap(a, e, _S32, _M32)
            b, f = _swap(b, f, _S32, _M32)
            c, g = _swap(c, g, _S32, _M32)
            d, h = _swap(d, h, _S32, _M32)
            a, c = _swap(a, c, _S16, _M16)
            b, d = _swap(b, d, _S16, _M16)
            e, g = _swap(e, g, _S16, _M16)
            f, h = _swap(f, h, _S16, _M16)
            a, b = _swap(a, b, _S8, _M8)
            c, d = _swap(c, d, _S8, _M8)
            e, f = _swap(e, f, _S8, _M8)
            g, h = _swap(g, h, _S8, _M8)
            into = target[block * _BLOCK : (block + 1) * _BLOCK]
            into[0, row], into[1, row], into[2, row], into[3, row] = a, b, c, d
            into[4, row], into[5, row], into[6, row], into[7, row] = e, f, g, h
