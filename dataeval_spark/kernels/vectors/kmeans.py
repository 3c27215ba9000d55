"""k-means by Lloyd's iteration, and the clusters of an inverted-file index made with it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

ROWS_PER_PRODUCT = 4096


def scores(vectors: NDArray[np.floating[Any]], centers: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Half the squared distance to each centre, less a number of each vector's own: (n, c), same order."""
    # Around the mean of the centres: far from the origin, the difference of two large numbers would be noise.
    middle = centers.mean(axis=0, dtype=np.float64).astype(centers.dtype)
    near = centers - middle
    half: NDArray[np.floating[Any]] = np.einsum("ij,ij->i", near, near) / 2
    return half - (vectors - middle) @ near.T


def nearest_center(vectors: NDArray[np.floating[Any]], centers: NDArray[np.floating[Any]]) -> NDArray[np.int32]:
    """Number of the nearest centre of each vector; of equally near ones the first."""
    parts = range(0, len(vectors), ROWS_PER_PRODUCT)
    nearest = [scores(vectors[start : start + ROWS_PER_PRODUCT], centers).argmin(axis=1) for start in parts]
    return np.concatenate([np.zeros(0, np.int64), *nearest]).astype(np.int32)


def sums_by_label(
    vectors: NDArray[np.floating[Any]], labels: NDArray[np.int32], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Number of vectors with each label 0 to ``count - 1`` (count,), and their sums in float64 (count, d).

    Negative labels are left out.
    """
    order = np.argsort(labels, kind="stable")
    order = order[labels[order] >= 0]
    counts = np.bincount(labels[order], minlength=count)
    present = np.flatnonzero(counts)
    sums = np.zeros((count, vectors.shape[1]))
    if len(present):
        starts = (np.cumsum(counts) - counts)[present]
        sums[present] = np.add.reduceat(vectors[order], starts, axis=0, dtype=np.float64)
    return counts.astype(np.int64), sums


def lloyd(
    vectors: NDArray[np.float32], centers: NDArray[np.float32], *, iterations: int = 10
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Move centres (c, d) to the means of the vectors (n, d) nearest to them, until nothing changes.

    A centre that no vector is nearest to stays where it is. The result is the centres, and the number of the nearest
    one of each vector (n,).

    References
    ----------
    Lloyd, "Least squares quantization in PCM" (1982). Means are summed in float64.

    Examples
    --------
    >>> lloyd(np.float32([[0], [1], [9]]), np.float32([[0], [9]]))[0].ravel().tolist()
    [0.5, 9.0]
    """
    labels = nearest_center(vectors, centers)
    for _ in range(iterations):
        counts, sums = sums_by_label(vectors, labels, len(centers))
        present = np.flatnonzero(counts)
        moved = centers.copy()
        moved[present] = sums[present] / counts[present, None]
        centers, before = moved, labels
        labels = nearest_center(vectors, centers)
        if np.array_equal(labels, before):
            break
    return centers, labels


def probed_centers(vectors: NDArray[np.float32], centers: NDArray[np.float32], probes: int) -> NDArray[np.intp]:
    """The ``probes`` nearest centres of each vector, in no order: (n, probes)."""
    if probes >= len(centers):
        return np.broadcast_to(np.arange(len(centers)), (len(vectors), len(centers)))
    near: NDArray[np.intp] = np.argpartition(scores(vectors, centers), probes - 1, axis=1)[:, :probes]
    return near


def ranks_of_centers(
    vectors: NDArray[np.float32], centers: NDArray[np.float32], clusters: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Rank of each of the clusters given for a vector by the distance of its centre: (n, m), from 0."""
    every = scores(vectors, centers)
    own = np.take_along_axis(every, clusters, axis=1)
    return np.stack([(every < own[:, [column]]).sum(axis=1) for column in range(clusters.shape[1])], axis=1)
