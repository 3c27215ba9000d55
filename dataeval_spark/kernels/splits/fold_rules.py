"""Folds as scikit-learn makes them: KFold, StratifiedKFold, GroupKFold and StratifiedGroupKFold."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dataeval_spark.kernels.numba_options import OPTIONS
from dataeval_spark.kernels.splits.units import Units

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Floats = NDArray[np.float64]
# Rows of the dense table units x strata that are held at a time, for the deviation of each unit.
_ROWS_AT_ONCE = 65_536


def kfold(units: Units, folds: int, *, shuffle: bool) -> Ints:
    """Equal blocks of units in the order of their ids, or of their hashes, the first ones longer by one (KFold).

    Single images only.
    """
    parts = np.empty(units.sizes.size, np.int32)
    for fold, block in enumerate(np.array_split(units.order(shuffle=shuffle), folds)):
        parts[block] = fold
    return parts


def stratified_kfold(units: Units, folds: int, *, shuffle: bool) -> Ints:
    """Blocks within each class, with the lengths of StratifiedKFold; single images with one label only."""
    order = units.order(shuffle=shuffle)
    labels = units.strata[order]
    # Classes are numbered by first appearance, and dealt out as one sequence, class after class.
    first_seen = np.unique(labels, return_index=True)[1]
    number = np.empty(len(units.names), np.int64)
    number[np.unique(labels)] = np.argsort(np.argsort(first_seen))
    counts = np.bincount(number[labels], minlength=first_seen.size)
    ends = np.cumsum(counts)
    parts = np.empty(units.sizes.size, np.int32)
    by_class = order[np.argsort(number[labels], kind="stable")]
    dealt = np.arange(folds)[:, None]
    # How many of the first m of the sequence go to fold i, when they are dealt one by one: ceil((m - i) / folds).
    upto = np.maximum(0, -((dealt - np.concatenate(([0], ends))[None, :]) // folds))
    lengths = np.diff(upto, axis=1)
    parts[by_class] = np.concatenate(
        [np.repeat(np.arange(folds, dtype=np.int32), lengths[:, c]) for c in range(first_seen.size)]
    )
    return parts


def group_kfold(units: Units, folds: int, *, shuffle: bool) -> Ints:
    """The largest unit first, each to the fold with the fewest images; of equal ones the last id first (GroupKFold)."""
    order = units.order(shuffle=shuffle)
    return _lightest_first(units.sizes, order[np.argsort(units.sizes[order], kind="stable")[::-1]], folds)


def stratified_group_kfold(units: Units, folds: int, *, shuffle: bool) -> Ints:
    """The unit whose counts differ most between classes first, each where the class shares then deviate least.

    Among folds whose mean standard deviation of the shares is equal within 1e-5, the one with fewer labels; the first
    otherwise. Equal to StratifiedGroupKFold bit for bit where a label is a row: the same sums in the same order.
    """
    order = units.order(shuffle=shuffle)
    by_spread = order[np.argsort(-_count_deviation(units)[order], kind="stable")]
    totals = units.totals.astype(np.float64)
    plan = np.array(_sum_plan(0, totals.size), np.int64)
    return _stratified_groups(units.starts, units.strata, units.counts, totals, by_spread, folds, plan)


def _sum_plan(start: int, stop: int) -> list[tuple[int, int]]:
    """The order in which numpy adds: blocks of at most 128, and (-1, -1) where the last two sums are added.

    Sums in any other order differ in the last bit, and ties of scikit-learn would not be ties here.
    """
    if stop - start <= 128:
        return [(start, stop)]
    half = (stop - start) // 2
    half -= half % 8
    return [*_sum_plan(start, start + half), *_sum_plan(start + half, stop), (-1, -1)]


def _count_deviation(units: Units) -> NDArray[np.float64]:
    """Standard deviation of each unit's counts over all strata, those it lacks included; as numpy computes it."""
    result, owners = np.empty(units.sizes.size), units.owners
    for start in range(0, result.size, _ROWS_AT_ONCE):
        stop = min(start + _ROWS_AT_ONCE, result.size)
        dense = np.zeros((stop - start, len(units.names)))
        span = slice(units.starts[start], units.starts[stop])
        dense[owners[span] - start, units.strata[span]] = units.counts[span]
        result[start:stop] = np.std(dense, axis=1)
    return result


@njit(**OPTIONS)
def _block_sum(values: Floats, start: int, stop: int) -> float:
    """The sum of at most 128 numbers in the order of numpy: eight lanes, then the remaining numbers."""
    if stop - start < 8:
        total = 0.0
        for position in range(start, stop):
            total += values[position]
        return total
    lanes = np.empty(8)
    for lane in range(8):
        lanes[lane] = values[start + lane]
    position = start + 8
    while position + 8 <= stop:
        for lane in range(8):
            lanes[lane] += values[position + lane]
        position += 8
    total = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]))
    while position < stop:
        total += values[position]
        position += 1
    return total


@njit(**OPTIONS)
def _planned_sum(values: Floats, plan: Longs) -> float:
    """The sum of blocks `plan[:, 0] .. plan[:, 1]`, the last two sums added where a row is -1."""
    sums = np.empty(plan.shape[0])
    top = 0
    for row in range(plan.shape[0]):
        if plan[row, 0] < 0:
            top -= 1
            sums[top - 1] += sums[top]
        else:
            sums[top] = _block_sum(values, plan[row, 0], plan[row, 1])
            top += 1
    return sums[0]


@njit(**OPTIONS)
def _deviation(got: Floats, extra: float, at: int, stratum: int, total: float) -> float:
    """Standard deviation over the folds of a stratum's shares, with `extra` labels more in fold `at`."""
    folds = got.shape[0]
    shares = np.empty(folds)
    for fold in range(folds):
        shares[fold] = (got[fold, stratum] + (extra if fold == at else 0.0)) / total
    mean = 0.0
    for fold in range(folds):
        mean += shares[fold]
    mean /= folds
    squares = 0.0
    for fold in range(folds):
        squares += (shares[fold] - mean) * (shares[fold] - mean)
    return np.sqrt(squares / folds)


@njit(**OPTIONS)
def _stratified_groups(
    starts: Longs, strata: Ints, counts: Ints, totals: Floats, order: Longs, folds: int, plan: Longs
) -> Ints:
    """Fold of each unit by the rule of StratifiedGroupKFold."""
    classes = totals.size
    parts = np.full(order.size, -1, np.int32)
    got = np.zeros((folds, classes))
    sizes = np.zeros(folds)
    deviations = np.zeros(classes)
    proposed = np.empty(classes)
    for unit in order:
        best, least, smallest = -1, np.inf, np.inf
        first, last = starts[unit], starts[unit + 1]
        for fold in range(folds):
            proposed[:] = deviations
            for p in range(first, last):
                stratum = strata[p]
                proposed[stratum] = _deviation(got, counts[p], fold, stratum, totals[stratum])
            spread = _planned_sum(proposed, plan) / classes
            is_close = least != np.inf and abs(spread - least) <= 1e-8 + 1e-5 * abs(least)
            if spread < least or ((is_close or spread == least) and sizes[fold] < smallest):
                best, least, smallest = fold, spread, sizes[fold]
        parts[unit] = best
        for p in range(first, last):
            got[best, strata[p]] += counts[p]
            sizes[best] += counts[p]
        for p in range(first, last):
            deviations[strata[p]] = _deviation(got, 0.0, best, strata[p], totals[strata[p]])
    return parts


@njit(**OPTIONS)
def _lightest_first(sizes: Longs, order: Longs, folds: int) -> Ints:
    """Put each unit, in order, into the fold that has the fewest images so far."""
    parts = np.empty(order.size, np.int32)
    loads = np.zeros(folds, np.int64)
    for unit in order:
        fold = np.argmin(loads)
        parts[unit] = fold
        loads[fold] += sizes[unit]
    return parts
