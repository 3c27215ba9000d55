"""All pairs of bit strings within a Hamming distance, with exact recall.

Multi-index hashing (Norouzi, Punjani, Fleet 2012, "Fast search in Hamming space with multi-index hashing"): cut the
bits into m substrings and let d = m r + a. Two strings within d agree within r on one of the first a + 1 substrings,
or within r - 1 on one of the others. So only strings whose buckets, the values of a substring, lie that close are
compared; a pair is counted at its first matching substring. Substrings are not uniform, so m is chosen by the
candidates that the measured bucket sizes give. Where no m beats comparing all with all (few strings, a large distance),
that is done.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb, sqrt
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from dataeval_spark.kernels.numba_options import OPTIONS

SOURCES = "96725087e7d18e14"  # see tests/kernels/images/compiled/test_sources.py

WORD = 64
# A bucket table of 2^24 entries is 64 MB.
LONGEST_SUBSTRING = 24
TILE = 8192
PAIRS_PER_BATCH = 1 << 20
# Relative times, measured: comparing one pair of a tile, one candidate of a bucket, opening one bucket, and sorting
# one string into its bucket.
TILE_COST, CANDIDATE_COST, BUCKET_COST, SORT_COST = 1.0, 1.0, 15.0, 40.0

Words = NDArray[np.uint64]
Pairs = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int16]]
Indexed = tuple[Words, NDArray[np.int32], NDArray[np.int32]]
"""Words in the order of their buckets, starts of the buckets, and original positions."""


@dataclass(frozen=True)
class Substrings:
    """Cut of bits into substrings: where each starts, its length, and the distance within which it must agree."""

    starts: tuple[int, ...]
    lengths: tuple[int, ...]
    radii: tuple[int, ...]

    @classmethod
    def from_bits(cls, bits: int, number: int, most: int) -> Substrings:
        radius, beyond = divmod(most, number)
        radii = [radius if k <= beyond else radius - 1 for k in range(number)]
        # The longer ones first: those have the larger radius.
        lengths = [bits // number + (k < bits % number) for k in range(number)]
        starts = [sum(lengths[:k]) for k in range(number)]
        chosen_substrings = [k for k in range(number) if radii[k] >= 0]
        return cls(*(tuple(values[k] for k in chosen_substrings) for values in (starts, lengths, radii)))

    def probes(self, k: int) -> int:
        """Number of buckets within the radius of one."""
        return sum(comb(self.lengths[k], weight) for weight in range(self.radii[k] + 1))


def hamming_pairs(left: Words, right: Words | None = None, *, most: int) -> Iterator[Pairs]:
    """Yield every pair of bit strings that differ in at most `most` bits, each once.

    Parameters
    ----------
    left : ndarray
        Bit strings, (n,) or (n, words) of uint64.
    right : ndarray, optional
        The other side; without it, pairs within `left`.
    most : int
        Largest Hamming distance [bit].

    Yields
    ------
    first, second, distance : ndarray
        Positions on the left and on the right (within `left`: first != second), and the distance; at most about a
        million pairs at once, or as many as one string can have.

    Notes
    -----
    Within d = m r + a bits: m is chosen so that the estimated time is the smallest. Memory: 20 bytes a string, and
    the pairs of one batch.

    Examples
    --------
    >>> [np.stack(pairs).tolist() for pairs in hamming_pairs(np.array([1, 2, 7, 8], dtype=np.uint64), most=2)]
    [[[0, 0, 0, 1, 1], [1, 2, 3, 2, 3], [2, 2, 2, 2, 2]]]
    """
    other = left if right is None else right
    if not left.size or not other.size:
        return
    cut = choose_substrings(left, right, most)
    room = max(PAIRS_PER_BATCH, len(other))
    pairs = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int16)
    parts = _by_tiles(left, other, right is None, most, pairs)
    if cut is not None:
        parts = _by_buckets(left, other, right is None, most, cut, pairs)
    for count in parts:
        if count:
            yield pairs[0][:count].copy(), pairs[1][:count].copy(), pairs[2][:count].copy()


def choose_substrings(left: Words, right: Words | None, most: int) -> Substrings | None:
    """The cheapest cut into substrings by the measured sizes of its buckets; none where all with all is cheaper.

    Uniform buckets are the cheapest there can be, so cuts are measured in the order of that bound, until the bound
    of the next exceeds the best.
    """
    same = right is None
    sides = (left,) if right is None else (left, right)
    sizes = tuple(map(len, sides))
    words = 1 if left.ndim == 1 else left.shape[1]
    best_cost = TILE_COST * words * (sizes[0] * (sizes[0] - 1) / 2 if same else sizes[0] * sizes[1])
    best: Substrings | None = None
    cuts = list(_cuts(WORD * words, most))
    for bound, k in sorted((_uniform_cost(cut, words, sizes), k) for k, cut in enumerate(cuts)):
        if bound >= best_cost:
            break
        squares = [[_squares(side, cuts[k], part) for side in sides] for part in range(len(cuts[k].lengths))]
        cost = _cost(cuts[k], words, sizes, squares)
        if cost < best_cost:
            best_cost, best = cost, cuts[k]
    return best


def least_cost(number: int, words: int, most: int) -> float:
    """Least work to find the pairs within `number` strings, were their bits random; 2 x 10^9 take about a second."""
    all_with_all = TILE_COST * words * number * (number - 1) / 2
    return min([all_with_all, *(_uniform_cost(cut, words, (number,)) for cut in _cuts(WORD * words, most))])


def _cuts(bits: int, most: int) -> Iterator[Substrings]:
    for number in range(1, min(most + 1, bits) + 1):
        cut = Substrings.from_bits(bits, number, most)
        if max(cut.lengths) <= LONGEST_SUBSTRING:
            yield cut


def _uniform_cost(cut: Substrings, words: int, sizes: Sequence[int]) -> float:
    return _cost(cut, words, sizes, [[size**2 / 2**length for size in sizes] for length in cut.lengths])


def _cost(cut: Substrings, words: int, sizes: Sequence[int], squares: Sequence[Sequence[float]]) -> float:
    total = 0.0
    for k, length in enumerate(cut.lengths):
        # The sum over products of two buckets is at most the root of the sums of squares (Cauchy-Schwarz).
        compared = squares[k][0] / 2 if len(sizes) == 1 else sqrt(squares[k][0] * squares[k][1])
        opened = BUCKET_COST * 2**length + CANDIDATE_COST * words * compared
        total += cut.probes(k) * opened + SORT_COST * sum(sizes)
    return total


def _squares(words: Words, cut: Substrings, k: int) -> float:
    counts = np.bincount(_buckets(words, cut.starts[k], cut.lengths[k]), minlength=1).astype(np.float64)
    return float(counts @ counts)


def _buckets(words: Words, start: int, length: int) -> NDArray[np.uint32]:
    """Value of the bits from `start` on, counted from the lowest bit of the first word."""
    columns = words.reshape(len(words), -1)
    word, shift = divmod(start, WORD)
    value = columns[:, word] >> np.uint64(shift)
    if shift + length > WORD:
        value = value | (columns[:, word + 1] << np.uint64(WORD - shift))
    return (value & np.uint64((1 << length) - 1)).astype(np.uint32)


def _masks(cut: Substrings, words: int) -> Words:
    masks = np.zeros((len(cut.starts), words), np.uint64)
    for k, (start, length) in enumerate(zip(cut.starts, cut.lengths, strict=True)):
        bits = ((1 << length) - 1) << start
        masks[k] = [(bits >> (WORD * word)) & (2**WORD - 1) for word in range(words)]
    return masks


def _changes(length: int, radius: int) -> NDArray[np.int64]:
    """All numbers of `length` bits with at most `radius` bits set."""
    return np.array(
        [sum(1 << bit for bit in bits) for weight in range(radius + 1) for bits in combinations(range(length), weight)],
        dtype=np.int64,
    )


def _by_tiles(left: Words, right: Words, same: bool, most: int, pairs: Pairs) -> Iterator[int]:
    for column in range(0, len(right), TILE):
        columns = (column, min(column + TILE, len(right)))
        row, end = 0, (columns[1] if same else len(left))
        while row < end:
            row, count = pairs_of_tiles(left, right, same, (row, end), columns, most, pairs)
            yield count


def _by_buckets(left: Words, right: Words, same: bool, most: int, cut: Substrings, pairs: Pairs) -> Iterator[int]:
    masks = _masks(cut, 1 if left.ndim == 1 else left.shape[1])
    radii = np.array(cut.radii, dtype=np.int64)
    for k, length in enumerate(cut.lengths):
        sides = [_indexed(left, cut, k)]
        sides.append(sides[0] if same else _indexed(right, cut, k))
        changes = _changes(length, cut.radii[k])
        state = (0, 0, 0)
        while state[0] < changes.size:
            state, count = pairs_of_buckets(*sides, same, changes, masks, radii, k, most, state, pairs)
            yield count


def _indexed(words: Words, cut: Substrings, k: int) -> Indexed:
    starts, order = bucket_order(_buckets(words, cut.starts[k], cut.lengths[k]), 1 << cut.lengths[k])
    return np.ascontiguousarray(words[order]), starts, order


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
    left: Words,
    right: Words,
    same: bool,
    rows: tuple[int, int],
    columns: tuple[int, int],
    most: int,
    pairs: Pairs,
) -> tuple[int, int]:
    """Compare each of a range of rows with each of a range of columns; with `same`, later columns only.

    Returns
    -------
    next_row : int
        First row that was not compared, because its pairs might not fit.
    count : int
        Pairs written to `pairs`: positions on the left and on the right, and distances.
    """
    firsts, seconds, distances = pairs
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
    left: Indexed,
    right: Indexed,
    same: bool,
    changes: NDArray[np.int64],
    masks: NDArray[np.uint64],
    radii: NDArray[np.int64],
    substring: int,
    most: int,
    state: tuple[int, int, int],
    pairs: Pairs,
) -> tuple[tuple[int, int, int], int]:
    """Compare each bucket with the buckets that differ from it by one of `changes`.

    Parameters
    ----------
    left, right : tuple
        Both sides; see `bucket_order`.
    same : bool
        Whether both sides are the same, so that each pair counts once.
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
        Pairs written to `pairs`.
    """
    words_left, starts_left, order_left = left
    words_right, starts_right, order_right = right
    firsts, seconds, distances = pairs
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
