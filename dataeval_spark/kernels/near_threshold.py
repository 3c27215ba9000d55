"""The largest relative distance of near duplicates, from how far nearest neighbours are in the data themselves."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

NEIGHBORS = 10
"""The tenth neighbour is the farthest that counts."""
MIDDLE = 5
STEP = 0.01
STEPS = 77
"""Thresholds are multiples of `STEP` up to 0.77: two images that are farther apart, measured by their surroundings,
were mostly of other shots in the pictures that this was chosen on, whatever the model below says."""
LEAST_PRECISION = 0.9
FEWEST = 50
"""Images below which nothing is derived."""


def estimated_precisions(
    nearest: NDArray[np.integer], images: int, *, middle_ratio: float | None, reach_ratio: float | None
) -> NDArray[np.float64]:
    r"""Estimate, for each threshold, the share of the images with so near a neighbour that have a duplicate.

    Where there are no duplicates, the distances to the k = 10 nearest neighbours are those of points that are spread
    evenly around an image, in m dimensions: :math:`(d_1 / d_{10})^m` is the smallest of nine uniform numbers, and
    :math:`(d_5 / d_{10})^m` has the distribution Beta(5, 5), of median 1/2, whence m (as in Levina and Bickel, by the
    median instead of the mean, which duplicates hardly move). So among n images

    .. math:: n (1 - (1 - (g t)^m)^9)

    are expected to have a neighbour within the relative distance t by chance, g being the typical ratio of an image's
    surroundings to :math:`d_{10}`. The estimated precision at t is one minus that number by the number found
    (as Storey estimates the false discovery rate).

    Parameters
    ----------
    nearest : ndarray
        (77,): number of images whose nearest neighbour is within the relative distances 0.01, 0.02 ... 0.77.
    images : int
        Number of images.
    middle_ratio : float or None
        Median of :math:`d_5 / d_{10}`.
    reach_ratio : float or None
        Median of an image's surroundings (the mean of d_2 to d_10) by its :math:`d_{10}`.

    Returns
    -------
    ndarray
        (77,), at most 1; NaN where nothing is found, and everywhere where nothing can be estimated (fewer than 50
        images, or ten neighbours at one distance).

    References
    ----------
    Levina and Bickel 2004, Maximum likelihood estimation of intrinsic dimension. Storey 2002, A direct approach to
    false discovery rates.

    Examples
    --------
    >>> counts = np.where(np.arange(1, 78) < 50, 0, 40)  # forty images have a neighbour at half the usual distance
    >>> estimated_precisions(counts, 1000, middle_ratio=0.95, reach_ratio=0.97)[[9, 49, 69]].round(2).tolist()
    [nan, 0.99, -0.18]
    """
    dimension = intrinsic_dimension(middle_ratio)
    found = np.where(nearest > 0, nearest, np.nan).astype(np.float64)
    if images < FEWEST or dimension is None or reach_ratio is None:
        return np.full(STEPS, np.nan)
    reached = (reach_ratio * STEP * np.arange(1, STEPS + 1)) ** dimension
    by_chance = images * -np.expm1((NEIGHBORS - 1) * np.log1p(-reached))
    return np.asarray(1 - by_chance / found)


def intrinsic_dimension(middle_ratio: float | None) -> float | None:
    """Dimension in which the fifth of ten neighbours is at this share of the tenth's distance; None where none is.

    Examples
    --------
    >>> intrinsic_dimension(0.5)
    1.0
    """
    if middle_ratio is None or not 0 < middle_ratio < 1:
        return None
    return math.log(0.5) / math.log(middle_ratio)


def near_threshold(precisions: NDArray[np.float64]) -> float | None:
    """The largest threshold of an estimated precision of 0.9; None where there is none.

    Examples
    --------
    >>> near_threshold(np.where(np.arange(1, 78) < 50, 0.95, 0.5))
    0.49
    """
    enough = np.flatnonzero(np.nan_to_num(precisions) >= LEAST_PRECISION)
    return round(STEP * (int(enough[-1]) + 1), 2) if enough.size else None
