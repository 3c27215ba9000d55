"""P-value of a two-sample Kolmogorov-Smirnov test from the largest gap alone, without the samples."""

from __future__ import annotations

import warnings

import numpy as np

_LARGEST_EXACT = 10_000
"""SciPy's own bound, in the larger sample, between the exact and the asymptotic distribution."""


def ks_pvalue(statistic: float, n1: int, n2: int, i: int, j: int) -> float:
    """Two-sided p-value, equal to ``scipy.stats.ks_2samp(sample1, sample2, method="auto").pvalue``.

    The p-value depends on the samples only through their sizes and D = max |F1 - F2| = |i / n1 - j / n2|. Up to 10,000
    values in the larger sample, SciPy is given two samples of zeros and ones with the same sizes and gap, so that its
    exact distribution (and its own fallback) decides; above, ``kstwo.sf(D, round(n1 n2 / (n1 + n2)))``. Of n1 and n2
    values i and j are at or below the point of the largest gap. NaN when a sample is empty.

    Examples
    --------
    >>> round(ks_pvalue(1.0, 3, 3, 3, 0), 6)
    0.1
    """
    from scipy.stats import ks_2samp, kstwo

    if n1 == 0 or n2 == 0:
        return float("nan")
    if max(n1, n2) > _LARGEST_EXACT:
        return float(np.clip(kstwo.sf(statistic, np.round(n1 * n2 / (n1 + n2))), 0.0, 1.0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # SciPy says when it falls back to the asymptotic one
        samples = (np.repeat([0.0, 1.0], [zeros, n - zeros]) for zeros, n in ((i, n1), (j, n2)))
        return float(ks_2samp(*samples, method="auto").pvalue)


def ks_pvalue_of_images(statistic: float, n1: int, n2: int, effect: float) -> float:
    """Two-sided p-value where images hold several values: that of samples smaller by the design effect.

    ``kstwo.sf(D, n)`` with n the whole part of n1 n2 / (n1 + n2) / effect, at least 1; the effect is the factor, above
    1, by which a share of the values varies more because they come in images.

    References
    ----------
    Kish (1965), "Survey Sampling", for effective sizes of samples.

    Examples
    --------
    >>> [round(ks_pvalue_of_images(0.3, 100, 100, effect), 5) for effect in (1.0, 5.0)]
    [0.00017, 0.27054]
    """
    from scipy.stats import kstwo

    return float(np.clip(kstwo.sf(statistic, max(1.0, np.floor(n1 * n2 / (n1 + n2) / effect))), 0.0, 1.0))
