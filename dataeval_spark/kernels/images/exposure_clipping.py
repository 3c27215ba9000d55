"""Shares of an image at the ends of its value range, where detail is lost."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.kernels.images.value_range import ValueRange

NAMES = ("clipped_low", "clipped_high")


def exposure_clipping(pixels: NDArray[Any], encoded: ValueRange) -> dict[str, float]:
    """Shares of the values of all channels at, or beyond, the lowest and the highest value of the range, in [0, 1].

    NaN is left out; where nothing else is there, both are NaN.

    Parameters
    ----------
    pixels : ndarray
        Pixels (height, width, channels).
    encoded : ValueRange
        Range of the whole image.

    Examples
    --------
    >>> exposure_clipping(np.array([[[0], [0], [9], [255]]], dtype=np.uint8), ValueRange(8, 255.0))
    {'clipped_low': 0.5, 'clipped_high': 0.25}
    """
    n = pixels.size if pixels.dtype.kind in "biu" else int(np.count_nonzero(~np.isnan(pixels)))
    if n == 0:
        return dict.fromkeys(NAMES, float("nan"))
    low, high = np.count_nonzero(pixels <= encoded.minimum), np.count_nonzero(pixels >= encoded.maximum)
    return dict(zip(NAMES, (int(low) / n, int(high) / n), strict=True))
