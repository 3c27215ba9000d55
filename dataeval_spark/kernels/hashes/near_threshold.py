"""Largest relative distance of near duplicates, from the distances of nearest neighbours in the data themselves."""

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
LEAST_LOCAL_PRECISION = 0.7
WINDOW = 10
"""Steps below a threshold that are local to it."""
FEW = 0.5
"""Number of images near by chance that is too small to bound a threshold."""
FEWEST = 50
"""Number of images below which nothing is derived."""


def near_by_chance(images: int, middle_ratio: float | None, reach_ratio: float | None) -> NDArray[np.float64]:
    r"""Expected number of images that have another within each threshold where there are no duplicates.

    The distances to the k = 10 nearest neighbours are then those of points that are spread evenly around an image, in m
    dimensions: :math:`(d_1 / d_{10})^m` is the smallest of nine uniform numbers, and :math:`(d_5 / d_{10})^m` has the
    distribution Beta(5, 5), of median 1/2, whence m (as in Levina and Bickel, by the median instead of the mean, which
    duplicates hardly move). So among n images

    .. math:: n (1 - (1 - (g t)^m)^9)

    have a neighbour within the relative distance t, g being the typical ratio of an image's surroundings to
    :math:`d_{10}`.

    Parameters
    ----------
    images : int
        Number of images.
    middle_ratio : float or None
        Median of :math:`d_5 / d_{10}`.
    reach_ratio : float or None
        Median of an image's surroundings (the mean of d_2 to d_10) by its :math:`d_{10}`.

    Returns
    -------
    ndarray
        (77,): for the thresholds 0.01, 0.02 ... 0.77; NaN where nothing can be estimated (fewer than 50 images, or ten
        neighbours at one distance).

    References
    ----------
    Levina and Bickel 2004, Maximum likelihood estimation of intrinsic dimension.

    Examples
    --------
    >>> near_by_chance(1000, 0.95, 0.97)[[9, 49, 69]].round(2).tolist()
    [0.0, 0.51, 47.09]
    """
    dimension = intrinsic_dimension(middle_ratio)
    if images < FEWEST or dimension is None or reach_ratio is None:
        return np.full(STEPS, np.nan)
    reached = (reach_ratio * STEP * np.arange(1, STEPS + 1)) ** dimension
    return np.asarray(images * -np.expm1((NEIGHBORS - 1) * np.log1p(-reached)))


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


def estimated_precisions(nearest: NDArray[np.integer], by_chance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Estimate, for each threshold, the share of the images with so near a neighbour that have a duplicate.

    One minus the number expected by chance by the number found, as Storey estimates the false discovery rate.

    Parameters
    ----------
    nearest : ndarray
        (77,): number of images whose nearest neighbour is within each threshold.
    by_chance : ndarray
        Result of `near_by_chance`.

    Returns
    -------
    ndarray
        (77,), at most 1; NaN where nothing is found or nothing can be estimated.

    References
    ----------
    Storey 2002, A direct approach to false discovery rates.

    Examples
    --------
    >>> estimated_precisions(np.full(77, 40), np.full(77, 10.0))[:2].tolist()
    [0.75, 0.75]
    """
    return np.asarray(1 - by_chance / np.where(nearest > 0, nearest, np.nan))


def near_threshold(nearest: NDArray[np.integer], by_chance: NDArray[np.float64]) -> float | None:
    """Derive the largest threshold at which nine of ten images with so near a neighbour have a duplicate.

    Of those whose neighbour is at the threshold, or up to 0.1 below it, seven must: where many copies are very
    near and the next pairs are much farther apart, the threshold lies in the gap, however many false pairs the copies
    could make up for. Where fewer than half an image is expected by chance, there is no need to look for the gap.

    Parameters
    ----------
    nearest, by_chance : ndarray
        As of `estimated_precisions`.

    Returns
    -------
    float or None
        A multiple of 0.01; None where no threshold has the precision.

    Examples
    --------
    >>> near_threshold(np.full(77, 40), near_by_chance(1000, 0.95, 0.97))
    0.49
    """
    precisions = np.nan_to_num(estimated_precisions(nearest, by_chance))
    is_local = (by_chance <= FEW) | (_last(by_chance) <= (1 - LEAST_LOCAL_PRECISION) * _last(nearest))
    enough = np.flatnonzero((precisions >= LEAST_PRECISION) & is_local)
    return round(STEP * (int(enough[-1]) + 1), 2) if enough.size else None


def _last(counts: NDArray[np.integer] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Part of the counts up to each threshold that lies within the window below it."""
    below = np.concatenate([np.zeros(WINDOW), counts[:-WINDOW]])
    return np.asarray(counts - below, dtype=np.float64)
