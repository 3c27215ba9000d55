"""HDBSCAN from a minimum spanning tree: which nodes are together, and how firmly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.kernels.vectors.compiled_hierarchy import choose, condense, single_linkage
from dataeval_spark.kernels.vectors.spanning_tree import Edges

Selection = Literal["eom", "leaf"]
NOISE = -1


@dataclass(frozen=True)
class Labels:
    """Cluster of each node, from 0 in the order of their first nodes, -1 for noise; and how firmly it is in it."""

    clusters: NDArray[np.int32]
    probabilities: NDArray[np.float64]


def hdbscan_labels(
    tree: Edges, nodes: int, *, min_cluster_size: int, selection: Selection = "eom", allow_single_cluster: bool = False
) -> Labels:
    """Cut the single-linkage hierarchy of a tree into clusters: O(n log n) for n nodes.

    Parameters
    ----------
    tree : Edges
        Minimum spanning tree of nodes 0 to ``nodes - 1``, sorted by length.
    nodes : int
        How many there are.
    min_cluster_size : int
        Smaller groups are noise.
    selection : {"eom", "leaf"}
        The clusters with the largest sum of stabilities (excess of mass), or those that no other is in.
    allow_single_cluster : bool
        All nodes may be one cluster; not with "leaf", as in scikit-learn.

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
    children, sizes = np.empty((nodes - 1, 2), np.int64), np.empty(2 * nodes - 1, np.int64)
    single_linkage(tree.sources, tree.targets, children, sizes)
    with np.errstate(divide="ignore"):
        levels = 1.0 / tree.lengths
    most = 2 * (nodes // min_cluster_size) + 1
    cluster_of, left_at = np.empty(nodes, np.int64), np.empty(nodes)
    parent, born_at, members = np.empty(most, np.int64), np.empty(most), np.empty(most, np.int64)
    count = condense(children, sizes, levels, min_cluster_size, cluster_of, left_at, parent, born_at, members)
    parent, born_at, members = parent[:count], born_at[:count], members[:count]
    chosen = np.zeros(count, np.bool_)
    stability = _stability(cluster_of, left_at, parent, born_at, members)
    choose(parent, members, stability, selection == "leaf", allow_single_cluster, chosen)
    return _labels(cluster_of, left_at, parent, born_at, chosen)


def _stability(
    cluster_of: NDArray[np.int64],
    left_at: NDArray[np.float64],
    parent: NDArray[np.int64],
    born_at: NDArray[np.float64],
    members: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Sum over the nodes of a cluster of the range of densities in which they are in it."""
    born = born_at[cluster_of]
    of_nodes = np.where(np.isinf(born), 0.0, left_at - np.where(np.isinf(born), 0.0, born))
    found = np.bincount(cluster_of, weights=of_nodes, minlength=len(parent)).astype(np.float64)
    below, above = np.arange(1, len(parent)), parent[1:]
    is_finite = np.isfinite(born_at[above])
    of_clusters = (born_at[below] - np.where(is_finite, born_at[above], 0.0)) * members[below]
    found += np.bincount(above, weights=np.where(is_finite, of_clusters, 0.0), minlength=len(parent))
    return np.asarray(found, np.float64)


def _labels(
    cluster_of: NDArray[np.int64],
    left_at: NDArray[np.float64],
    parent: NDArray[np.int64],
    born_at: NDArray[np.float64],
    chosen: NDArray[np.bool_],
) -> Labels:
    count = len(parent)
    label_of = np.where(chosen, np.arange(count), NOISE)
    for cluster in range(1, count):
        if not chosen[cluster]:
            label_of[cluster] = label_of[parent[cluster]]
    labels = label_of[cluster_of]
    densest = np.zeros(count)
    np.maximum.at(densest, cluster_of, left_at)
    np.maximum.at(densest, parent[1:], born_at[1:])
    # The root alone: only what stays until its last split is in it.
    if chosen[0]:
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
