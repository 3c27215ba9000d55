"""Assignment of units to parts of wanted sizes and labels: greedy with corrections, or iterative stratification.

The compiled functions take the table units x strata as the compressed rows of `Units`.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dataeval_spark.kernels.numba_options import OPTIONS
from dataeval_spark.kernels.splits.units import Units

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Floats = NDArray[np.float64]
PASSES = 20
# A stratum of which a split wants nothing, or a fraction of an image, weighs as if it wanted half of one.
LEAST_WANTED = 0.5


def by_quotas(units: Units, quotas: Floats, *, fixed_parts: Ints | None = None, shuffle: bool = True) -> Ints:
    r"""Assign units so that images and labels per split come near to the quotas.

    The sum to minimize is Pearson's :math:`\sum_{k,c} (N_{kc} - W_{kc})^2 / W_{kc}`, N got and W wanted of stratum c in
    split k, with the images themselves as one stratum. The largest units come first, each where the sum grows least;
    then single units are moved while the sum falls, at most 20 times through all. The result is a local minimum; where
    every unit is one image with one label, sizes and strata are met within about one image.

    Parameters
    ----------
    units : Units
        Units to assign.
    quotas : ndarray, (splits, 1 + strata)
        Wanted number of images, then of labels of each stratum, in each split.
    fixed_parts : ndarray of int32, (units,), optional
        Split of each unit that keeps its own; -1 for units to assign.
    shuffle : bool
        Whether equal units come in the order of their hashes instead of their ids.
    """
    all_of_them = units.with_images()
    order = units.order(shuffle=shuffle)
    largest_first = order[np.argsort(-units.sizes[order], kind="stable")]
    wanted = np.ascontiguousarray(quotas, np.float64)
    table = all_of_them.starts, all_of_them.strata, all_of_them.counts
    return _fill_quotas(*table, wanted, largest_first, _fixed(units, fixed_parts), PASSES)


def by_iterative_stratification(
    units: Units, quotas: Floats, *, fixed_parts: Ints | None = None, shuffle: bool = True
) -> Ints:
    """Assign units with several labels by iterative stratification.

    The stratum with the fewest units left is dealt out first, each of its units to the split that lacks most of it;
    ties go to the split that lacks most images, then to the first split. A unit with several labels of a stratum
    (boxes of one class) counts with all of them, which is the one extension of the published algorithm; its random
    last tie-break is the first split here, and units come in the order of their hashes. Arguments as in `by_quotas`.

    References
    ----------
    Sechidis, Tsoumakas, Vlahavas 2011, "On the Stratification of Multi-label Data".
    """
    order = units.order(shuffle=shuffle)
    place = np.empty(order.size, np.int64)
    place[order] = np.arange(order.size)
    owners = units.owners
    members = owners[np.lexsort((place[owners], units.strata))]
    by_stratum = np.concatenate(([0], np.cumsum(units.holders)))
    desired, room = (np.array(wanted, np.float64, order="C") for wanted in (quotas[:, 1:], quotas[:, 0]))
    table = units.starts, units.strata, units.counts, units.sizes
    return _iterative_stratification(*table, by_stratum, members, desired, room, _fixed(units, fixed_parts))


def _fixed(units: Units, parts: Ints | None) -> Ints:
    """Part of each unit that keeps its own, -1 for the others."""
    return np.full(units.sizes.size, -1, np.int32) if parts is None else parts.astype(np.int32)


def counts_of(units: Units, parts: Ints, splits: int) -> NDArray[np.int64]:
    """Number of images, then of labels of each stratum, in each split: (splits, 1 + strata)."""
    got = np.zeros((splits, 1 + len(units.names)), np.int64)
    np.add.at(got[:, 0], parts, units.sizes)
    np.add.at(got, (parts[units.owners], units.strata + 1), units.counts)
    return got


def wanted_counts(units: Units, fractions: Floats) -> Floats:
    """Wanted images and labels per split, all strata in the same shares: (splits, 1 + strata)."""
    totals = np.concatenate(([units.sizes.sum()], units.totals))
    return np.asarray(fractions, np.float64)[:, None] * totals[None, :]


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
def _fill_quotas(
    starts: Longs, strata: Ints, counts: Ints, quotas: Floats, order: Longs, fixed_parts: Ints, passes: int
) -> Ints:
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
    return parts


@njit(**OPTIONS)
def _iterative_stratification(
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
