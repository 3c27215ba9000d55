"""Euclidean minimum spanning trees: of a set of points, between two sets, and of edges already found.

Edges are ordered by (length, smaller node, larger node), so that there is one minimum spanning tree and no other, and
by the cycle property it lies within the trees of all parts of the pairs: the parts can be computed anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dataeval_spark.kernels.numba_options import OPTIONS

SOURCES = "96725087e7d18e14"  # see tests/kernels/images/compiled/test_sources.py

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Columns = NDArray[np.float32]


@dataclass(frozen=True)
class Edges:
    """Edges of a forest: two nodes and a length each."""

    sources: Ints
    targets: Ints
    lengths: Floats

    @classmethod
    def empty(cls) -> Edges:
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))

    def __len__(self) -> int:
        return len(self.lengths)


@dataclass(frozen=True)
class Points:
    """Points (n, d) with the numbers of their nodes; an edge is no shorter than the core distances of its ends."""

    vectors: NDArray[np.float32]
    nodes: NDArray[np.int64]
    cores: NDArray[np.float64]

    def working_copy(self) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.int64]]:
        return np.ascontiguousarray(self.vectors.T), self.cores.astype(np.float64), self.nodes.astype(np.int64)


def tree_within(points: Points) -> Edges:
    """Minimum spanning tree of points: n^2 d / 2 operations, O(n d) memory.

    The length of an edge is the Euclidean distance in float64, or the larger core distance of its ends where that is
    more (mutual reachability).

    Parameters
    ----------
    points : Points
        One point or more.

    Returns
    -------
    Edges
        n - 1 of them.

    References
    ----------
    Prim, "Shortest connection networks and some generalizations" (1957). Campello, Moulavi and Sander, "Density-based
    clustering based on hierarchical density estimates" (2013), for mutual reachability.

    Examples
    --------
    >>> points = Points(np.float32([[0], [5], [1]]), np.arange(3), np.zeros(3))
    >>> tree_within(points).lengths.tolist()
    [1.0, 4.0]
    """
    return Edges(*_prim_within(*points.working_copy()))


def tree_between(one: Points, other: Points) -> Edges:
    """Minimum spanning tree of all pairs of a point of one set and a point of the other, without pairs within a set."""
    return Edges(*_prim_between(*one.working_copy(), *other.working_copy()))


def minimum_forest(parts: list[Edges]) -> Edges:
    """Minimum spanning forest of edges, sorted by (length, smaller node, larger node); sources are the smaller nodes.

    References
    ----------
    Kruskal, "On the shortest spanning subtree of a graph and the traveling salesman problem" (1956).

    Examples
    --------
    >>> edges = Edges(np.array([0, 1, 2]), np.array([1, 2, 0]), np.array([1.0, 2.0, 3.0]))
    >>> minimum_forest([edges]).lengths.tolist()
    [1.0, 2.0]
    """
    sources = np.concatenate([edges.sources for edges in parts] or [np.empty(0, np.int64)])
    targets = np.concatenate([edges.targets for edges in parts] or [np.empty(0, np.int64)])
    lengths = np.concatenate([edges.lengths for edges in parts] or [np.empty(0)])
    low, high = np.minimum(sources, targets), np.maximum(sources, targets)
    order = np.lexsort((high, low, lengths))
    nodes, numbered = np.unique(np.concatenate([low, high]), return_inverse=True)
    in_forest = _kruskal(numbered[: len(low)], numbered[len(low) :], order, len(nodes))
    order = order[in_forest[order]]
    return Edges(low[order], high[order], lengths[order])


@njit(**OPTIONS)
def _is_before(a: int, b: int, c: int, d: int) -> bool:
    """Whether edge (a, b) comes before edge (c, d) of the same length."""
    low, other = min(a, b), min(c, d)
    return low < other or (low == other and max(a, b) < max(c, d))


@njit(**OPTIONS)
def _no_edges(count: int) -> tuple[Ints, Ints, Floats]:
    """Room for some edges: two nodes and a length each."""
    return np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count)


@njit(**OPTIONS)
def _outside(count: int) -> tuple[Floats, Ints, Floats]:
    """Shortest edge into the tree of each of some points, that edge's end in it, and room for distances."""
    return np.full(count, np.inf), np.full(count, np.iinfo(np.int64).max, np.int64), np.empty(count)


@njit(**OPTIONS)
def _take(columns: Columns, cores: Floats, nodes: Ints, at: int, last: int, lengths: Floats, parents: Ints) -> None:
    """Swap a point with the last of those that are not in the tree."""
    for k in range(columns.shape[0]):
        columns[k, at], columns[k, last] = columns[k, last], columns[k, at]
    cores[at], cores[last] = cores[last], cores[at]
    nodes[at], nodes[last] = nodes[last], nodes[at]
    lengths[at], parents[at] = lengths[last], parents[last]


@njit(**OPTIONS)
def _offer(
    point: Columns,
    core: float,
    node: int,
    columns: Columns,
    cores: Floats,
    count: int,
    lengths: Floats,
    parents: Ints,
    work: Floats,
) -> None:
    """Offer the edges from a point that came into the tree to the first `count` points."""
    # One dimension after the other, all points at once: vector instructions, and the same sum in any block.
    work[:count] = 0.0
    for k in range(columns.shape[0]):
        own = np.float64(point[k])
        for j in range(count):
            difference = own - np.float64(columns[k, j])
            work[j] += difference * difference
    for j in range(count):
        length = max(np.sqrt(work[j]), core, cores[j])
        if length < lengths[j] or (length == lengths[j] and node < parents[j]):
            lengths[j] = length
            parents[j] = node


@njit(**OPTIONS)
def _nearest(lengths: Floats, parents: Ints, nodes: Ints, count: int) -> int:
    """Place of the point, among the first `count`, that has the first edge into the tree."""
    nearest = 0
    for j in range(1, count):
        if lengths[j] < lengths[nearest] or (
            lengths[j] == lengths[nearest] and _is_before(parents[j], nodes[j], parents[nearest], nodes[nearest])
        ):
            nearest = j
    return nearest


@njit(**OPTIONS)
def _prim_within(columns: Columns, cores: Floats, nodes: Ints) -> tuple[Ints, Ints, Floats]:
    """Minimum spanning tree of all pairs of n points, by Prim's algorithm; each distance is computed once.

    The order of the points ``columns`` (d, n) is changed, and that of their core distances and nodes (n,) with it. The
    result is two nodes and the length of each edge (n - 1,).
    """
    n = nodes.size
    sources, targets, lengths = _no_edges(max(0, n - 1))
    best, parents, work = _outside(n)
    at, count = 0, n
    for edge in range(n - 1):
        point, core, node = columns[:, at].copy(), cores[at], nodes[at]
        count -= 1
        _take(columns, cores, nodes, at, count, best, parents)
        _offer(point, core, node, columns, cores, count, best, parents, work)
        at = _nearest(best, parents, nodes, count)
        sources[edge], targets[edge], lengths[edge] = parents[at], nodes[at], best[at]
    return sources, targets, lengths


@njit(**OPTIONS)
def _prim_between(
    columns_a: Columns,
    cores_a: Floats,
    nodes_a: Ints,
    columns_b: Columns,
    cores_b: Floats,
    nodes_b: Ints,
) -> tuple[Ints, Ints, Floats]:
    """Minimum spanning tree of the pairs of one point of a and one of b; arguments as for :func:`_prim_within`."""
    sources, targets, lengths = _no_edges(nodes_a.size + nodes_b.size - 1)
    best_a, parents_a, work_a = _outside(nodes_a.size)
    best_b, parents_b, work_b = _outside(nodes_b.size)
    count_a, count_b = nodes_a.size, nodes_b.size
    at, is_a = 0, True
    for edge in range(nodes_a.size + nodes_b.size - 1):
        if is_a:
            point, core, node = columns_a[:, at].copy(), cores_a[at], nodes_a[at]
            count_a -= 1
            _take(columns_a, cores_a, nodes_a, at, count_a, best_a, parents_a)
            _offer(point, core, node, columns_b, cores_b, count_b, best_b, parents_b, work_b)
        else:
            point, core, node = columns_b[:, at].copy(), cores_b[at], nodes_b[at]
            count_b -= 1
            _take(columns_b, cores_b, nodes_b, at, count_b, best_b, parents_b)
            _offer(point, core, node, columns_a, cores_a, count_a, best_a, parents_a, work_a)
        # Of a side that is all in the tree, what stands first is not looked at.
        a = _nearest(best_a, parents_a, nodes_a, count_a)
        b = _nearest(best_b, parents_b, nodes_b, count_b)
        is_a = count_b == 0 or (
            count_a > 0
            and (
                best_a[a] < best_b[b]
                or (best_a[a] == best_b[b] and _is_before(parents_a[a], nodes_a[a], parents_b[b], nodes_b[b]))
            )
        )
        if is_a:
            at = a
            sources[edge], targets[edge], lengths[edge] = parents_a[a], nodes_a[a], best_a[a]
        else:
            at = b
            sources[edge], targets[edge], lengths[edge] = parents_b[b], nodes_b[b], best_b[b]
    return sources, targets, lengths


@njit(**OPTIONS)
def root_of(parents: Ints, node: int) -> int:
    """The root of a node, with the path to it halved."""
    while parents[node] != node:
        parents[node] = parents[parents[node]]
        node = parents[node]
    return node


@njit(**OPTIONS)
def _kruskal(sources: Ints, targets: Ints, order: Ints, nodes: int) -> NDArray[np.bool_]:
    """Mark the edges that join two trees, taken in `order`."""
    parents, in_forest = np.arange(nodes), np.zeros(order.size, np.bool_)
    for edge in order:
        a, b = root_of(parents, sources[edge]), root_of(parents, targets[edge])
        if a != b:
            parents[max(a, b)] = min(a, b)
            in_forest[edge] = True
    return in_forest
