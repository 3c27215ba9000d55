"""How blurred a picture is, in pixels."""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

LAGS = (1, 2, 4)
REACH = max(LAGS)
_SHARP = 0.5
_EVIDENCE = 1.0
_WIDEST = 32.0
_PIXELS = 1 << 16


def blur(gray: NDArray[np.uint8]) -> float:
    r"""Standard deviation, in pixels, of the Gaussian blur that would leave a step edge as soft as this picture.

    With :math:`c_k` the mean square of the curvature :math:`I(x - k) - 2 I(x) + I(x + k)` along rows and columns, a
    step edge under a Gaussian blur of standard deviation s has

    .. math:: \frac{c_1}{c_2} = F(s), \quad \frac{c_2}{c_4} = F(s / 2), \quad
        F(s) = \frac{4 h(1) - h(2)}{4 h(2) - h(4)}, \quad
        h(k) = k\,\mathrm{erf}\frac{k}{2 s} - \frac{2 s}{\sqrt{\pi}} \left(1 - e^{-k^2 / 4 s^2}\right)

    which falls from 1/2 (sharp) to 1/16. Both ratios are solved for s, and the larger answer is the blur: noise, the
    blocks of JPEG and the rounding to 256 levels are fine and hide the blur from the first more than from the second.
    Sums of squares are ruled by the strongest edges, so that a sharp object before a soft background is sharp; linear
    gradients have no curvature. Each mean square is shifted as if 4-pixel curvature of mean square 1 came from sharp
    edges: a picture without edges (blank, sky, a gradient) has a blur near 0, as nothing says that it is blurred. Real
    photographs have 0.2 to 0.7; texture finer than single edges gives 0. Blur wider than about 3 pixels is
    underestimated.

    Of pictures larger than 256 x 256, every third, fifth or seventh row is measured, and the columns around it.

    Parameters
    ----------
    gray : ndarray of uint8
        (height, width).

    Returns
    -------
    float
        Pixels, in [0, 32]; NaN where a side is shorter than 9 pixels.

    Examples
    --------
    >>> edge = np.repeat(np.array([[40, 200]], dtype=np.uint8), 16, axis=1).repeat(32, axis=0)
    >>> blur(edge)
    0.0
    """
    height, width = gray.shape
    if min(height, width) <= 2 * REACH:
        return math.nan
    values = gray.astype(np.int64)
    rows = np.arange(0, height, row_step(height, width))
    inner = rows[(rows >= REACH) & (rows < height - REACH)]
    centre = values[rows, REACH : width - REACH]
    sums = []
    for k in LAGS:
        along = values[rows, REACH - k : width - REACH - k] - 2 * centre + values[rows, REACH + k : width - REACH + k]
        across = values[inner - k] - 2 * values[inner] + values[inner + k]
        sums.append(int(np.square(along).sum() + np.square(across).sum()))
    return blur_of_sums(height, width, sums)


def row_step(height: int, width: int) -> int:
    """Every which row of a picture is measured: odd, so that the rows differ in where they cut the blocks of JPEG.

    Examples
    --------
    >>> row_step(32, 32), row_step(375, 500), row_step(3000, 4000)
    (1, 5, 7)
    """
    return 1 + 2 * min(height * width // _PIXELS, 3)


def blur_of_sums(height: int, width: int, sums: list[int]) -> float:
    """The blur from the sums of squared curvature at each of `LAGS`.

    Examples
    --------
    >>> blur_of_sums(8, 64, [0, 0, 0])
    nan
    """
    if min(height, width) <= 2 * REACH:
        return math.nan
    step = row_step(height, width)
    rows = -(-height // step)
    inner = -(-(height - REACH) // step) - -(-REACH // step)
    count = rows * (width - 2 * REACH) + inner * width
    one, two, four = (
        total / count + _EVIDENCE * share for total, share in zip(sums, (_SHARP**2, _SHARP, 1.0), strict=True)
    )
    return max(_solved(one / two), 2 * _solved(two / four))


def _solved(ratio: float) -> float:
    deviations, falling = _grid()
    if ratio >= _SHARP:
        return 0.0
    if -ratio >= falling[-1]:
        return _WIDEST / 2
    deviation = float(np.interp(-ratio, falling, deviations))
    for _ in range(3):  # Newton's method doubles the digits, of which the grid gives three
        value, slope = _ratio(deviation)
        deviation -= (value - ratio) / slope
    return deviation


@functools.cache
def _grid() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Deviations, and the ratio at each, negated so that it rises."""
    deviations = np.geomspace(0.01, _WIDEST / 2, 256)
    return deviations, np.array([-_ratio(deviation)[0] for deviation in deviations.tolist()])


def _ratio(deviation: float) -> tuple[float, float]:
    """F and its derivative."""
    (one, less_one), (two, less_two), (four, less_four) = (_energy(lag, deviation) for lag in LAGS)
    top, bottom = 4 * one - two, 4 * two - four
    return top / bottom, ((4 * less_one - less_two) - top / bottom * (4 * less_two - less_four)) / bottom


def _energy(lag: int, deviation: float) -> tuple[float, float]:
    """The integral over x of the squared difference of a blurred step of height 1 at x + lag and x; its derivative."""
    near = lag / (2 * deviation)
    less = 2 / math.sqrt(math.pi) * math.expm1(-near * near)
    return lag * math.erf(near) + deviation * less, less
