"""How noisy a picture is."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def noise(gray: NDArray[np.uint8]) -> float:
    """Standard deviation of the noise of a gray picture, estimated without a clean one.

    ``sqrt(pi / 2) / (6 (W - 2) (H - 2)) * sum |I * N|`` over the inner pixels, with N the difference of two Laplacians,
    ``[1 -2 1; -2 4 -2; 1 -2 1]``, which is blind to gradients. Fine texture counts as noise. Source: Immerkær 1996,
    "Fast noise variance estimation".

    Parameters
    ----------
    gray : ndarray of uint8
        (height, width).

    Returns
    -------
    float
        On the scale 0..255; NaN where a side is shorter than 3 pixels.

    Examples
    --------
    >>> noise(np.full((5, 5), 90, dtype=np.uint8))
    0.0
    """
    values = gray.astype(np.int32)
    vertical = values[:-2] - 2 * values[1:-1] + values[2:]
    mask = vertical[:, :-2] - 2 * vertical[:, 1:-1] + vertical[:, 2:]
    height, width = gray.shape
    return noise_of_sum(height, width, int(np.abs(mask).sum(dtype=np.int64)))


def noise_of_sum(height: int, width: int, total: int) -> float:
    """The estimate from the sum of the mask's absolute values over the inner pixels.

    Examples
    --------
    >>> noise_of_sum(2, 9, 0)
    nan
    """
    if height < 3 or width < 3:
        return math.nan
    return math.sqrt(math.pi / 2) * total / (6 * (width - 2) * (height - 2))
