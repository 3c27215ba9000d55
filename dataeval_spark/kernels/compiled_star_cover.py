"""Greedy cover of a graph by stars, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dataeval_spark.kernels.compiled_options import OPTIONS

SOURCES = "050205f20df56727"  # see tests/kernels/test_compiled_sources.py


@njit(**OPTIONS)
def centres(starts: NDArray[np.int32], neighbours: NDArray[np.int32], order: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each node its centre: nodes in `order` take themselves and their neighbours that nobody has taken.

    Parameters
    ----------
    starts, neighbours : ndarray
        The graph as compressed rows (nodes + 1, and twice the edges).
    order : ndarray
        Every node once.
    """
    taken = np.full(order.size, -1, np.int64)
    for node in order:
        if taken[node] >= 0:
            continue
        taken[node] = node
        for position in range(starts[node], starts[node + 1]):
            if taken[neighbours[position]] < 0:
                taken[neighbours[position]] = node
    return taken
