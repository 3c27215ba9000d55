"""Noise of a picture: by Immerkær's estimate, and in its quietest parts."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.kernels.images.blur import SMALLEST, row_step

STRETCH, QUIETEST = 64, 10


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


def noise_floor(gray: NDArray[np.uint8]) -> float:
    r"""Standard deviation of the noise in the quietest tenth of a gray picture, beyond what edges explain.

    Rows are cut into stretches of 64 pixels (fewer where the picture is narrower). With :math:`c_1` and :math:`c_2` the
    mean squares of :math:`I(x - k) - 2 I(x) + I(x + k)` in the tenth of the stretches where they are smallest, it is
    :math:`\sqrt{\max(0, c_1 - c_2 / 2) / 3}`: for white noise :math:`c_1 = c_2 = 6 \sigma^2`, for a step edge
    :math:`c_1 = c_2 / 2`, for a soft one less. Most photographs have less than 3, grass and gravel up to 10.

    Of pictures larger than 256 x 256, every third, fifth or seventh row is measured.

    Parameters
    ----------
    gray : ndarray of uint8
        (height, width).

    Returns
    -------
    float
        On the scale 0..255; NaN where a side is shorter than 9 pixels.

    Examples
    --------
    >>> noise_floor(np.full((9, 9), 90, dtype=np.uint8))
    0.0
    """
    height, width = gray.shape
    if min(height, width) < SMALLEST:
        return math.nan
    values = gray[:: row_step(height, width)].astype(np.int64)
    length = stretch(width)
    columns = (width - 4) // length * length
    sums = []
    for k in (1, 2):
        curvature = values[:, 2 - k : width - 2 - k] - 2 * values[:, 2 : width - 2] + values[:, 2 + k : width - 2 + k]
        sums.append(np.square(curvature[:, :columns]).reshape(-1, length).sum(axis=1))
    quiet = np.argsort(sums[0] + sums[1], kind="stable")[: max(len(sums[0]) // QUIETEST, 1)]
    return noise_floor_of_sums(height, width, [int(sums[0][quiet].sum()), int(sums[1][quiet].sum()), len(quiet)])


def stretch(width: int) -> int:
    """Length of the stretches into which rows are cut.

    Examples
    --------
    >>> stretch(32), stretch(500)
    (28, 64)
    """
    return min(STRETCH, max(width - 4, 1))


def noise_floor_of_sums(height: int, width: int, sums: Sequence[int]) -> float:
    """The noise floor from both sums over the quietest stretches, and their number.

    Examples
    --------
    >>> noise_floor_of_sums(8, 64, [0, 0, 1])
    nan
    """
    if min(height, width) < SMALLEST:
        return math.nan
    near, far, stretches = sums
    return math.sqrt(max(0.0, near - far / 2) / (3 * stretches * stretch(width)))
