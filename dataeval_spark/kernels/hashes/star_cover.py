"""Groups around the best member: a chain of pairs is cut where its ends are not a pair themselves."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from dataeval_spark.kernels.hashes.components import Strings, component_labels, numbered
from dataeval_spark.kernels.numba_options import OPTIONS

SOURCES = "96725087e7d18e14"  # see tests/kernels/images/compiled/test_sources.py

Numbers = NDArray[np.int64]


def star_groups(
    ids: Strings, a: Strings, b: Strings, kinds: NDArray[np.integer], is_equal: NDArray[np.bool_]
) -> tuple[pa.Array, pa.Array]:
    """Group the ends of edges around centres, which every member of the group is a pair of.

    Edges of kind 0 tie copies, which are one node. Edges of another kind that are equal tie nodes of one class of that
    kind, of which each is a pair of each other, and an edge that is not equal makes all nodes of one class pairs of all
    nodes of another. Nodes in the order of `ids` become centres and take all their pairs that are in no group yet
    (Butina 1999, "Unsupervised Data Base Clustering", where the node with the most pairs comes first). So the centre is
    the first of its group, and a pair of each other member, in one kind at least.

    Parameters
    ----------
    ids : pyarrow array of strings
        Every end once, the best first.
    a, b : pyarrow array of strings
        The two ends of each edge.
    kinds : ndarray
        The kind of each edge: 0 of copies.
    is_equal : ndarray
        For each edge, whether its ends are equal in that kind.

    Returns
    -------
    ids, group_ids : pyarrow array
        Each id that has company, and the smallest id of its group.

    Examples
    --------
    >>> chain = pa.array(list("abcd")), pa.array(list("bcde"))
    >>> ids, groups = star_groups(pa.array(list("bacde")), *chain, np.ones(4, dtype=int), np.zeros(4, dtype=bool))
    >>> dict(zip(ids.to_pylist(), groups.to_pylist()))
    {'a': 'a', 'b': 'a', 'c': 'a', 'd': 'd', 'e': 'd'}
    """
    names, left, right = numbered(a, b)
    place = np.empty(len(names), np.int64)  # of each name in the order of ids
    place[pc.index_in(ids.cast(pa.string()), value_set=names).to_numpy()] = np.arange(len(names))
    left, right = place[left], place[right]
    copy_of = component_labels(left[kinds == 0], right[kinds == 0], len(names))
    left, right = copy_of[left], copy_of[right]
    classes = [_classes(left[kinds == k], right[kinds == k], is_equal[kinds == k]) for k in np.unique(kinds[kinds > 0])]
    centre = _covered(np.unique(copy_of), classes)[copy_of][place]
    _, first, group, sizes = np.unique(centre, return_index=True, return_inverse=True, return_counts=True)
    has_company = pa.array(sizes[group] > 1)
    return pc.filter(names, has_company), pc.filter(names.take(pa.array(first[group])), has_company)


def _classes(left: Numbers, right: Numbers, is_equal: NDArray[np.bool_]) -> tuple[Numbers, Numbers, Numbers]:
    """Nodes of the edges of one kind, their classes, and the pairs of classes that are near (2, number)."""
    nodes, ends = np.unique(np.stack([left, right]), return_inverse=True)
    ends = ends.reshape(2, -1)
    labels = component_labels(ends[0][is_equal], ends[1][is_equal], len(nodes))
    _, classes = np.unique(labels, return_inverse=True)
    return nodes, classes.astype(np.int64), classes[ends[:, ~is_equal]].astype(np.int64)


def _covered(nodes: Numbers, kinds: list[tuple[Numbers, Numbers, Numbers]]) -> Numbers:
    """Centre of each number up to the largest node."""
    size = int(nodes.max(initial=-1)) + 1
    starts = np.cumsum([0, *(int(classes.max(initial=-1)) + 1 for _, classes, _ in kinds)])
    total = int(starts[-1])
    tied = np.concatenate([np.empty(0, np.int64), *(node for node, _, _ in kinds)])
    owners = np.concatenate(
        [np.empty(0, np.int64), *(c + start for (_, c, _), start in zip(kinds, starts, strict=False))]
    )
    near = [np.stack([np.arange(total)] * 2)] + [n + start for (_, _, n), start in zip(kinds, starts, strict=False)]
    one, other = np.concatenate(near, axis=1)
    return centres(
        np.arange(size),
        *_rows(tied, owners, size, total),
        *_rows(np.concatenate([one, other]), np.concatenate([other, one]), total, total),
        *_rows(owners, tied, total, size),
    )


def _rows(row: Numbers, column: Numbers, rows: int, columns: int) -> tuple[Numbers, Numbers]:
    """Starts and columns of a matrix in compressed rows."""
    matrix = csr_matrix((np.ones(len(row), np.int8), (row, column)), shape=(rows, columns))
    matrix.sort_indices()
    return matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64)


@njit(**OPTIONS)
def centres(
    order: Numbers,
    class_starts: Numbers,
    classes: Numbers,
    near_starts: Numbers,
    near: Numbers,
    member_starts: Numbers,
    members: Numbers,
) -> Numbers:
    """Centre of each node: nodes in `order` take themselves, and the members near them that no other has taken.

    Members of a node's classes, and of the classes near these, are near it. Once a class was reached all its members
    are taken, so that each is gone through once, however many nodes it is near to.

    Parameters
    ----------
    order : ndarray
        Every node once.
    class_starts, classes : ndarray
        The classes of each node, as compressed rows.
    near_starts, near : ndarray
        The classes near each class, itself among them.
    member_starts, members : ndarray
        The nodes of each class.
    """
    centre_of = np.full(order.size, -1, np.int64)
    is_taken = np.zeros(member_starts.size - 1, np.bool_)
    for node in order:
        if centre_of[node] >= 0:
            continue
        centre_of[node] = node
        for mine in classes[class_starts[node] : class_starts[node + 1]]:
            for reached in near[near_starts[mine] : near_starts[mine + 1]]:
                if is_taken[reached]:
                    continue
                is_taken[reached] = True
                for member in members[member_starts[reached] : member_starts[reached + 1]]:
                    if centre_of[member] < 0:
                        centre_of[member] = node
    return centre_of
