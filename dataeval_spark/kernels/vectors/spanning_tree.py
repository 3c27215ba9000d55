"""Euclidean minimum spanning trees: of a set of points, between two sets, and of edges already found.

Edges are ordered by (length, smaller node, larger node), so that there is one minimum spanning tree and no other, and
by the cycle property it lies within the trees of all parts of the pairs: the parts can be computed anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.kernels.vectors import compiled_spanning_tree as compiled


@dataclass(frozen=True)
class Edges:
    """Edges of a forest: two nodes and a length each."""

    sources: NDArray[np.int64]
    targets: NDArray[np.int64]
    lengths: NDArray[np.float64]

    @classmethod
    def empty(cls, count: int = 0) -> Edges:
        return cls(np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count))

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
        At least one.

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
    edges = Edges.empty(max(0, len(points.nodes) - 1))
    compiled.tree_within(*points.working_copy(), edges.sources, edges.targets, edges.lengths)
    return edges


def tree_between(one: Points, other: Points) -> Edges:
    """Minimum spanning tree of all pairs of one of these points and one of those: no pair within a set is looked at."""
    edges = Edges.empty(len(one.nodes) + len(other.nodes) - 1)
    compiled.tree_between(*one.working_copy(), *other.working_copy(), edges.sources, edges.targets, edges.lengths)
    return edges


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
    kept = np.zeros(len(lengths), np.bool_)
    compiled.kruskal(numbered[: len(low)], numbered[len(low) :], order, len(nodes), kept)
    order = order[kept[order]]
    return Edges(low[order], high[order], lengths[order])
