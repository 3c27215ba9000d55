"""HDBSCAN from a minimum spanning tree: the cluster of each node, and how firmly the node belongs to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dataeval_spark.kernels.numba_options import OPTIONS
from dataeval_spark.kernels.vectors.spanning_tree import Edges, root_of

SOURCES = "96725087e7d18e14"  # see tests/kernels/images/compiled/test_sources.py

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

Selection = Literal["eom", "leaf"]
NOISE = -1


@dataclass(frozen=True)
class Labels:
    """Cluster of each node, from 0 in the order of first nodes, -1 for noise; and how firmly the node is in it."""

    clusters: NDArray[np.int32]
    probabilities: Floats


def hdbscan_labels(
    tree: Edges, nodes: int, *, min_cluster_size: int, selection: Selection = "eom", allow_single_cluster: bool = False
) -> Labels:
    """Cut the single-linkage hierarchy of a tree into clusters: O(n log n) for n nodes.

    Parameters
    ----------
    tree : Edges
        Minimum spanning tree of nodes 0 to ``nodes - 1``, sorted by length.
    nodes : int
        Number of nodes.
    min_cluster_size : int
        Number of nodes below which a group is noise.
    selection : {"eom", "leaf"}
        Choice of the clusters with the largest sum of stabilities (excess of mass), or of those that hold no other.
    allow_single_cluster : bool
        Whether all nodes may be one cluster; not with "leaf", as in scikit-learn.

    Returns
    -------
    Labels
        Clusters (nodes,) int32 and probabilities (nodes,) in [0, 1].

    References
    ----------
    Campello, Moulavi and Sander (2013); McInnes and Healy, "Accelerated hierarchical density based clustering" (2017).
    As ``sklearn.cluster.HDBSCAN``, whose stabilities are not numbers where equal points split; here such a split adds
    nothing.

    Examples
    --------
    >>> tree = Edges(np.array([0, 2, 1]), np.array([1, 3, 2]), np.array([1.0, 1.0, 9.0]))
    >>> hdbscan_labels(tree, 4, min_cluster_size=2).clusters.tolist()
    [0, 0, 1, 1]
    """
    if nodes < 2:
        return Labels(np.full(nodes, NOISE, np.int32), np.zeros(nodes))
    children, sizes = _single_linkage(tree.sources, tree.targets)
    with np.errstate(divide="ignore"):
        levels = 1.0 / tree.lengths
    cluster_of, left_at, parent, born_at, members = _condense(children, sizes, levels, min_cluster_size)
    stability = _stability(cluster_of, left_at, parent, born_at, members)
    is_chosen = _chosen(parent, stability, selection == "leaf", allow_single_cluster)
    return _labels(cluster_of, left_at, parent, born_at, is_chosen)


def _stability(cluster_of: Ints, left_at: Floats, parent: Ints, born_at: Floats, members: Ints) -> Floats:
    """Sum over the nodes of a cluster of the range of densities in which they are in it."""
    born = born_at[cluster_of]
    of_nodes = np.where(np.isinf(born), 0.0, left_at - np.where(np.isinf(born), 0.0, born))
    stability = np.bincount(cluster_of, weights=of_nodes, minlength=len(parent)).astype(np.float64)
    below, above = np.arange(1, len(parent)), parent[1:]
    is_finite = np.isfinite(born_at[above])
    of_clusters = (born_at[below] - np.where(is_finite, born_at[above], 0.0)) * members[below]
    stability += np.bincount(above, weights=np.where(is_finite, of_clusters, 0.0), minlength=len(parent))
    return np.asarray(stability, np.float64)


def _labels(cluster_of: Ints, left_at: Floats, parent: Ints, born_at: Floats, is_chosen: NDArray[np.bool_]) -> Labels:
    count = len(parent)
    label_of = np.where(is_chosen, np.arange(count), NOISE)
    for cluster in range(1, count):
        if not is_chosen[cluster]:
            label_of[cluster] = label_of[parent[cluster]]
    labels = label_of[cluster_of]
    densest = np.zeros(count)
    np.maximum.at(densest, cluster_of, left_at)
    np.maximum.at(densest, parent[1:], born_at[1:])
    # The root alone: only what stays until its last split is in it.
    if is_chosen[0]:
        labels = np.where(left_at >= densest[0], labels, NOISE)
    is_in = labels != NOISE
    limit = densest[np.where(is_in, labels, 0)]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.minimum(left_at, limit) / limit
    probabilities = np.where(is_in, np.where((limit == 0) | np.isinf(limit), 1.0, share), 0.0)
    # Numbered by their first nodes, so that the numbers depend on nothing but who is together.
    present, first, inverse = np.unique(labels[is_in], return_index=True, return_inverse=True)
    rank = np.empty(len(present), np.int32)
    rank[np.argsort(first)] = np.arange(len(present), dtype=np.int32)
    clusters = np.full(len(labels), NOISE, np.int32)
    clusters[is_in] = rank[inverse]
    return Labels(clusters, probabilities)


@njit(**OPTIONS)
def _single_linkage(sources: Ints, targets: Ints) -> tuple[Ints, Ints]:
    """Merge nodes 0 to n - 1 along the edges of a tree, shortest first; merge i makes node n + i.

    The result is the two nodes that each merge joins (n - 1, 2), and the number of first nodes in each node (2 n - 1,).
    """
    n = sources.size + 1
    children, sizes = np.empty((n - 1, 2), np.int64), np.ones(2 * n - 1, np.int64)
    parents, name = np.arange(n), np.arange(n)
    for edge in range(n - 1):
        a, b = root_of(parents, sources[edge]), root_of(parents, targets[edge])
        children[edge, 0], children[edge, 1] = name[a], name[b]
        sizes[n + edge] = sizes[name[a]] + sizes[name[b]]
        parents[max(a, b)] = min(a, b)
        name[min(a, b)] = n + edge
    return children, sizes


@njit(**OPTIONS)
def _condense(children: Ints, sizes: Ints, levels: Floats, smallest: int) -> tuple[Ints, Floats, Ints, Floats, Ints]:
    """Walk down from the root; clusters are what keeps at least `smallest` nodes when a merge is undone.

    ``levels`` (n - 1,) are the densities at which merges are undone (1 / length). The result is the last cluster that
    each node was in (n,), and the density at which it left that (n,); and of each cluster (c,), which comes after its
    parent, the parent (-1 for the root, which is 0), the density at which it split off, and its size.
    """
    n = levels.size + 1
    top, most = 2 * n - 2, 2 * (n // smallest) + 1
    parent, born_at, members = np.empty(most, np.int64), np.empty(most), np.empty(most, np.int64)
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
    # A cluster may be a single node only where `smallest` is 1: it never leaves.
    left_at = np.full(n, np.inf)
    for node in range(n):
        if fallen_at[node] >= 0:
            left_at[node] = fallen_at[node]
    return inside[:n], left_at, parent[:count], born_at[:count], members[:count]


@njit(**OPTIONS)
def _chosen(parent: Ints, stability: Floats, only_leaves: bool, allow_root: bool) -> NDArray[np.bool_]:
    """Mark the clusters of which no two overlap and whose stabilities have the largest sum, or the leaves.

    The leaves are the clusters without children, but never the root.
    """
    count = parent.size
    below = np.zeros(count)
    has_below, is_chosen = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    for cluster in range(count - 1, -1, -1):
        is_root = cluster == 0
        if only_leaves:
            is_chosen[cluster] = not has_below[cluster] and not is_root
        elif not is_root or allow_root:
            is_chosen[cluster] = not has_below[cluster] or stability[cluster] >= below[cluster]
        if not is_root:
            below[parent[cluster]] += max(below[cluster], stability[cluster])
            has_below[parent[cluster]] = True
    if not only_leaves:
        covered = np.zeros(count, np.bool_)
        for cluster in range(count):
            if cluster > 0:
                above = parent[cluster]
                covered[cluster] = covered[above] or is_chosen[above]
                is_chosen[cluster] = is_chosen[cluster] and not covered[cluster]
    return is_chosen
