"""Brightness, contrast and sharpness of an image, on the scale 0..255 whatever its bit depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.kernels.images.geometry import Window
from dataeval_spark.kernels.images.pixel_statistics import channel_counts
from dataeval_spark.kernels.images.value_range import ValueRange, perceptual

_QUANTILES = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
_TINY = 1e-12
NAMES = ("brightness", "contrast", "darkness", "sharpness", "percentiles")

Visual = dict[str, float | list[float]]


@dataclass(frozen=True)
class VisualStatistics:
    """Statistics of all channels together and of each."""

    whole: Visual
    channels: list[Visual]


def visual_statistics(
    pixels: NDArray[Any],
    encoded: ValueRange | None,
    *,
    window: Window | None = None,
    counts: NDArray[np.int64] | None = None,
) -> VisualStatistics:
    """Measure an image as a viewer sees it, on pixels brought to 0..255 (`perceptual`).

    - ``percentiles``: 0, 25, 50, 75 and 100, linearly interpolated, in [0, 255]
    - ``brightness`` = the 25th percentile; ``darkness`` = the 75th (DataEval's names, which look inverted)
    - ``contrast = (p100 - p0) / (mean of the five percentiles + 1e-12)``
    - ``sharpness`` = standard deviation of ``clip(e + 0.5, 0, 255)`` with e = 8 x centre - its 8 neighbours, borders
      reflected, on the mean of the channels; in [0, 127.5]

    Source: DataEval 1.1.4, visual statistics.

    Parameters
    ----------
    pixels : ndarray
        Pixels (height, width, channels); of a box, its visible part.
    encoded : ValueRange or None
        Range of the whole image. When unknown, everything is NaN.
    window : Window, optional
        Window of a box; pixels next to one outside the image have no edge value.
    counts : ndarray, optional
        `channel_counts(pixels)`, where the caller has it already; only for uint8.

    Examples
    --------
    >>> flat = np.full((3, 3, 1), 100, dtype=np.uint8)
    >>> visual_statistics(flat, ValueRange(8, 255.0)).whole["sharpness"]
    0.0
    """
    n_channels = pixels.shape[2]
    if encoded is None:
        unknown = visual_of([np.nan] * 5, np.nan)
        return VisualStatistics(unknown, [unknown] * n_channels)
    if pixels.dtype == np.uint8 and encoded.bit_depth is not None:
        counts = channel_counts(pixels) if counts is None else counts
        percentiles = _percentiles_of_counts(counts) * (255.0 / encoded.maximum)
    else:
        percentiles = _percentiles_of_values(perceptual(pixels, encoded))
    sharpness = sharpness_of(pixels, encoded, window)
    table = [visual_of(row, value) for row, value in zip(percentiles.tolist(), sharpness, strict=True)]
    return VisualStatistics(table[0], table[-n_channels:])


def sharpness_of(pixels: NDArray[Any], encoded: ValueRange, window: Window | None = None) -> list[float]:
    """Sharpness of all channels together, followed by that of each when there are several.

    Examples
    --------
    >>> sharpness_of(np.zeros((2, 2, 1), dtype=np.uint8), ValueRange(8, 255.0))
    [0.0]
    """
    n_channels = pixels.shape[2]
    scaled = perceptual(pixels, encoded)
    if scaled.dtype == np.uint8:  # whole numbers up to 9 x 255 x channels
        scaled = scaled.astype(np.int16 if n_channels <= 14 else np.int32)
    edges = _inner(_edges(scaled), window)
    planes = [edges[:, :, c] for c in range(n_channels)]
    if n_channels > 1:
        planes.insert(0, edges.sum(axis=2, dtype=edges.dtype) / n_channels)  # the filter is linear
    return [_spread(plane) for plane in planes]


def _edges(scaled: NDArray[Any]) -> NDArray[Any]:
    padded = np.pad(scaled, ((1, 1), (1, 1), (0, 0)), mode="symmetric")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    edges: NDArray[Any] = 9 * scaled - (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:])
    return edges


def _inner(edges: NDArray[Any], window: Window | None) -> NDArray[Any]:
    if window is None:
        return edges
    height, width = edges.shape[:2]
    rows = slice(int(window.beyond_top > 0), height - int(window.beyond_bottom > 0))
    columns = slice(int(window.beyond_left > 0), width - int(window.beyond_right > 0))
    return edges[rows, columns]


def _spread(plane: NDArray[Any]) -> float:
    edges = np.clip(plane + 0.5, 0.0, 255.0)
    if edges.dtype.kind == "f" and np.isnan(edges).any():
        edges = edges[~np.isnan(edges)]
    return float(edges.std()) if edges.size else float("nan")


def _percentiles_of_counts(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    rows = counts if len(counts) == 1 else np.vstack([counts.sum(axis=0), counts])
    table = np.empty((len(rows), len(_QUANTILES)))
    for row, cumulative in zip(table, rows.cumsum(axis=1), strict=True):
        position = _QUANTILES * (cumulative[-1] - 1)
        below = np.floor(position)
        # The k-th smallest value is the first one whose running total exceeds k.
        lower = np.searchsorted(cumulative, below, side="right")
        upper = np.searchsorted(cumulative, np.ceil(position), side="right")
        row[:] = lower + (position - below) * (upper - lower)
    return table


def _percentiles_of_values(scaled: NDArray[Any]) -> NDArray[np.float64]:
    channels = [scaled[:, :, c].ravel() for c in range(scaled.shape[2])]
    rows = channels if len(channels) == 1 else [scaled.ravel(), *channels]
    measured = [row[~np.isnan(row)] for row in rows]
    return np.stack([np.quantile(row, _QUANTILES) if row.size else np.full(5, np.nan) for row in measured])


def visual_of(percentiles: list[float], sharpness: float | None) -> dict[str, Any]:
    """Statistics by name from the five percentiles and the sharpness.

    ``contrast = (p100 - p0) / (mean of the five percentiles + 1e-12)``.

    Examples
    --------
    >>> visual_of([100.0, 100.0, 100.0, 100.0, 100.0], 0.0)["contrast"]
    0.0
    """
    darkest, brightness, _, darkness, lightest = percentiles
    contrast = (lightest - darkest) / (sum(percentiles) / 5 + _TINY)
    return dict(zip(NAMES, (brightness, contrast, darkness, sharpness, percentiles), strict=True))
