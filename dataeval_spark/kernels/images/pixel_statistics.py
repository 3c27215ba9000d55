"""Moments, entropy and histogram of pixel values, for all channels together and for each.

Eight-bit pixels are counted once per channel; every statistic is then arithmetic on 256 counts in float64. Other
pixels take the direct path over the values. Both agree to 1e-9. Source: DataEval 1.1.4, pixel statistics, with
normalize_pixel_values=False.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.kernels.images.value_range import ValueRange

BINS = 256
_LARGEST_EXPONENT = 250
_LEVELS = np.arange(BINS, dtype=np.float64)
NAMES = ("mean", "std", "var", "skew", "kurtosis", "entropy", "missing", "zeros")


@dataclass(frozen=True)
class PixelStatistics:
    """Statistics of all channels together, of each channel, and each channel's histogram (channels, 256)."""

    whole: dict[str, float]
    channels: list[dict[str, float]]
    histograms: NDArray[np.int64] | None


def channel_counts(pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Count how often each of the values 0..255 occurs in each channel: (channels, 256).

    Examples
    --------
    >>> channel_counts(np.full((2, 3, 1), 7, dtype=np.uint8))[0, 7]
    np.int64(6)
    """
    return np.stack([np.bincount(pixels[:, :, c].ravel(), minlength=BINS) for c in range(pixels.shape[2])])


def pixel_statistics(
    pixels: NDArray[Any],
    encoded: ValueRange | None,
    *,
    outside: int = 0,
    counts: NDArray[np.int64] | None = None,
) -> PixelStatistics:
    """Measure pixel values as they are stored.

    With x over all pixels (of all channels, or of one), NaN and infinity left out, and m_k the k-th central moment:

    - ``mean``; ``var = m_2`` (population); ``std = sqrt(var)``
    - ``skew = m_3 / m_2^1.5`` and ``kurtosis = m_4 / m_2^2 - 3``, 0 when all values are equal
    - histogram: 256 equal bins over the image's value range, the last one closed
    - ``entropy = -sum p ln p`` of that histogram, in nats, in [0, ln 256]
    - ``missing`` = share of values that are not finite or lie outside the image, in [0, 1]
    - ``zeros`` = share of values equal to 0; missing values stay in the denominator

    Parameters
    ----------
    pixels : ndarray
        Pixels (height, width, channels); of a box, its visible part.
    encoded : ValueRange or None
        Range of the *whole* image. When unknown (None), entropy is NaN and there is no histogram.
    outside : int
        Number of pixels of the box outside the image.
    counts : ndarray, optional
        `channel_counts(pixels)`, where the caller has it already; only for uint8.

    Returns
    -------
    PixelStatistics
        Statistics, NaN where they cannot be measured: all but ``missing`` when no value is left.

    Examples
    --------
    >>> pixel_statistics(np.array([[[0], [255]]], dtype=np.uint8), ValueRange(8, 255.0)).whole["std"]
    127.5
    """
    if pixels.dtype == np.uint8 and encoded is not None and encoded.bit_depth is not None:
        return _from_counts(channel_counts(pixels) if counts is None else counts, encoded, outside)
    values = pixels.reshape(-1, pixels.shape[2]).T.astype(np.float64)
    channels, histograms = [], []
    for channel in values:
        statistics, histogram = _from_values(channel, encoded, outside)
        channels.append(statistics)
        histograms.append(histogram)
    whole = channels[0] if len(channels) == 1 else _from_values(values.ravel(), encoded, outside * len(channels))[0]
    return PixelStatistics(whole, channels, None if encoded is None else np.stack(histograms))


def _from_counts(counts: NDArray[np.int64], encoded: ValueRange, outside: int) -> PixelStatistics:
    # One channel is measured once; otherwise the first row is all channels together.
    rows = counts if len(counts) == 1 else np.vstack([counts.sum(axis=0), counts])
    weights = rows.astype(np.float64)
    n = weights.sum(axis=1)
    total = n + np.array([outside * rows[i].sum() / counts[0].sum() for i in range(len(rows))])
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = weights @ _LEVELS / n
        deviation = _LEVELS - mean[:, np.newaxis]
        squared = deviation * deviation
        m2 = (weights * squared).sum(axis=1) / n
        m3 = (weights * squared * deviation).sum(axis=1) / n
        m4 = (weights * squared * squared).sum(axis=1) / n
        skew = np.where(m2 == 0, 0.0, m3 / m2**1.5)
        kurtosis = np.where(m2 == 0, 0.0, m4 / (m2 * m2) - 3)
        missing, zeros = (total - n) / total, weights[:, 0] / total
    columns = (mean, np.sqrt(m2), m2, skew, kurtosis, _entropy(weights), missing, zeros)
    table = [dict(zip(NAMES, row, strict=True)) for row in np.column_stack(columns).tolist()]
    return PixelStatistics(table[0], table[-len(counts) :], _spread(counts, encoded))


def _spread(counts: NDArray[np.int64], encoded: ValueRange) -> NDArray[np.int64]:
    if encoded.bit_depth != 1:
        return counts
    bins = np.zeros_like(counts)  # the values are 0 and 1: the two ends of the range
    bins[:, 0], bins[:, -1] = counts[:, 0], counts[:, 1]
    return bins


def _from_values(
    values: NDArray[np.float64], encoded: ValueRange | None, outside: int
) -> tuple[dict[str, float], NDArray[np.int64]]:
    measured = values[np.isfinite(values)]
    total = values.size + outside
    statistics = dict.fromkeys(NAMES, np.nan)
    if total:
        statistics["missing"] = (total - measured.size) / total
    histogram = np.zeros(BINS, dtype=np.int64)
    if measured.size == 0:
        return statistics, histogram
    # Powers of values beyond 1e75, or below 1e-75, leave the range of float64: they are brought to about 1 first.
    _, exponent = np.frexp(np.abs(measured).max())
    shift = int(exponent) if abs(exponent) > _LARGEST_EXPONENT else 0
    scaled = np.ldexp(measured, -shift) if shift else measured
    # Moments about the first value: a constant image has variance 0 exactly.
    shifted = scaled - scaled[0]
    offset = shifted.mean()
    deviation = shifted - offset
    squared = deviation * deviation
    m2, m3, m4 = squared.mean(), (squared * deviation).mean(), (squared * squared).mean()
    with np.errstate(over="ignore", under="ignore"):  # a variance may be too large for a number: it is infinite then
        statistics |= {
            "mean": float(np.ldexp(scaled[0] + offset, shift)),
            "std": float(np.ldexp(np.sqrt(m2), shift)),
            "var": float(np.ldexp(m2, 2 * shift)),
            "skew": 0.0 if m2 == 0 else float(m3 / m2**1.5),
            "kurtosis": 0.0 if m2 == 0 else float(m4 / (m2 * m2) - 3),
            "zeros": float(np.count_nonzero(measured == 0) / total),
        }
    if encoded is not None:
        histogram = np.histogram(measured, bins=BINS, range=(encoded.minimum, encoded.maximum))[0].astype(np.int64)
        statistics["entropy"] = float(_entropy(histogram[np.newaxis].astype(np.float64))[0])
    return statistics, histogram


def _entropy(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    share = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1)
    entropy: NDArray[np.float64] = -(share * np.log(np.where(share > 0, share, 1.0))).sum(axis=1)
    return entropy + 0.0  # no negative zero
