"""Clusters on a line: single linkage, condensed, with the most persistent clusters kept (HDBSCAN in one dimension)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass
class _Cluster:
    """A run of neighbouring values: it appears at ``birth``, and its values leave it as the scale 1 / gap grows."""

    first: int
    last: int
    birth: float
    stability: float = 0.0
    children: list[_Cluster] = field(default_factory=list)


def cluster_edges(values: Floats) -> Floats:
    """Edges between clusters of values: the smallest value of each cluster, from the lowest to the highest.

    On a line the minimum spanning tree is the chain of sorted values, so the single-linkage tree is the tree of the
    widest gaps. Clusters have at least min(max(5, n / 20), 100) values; of nested ones those of larger excess of mass
    are kept. Values in no cluster are in the bin in which they lie. O(n log n).

    Parameters
    ----------
    values : ndarray of float64
        Finite values.

    Returns
    -------
    ndarray of float64
        Smallest value, first value of each further cluster, largest value.

    References
    ----------
    Campello, Moulavi and Sander (2013), with distances instead of mutual reachability, as DataEval 1.1.4's ``cluster``.

    Examples
    --------
    >>> cluster_edges(np.r_[np.linspace(0, 1, 50), np.linspace(10, 11, 50)])
    array([ 0., 10., 11.])
    """
    ordered = np.sort(values)
    size = int(min(max(5, 0.05 * ordered.size), 100))
    root = _condense(ordered, size)
    firsts = sorted(cluster.first for cluster in _stable_clusters(root))
    inner = ordered[firsts[1:]]
    return np.r_[ordered[0], inner[inner > ordered[0]], ordered[-1]]


def _condense(ordered: Floats, size: int) -> _Cluster:
    """The tree of clusters, cut at the widest gap first; a part below ``size`` falls out as single values."""
    gaps = np.diff(ordered)
    with np.errstate(divide="ignore"):
        scale = 1.0 / gaps
    scale = np.minimum(scale, 1e300)
    root = _Cluster(0, ordered.size - 1, 0.0)
    stack = [(root, 0, ordered.size - 1)]
    order = _widest_gaps(gaps)
    while stack:
        cluster, first, last = stack.pop()
        while last > first:
            cut = order(first, last - 1)
            left, right = cut - first + 1, last - cut
            at = float(scale[cut])
            if left >= size and right >= size:
                cluster.stability += (last - first + 1) * (at - cluster.birth)
                for low, high in ((first, cut), (cut + 1, last)):
                    child = _Cluster(low, high, at)
                    cluster.children.append(child)
                    stack.append((child, low, high))
                break
            if left < size and right < size:
                cluster.stability += (last - first + 1) * (at - cluster.birth)
                break
            cluster.stability += min(left, right) * (at - cluster.birth)
            first, last = (cut + 1, last) if left < size else (first, cut)
    return root


def _widest_gaps(gaps: Floats):  # type: ignore[no-untyped-def]
    """Function from a range to the place of its widest gap (the first of equal ones), by a sparse table."""
    levels = [np.arange(gaps.size)]
    width = 1
    while 2 * width <= gaps.size:
        left, right = levels[-1][:-width], levels[-1][width:]
        levels.append(np.where(gaps[right] > gaps[left], right, left))
        width *= 2

    def widest(first: int, last: int) -> int:
        level = (last - first + 1).bit_length() - 1
        left, right = int(levels[level][first]), int(levels[level][last - (1 << level) + 1])
        return right if gaps[right] > gaps[left] else left

    return widest


def _stable_clusters(root: _Cluster) -> list[_Cluster]:
    """The more stable of each cluster and its parts."""
    order, stack = [], [root]
    while stack:
        cluster = stack.pop()
        order.append(cluster)
        stack.extend(cluster.children)
    best: dict[int, tuple[float, list[_Cluster]]] = {}
    for cluster in reversed(order):
        parts = [best.pop(id(child)) for child in cluster.children]
        of_parts = sum(stability for stability, _ in parts)
        if parts and of_parts > cluster.stability:
            best[id(cluster)] = (of_parts, [survivor for _, some in parts for survivor in some])
        else:
            best[id(cluster)] = (cluster.stability, [cluster])
    return best[id(root)][1]
