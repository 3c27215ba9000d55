"""Blur of a picture, in pixels."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LAGS = (1, 2, 4, 8)
SMALLEST, SMALLEST_OF_ALL_LAGS = 9, 64
_SHARP = 0.5
_EVIDENCE = 1.0
_WIDEST = 16.0
_COARSE = 1.5
_PIXELS = 1 << 16


def blur(gray: NDArray[np.uint8]) -> float:
    r"""Standard deviation, in pixels, of the Gaussian blur that would leave a step edge as soft as this picture.

    With :math:`c_k` the mean square of the curvature :math:`I(x - k) - 2 I(x) + I(x + k)` along rows and columns, a
    step edge under a Gaussian blur of standard deviation s has

    .. math:: \frac{c_k}{c_{2 k}} = F(s / k), \quad F(s) = \frac{4 h(1) - h(2)}{4 h(2) - h(4)}, \quad
        h(k) = k\,\mathrm{erf}\frac{k}{2 s} - \frac{2 s}{\sqrt{\pi}} \left(1 - e^{-k^2 / 4 s^2}\right)

    which falls from 1/2 (sharp) to 1/16. The ratios for k = 1, 2 and 4 are solved for s, and the largest answer is the
    blur: noise, the blocks of JPEG and the rounding to 256 levels are fine, and hide the blur from a small k more than
    from a large one. The answer for k = 4 counts from 1.5 pixels on, and where both sides are at least 64 pixels: below
    that, the shapes of objects decide it.

    Sums of squares are ruled by the strongest edges, so that a sharp object before a soft background is sharp; linear
    gradients have no curvature. To each mean square is added what sharp edges would with a mean square of 1 at the
    largest k: a picture without edges (blank, sky, a gradient) has a blur near 0, as nothing says that it is blurred.
    Sharp photographs have up to 0.8; texture finer than single edges gives 0.

    Of pictures larger than 256 x 256, every third, fifth or seventh row is measured, and the columns around it.

    Parameters
    ----------
    gray : ndarray of uint8
        Gray picture (height, width).

    Returns
    -------
    float
        Blur in pixels, in [0, 64]; NaN where a side is shorter than 9 pixels.

    Examples
    --------
    >>> edge = np.repeat(np.array([[40, 200]], dtype=np.uint8), 16, axis=1).repeat(32, axis=0)
    >>> blur(edge)
    0.0
    """
    height, width = gray.shape
    if min(height, width) < SMALLEST:
        return math.nan
    lags = lags_of(height, width)
    reach = lags[-1]
    values = gray.astype(np.int64)
    rows = np.arange(0, height, row_step(height, width))
    inner = rows[(rows >= reach) & (rows < height - reach)]
    centre = values[rows, reach : width - reach]
    sums = []
    for k in lags:
        along = values[rows, reach - k : width - reach - k] - 2 * centre + values[rows, reach + k : width - reach + k]
        across = values[inner - k] - 2 * values[inner] + values[inner + k]
        sums.append(int(np.square(along).sum() + np.square(across).sum()))
    return blur_of_sums(height, width, sums)


def row_step(height: int, width: int) -> int:
    """Step between measured rows of a picture: odd, so that the rows differ in where they cut the blocks of JPEG.

    Examples
    --------
    >>> row_step(32, 32), row_step(375, 500), row_step(3000, 4000)
    (1, 5, 7)
    """
    return 1 + 2 * min(height * width // _PIXELS, 3)


def lags_of(height: int, width: int) -> tuple[int, ...]:
    """Distances k at which the curvature of a picture is measured.

    Examples
    --------
    >>> lags_of(32, 32)
    (1, 2, 4)
    """
    return LAGS if min(height, width) >= SMALLEST_OF_ALL_LAGS else LAGS[:-1]


def blur_of_sums(height: int, width: int, sums: Sequence[float]) -> float:
    """The blur from the sums of squared curvature at each of `lags_of`.

    Examples
    --------
    >>> blur_of_sums(8, 64, [0, 0, 0])
    nan
    """
    if min(height, width) < SMALLEST:
        return math.nan
    lags = lags_of(height, width)
    reach, step = lags[-1], row_step(height, width)
    inner = -(-(height - reach) // step) - -(-reach // step)
    count = -(-height // step) * (width - 2 * reach) + inner * width
    means = [total / count + _EVIDENCE * lag / reach for lag, total in zip(lags, sums, strict=True)]
    blurs = [lag * _solved(near / far) for lag, near, far in zip(lags, means, means[1:], strict=False)]
    return max(value for lag, value in zip(lags, blurs, strict=False) if lag < LAGS[2] or value >= _COARSE)


def _solved(ratio: float) -> float:
    deviations, falling = _grid()
    if ratio >= _SHARP:
        return 0.0
    if -ratio >= falling[-1]:
        return _WIDEST
    deviation = float(np.interp(-ratio, falling, deviations))
    for _ in range(2):  # Newton's method doubles the digits, of which the grid gives four
        value, slope = _ratio(deviation)
        deviation -= (value - ratio) / slope
    return deviation


@functools.cache
def _grid() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Deviations, and the ratio at each, negated so that it rises."""
    deviations = np.geomspace(0.01, _WIDEST, 256)
    return deviations, np.array([-_ratio(deviation)[0] for deviation in deviations.tolist()])


def _ratio(deviation: float) -> tuple[float, float]:
    """F and its derivative."""
    (one, less_one), (two, less_two), (four, less_four) = (_energy(lag, deviation) for lag in LAGS[:3])
    top, bottom = 4 * one - two, 4 * two - four
    return top / bottom, ((4 * less_one - less_two) - top / bottom * (4 * less_two - less_four)) / bottom


def _energy(lag: int, deviation: float) -> tuple[float, float]:
    """The integral over x of the squared difference of a blurred step of height 1 at x + lag and x; its derivative."""
    near = lag / (2 * deviation)
    less = 2 / math.sqrt(math.pi) * math.expm1(-near * near)
    return lag * math.erf(near) + deviation * less, less
