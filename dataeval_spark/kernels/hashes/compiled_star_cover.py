"""Greedy cover of nodes by stars, where nodes are tied by classes, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dataeval_spark.kernels.numba_options import OPTIONS

SOURCES = "54ae711d5e2b6f74"  # see tests/kernels/images/compiled/test_sources.py

Numbers = NDArray[np.int64]


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
    """For each node its centre: nodes in `order` take themselves, and the members near them that nobody has taken.

    Near a node are the members of its classes and of the classes near these. Once a class was reached all its members
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
    taken = np.full(order.size, -1, np.int64)
    is_taken = np.zeros(member_starts.size - 1, np.bool_)
    for node in order:
        if taken[node] >= 0:
            continue
        taken[node] = node
        for mine in classes[class_starts[node] : class_starts[node + 1]]:
            for reached in near[near_starts[mine] : near_starts[mine + 1]]:
                if is_taken[reached]:
                    continue
                is_taken[reached] = True
                for member in members[member_starts[reached] : member_starts[reached + 1]]:
                    if taken[member] < 0:
                        taken[member] = node
    return taken
