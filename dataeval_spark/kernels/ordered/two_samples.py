r"""Distances and tests of two samples from their values in order: column 0 of the weights is the first, 1 the second.

:math:`F` and :math:`G` are the distribution functions of the two, n and m their sizes, N = n + m. Statistics are sums
or maxima over the distinct values, so that buckets are merged exactly. They are NaN where a sample is empty.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import digamma, polygamma

from dataeval_spark.kernels.ordered.bucket import Bucket, Floats, Numbers, Statistic

NAN = float("nan")


def _gaps(bucket: Bucket) -> Floats:
    after = bucket.after
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(after[:, 0] / bucket.totals[0] - after[:, 1] / bucket.totals[1])


def _is_empty(totals: Floats) -> bool:
    return not (totals[0] > 0 and totals[1] > 0)


def _largest_gap(bucket: Bucket) -> Numbers:
    gaps, after = np.abs(_gaps(bucket)), bucket.after
    # Of equal gaps the one with the largest counts, so that the same place is named for any buckets.
    at = int(np.flatnonzero(gaps == gaps.max())[-1]) if not np.isnan(gaps).any() else 0
    return [gaps[at], after[at, 0], after[at, 1], bucket.values[at]]


def _largest_of_all(parts: Floats, totals: Floats) -> Sequence[float]:
    if _is_empty(totals):
        return [NAN] * 4
    return [float(each) for each in max(map(tuple, parts))]


KOLMOGOROV_SMIRNOV = Statistic(
    {"statistic": "double", "i": "double", "j": "double", "location": "double"}, _largest_gap, _largest_of_all
)
r""":math:`D = \max_x |F - G|`; the weights i and j at or below the value where it is attained; that value.

Where several attain it, it is the one with the largest weights. Equal to ``scipy.stats.ks_2samp``.
"""


def _areas(bucket: Bucket) -> Numbers:
    gaps, widths = np.abs(_gaps(bucket)), bucket.widths
    # No gap in front of an infinite value has no area.
    differs = gaps > 0
    gaps, widths = gaps[differs], widths[differs]
    return [float((gaps * widths).sum()), float((gaps * gaps * widths).sum())]


def _distances(parts: Floats, totals: Floats) -> Sequence[float]:
    if _is_empty(totals):
        return [NAN, NAN]
    area, squares = parts.sum(axis=0)
    return [float(area), float(np.sqrt(2 * squares))]


AREAS = Statistic({"wasserstein": "double", "energy": "double"}, _areas, _distances)
r"""Wasserstein's distance :math:`\int |F - G| dx` and the energy distance :math:`(2 \int (F - G)^2 dx)^{1/2}`.

Equal to ``scipy.stats.wasserstein_distance`` and ``energy_distance``; infinite where the shares of infinite values
differ.
"""


def _steps(bucket: Bucket) -> tuple[Floats, Floats, Floats]:
    """Steps of both distribution functions at each value, and their difference half-way up the steps."""
    n, m = bucket.totals[:2]
    a, b = bucket.weights[:, 0], bucket.weights[:, 1]
    after = bucket.after
    with np.errstate(divide="ignore", invalid="ignore"):
        # One quotient of whole numbers: the difference of two would lose what is left of it.
        between = ((2 * after[:, 0] - a) * m - (2 * after[:, 1] - b) * n) / (2 * n * m)
        return a / n, b / m, between


def _squared_gaps(bucket: Bucket) -> Numbers:
    f, g, between = _steps(bucket)
    both = f + g
    sums = (between * between * both, f * g * both, f**3, g**3)
    return [float(each.sum()) for each in sums]


def _cramer_von_mises(parts: Floats, totals: Floats) -> Sequence[float]:
    if _is_empty(totals):
        return [NAN]
    squares, mixed, f_cubes, g_cubes = parts.sum(axis=0)
    n, m = totals[:2]
    size = n + m
    ties = (n**3 / m * f_cubes + m**3 / n * g_cubes - n / m - m / n) / 12 + 1 / 6
    return [float((n * m * (squares / 2 - mixed / 8 + (f_cubes + g_cubes) / 24) + ties) / size)]


CRAMER_VON_MISES = Statistic({"cramer_von_mises": "double"}, _squared_gaps, _cramer_von_mises)
r"""Cramér-von Mises with mean ranks for ties, :math:`T = U / (nmN) - (4nm - 1) / (6N)` of Anderson (1962).

Equal to ``scipy.stats.cramervonmises_2samp``. U is near the term that is taken off it, so T is summed from
:math:`(F - G)^2` half-way up each step instead, and from the cubes of the steps: no digits are lost in large samples.
"""


def _weighted_gaps(bucket: Bucket) -> Numbers:
    n, m = bucket.totals[:2]
    size = n + m
    a, b = bucket.weights[:, 0], bucket.weights[:, 1]
    after = bucket.after
    ties, below = a + b, after[:, 0] + after[:, 1]
    half = below - ties / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = m * (after[:, 0] - a / 2) - n * (after[:, 1] - b / 2)
        of_ranks = ties * gap**2 / (half * (size - half) - size * ties / 4)
        gap = m * after[:, 0] - n * after[:, 1]
        of_right = ties * gap**2 / (below * (size - below))
    # A value without weight, and the largest one, have nothing below or above them.
    return [
        float(of_ranks[ties > 0].sum()),
        float(of_right[(ties > 0) & (below < size)].sum()),
        float((ties > 0).sum()),
    ]


def _anderson_darling(parts: Floats, totals: Floats) -> Sequence[float]:
    of_ranks, of_right, values = parts.sum(axis=0)
    n, m = totals[:2]
    if _is_empty(totals) or values < 2:
        return [NAN, NAN]
    size, scale = n + m, (1 / n + 1 / m) / (n + m)
    return [
        anderson_darling_score(of_ranks * scale * (size - 1) / size, n, m),
        anderson_darling_score(of_right * scale, n, m),
    ]


def anderson_darling_score(statistic: float, n: float, m: float) -> float:
    """Anderson and Darling's statistic of two samples less its mean 1, in its standard deviations; NaN of fewer than 4.

    Scholz and Stephens (1987), equation 4, whose sums of reciprocals have closed forms: none is proportional to n.

    Examples
    --------
    >>> round(anderson_darling_score(3.0, 10, 12), 6)
    2.849988
    """
    size = n + m
    if size < 4:
        return NAN
    last = size - 1
    harmonic, before, squares = _harmonic(last), _harmonic(last - 1), np.pi**2 / 6 - float(polygamma(1, last + 1))
    g = squares - 1 / last - (harmonic + before - 1) / size
    h, reciprocals = harmonic, 1 / n + 1 / m
    a = (4 * g - 6) + (10 - 6 * g) * reciprocals
    b = (2 * g - 4) * 4 + 16 * h + (2 * g - 14 * h - 4) * reciprocals - 8 * h + 4 * g - 6
    c = (6 * h + 2 * g - 2) * 4 + (4 * h - 4 * g + 6) * 2 + (2 * h - 6) * reciprocals + 4 * h
    d = (2 * h + 6) * 4 - 8 * h
    variance = (a * size**3 + b * size**2 + c * size + d) / ((size - 1) * (size - 2) * (size - 3))
    return float((statistic - 1) / np.sqrt(variance))


def _harmonic(n: float) -> float:
    return float(digamma(n + 1) + np.euler_gamma)


ANDERSON_DARLING = Statistic(
    {"anderson_darling": "double", "anderson_darling_right": "double"}, _weighted_gaps, _anderson_darling
)
"""Anderson-Darling of two samples, normalised: with mean ranks for ties, and with right-continuous functions.

Equal to the statistic of ``scipy.stats.anderson_ksamp`` with ``variant="midrank"`` and ``"right"``. NaN of a single
value, and of fewer than four rows.
"""


def _pairs(bucket: Bucket) -> Numbers:
    a, b = bucket.weights[:, 0], bucket.weights[:, 1]
    ties = a + b
    smaller = bucket.after[:, 0] - a
    return [float((b * (smaller + a / 2)).sum()), float((ties**3 - ties).sum())]


def _mann_whitney(parts: Floats, totals: Floats) -> Sequence[float]:
    if _is_empty(totals):
        return [NAN] * 3
    u, ties = parts.sum(axis=0)
    return [float(u), float(ties), float(u / (totals[0] * totals[1]))]


MANN_WHITNEY = Statistic({"u": "double", "ties": "double", "auc": "double"}, _pairs, _mann_whitney)
r"""U of the second sample, its pairs with a smaller value of the first (ties are a half); :math:`\sum t^3 - t`; U / nm.

Equal to ``scipy.stats.mannwhitneyu(second, first)``. With negative rows as the first sample and positive ones as the
second, ``auc`` is ``sklearn.metrics.roc_auc_score``, with weights too.
"""


def _range(bucket: Bucket) -> Numbers:
    has_weight = bucket.weights.any(axis=1)
    values = bucket.values[has_weight]
    return [values[0], values[-1]] if values.size else [np.inf, -np.inf]


def _range_and_totals(parts: Floats, totals: Floats) -> Sequence[float]:
    return [float(parts[:, 0].min()), float(parts[:, 1].max()), float(totals[0]), float(totals[1])]


RANGE = Statistic({"lowest": "double", "highest": "double", "n": "double", "m": "double"}, _range, _range_and_totals)
"""The smallest and largest value of both samples, and their sizes."""

ALL = (KOLMOGOROV_SMIRNOV, AREAS, CRAMER_VON_MISES, ANDERSON_DARLING, MANN_WHITNEY, RANGE)
