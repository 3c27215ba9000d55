"""Compiled measurement of a window of an 8-bit image of one or three channels: one pass for everything.

The definitions are those of `pixel_statistics`, `visual_statistics`, `appearance`, `value_range`, `noise`, `blur` and
`hashes`, and the results are the same: hashes to the letter, numbers to 1e-12 (a test compares the two). Numba loads
when this module does.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.kernels.images.appearance import blur_size, colorfulness_of_sums, perceived_brightness
from dataeval_spark.kernels.images.blur import blur_of_sums, lags_of, row_step
from dataeval_spark.kernels.images.compiled.hashes import cosines, frequency_hashes, gradient_hashes
from dataeval_spark.kernels.images.compiled.moments import moments
from dataeval_spark.kernels.images.compiled.resize import BICUBIC, LANCZOS, NOTHING, Plan, plan_of
from dataeval_spark.kernels.images.compiled.scan import scan, scan_pictures
from dataeval_spark.kernels.images.geometry import Window
from dataeval_spark.kernels.images.hashes import COLUMNS as HASH_COLUMNS
from dataeval_spark.kernels.images.hashes import SMALLEST, flips, hashed_side, noise_margins, phash_noise_bits, phashes
from dataeval_spark.kernels.images.noise import QUIETEST, noise_floor_of_sums, noise_of_sum, stretch
from dataeval_spark.kernels.images.pixel_statistics import NAMES as PIXEL_NAMES
from dataeval_spark.kernels.images.visual_statistics import visual_of

Pair = tuple[Plan, Plan]
_NO_PAIR: Pair = (NOTHING, NOTHING)


class Measured(NamedTuple):
    """Columns of pixel and visual statistics and appearance, rows of channels, and perceptual hashes."""

    whole: dict[str, Any]
    channels: list[dict[str, Any]]
    hashes: dict[str, Any]


def measure(image: NDArray[np.uint8], window: Window) -> Measured:
    """Measure a window of an image whose value range is 0..255.

    Parameters
    ----------
    image : ndarray of uint8
        Pixels (height, width, 1 or 3) of the whole image, contiguous.
    window : Window
        The part to measure; where it reaches beyond the image, it is black to the hashes and missing elsewhere.

    Examples
    --------
    >>> measure(np.full((2, 2, 1), 9, dtype=np.uint8), Window(0, 0, 2, 2)).whole["mean"]
    9.0
    """
    height, width = window.bottom - window.top, window.right - window.left
    first, left = int(window.beyond_top > 0), int(window.beyond_left > 0)
    last, right = height - int(window.beyond_bottom > 0), width - int(window.beyond_right > 0)
    padded, pair, nine = _hashed(height, width, window)
    counts, edges, colour, looks, extras, small, tiny = scan(
        image,
        (window.top, window.left, window.bottom, window.right),
        (first, left, last, right),
        padded,
        (row_step(height, width), len(lags_of(height, width)), stretch(width), QUIETEST),
        _blur_plan(height, width),
        pair,
        nine,
    )
    table = moments(counts, window.outside).tolist()
    n = max(last - first, 0) * max(right - left, 0)
    units = (6, 2, 2, 2) if len(counts) > 1 else (2,)
    rows = [
        dict(zip(PIXEL_NAMES, row, strict=False)) | visual_of(row[-5:], _deviation(n, total, squares, unit))
        for row, (total, squares), unit in zip(table, edges.tolist(), units, strict=True)
    ]
    channels = [{"channel": index, **row, "histogram": counts[index]} for index, row in enumerate(rows[-len(counts) :])]
    whole = rows[0] | _appearance(table, looks.tolist(), colour) | _exposure(counts, height, width, extras.tolist())
    return Measured(whole, channels, _hashes(small, tiny))


def perceptual_hashes(image: NDArray[np.uint8], window: Window) -> dict[str, Any]:
    """The hashes of `measure` alone.

    Examples
    --------
    >>> perceptual_hashes(np.full((16, 16, 1), 128, dtype=np.uint8), Window(0, 0, 16, 16))["dhash"]
    '0000000000000000'
    """
    padded, pair, nine = _hashed(window.bottom - window.top, window.right - window.left, window)
    if pair is _NO_PAIR:
        return dict.fromkeys(HASH_COLUMNS)
    corners = (window.top, window.left, window.bottom, window.right)
    return _hashes(*scan_pictures(image, corners, padded, pair, nine))


def _hashed(height: int, width: int, window: Window) -> tuple[tuple[int, int, int, int], Pair, Pair]:
    side = hashed_side(height, width, window)
    if not side:
        return (0, 0, height, width), _NO_PAIR, _NO_PAIR
    padded = (window.beyond_top, window.beyond_left, *window.size)
    return padded, _pair(*window.size, side), _pair(*window.size, SMALLEST)


@functools.lru_cache(maxsize=64)
def _pair(height: int, width: int, side: int) -> Pair:
    upright = plan_of(height, width, side, side, LANCZOS)
    # Rows of the transposed picture are columns of the upright one.
    turned_rows_first = plan_of(width, height, side, side, LANCZOS)[2]
    return upright, (upright[0], upright[1], not turned_rows_first)


@functools.lru_cache(maxsize=64)
def _blur_plan(height: int, width: int) -> Plan:
    return plan_of(height, width, *blur_size(height, width), BICUBIC)


def _deviation(n: int, total: int, squares: int, unit: int) -> float | None:
    # Whole numbers of any size: nothing is lost before the root.
    return math.sqrt(n * squares - total * total) / (unit * n) if n else None


def _appearance(table: list[list[float]], looks: list[float], colour: bool) -> dict[str, Any]:
    _, _, blurriness, gray_std = looks
    if len(table) == 1:
        (gray,) = table
        red = green = blue = gray[0]
        entropy = gray[5]
    else:
        red, green, blue = (row[0] for row in table[1:])
        # The channels' histograms side by side: each holds a third of all counts.
        entropy = (table[1][5] + table[2][5] + table[3][5]) / 3 + math.log(3)
    return {
        "perceived_brightness": perceived_brightness(red, green, blue),
        "perceived_brightness_p5": looks[0],
        "perceived_brightness_p99": looks[1],
        "entropy_bits": entropy / math.log(2),
        "blurriness": blurriness,
        "blurriness_grayscale_std": gray_std,
        "is_grayscale": not colour,
    }


def _exposure(counts: NDArray[np.int64], height: int, width: int, extras: list[int]) -> dict[str, Any]:
    opponents, total, curvature, quiet = extras[:4], extras[4], extras[5:-3], extras[-3:]
    values = height * width * len(counts)
    return {
        "clipped_low": int(counts[:, 0].sum()) / values,
        "clipped_high": int(counts[:, -1].sum()) / values,
        "colorfulness": colorfulness_of_sums(height * width, *opponents),
        "noise": _measured(noise_of_sum(height, width, total)),
        "noise_floor": _measured(noise_floor_of_sums(height, width, quiet)),
        "blur": _measured(blur_of_sums(height, width, curvature)),
    }


def _measured(value: float) -> float | None:
    return None if math.isnan(value) else value


def _hashes(small: NDArray[np.uint8], tiny: NDArray[np.uint8]) -> dict[str, Any]:
    if not small.size:
        return dict.fromkeys(HASH_COLUMNS)
    side = small.shape[1]
    numbers = frequency_hashes(small, cosines(side), noise_margins(side)).tolist()
    if numbers:
        phash, phash_d4, noisy = f"{numbers[0]:016x}", f"{numbers[1]:016x}", numbers[2]
    else:
        every = phashes(flips(*small))
        phash, phash_d4, noisy = every[0], min(every), phash_noise_bits(small[0])
    gradients = gradient_hashes(tiny).tolist()
    dhash, dhash_d4 = (f"{value:016x}" for value in gradients[:2])
    return dict(zip(HASH_COLUMNS, (phash, dhash, phash_d4, dhash_d4, noisy, gradients[2]), strict=True))
