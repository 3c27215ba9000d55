"""Folds as scikit-learn makes them: KFold, StratifiedKFold, GroupKFold and StratifiedGroupKFold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.kernels.splits.compiled_splits import lightest_first, stratified_groups
from dataeval_spark.kernels.splits.units import Units

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
# Rows of the dense table units x strata that are held at a time, for the deviation of each unit.
_ROWS_AT_ONCE = 65_536


def blocks(count: int, folds: int) -> Ints:
    """Fold of each of ``count`` things in order: equal blocks, the first ones longer by one (KFold)."""
    sizes = np.full(folds, count // folds)
    sizes[: count % folds] += 1
    return np.repeat(np.arange(folds, dtype=np.int32), sizes)


def kfold(units: Units, folds: int, *, shuffle: bool) -> Ints:
    """Blocks of units in the order of their ids, or of their hashes; single images only."""
    parts = np.empty(units.sizes.size, np.int32)
    parts[units.order(shuffle=shuffle)] = blocks(units.sizes.size, folds)
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
    return lightest_first(units.sizes, order[np.argsort(units.sizes[order], kind="stable")[::-1]], folds)


def stratified_group_kfold(units: Units, folds: int, *, shuffle: bool) -> Ints:
    """The unit whose counts differ most between classes first, each where the class shares then deviate least.

    Among folds whose mean standard deviation of the shares is equal within 1e-5, the one with fewer labels; the first
    otherwise. Equal to StratifiedGroupKFold bit for bit where a label is a row: the same sums in the same order.
    """
    order = units.order(shuffle=shuffle)
    by_spread = order[np.argsort(-count_deviation(units)[order], kind="stable")]
    totals = units.totals.astype(np.float64)
    plan = np.array(sum_plan(0, totals.size), np.int64)
    parts, _ = stratified_groups(units.starts, units.strata, units.counts, totals, by_spread, folds, plan)
    return parts


def sum_plan(start: int, stop: int) -> list[tuple[int, int]]:
    """The order in which numpy adds: blocks of at most 128, and (-1, -1) where the last two sums are added.

    Sums in any other order differ in the last bit, and ties of scikit-learn would not be ties here.
    """
    if stop - start <= 128:
        return [(start, stop)]
    half = (stop - start) // 2
    half -= half % 8
    return [*sum_plan(start, start + half), *sum_plan(start + half, stop), (-1, -1)]


def count_deviation(units: Units) -> NDArray[np.float64]:
    """Standard deviation of each unit's counts over all strata, those it lacks included; as numpy computes it."""
    result = np.empty(units.sizes.size)
    for start in range(0, result.size, _ROWS_AT_ONCE):
        stop = min(start + _ROWS_AT_ONCE, result.size)
        dense = np.zeros((stop - start, len(units.names)))
        span = slice(units.starts[start], units.starts[stop])
        rows = np.repeat(np.arange(stop - start), np.diff(units.starts[start : stop + 1]))
        dense[rows, units.strata[span]] = units.counts[span]
        result[start:stop] = np.std(dense, axis=1)
    return result
