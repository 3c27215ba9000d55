"""Inner loops of the nearest-neighbour search: candidates by their products, and their exact distances.

All compiled code of the search is in this one file, so that numba's cache follows its changes. Sums run over eight
lanes in a fixed order without fused operations: the distance of a pair has the same bits in every task and on every
machine, whichever of the two is the query.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from dataeval_spark.kernels.numba_options import OPTIONS

SQUARED, COSINE, INNER = 0, 1, 2
LANES = 8


@njit(**OPTIONS)
def inverse_norms(vectors: Any) -> Any:
    """1 / Euclidean length of each row in float64; 0 for a row of zeros."""
    n, dimension = vectors.shape
    inverse = np.zeros(n, np.float64)
    for i in range(n):
        total = _dot(vectors[i], vectors[i], dimension)
        if total > 0.0:
            inverse[i] = 1.0 / np.sqrt(total)
    return inverse


@njit(**OPTIONS)
def lengths_of_rows(vectors: Any) -> Any:
    """Euclidean length of each row in float64."""
    n, dimension = vectors.shape
    lengths = np.empty(n, np.float64)
    for i in range(n):
        lengths[i] = np.sqrt(_dot(vectors[i], vectors[i], dimension))
    return lengths


@njit(**OPTIONS)
def _dot(x: Any, y: Any, dimension: int) -> float:
    lanes = np.zeros(LANES, np.float64)
    whole = dimension - dimension % LANES
    for start in range(0, whole, LANES):
        for lane in range(LANES):
            lanes[lane] += np.float64(x[start + lane]) * np.float64(y[start + lane])
    for rest in range(whole, dimension):
        lanes[rest - whole] += np.float64(x[rest]) * np.float64(y[rest])
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]))


@njit(**OPTIONS)
def _squared_distance(x: Any, y: Any, x_scale: float, y_scale: float, dimension: int) -> float:
    lanes = np.zeros(LANES, np.float64)
    whole = dimension - dimension % LANES
    for start in range(0, whole, LANES):
        for lane in range(LANES):
            gap = np.float64(x[start + lane]) * x_scale - np.float64(y[start + lane]) * y_scale
            lanes[lane] += gap * gap
    for rest in range(whole, dimension):
        gap = np.float64(x[rest]) * x_scale - np.float64(y[rest]) * y_scale
        lanes[rest - whole] += gap * gap
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]))


@njit(**OPTIONS)
def pair_distance(kind: int, x: Any, y: Any, x_scale: float, y_scale: float) -> float:
    """Distance of two vectors: 0 squared Euclidean, 1 cosine, 2 negative inner product.

    The cosine distance is half the squared distance of the unit vectors, which is 1 - cos without its cancellation;
    a vector of zeros (scale 0) has distance 1 to every other and 0 to another of its kind.
    """
    if kind == INNER:
        return -_dot(x, y, x.shape[0])
    squared = _squared_distance(x, y, x_scale, y_scale, x.shape[0])
    if kind == SQUARED:
        return squared
    if (x_scale == 0.0) != (y_scale == 0.0):
        return 1.0
    return squared / 2


@njit(**OPTIONS)
def _sift_down(heap: Any, value: Any) -> None:
    """Put a value in the place of the largest of a max-heap."""
    size, hole = heap.shape[0], 0
    while True:
        child = 2 * hole + 1
        if child >= size:
            break
        if child + 1 < size and heap[child + 1] > heap[child]:
            child += 1
        if heap[child] <= value:
            break
        heap[hole] = heap[child]
        hole = child
    heap[hole] = value


@njit(**OPTIONS)
def _keep_within(limit: Any, scores: Any, columns: Any, count: int) -> int:
    end = 0
    for at in range(count):
        if scores[at] <= limit:
            scores[end], columns[end] = scores[at], columns[at]
            end += 1
    return end


@njit(**OPTIONS)
def find_candidates(
    products: Any, half_norms: Any, limits: Any, slacks: Any, width: int, columns: Any, counts: Any
) -> None:
    """For each row, the columns whose score may be among the ``width`` smallest.

    The score of column j in row i is ``half_norms[j] - products[i, j]``. A column is taken when its score is at most
    ``limits[i]`` and at most the ``width``-th smallest score of the row plus ``slacks[i]``. Written are ``columns``
    (q, capacity), those found, ascending, the capacity being above ``width``; and ``counts`` (q,), their number, -1
    where there are more than ``columns`` holds.
    """
    q, m = products.shape
    capacity = columns.shape[1]
    heap = np.empty(width, products.dtype)
    scores = np.empty(capacity, products.dtype)
    for i in range(q):
        heap[:] = np.inf
        limit, count = limits[i], 0
        row, candidates = products[i], columns[i]
        for j in range(m):
            score = half_norms[j] - row[j]
            if score <= limit:
                if score < heap[0]:
                    _sift_down(heap, score)
                    limit = min(limit, heap[0] + slacks[i])
                if count == capacity:
                    count = _keep_within(limit, scores, candidates, count)
                    if count == capacity:
                        count = -1
                        break
                scores[count], candidates[count] = score, j
                count += 1
        counts[i] = count if count < 0 else _keep_within(limit, scores, candidates, count)


@njit(**OPTIONS)
def insert(
    kind: int,
    queries: Any,
    query_scales: Any,
    index: Any,
    index_scales: Any,
    codes: Any,
    columns: Any,
    counts: Any,
    best_distances: Any,
    best_codes: Any,
) -> None:
    """Measure the candidates of each query exactly and put the nearest into its list, by (distance, code)."""
    width = best_distances.shape[1]
    for i in range(queries.shape[0]):
        distances, list_codes = best_distances[i], best_codes[i]
        for at in range(counts[i]):
            j = columns[i, at]
            distance = pair_distance(kind, queries[i], index[j], query_scales[i], index_scales[j])
            code = codes[j]
            last = width - 1
            if distance > distances[last] or (distance == distances[last] and code > list_codes[last]):
                continue
            while last > 0 and (
                distance < distances[last - 1] or (distance == distances[last - 1] and code < list_codes[last - 1])
            ):
                distances[last], list_codes[last] = distances[last - 1], list_codes[last - 1]
                last -= 1
            distances[last], list_codes[last] = distance, code
