"""Greedy assignments of units to splits, compiled.

A unit is a set of images that stay together. ``starts``, ``strata`` and ``counts`` are the table units x strata as
compressed rows: unit u has counts[p] labels of stratum strata[p] for p in starts[u] .. starts[u + 1].
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dataeval_spark.kernels.numba_options import OPTIONS

SOURCES = "6229e7fb90d5aff0"  # see tests/kernels/images/compiled/test_sources.py

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Floats = NDArray[np.float64]

# A stratum of which a split wants nothing, or a fraction of an image, weighs as if it wanted half of one.
LEAST_WANTED = 0.5


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
def planned_sum(values: Floats, plan: Longs) -> float:
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
def stratified_groups(
    starts: Longs, strata: Ints, counts: Ints, totals: Floats, order: Longs, folds: int, plan: Longs
) -> tuple[Ints, Floats]:
    """Fold of each unit by the rule of StratifiedGroupKFold, and the labels per fold and stratum."""
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
            spread = planned_sum(proposed, plan) / classes
            is_close = least != np.inf and abs(spread - least) <= 1e-8 + 1e-5 * abs(least)
            if spread < least or ((is_close or spread == least) and sizes[fold] < smallest):
                best, least, smallest = fold, spread, sizes[fold]
        parts[unit] = best
        for p in range(first, last):
            got[best, strata[p]] += counts[p]
            sizes[best] += counts[p]
        for p in range(first, last):
            deviations[strata[p]] = _deviation(got, 0.0, best, strata[p], totals[strata[p]])
    return parts, got


@njit(**OPTIONS)
def lightest_first(sizes: Longs, order: Longs, folds: int) -> Ints:
    """Put each unit, in order, into the fold that has the fewest images so far."""
    parts = np.empty(order.size, np.int32)
    loads = np.zeros(folds, np.int64)
    for unit in order:
        fold = np.argmin(loads)
        parts[unit] = fold
        loads[fold] += sizes[unit]
    return parts


@njit(**OPTIONS)
def _change(
    starts: Longs, strata: Ints, counts: Ints, unit: int, part: int, sign: int, quotas: Floats, got: Floats
) -> float:
    """Growth of Pearson's chi-square of got against wanted when a unit enters (+1) or leaves (-1) a part."""
    change = 0.0
    for p in range(starts[unit], starts[unit + 1]):
        stratum = strata[p]
        excess = got[part, stratum] - quotas[part, stratum]
        weight = max(quotas[part, stratum], LEAST_WANTED)
        change += counts[p] * (sign * 2.0 * excess + counts[p]) / weight
    return change


@njit(**OPTIONS)
def _put(starts: Longs, strata: Ints, counts: Ints, unit: int, part: int, sign: int, got: Floats) -> None:
    for p in range(starts[unit], starts[unit + 1]):
        got[part, strata[p]] += sign * counts[p]


@njit(**OPTIONS)
def fill_quotas(
    starts: Longs, strata: Ints, counts: Ints, quotas: Floats, order: Longs, fixed_parts: Ints, passes: int
) -> tuple[Ints, Floats]:
    """Part of each unit, with counts near to the quotas; units with a fixed part (>= 0) keep it."""
    parts = fixed_parts.copy()
    got = np.zeros(quotas.shape)
    for unit in range(parts.size):
        if parts[unit] >= 0:
            _put(starts, strata, counts, unit, parts[unit], 1, got)
    for unit in order:
        if parts[unit] >= 0:
            continue
        best, least = 0, np.inf
        for part in range(quotas.shape[0]):
            change = _change(starts, strata, counts, unit, part, 1, quotas, got)
            if change < least:
                best, least = part, change
        parts[unit] = best
        _put(starts, strata, counts, unit, best, 1, got)
    for _ in range(passes):
        moves = 0
        for unit in order:
            if fixed_parts[unit] >= 0:
                continue
            old = parts[unit]
            leaving = _change(starts, strata, counts, unit, old, -1, quotas, got)
            best, least = old, -1e-9
            for part in range(quotas.shape[0]):
                if part != old:
                    change = leaving + _change(starts, strata, counts, unit, part, 1, quotas, got)
                    if change < least:
                        best, least = part, change
            if best != old:
                _put(starts, strata, counts, unit, old, -1, got)
                _put(starts, strata, counts, unit, best, 1, got)
                parts[unit] = best
                moves += 1
        if moves == 0:
            break
    return parts, got


@njit(**OPTIONS)
def iterative_stratification(
    starts: Longs,
    strata: Ints,
    counts: Ints,
    sizes: Longs,
    by_stratum: Longs,
    members: Longs,
    desired: Floats,
    room: Floats,
    fixed_parts: Ints,
) -> Ints:
    """Part of each unit by Sechidis et al. (2011); `by_stratum` and `members` list the units of each stratum."""
    parts = fixed_parts.copy()
    classes = desired.shape[1]
    remaining = np.zeros(classes, np.int64)
    for unit in range(parts.size):
        for p in range(starts[unit], starts[unit + 1]):
            if parts[unit] >= 0:
                desired[parts[unit], strata[p]] -= counts[p]
            else:
                remaining[strata[p]] += 1
        if parts[unit] >= 0:
            room[parts[unit]] -= sizes[unit]
    while True:
        rarest = -1
        for stratum in range(classes):
            if remaining[stratum] > 0 and (rarest < 0 or remaining[stratum] < remaining[rarest]):
                rarest = stratum
        if rarest < 0:
            break
        for position in range(by_stratum[rarest], by_stratum[rarest + 1]):
            unit = members[position]
            if parts[unit] >= 0:
                continue
            best = 0
            for part in range(1, room.size):
                more = desired[part, rarest] - desired[best, rarest]
                if more > 0 or (more == 0 and room[part] > room[best]):
                    best = part
            parts[unit] = best
            room[best] -= sizes[unit]
            for p in range(starts[unit], starts[unit + 1]):
                desired[best, strata[p]] -= counts[p]
                remaining[strata[p]] -= 1
    for unit in range(parts.size):
        if parts[unit] < 0:
            parts[unit] = np.argmax(room)
            room[parts[unit]] -= sizes[unit]
    return parts
