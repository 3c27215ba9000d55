"""Bins of a factor: whether it is continuous, its edges, the bin of each value, and the names of bins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.kernels.factors.clusters_1d import cluster_edges

Rule = Literal["uniform_width", "uniform_count", "clusters"]
Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

UNSEEN = -1
"""Code of a level that was not there when the levels were recorded."""
SMALLEST_LEVEL_BUDGET = 20
_FEWEST_TO_BE_CONTINUOUS = 20
_FEWEST_PER_BIN = 10
_BINS_GIVEN_UP = 20


@dataclass(frozen=True)
class Bins:
    """Bins of one factor: by ``edges`` (codes of ``numpy.digitize``) or value by value (``levels``, in order).

    ``rule`` is ``uniform_width``, ``uniform_count``, ``clusters``, ``given`` or ``count`` for edges, ``discrete`` or
    ``categorical`` for levels. ``note`` says why the rule differs from the one asked for: ``one_cluster`` or
    ``too_many_clusters``.
    """

    rule: str
    edges: tuple[float, ...] = ()
    levels: tuple[float | str, ...] = ()
    note: str | None = None

    @property
    def missing_code(self) -> int:
        """Code of a missing value: above every code that a value can have, whatever the sample filled."""
        return len(self.edges) + 1 if self.edges else len(self.levels)


def level_budget(n: int) -> int:
    """Largest number of distinct values that a table over ``n`` rows can carry: 20, or the root of n where larger."""
    return int(max(SMALLEST_LEVEL_BUDGET, np.sqrt(n)))


def is_continuous(values: Floats) -> bool:
    r"""Whether values look like a sample of a continuous quantity.

    The place of each value between its two neighbours in order, scaled to [0, 1], is close to uniform for a
    continuous quantity. Values are continuous where the Wasserstein distance of these places from uniformity is
    below :math:`0.5 / \sqrt n`; or below :math:`0.3 / \sqrt n` where either more than 10 % of the values are
    repeats, or more than 85 % of the gaps are multiples of the smallest; never where both hold.

    Parameters
    ----------
    values : ndarray of float64
        Sample; values that are not finite are left out. Fewer than 20, or fewer than 3 distinct, are discrete.

    References
    ----------
    DataEval 1.1.4, ``core.is_continuous``.

    Examples
    --------
    >>> is_continuous(np.arange(400.0))
    False
    """
    ordered = np.sort(values[np.isfinite(values)])
    distinct = ordered[np.r_[True, np.diff(ordered) > 0]] if ordered.size else ordered
    if ordered.size < _FEWEST_TO_BE_CONTINUOUS or distinct.size < 3:
        return False
    below, above = ordered[:-2], ordered[2:]
    width = above - below
    place = np.divide(ordered[1:-1] - below, width, out=np.zeros_like(width), where=width > 0)
    # Both samples have one size: the Wasserstein distance pairs them in order.
    distance = np.abs(np.sort(place) - np.linspace(0, 1, place.size)).mean()
    root = np.sqrt(ordered.size)
    if distance >= 0.5 / root:
        return False
    has_repeats = 1.0 - distinct.size / ordered.size > 0.1
    on_lattice = _share_of_multiples(np.diff(distinct)) > 0.85
    if has_repeats and on_lattice:
        return False
    return bool(distance < 0.3 / root) if has_repeats or on_lattice else True


def _share_of_multiples(gaps: Floats) -> float:
    gaps = gaps[gaps > 1e-9]
    if gaps.size == 0:
        return 0.0
    ratios = gaps / gaps.min()
    return float(np.mean(np.abs(ratios - np.round(ratios)) < 0.05))


def bins_by_rule(values: Floats, rule: Rule, most_bins: int | None = None) -> Bins:
    """Bins with edges chosen from the data; the outer ones are infinite.

    ``uniform_width`` starts from ``numpy.histogram(bins="auto")``, at most ``most_bins``, and takes bins away one at
    a time (20 at most, 2 are left) while a bin that is not empty holds fewer than 10 values. ``uniform_count`` puts
    as many edges at quantiles. ``clusters`` cuts where the values leave wide gaps; where they leave none, so that all
    would be in one bin, or too many, the values are cut by uniform width.

    Parameters
    ----------
    values : ndarray of float64
        Values that are not finite place no edge.
    rule : {"uniform_width", "uniform_count", "clusters"}
        Rule that places the edges.
    most_bins : int, optional
        Largest number of bins.

    References
    ----------
    DataEval 1.1.4, ``core.bin_data``; its ``clusters`` differ in how lone values are attached.
    """
    observed = values[np.isfinite(values)]
    if observed.size == 0:
        return Bins(rule, (-np.inf, np.inf))
    note = None
    edges = cluster_edges(observed) if rule == "clusters" else None
    if edges is not None and edges.size == 2:
        note = "one_cluster"
    elif edges is not None and most_bins is not None and edges.size - 1 > most_bins:
        note = "too_many_clusters"
    if edges is None or note is not None:
        edges = _uniform_edges(observed, by_count=rule == "uniform_count", most_bins=most_bins)
    return Bins("uniform_width" if note else rule, (-np.inf, *edges[1:-1].tolist(), np.inf), note=note)


def _uniform_edges(observed: Floats, *, by_count: bool, most_bins: int | None) -> Floats:
    counts, edges = np.histogram(observed, bins="auto")
    bins = counts.size
    if most_bins is not None and bins > most_bins:
        bins = max(most_bins, 2)
        counts, edges = np.histogram(observed, bins=bins)
    for _ in range(_BINS_GIVEN_UP):
        if counts[counts > 0].min() >= _FEWEST_PER_BIN or bins <= 2:
            break
        bins -= 1
        counts, edges = np.histogram(observed, bins=bins)
    return np.percentile(observed, np.linspace(0, 100, bins + 1)) if by_count else edges


def edges_by_count(values: Floats, bins: int) -> tuple[float, ...]:
    """``bins`` equally wide bins between the smallest and the largest finite value; the outer edges are infinite."""
    edges = np.histogram(values[np.isfinite(values)], bins=bins)[1]
    return (-np.inf, *edges[1:-1].tolist(), np.inf)


def choose_bins(values: Floats, rule: Rule = "uniform_width", most_levels: int | None = None) -> Bins:
    """Bins of a numeric factor: cut where it is continuous or has too many values, else value by value.

    Parameters
    ----------
    values : ndarray of float64
        One value per thing that the factor describes; NaN is missing.
    rule : {"uniform_width", "uniform_count", "clusters"}
        Rule that places the edges where the factor has to be cut.
    most_levels : int, optional
        Largest number of bins or levels; default ``level_budget`` of the number of values.

    References
    ----------
    DataEval 1.1.4, ``Metadata``.
    """
    budget = level_budget(values.size)
    budget = budget if most_levels is None else min(budget, most_levels)
    levels = np.unique(values)  # NaN, if any, once and last
    if is_continuous(values) or levels.size > budget:
        return bins_by_rule(values, rule, budget)
    return Bins("discrete", levels=tuple(levels[~np.isnan(levels)].tolist()))


def encode(values: Floats, bins: Bins) -> Codes:
    """Code of each number: ``numpy.digitize`` by edges, place among the levels otherwise; NaN has a code of its own."""
    missing = np.isnan(values)
    if bins.edges:
        codes = np.digitize(np.where(missing, 0.0, values), np.asarray(bins.edges))
    else:
        codes = _place_among(np.asarray(bins.levels, np.float64), values)
    codes[missing] = bins.missing_code
    return codes


def _place_among(levels: Floats, values: Floats) -> Codes:
    """Index of each value in sorted levels, ``UNSEEN`` where it is none of them."""
    if levels.size == 0:
        return np.full(values.shape, UNSEEN, np.int64)
    place = np.minimum(np.searchsorted(levels, values), levels.size - 1)
    return np.where(levels[place] == values, place, UNSEEN)


def bin_labels(bins: Bins) -> dict[int, str]:
    """Name of each code: ``< b``, ``[a, b)``, ``>= a``, the value itself, ``inf`` or ``missing``."""
    if bins.edges:
        for digits in (6, 17):  # two edges must not read the same
            names = [f"{edge:.{digits}g}" for edge in bins.edges]
            if len(set(names)) == len(names):
                break
        labels = {code: _interval(*bounds) for code, bounds in enumerate(pairwise(["-inf", *names, "inf"]))}
        if np.isinf(bins.edges[-1]):
            labels[len(names)] = "inf"
        if np.isinf(bins.edges[0]):
            del labels[0]
    else:
        labels = {code: _level_label(level) for code, level in enumerate(bins.levels)}
    return {**labels, bins.missing_code: "missing" if "missing" not in labels.values() else "(missing)"}


def _interval(low: str, high: str) -> str:
    """Name of the values from a bound on and below another, as they are printed."""
    if low == "-inf":
        return "any value" if high == "inf" else f"< {high}"
    return f">= {low}" if high == "inf" else f"[{low}, {high})"


def _level_label(level: float | str) -> str:
    """A level as text: whole numbers without a point."""
    if isinstance(level, str):
        return level
    return str(int(level)) if float(level).is_integer() and abs(level) < 1e15 else repr(float(level))


def is_increasing(edges: Sequence[float]) -> bool:
    return len(edges) >= 2 and all(low < high for low, high in pairwise(edges))
