"""Values of one factor in two units: percent beside shares, degrees beside radians, milliseconds beside seconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FACTORS = {
    "percent_beside_share": 100.0,
    "8_bit_beside_unit_range": 255.0,
    "thousandfold": 1000.0,
    "degrees_beside_radians": 180.0 / np.pi,
}
_FEWEST_DISTINCT = 10
_FEWEST_IN_A_PART = 5
_SMALLEST_SHARE = 0.01
_SMALLEST_GAP = np.log(2.0)
_TOLERANCE = np.log(1.3)


@dataclass(frozen=True)
class UnitAnomaly:
    """Two parts of the values are alike but for a factor."""

    kind: str
    ratio: float
    share: float
    boundary: float


def unit_anomaly(values: Floats) -> UnitAnomaly | None:
    """Find a part of the values that is the other part times 100, 255, 1000 or 180/pi.

    Absolute values are parted at their widest gap (by ratio) that leaves at least 1 % on both sides. It is an anomaly
    when the gap is twofold or more and the quartiles of the upper part are those of the lower times one known factor,
    within 30 %. With fewer than 10 distinct values, two groups mean nothing.

    Parameters
    ----------
    values : ndarray of float64
        Zeros and values that are not finite are left out.

    Returns
    -------
    UnitAnomaly or None
        ``ratio`` of the medians, ``share`` of the values in the upper part, ``boundary`` the smallest of these.

    Examples
    --------
    >>> share = np.linspace(0.5, 0.9, 100)
    >>> unit_anomaly(np.r_[share, 100 * share]).kind
    'percent_beside_share'
    """
    size = np.sort(np.abs(values[np.isfinite(values) & (values != 0)]))
    if size.size < 2 * _FEWEST_IN_A_PART or np.unique(size).size < _FEWEST_DISTINCT:
        return None
    logs = np.log(size)
    fewest = max(_FEWEST_IN_A_PART, int(np.ceil(_SMALLEST_SHARE * size.size)))
    gaps = np.diff(logs)[fewest - 1 : size.size - fewest]
    if gaps.size == 0 or gaps.max() < _SMALLEST_GAP:
        return None
    cut = int(gaps.argmax()) + fewest
    quartiles = (25, 50, 75)
    difference = np.percentile(logs[cut:], quartiles) - np.percentile(logs[:cut], quartiles)
    for kind, factor in FACTORS.items():
        if np.abs(difference - np.log(factor)).max() < _TOLERANCE and _can_be(kind, size[:cut], size[cut:]):
            return UnitAnomaly(kind, float(np.exp(difference[1])), 1 - cut / size.size, float(size[cut]))
    return None


def _can_be(kind: str, lower: Floats, upper: Floats) -> bool:
    if kind == "8_bit_beside_unit_range":
        return bool(lower[-1] <= 1.0 and upper[-1] <= 255.0)
    if kind == "degrees_beside_radians":
        return bool(lower[-1] <= 2 * np.pi and upper[-1] <= 360.0)
    return True


def normalized_beside_pixels(widths: Floats) -> UnitAnomaly | None:
    """Find boxes whose width is a share of the image among boxes in pixels.

    Parameters
    ----------
    widths : ndarray of float64
        Box widths. Shares are assumed where at least 1 % (and 5) are at most 1 and the median of the others is above 4.

    Examples
    --------
    >>> normalized_beside_pixels(np.r_[np.full(10, 0.2), np.full(90, 40.0)]).kind
    'normalized_beside_pixel_boxes'
    """
    widths = widths[np.isfinite(widths) & (widths > 0)]
    small = widths <= 1.0
    count = int(small.sum())
    if count < max(_FEWEST_IN_A_PART, _SMALLEST_SHARE * widths.size) or count == widths.size:
        return None
    pixel_median = float(np.median(widths[~small]))
    if pixel_median <= 4.0:
        return None
    ratio = pixel_median / float(np.median(widths[small]))
    return UnitAnomaly("normalized_beside_pixel_boxes", ratio, 1 - count / widths.size, float(widths[~small].min()))
