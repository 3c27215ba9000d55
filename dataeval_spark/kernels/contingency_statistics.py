"""Tests and effect sizes of contingency tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

FEWEST_EXPECTED = 5.0
"""Expected count below which the chi-square approximation is doubted (Cochran 1954)."""


@dataclass(frozen=True)
class Association:
    """Are rows and columns of a table independent, and how far from it."""

    g_statistic: float
    p_value: float
    degrees_of_freedom: int
    corrected_v: float
    pearson_statistic: float
    pearson_p_value: float
    cramers_v: float
    low_expected_cells: int


def association(table: NDArray[Any]) -> Association:
    r"""G-test with Yates's correction for 2 x 2, Pearson's test without, Cramér's V of both.

    ``corrected_v`` is Cramér's V with Bergsma's correction of bias, from the G statistic:
    :math:`\sqrt{\varphi^2 / \min(\tilde r - 1, \tilde k - 1)}` with
    :math:`\varphi^2 = \max(0, G/n - (r-1)(k-1)/(n-1))` and :math:`\tilde r = r - (r-1)^2/(n-1)`. ``cramers_v`` is
    :math:`\sqrt{\chi^2 / (n \min(r-1, k-1))}` from Pearson's.

    Parameters
    ----------
    table : array of shape (rows, columns)
        Counts; empty rows and columns are left out. With one row or column there is no association: 0, p = 1.

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
        return Association(0.0, 1.0, 0, 0.0, 0.0, 1.0, 0.0, 0)
    n, (r, k) = int(table.sum()), table.shape
    freedom = (r - 1) * (k - 1)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    g = _g_statistic(_yates(table, expected) if freedom == 1 else table.astype(np.float64), expected)
    pearson = float(((table - expected) ** 2 / expected).sum())
    return Association(
        g,
        float(chdtrc(freedom, g)),
        freedom,
        _corrected_v(g, n, r, k),
        pearson,
        float(chdtrc(freedom, pearson)),
        float(np.sqrt(pearson / (n * (min(r, k) - 1)))),
        int((expected < FEWEST_EXPECTED).sum()),
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


def information_p_value(information: float, table: NDArray[Any]) -> float:
    """p-value of mutual information: 2 n MI is chi-square distributed under independence (G-test, not corrected)."""
    table = np.asarray(table)
    rows, columns = int(table.any(axis=1).sum()), int(table.any(axis=0).sum())
    freedom = (rows - 1) * (columns - 1)
    return float(chdtrc(freedom, 2 * table.sum() * information)) if freedom > 0 else 1.0


@dataclass(frozen=True)
class LabelParity:
    """How far one distribution of labels is from another."""

    chi_squared: float
    p_value: float
    total_variation: float
    l_infinity: float
    low_count_classes: int


def label_parity(expected: NDArray[Any], observed: NDArray[Any]) -> LabelParity:
    r"""Chi-square test of observed counts per class against expected ones, and distances of the shares.

    Expected counts are scaled to the observed sum. A class that is expected nowhere but observed gives an infinite
    statistic and p = 0; a class that neither has says nothing and is left out.
    ``total_variation`` is half the sum, ``l_infinity`` the largest of the differences of shares.

    Parameters
    ----------
    expected, observed : array of int
        Labels per class, in one order, with at least one label each.

    References
    ----------
    SciPy's ``chisquare``; DataEval 1.1.4, ``core.label_parity``, which answers NaN where a class is in neither.

    Examples
    --------
    >>> label_parity(np.array([10, 10]), np.array([5, 5])).p_value
    1.0
    """
    expected, observed = np.asarray(expected, np.float64), np.asarray(observed, np.float64)
    present = (expected > 0) | (observed > 0)
    expected, observed = expected[present], observed[present]
    difference = np.abs(expected / expected.sum() - observed / observed.sum())
    scaled = expected * observed.sum() / expected.sum()
    if (scaled == 0).any():
        statistic, p_value = float("inf"), 0.0
    else:
        statistic = float(((observed - scaled) ** 2 / scaled).sum())
        p_value = float(chdtrc(present.sum() - 1, statistic)) if present.sum() > 1 else 1.0
    low = (observed < FEWEST_EXPECTED) | (scaled < FEWEST_EXPECTED)
    return LabelParity(statistic, p_value, float(difference.sum() / 2), float(difference.max()), int(low.sum()))
