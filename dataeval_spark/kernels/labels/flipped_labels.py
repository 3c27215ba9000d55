"""Share of wrong labels at the low end of a score, estimated from labels that were replaced on purpose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEWEST_GIVEN, FEWEST_FLIPPED = 5, 20
"""Smallest numbers of given and of replaced labels that a share is read from: fewer would be chance."""
MAX_ERROR_SHARE = 0.2


@dataclass(frozen=True)
class Cut:
    """``listed`` bins, from the lowest, have the wanted precision; ``precision`` is that of each bin and all below.

    ``error_share`` is the largest share of wrong labels that the scores allow, NaN where there are too few labels.
    """

    listed: int
    precision: NDArray[np.float64]
    error_share: float


def cut_of_flips(own_counts: NDArray[np.int64], flipped_counts: NDArray[np.int64], precision: float) -> Cut:
    r"""Cut a list of the lowest scores where so many of its labels are estimated to be wrong.

    Each label has a score as it is given, and one of another class in its place. With G and F the shares of given and
    of replaced labels up to a score, wrong labels that score as the replaced ones do are at most
    :math:`\hat\pi = \min_t G(t) / F(t)` of all, over those t with 5 given and 20 replaced labels or more (more than
    0.2 are not assumed: an encoder that tells nothing would allow any share). Of the labels up to t then
    :math:`\hat\pi F(t) / G(t)` are wrong, at most 1.

    Parameters
    ----------
    own_counts, flipped_counts : ndarray of int, (bins,)
        Number of given and of replaced labels whose score lies in each bin, the lowest first.
    precision : float in (0, 1]
        Share of the list that is to be wrong.

    Returns
    -------
    Cut
        ``precision`` is the best of any list that ends there or later.

    References
    ----------
    Blanchard, Lee and Scott, "Semi-supervised novelty detection" (2010), on the largest share of a known distribution
    in a mixture.

    Examples
    --------
    >>> cut = cut_of_flips(np.array([5, 5, 90]), np.array([80, 10, 10]), 0.5)
    >>> cut.listed, round(cut.error_share, 4), cut.precision.round(2).tolist()
    (2, 0.0625, [1.0, 0.56, 0.06])
    """
    below, below_flipped = np.cumsum(own_counts), np.cumsum(flipped_counts)
    total, total_flipped = int(own_counts.sum()), int(flipped_counts.sum())
    is_estimable = (below_flipped >= FEWEST_FLIPPED) & (below > 0)
    enough = is_estimable & (below >= FEWEST_GIVEN)
    if not enough.any():
        return Cut(0, np.zeros(len(own_counts)), float("nan"))
    share, share_flipped = below / total, below_flipped / total_flipped
    error_share = min(float((share[enough] / share_flipped[enough]).min()), MAX_ERROR_SHARE)
    estimate = np.zeros(len(own_counts))
    estimate[is_estimable] = np.minimum(error_share * share_flipped[is_estimable] / share[is_estimable], 1.0)
    best_from_here = np.maximum.accumulate(estimate[::-1])[::-1]
    reached = np.flatnonzero(best_from_here >= precision)
    return Cut(int(reached[-1]) + 1 if len(reached) else 0, best_from_here, error_share)
