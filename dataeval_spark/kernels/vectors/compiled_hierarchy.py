"""The hierarchy of clusters that a minimum spanning tree holds, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dataeval_spark.kernels.numba_options import OPTIONS
from dataeval_spark.kernels.vectors.compiled_spanning_tree import root_of

SOURCES = "54ae711d5e2b6f74"  # see tests/kernels/images/compiled/test_sources.py

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@njit(**OPTIONS)
def single_linkage(sources: Ints, targets: Ints, children: NDArray[np.int64], sizes: Ints) -> None:
    """Merge nodes 0 to n - 1 along the edges of a tree, taken in their order; merge i makes node n + i.

    Parameters
    ----------
    sources, targets : ndarray, (n - 1,)
        Ends of the edges, shortest first.
    children : ndarray, (n - 1, 2)
        Takes the two nodes that each merge joins.
    sizes : ndarray, (2 n - 1,)
        Takes how many of the first n nodes are in each.
    """
    n = sources.size + 1
    parents, name = np.arange(n), np.arange(n)
    sizes[:n] = 1
    for edge in range(n - 1):
        a, b = root_of(parents, sources[edge]), root_of(parents, targets[edge])
        children[edge, 0], children[edge, 1] = name[a], name[b]
        sizes[n + edge] = sizes[name[a]] + sizes[name[b]]
        parents[max(a, b)] = min(a, b)
        name[min(a, b)] = n + edge


@njit(**OPTIONS)
def condense(
    children: NDArray[np.int64],
    sizes: Ints,
    levels: Floats,
    smallest: int,
    cluster_of: Ints,
    left_at: Floats,
    parent: Ints,
    born_at: Floats,
    members: Ints,
) -> int:
    """Walk down from the root; clusters are what keeps at least `smallest` nodes when a merge is undone.

    Parameters
    ----------
    children, sizes : ndarray
        Of :func:`single_linkage`.
    levels : ndarray, (n - 1,)
        Density at which each merge is undone (1 / length).
    smallest : int
        Nodes of a cluster.
    cluster_of, left_at : ndarray, (n,)
        Take the last cluster that each node was in, and the density at which it left that.
    parent, born_at, members : ndarray
        Take, for each cluster, the cluster it came from (-1 for the root, which is 0), the density at which it came
        and its size; as long as there can be clusters.

    Returns
    -------
    int
        How many clusters there are; those that come from another have larger numbers than that.
    """
    n = levels.size + 1
    top = 2 * n - 2
    inside = np.full(2 * n - 1, -1, np.int64)
    fallen_at = np.full(2 * n - 1, -1.0)
    inside[top] = 0
    parent[0], born_at[0], members[0] = -1, 0.0, n
    count = 1
    for node in range(top, n - 1, -1):
        left, right, level = children[node - n, 0], children[node - n, 1], levels[node - n]
        inside[left] = inside[right] = inside[node]
        if fallen_at[node] >= 0:
            fallen_at[left] = fallen_at[right] = fallen_at[node]
            continue
        if sizes[left] >= smallest and sizes[right] >= smallest:
            for child in (left, right):
                parent[count], born_at[count], members[count] = inside[node], level, sizes[child]
                inside[child] = count
                count += 1
            continue
        if sizes[left] < smallest:
            fallen_at[left] = level
        if sizes[right] < smallest:
            fallen_at[right] = level
    for node in range(n):
        cluster_of[node] = inside[node]
        # A cluster may be a single node only where `smallest` is 1: it never leaves.
        left_at[node] = fallen_at[node] if fallen_at[node] >= 0 else np.inf
    return count


@njit(**OPTIONS)
def choose(
    parent: Ints, members: Ints, stability: Floats, only_leaves: bool, allow_root: bool, chosen: NDArray[np.bool_]
) -> None:
    """Mark the clusters of which no two overlap and whose stabilities have the largest sum, or those without others.

    Parameters
    ----------
    parent, members, stability : ndarray, (c,)
        Of each cluster; parents have smaller numbers.
    only_leaves : bool
        Those that no other comes from; never the root.
    allow_root : bool
        The root may be chosen where others are not preferred.
    chosen : ndarray of bool, (c,)
        Takes the answer.
    """
    count = parent.size
    below = np.zeros(count)
    has_below = np.zeros(count, np.bool_)
    for cluster in range(count - 1, -1, -1):
        is_root = cluster == 0
        if only_leaves:
            chosen[cluster] = not has_below[cluster] and not is_root
        elif not is_root or allow_root:
            chosen[cluster] = not has_below[cluster] or stability[cluster] >= below[cluster]
        if not is_root:
            below[parent[cluster]] += max(below[cluster], stability[cluster])
            has_below[parent[cluster]] = True
    if not only_leaves:
        covered = np.zeros(count, np.bool_)
        for cluster in range(count):
            if cluster > 0:
                above = parent[cluster]
                covered[cluster] = covered[above] or chosen[above]
                chosen[cluster] = chosen[cluster] and not covered[cluster]
