"""Connected components of a graph given by its edges."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csgraph

# A pyarrow array or chunked array of strings; pyarrow has no types for a checker.
Strings: TypeAlias = Any


def connected_components(a: Strings, b: Strings) -> tuple[pa.Array, pa.Array]:
    """Group the ends of edges: two ids are in one component when a path of edges joins them.

    Linear in the edges, and O(ids log ids) for the sort of the ids; about 100 bytes an edge in one process.

    Parameters
    ----------
    a, b : pyarrow array of strings
        The two ends of each edge; direction, repetition and self-loops do not matter.

    Returns
    -------
    ids : pyarrow array
        Every id that occurs, once, sorted by its bytes (as Spark sorts).
    component_ids : pyarrow array
        For each, the smallest id of its component.

    Raises
    ------
    ValueError
        When `a` and `b` differ in length.

    Examples
    --------
    >>> ids, components = connected_components(pa.array(["b", "x"]), pa.array(["a", "y"]))
    >>> ids.to_pylist(), components.to_pylist()
    (['a', 'b', 'x', 'y'], ['a', 'a', 'x', 'x'])
    """
    ids, left, right = numbered(a, b)
    labels = component_labels(left, right, len(ids))
    return ids, ids.take(pa.array(labels))


def component_labels(left: NDArray[np.int64], right: NDArray[np.int64], nodes: int) -> NDArray[np.int64]:
    """For each of `nodes` numbers, the smallest number of its component."""
    graph = coo_matrix((np.ones(left.size, dtype=np.int8), (left, right)), shape=(nodes, nodes))
    _, labels = csgraph.connected_components(graph, directed=False)
    _, first = np.unique(labels, return_index=True)
    return np.asarray(first[labels], dtype=np.int64)


def numbered(a: Strings, b: Strings) -> tuple[pa.Array, NDArray[np.int64], NDArray[np.int64]]:
    """The ids of edges in the order of their bytes, and for each edge the places of its ends among them.

    Examples
    --------
    >>> ids, left, right = numbered(pa.array(["b", "c"]), pa.array(["a", "b"]))
    >>> ids.to_pylist(), left.tolist(), right.tolist()
    (['a', 'b', 'c'], [1, 2], [0, 1])
    """
    if len(a) != len(b):
        raise ValueError(f"a has {len(a)} ends and b has {len(b)}; expected one of each for every edge.")
    # Text of more than 2 GB in one array needs 64-bit offsets.
    chunks = [chunk.cast(pa.large_string()) for end in (a, b) for chunk in getattr(end, "chunks", [end])]
    codes = pa.chunked_array(chunks, pa.large_string()).dictionary_encode().combine_chunks()
    if isinstance(codes, pa.ChunkedArray):
        codes = codes.chunk(0) if codes.num_chunks else pa.array([], pa.large_string()).dictionary_encode()
    order = pc.sort_indices(codes.dictionary)
    place = np.empty(len(order), np.int64)
    place[order.to_numpy()] = np.arange(len(order))
    ends = place[codes.indices.to_numpy()]
    return codes.dictionary.take(order).cast(pa.string()), ends[: len(a)], ends[len(a) :]
