"""Mutual information from counts, corrected for chance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# exp(-41) = 1.6e-18: the weight of all that the windows of the sum leave out.
_NEGLIGIBLE = 41.0
_ELEMENTS_AT_ONCE = 1_000_000


def entropy(counts: NDArray[Any]) -> float:
    """Shannon entropy of counts in nats; 0 without counts."""
    counts = np.asarray(counts, np.float64)
    counts = counts[counts > 0]
    if counts.size < 2:
        return 0.0
    share = counts / counts.sum()
    return float(-(share * np.log(share)).sum())


def mutual_information(table: NDArray[Any]) -> float:
    r"""Mutual information of a table of counts in nats, :math:`\sum n_{ij}/n \log(n\,n_{ij} / (a_i b_j))`.

    Examples
    --------
    >>> round(mutual_information(np.array([[5, 0], [0, 5]])), 6)
    0.693147
    """
    table = np.asarray(table, np.float64)
    n = table.sum()
    if n == 0:
        return 0.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0))
    filled = table > 0
    return max(0.0, float((table[filled] / n * np.log(n * table[filled] / expected[filled])).sum()))


def expected_mutual_information(rows: NDArray[Any], columns: NDArray[Any]) -> float:
    r"""Mean mutual information of all tables with these margins, in nats, under the hypergeometric model.

    .. math:: \sum_{ij} \sum_k P_{ij}(k) \frac{k}{n} \log \frac{n k}{a_i b_j}

    with k hypergeometric. The inner sum runs where k has weight: outside of the window around its mean that
    Bernstein's inequality gives, all weights together are below 1e-17. Weights come from ratios of neighbours and are
    normalized to 1, so that no large factorial is ever subtracted from another. The margins a and b have equal sums n.

    References
    ----------
    Vinh, Epps and Bailey (2010), "Information Theoretic Measures for Clusterings Comparison". Equal to
    scikit-learn's ``expected_mutual_information``, whose sum runs over every possible k.

    Examples
    --------
    >>> round(expected_mutual_information([2, 2], [2, 2]), 6)
    0.231049
    """
    a, times_a = np.unique(np.asarray(rows, np.int64), return_counts=True)
    b, times_b = np.unique(np.asarray(columns, np.int64), return_counts=True)
    keep_a, keep_b = a > 0, b > 0
    a, times_a, b, times_b = a[keep_a], times_a[keep_a], b[keep_b], times_b[keep_b]
    if a.size == 0:
        return 0.0
    n = int((a * times_a).sum())
    cells_a, cells_b = np.repeat(a, b.size), np.tile(b, a.size)
    times = np.repeat(times_a, b.size) * np.tile(times_b, a.size)
    low, high = _window(cells_a, cells_b, n)
    widths = high - low + 1
    order = np.argsort(widths, kind="stable")  # cells of like width together, so that padding is little
    total, start = 0.0, 0
    while start < order.size:
        stop = start + 1
        while stop < order.size and widths[order[stop]] * (stop + 1 - start) <= _ELEMENTS_AT_ONCE:
            stop += 1
        cells = order[start:stop]
        means = _mean_terms(cells_a[cells], cells_b[cells], n, low[cells], high[cells])
        total += float((means * times[cells]).sum())
        start = stop
    return total


def _window(a: NDArray[np.int64], b: NDArray[np.int64], n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    mean = a * (b / n)
    # The variance of the binomial distribution bounds the hypergeometric one's.
    variance = np.minimum(mean * (1 - b / n), mean * (1 - a / n))
    reach = _NEGLIGIBLE / 3 + np.sqrt((_NEGLIGIBLE / 3) ** 2 + 2 * _NEGLIGIBLE * variance)
    low = np.maximum(np.maximum(0, a + b - n), np.floor(mean - reach).astype(np.int64))
    high = np.minimum(np.minimum(a, b), np.ceil(mean + reach).astype(np.int64))
    return low, high


def _mean_terms(
    a: NDArray[np.int64], b: NDArray[np.int64], n: int, low: NDArray[np.int64], high: NDArray[np.int64]
) -> Floats:
    """The mean of k/n log(nk / ab) for each cell, k between low and high."""
    steps = np.arange(int((high - low).max()) + 1)
    k = (low[:, None] + steps).astype(np.float64)
    inside = k <= high[:, None]
    a_, b_ = a[:, None].astype(np.float64), b[:, None].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        # log of P(k) / P(k - 1)
        ratio = np.log((a_ - k + 1) * (b_ - k + 1)) - np.log(k * (n - a_ - b_ + k))
        log_weight = np.cumsum(np.where(inside & (steps > 0), ratio, 0.0), axis=1)
        log_weight = np.where(inside, log_weight, -np.inf)
        weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
        term = k / n * (np.log(k / n) - np.log(a_ / n) - np.log(b_ / n))
    term = np.where(inside & (k > 0), term, 0.0)
    return np.asarray((weight * term).sum(axis=1) / weight.sum(axis=1), np.float64)


def adjusted_share(table: NDArray[Any], *, target: int = 0, expected: float | None = None) -> float:
    r"""Share of the target's entropy that the other variable removes, corrected for chance, in [0, 1].

    :math:`(MI - EMI) / (H_{target} - EMI)`, clipped; 0 where the target is constant, or where every cell holds so few
    rows that chance alone would give all of its entropy. ``target`` is its axis of the table of counts; ``expected`` is
    the `expected_mutual_information` of the margins, where it is known.

    References
    ----------
    DataEval 1.1.4, ``core.mutual_info``, class to factor.
    """
    table = np.asarray(table)
    of_target = entropy(table.sum(axis=1 - target))
    if of_target <= 0:
        return 0.0
    if expected is None:
        expected = expected_mutual_information(table.sum(axis=1), table.sum(axis=0))
    most = of_target - expected
    if most <= of_target * 1e-6:
        return 0.0
    return float(np.clip((mutual_information(table) - expected) / most, 0.0, 1.0))


def adjusted_association(table: NDArray[Any], *, is_cut: tuple[bool, bool], expected: float | None = None) -> float:
    r"""Association of two factors in [0, 1], corrected for chance; neither is the target.

    Where a factor's values are its own, its entropy bounds what the two can share:
    :math:`(MI - EMI) / (\min H - EMI)` over such factors. Where both were cut into bins, their entropies depend on the
    cut (``is_cut`` of the row factor and the column factor), and the association is
    :math:`(1 - e^{-2(MI - EMI)}) / (1 - e^{-2(\min H - EMI)})`. ``expected`` as in `adjusted_share`.

    References
    ----------
    DataEval 1.1.4, ``core.mutual_info``, factor to factor; Linfoot (1957).
    """
    table = np.asarray(table)
    entropies = entropy(table.sum(axis=1)), entropy(table.sum(axis=0))
    smallest = min(h for h, cut in zip(entropies, is_cut, strict=True) if not cut or all(is_cut))
    if expected is None:
        expected = expected_mutual_information(table.sum(axis=1), table.sum(axis=0))
    most = smallest - expected
    if most <= smallest * 1e-6:
        return 0.0
    information = max(mutual_information(table) - expected, 0.0)
    if all(is_cut):
        return float(np.clip(np.expm1(-2 * information) / np.expm1(-2 * most), 0.0, 1.0))
    return float(np.clip(information / most, 0.0, 1.0))
