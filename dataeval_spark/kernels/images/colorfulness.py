"""Colorfulness of a picture."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def colorfulness(picture: NDArray[np.uint8]) -> float:
    """Colorfulness of Hasler and Süsstrunk: 0 for gray, about 15 slightly, 45 averagely, 109 extremely colorful.

    ``M = sqrt(var(rg) + var(yb)) + 0.3 sqrt(mean(rg)^2 + mean(yb)^2)`` with the opponent colors ``rg = R - G`` and
    ``yb = (R + G) / 2 - B`` of every pixel. Source: Hasler and Süsstrunk 2003, "Measuring colourfulness in natural
    images", equation 9.

    Parameters
    ----------
    picture : ndarray of uint8
        Pixels (height, width, 1 or 3).

    Examples
    --------
    >>> colorfulness(np.full((2, 2, 3), 90, dtype=np.uint8))
    0.0
    """
    if picture.shape[2] == 1:
        return 0.0
    red, green, blue = (picture[:, :, c].astype(np.int64) for c in range(3))
    red_green, twice_yellow_blue = red - green, red + green - 2 * blue
    sums = [int(s) for plane in (red_green, twice_yellow_blue) for s in (plane.sum(), (plane * plane).sum())]
    return colorfulness_of_sums(picture.shape[0] * picture.shape[1], *sums)


def colorfulness_of_sums(n: int, rg: int, rg_squares: int, twice_yb: int, twice_yb_squares: int) -> float:
    """Colorfulness from the sums over n pixels of rg, rg^2, 2 yb and (2 yb)^2, which are whole numbers.

    Examples
    --------
    >>> colorfulness_of_sums(1, 0, 0, 0, 0)
    0.0
    """
    # Whole numbers of any size: a flat colour has variance 0 exactly.
    rg_variance = (n * rg_squares - rg * rg) / (n * n)
    yb_variance = (n * twice_yb_squares - twice_yb * twice_yb) / (4 * n * n)
    return math.sqrt(rg_variance + yb_variance) + 0.3 * math.hypot(rg / n, twice_yb / (2 * n))
