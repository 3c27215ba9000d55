"""Pairs of bit strings within a Hamming distance, compiled: all against all, and bucket against bucket.

Both functions fill given arrays and stop when the next row might not fit, so that a caller can pass the pairs on and
continue: memory does not grow with the number of pairs. A bit string is one word, or a row of words.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from dataeval_spark.kernels.numba_options import OPTIONS

SOURCES = "54ae711d5e2b6f74"  # see tests/kernels/images/compiled/test_sources.py


def _population_count(typing_context: Any, word: Any) -> Any:
    # The processor's own instruction, for which Numba has no function.
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


_population: Any = intrinsic(_population_count)


@njit(**OPTIONS)
def _distance(left: Any, i: int, right: Any, j: int) -> Any:
    if left.ndim == 1:
        return np.int64(_population(left[i] ^ right[j]))
    total = np.uint64(0)
    for word in range(left.shape[1]):
        total += _population(left[i, word] ^ right[j, word])
    return np.int64(total)


@njit(**OPTIONS)
def _masked_distance(left: Any, i: int, right: Any, j: int, mask: Any) -> Any:
    if left.ndim == 1:
        return np.int64(_population((left[i] ^ right[j]) & mask[0]))
    total = np.uint64(0)
    for word in range(left.shape[1]):
        total += _population((left[i, word] ^ right[j, word]) & mask[word])
    return np.int64(total)


@njit(**OPTIONS)
def pairs_of_tiles(
    left: NDArray[np.uint64],
    right: NDArray[np.uint64],
    same: bool,
    rows: tuple[int, int],
    columns: tuple[int, int],
    most: int,
    found: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int16]],
) -> tuple[int, int]:
    """Compare each of a range of rows with each of a range of columns; with `same`, later columns only.

    Returns
    -------
    next_row : int
        First row that was not compared, because its pairs might not fit.
    count : int
        Pairs written to `found`: positions on the left and on the right, and distances.
    """
    firsts, seconds, distances = found
    count = 0
    for i in range(rows[0], rows[1]):
        start = max(columns[0], i + 1) if same else columns[0]
        if count + columns[1] - start > firsts.size:
            return i, count
        for j in range(start, columns[1]):
            distance = _distance(left, i, right, j)
            if distance <= most:
                firsts[count], seconds[count], distances[count] = i, j, distance
                count += 1
    return rows[1], count


@njit(**OPTIONS)
def bucket_order(buckets: NDArray[np.uint32], number: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Sort positions by bucket: where each of `number` buckets starts (number + 1), and the positions."""
    starts = np.zeros(number + 1, np.int32)
    for bucket in buckets:
        starts[bucket + 1] += 1
    for bucket in range(number):
        starts[bucket + 1] += starts[bucket]
    free = starts[:-1].copy()
    order = np.empty(buckets.size, np.int32)
    for position in range(buckets.size):
        bucket = buckets[position]
        order[free[bucket]] = position
        free[bucket] += 1
    return starts, order


@njit(**OPTIONS)
def _is_found_earlier(left: Any, i: int, right: Any, j: int, masks: Any, radii: Any, until: int) -> bool:
    for substring in range(until):  # noqa: SIM110  Numba compiles no generator expression into a loop
        if _masked_distance(left, i, right, j, masks[substring]) <= radii[substring]:
            return True
    return False


@njit(**OPTIONS)
def pairs_of_buckets(
    left: tuple[NDArray[np.uint64], NDArray[np.int32], NDArray[np.int32]],
    right: tuple[NDArray[np.uint64], NDArray[np.int32], NDArray[np.int32]],
    same: bool,
    changes: NDArray[np.int64],
    masks: NDArray[np.uint64],
    radii: NDArray[np.int64],
    substring: int,
    most: int,
    state: tuple[int, int, int],
    found: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int16]],
) -> tuple[tuple[int, int, int], int]:
    """Compare each bucket with the buckets that differ from it by one of `changes`.

    Parameters
    ----------
    left, right : tuple
        Words in the order of buckets, starts of the buckets, and original positions (`bucket_order`).
    same : bool
        Both sides are the same: each pair once.
    changes : ndarray
        Bits in which the buckets of a pair may differ: all of at most the substring's radius.
    masks, radii, substring : ndarray, ndarray, int
        Bits and radius of each substring, and the one that made the buckets: a pair belongs to its first match.
    most : int
        Largest distance.
    state : tuple
        Change, bucket and row to begin at; (0, 0, 0) at first.

    Returns
    -------
    state : tuple
        Where to continue; its change is ``changes.size`` at the end.
    count : int
        Pairs written to `found`.
    """
    words_left, starts_left, order_left = left
    words_right, starts_right, order_right = right
    firsts, seconds, distances = found
    count = 0
    first_change, first_bucket, first_row = state
    for c in range(first_change, changes.size):
        change = changes[c]
        for bucket in range(first_bucket, starts_left.size - 1):
            other = bucket ^ change
            begin, end = starts_right[other], starts_right[other + 1]
            if begin == end or (same and other < bucket):
                first_row = 0
                continue
            for i in range(max(starts_left[bucket], first_row), starts_left[bucket + 1]):
                start = i + 1 if same and change == 0 else begin
                if count + end - start > firsts.size:
                    return (c, bucket, i), count
                for j in range(start, end):
                    distance = _distance(words_left, i, words_right, j)
                    if distance <= most and not _is_found_earlier(
                        words_left, i, words_right, j, masks, radii, substring
                    ):
                        firsts[count], seconds[count] = order_left[i], order_right[j]
                        distances[count] = distance
                        count += 1
            first_row = 0
        first_bucket = 0
    return (changes.size, 0, 0), count
