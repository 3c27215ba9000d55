"""Tests and effect sizes of contingency tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from dataeval_spark.kernels.factors.independence import (
    FEWEST_EXPECTED,
    ImageSums,
    design_effect,
    fixed_design_effect,
    fixed_distribution_p_value,
    independence,
)


@dataclass(frozen=True)
class Association:
    """Tests that rows and columns of a table are independent, and the strength of their association."""

    g_statistic: float
    p_value: float
    degrees_of_freedom: int
    corrected_v: float
    pearson_statistic: float
    pearson_p_value: float
    cramers_v: float
    low_expected_cells: int
    robust_p_value: float


def association(table: NDArray[Any], effect: float = 1.0) -> Association:
    r"""G-test with Yates's correction for 2 x 2, Pearson's test without, Cramér's V of both.

    ``corrected_v`` is Cramér's V with Bergsma's correction of bias, from the G statistic:
    :math:`\sqrt{\varphi^2 / \min(\tilde r - 1, \tilde k - 1)}` with
    :math:`\varphi^2 = \max(0, G/n - (r-1)(k-1)/(n-1))` and :math:`\tilde r = r - (r-1)^2/(n-1)`. ``cramers_v`` is
    :math:`\sqrt{\chi^2 / (n \min(r-1, k-1))}` from Pearson's. ``robust_p_value`` is that of `independence`: the
    G-test's is far too small where few rows are expected in a cell.

    Parameters
    ----------
    table : array of shape (rows, columns)
        Counts; empty rows and columns are left out. With one row or column there is no association: 0, p = 1.
    effect : float
        Design effect, by which the statistic behind ``robust_p_value`` is divided.

    References
    ----------
    SciPy's ``chi2_contingency``; Bergsma (2013); DataEval 1.1.4, ``core.parity``.

    Examples
    --------
    >>> association(np.array([[30, 10], [10, 30]])).pearson_statistic
    20.0
    """
    table = np.asarray(table, np.int64)
    table = table[table.any(axis=1)][:, table.any(axis=0)]
    if min(table.shape) < 2:
        return Association(0.0, 1.0, 0, 0.0, 0.0, 1.0, 0.0, 0, 1.0)
    n, (r, k) = int(table.sum()), table.shape
    freedom = (r - 1) * (k - 1)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    g = _g_statistic(_yates(table, expected) if freedom == 1 else table.astype(np.float64), expected)
    pearson = independence(table, effect)
    return Association(
        g,
        float(chdtrc(freedom, g)),
        freedom,
        _corrected_v(g, n, r, k),
        pearson.statistic,
        pearson.p_value,
        float(np.sqrt(pearson.statistic / (n * (min(r, k) - 1)))),
        int((expected < FEWEST_EXPECTED).sum()),
        pearson.robust_p_value,
    )


def _yates(table: NDArray[Any], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Observed counts half a row nearer to the expected ones, but not beyond."""
    difference = expected - table
    return np.asarray(table + np.sign(difference) * np.minimum(0.5, np.abs(difference)), np.float64)


def _g_statistic(observed: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    filled = observed > 0
    return max(0.0, 2 * float((observed[filled] * np.log(observed[filled] / expected[filled])).sum()))


def _corrected_v(statistic: float, n: int, rows: int, columns: int) -> float:
    if n <= 1:
        return 0.0
    phi_squared = max(0.0, statistic / n - (columns - 1) * (rows - 1) / (n - 1))
    smallest = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    return float(np.sqrt(phi_squared / smallest)) if smallest > 0 else 0.0


@dataclass(frozen=True)
class LabelParity:
    """Distances between two distributions of labels, and a test that both are one.

    ``expected_counts`` and ``is_low`` have an entry per class given: how many of its labels are expected in the
    observed data, and whether a count below 5 is expected (or, for `goodness_of_fit`, observed).
    """

    chi_squared: float
    p_value: float
    design_effect: float
    robust_p_value: float
    total_variation: float
    l_infinity: float
    expected_counts: NDArray[np.float64]
    is_low: NDArray[np.bool_]


def label_parity(reference: ImageSums, current: ImageSums) -> LabelParity:
    r"""Two-sample test that the labels of two sides come from one distribution, and distances of the shares.

    ``p_value`` is Pearson's on the table of 2 x classes; ``robust_p_value`` also holds where counts are small
    (`independence`) and where images hold several labels (`design_effect`). ``total_variation`` is half the sum,
    ``l_infinity`` the largest of the differences of shares.

    Parameters
    ----------
    reference, current : ImageSums
        Labels per class, in one order, with at least one label each.

    References
    ----------
    SciPy's ``chi2_contingency(correction=False)``; Rao and Scott (1981).

    Examples
    --------
    >>> label_parity(ImageSums.of_single([10, 10]), ImageSums.of_single([5, 5])).p_value
    1.0
    """
    a, b = reference.counts, current.counts
    effect = design_effect(reference, current)
    test = independence(np.stack([a, b]), effect)
    expected = (a + b) * (b.sum() / (a.sum() + b.sum()))
    gap = np.abs(a / a.sum() - b / b.sum())
    return LabelParity(
        test.statistic,
        test.p_value,
        effect,
        test.robust_p_value,
        float(gap.sum() / 2),
        float(gap.max()),
        expected,
        test.is_low,
    )


def goodness_of_fit(shares: NDArray[Any], observed: ImageSums) -> LabelParity:
    r"""Chi-square test of labels against a fixed distribution, which is not a sample itself.

    A class that the distribution does not have but the labels do gives an infinite statistic and p = 0; a class that
    neither has says nothing and is left out.

    Parameters
    ----------
    shares : array
        Share of each class, or counts in their ratio.
    observed : ImageSums
        Labels per class, in the same order, with at least one label.

    References
    ----------
    SciPy's ``power_divergence``. With the reference's counts as shares ``p_value`` is that of DataEval 1.1.4,
    ``core.label_parity``, which takes them for exact, and answers NaN where a class is in neither.

    Examples
    --------
    >>> goodness_of_fit(np.array([0.5, 0.5]), ImageSums.of_single([5, 5])).p_value
    1.0
    """
    expected_shares, counts = np.asarray(shares, np.float64) / np.sum(shares), observed.counts
    n = float(counts.sum())
    present = (expected_shares > 0) | (counts > 0)
    gap = np.abs(expected_shares - counts / n)
    is_low = present & ((counts < FEWEST_EXPECTED) | (expected_shares * n < FEWEST_EXPECTED))
    expected = expected_shares[present] * n
    statistic, p_value, effect, robust = np.inf, 0.0, 1.0, 0.0
    if (expected > 0).all():
        statistic = float(((counts[present] - expected) ** 2 / expected).sum())
        freedom = len(expected) - 1
        p_value = robust = float(chdtrc(freedom, statistic)) if freedom else 1.0
        effect = fixed_design_effect(observed.of_classes(present), expected_shares[present])
        if np.isnan(effect):
            robust = np.nan
        elif (expected < FEWEST_EXPECTED).any():
            robust = fixed_distribution_p_value(statistic / effect, expected)
        elif freedom:
            robust = float(chdtrc(freedom, statistic / effect))
    return LabelParity(
        float(statistic), p_value, effect, robust, float(gap.sum() / 2), float(gap.max()), expected_shares * n, is_low
    )
