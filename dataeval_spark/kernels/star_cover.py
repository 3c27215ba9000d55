"""Groups around medoids: a chain of pairs is cut where its ends have nothing to do with one another."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import coo_matrix

from dataeval_spark.kernels.compiled_star_cover import centres
from dataeval_spark.kernels.components import Strings, component_labels, numbered


def star_groups(a: Strings, b: Strings, is_equal: NDArray[np.bool_]) -> tuple[pa.Array, pa.Array]:
    """Group the ends of edges around medoids.

    Ids tied by edges of equality are one node. Nodes, by falling number of neighbours and then by smallest id, each
    become a medoid and take those neighbours that are in no group yet (Butina 1999, "Unsupervised Data Base
    Clustering", with neighbours counted once). So each member is equal to the medoid of its group or a pair of it,
    and two members are at most twice the largest distance of a pair apart.

    Parameters
    ----------
    a, b : pyarrow array of strings
        The two ends of each edge.
    is_equal : ndarray
        For each edge, whether its ends count as one.

    Returns
    -------
    ids, group_ids : pyarrow array
        Each id that has company, and the smallest id of its group.

    Examples
    --------
    >>> chain = pa.array(list("abcd")), pa.array(list("bcde"))
    >>> ids, groups = star_groups(*chain, np.zeros(4, dtype=bool))
    >>> dict(zip(ids.to_pylist(), groups.to_pylist()))
    {'a': 'a', 'b': 'a', 'c': 'a', 'd': 'd', 'e': 'd'}
    """
    ids, left, right = numbered(a, b)
    node_of = component_labels(left[is_equal], right[is_equal], len(ids))
    near = np.stack([node_of[left], node_of[right]], axis=1)
    near = np.unique(np.sort(near[near[:, 0] != near[:, 1]], axis=1), axis=0)
    ends = np.concatenate([near, near[:, ::-1]])
    graph = coo_matrix((np.ones(len(ends), np.int8), (ends[:, 0], ends[:, 1])), shape=(len(ids), len(ids))).tocsr()
    order = np.argsort(-np.diff(graph.indptr), kind="stable")
    centre = centres(graph.indptr.astype(np.int32), graph.indices.astype(np.int32), order)[node_of]
    _, first, group, sizes = np.unique(centre, return_index=True, return_inverse=True, return_counts=True)
    has_company = pa.array(sizes[group] > 1)
    return pc.filter(ids, has_company), pc.filter(ids.take(pa.array(first[group])), has_company)
