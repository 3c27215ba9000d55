"""Assignment of units to parts of wanted sizes and labels: greedy with corrections, or iterative stratification."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.kernels.splits.compiled_splits import fill_quotas, iterative_stratification
from dataeval_spark.kernels.splits.units import Units

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]
PASSES = 20


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
    start = np.full(units.sizes.size, -1, np.int32) if fixed_parts is None else fixed_parts.astype(np.int32)
    parts, _ = fill_quotas(
        all_of_them.starts,
        all_of_them.strata,
        all_of_them.counts,
        np.ascontiguousarray(quotas, np.float64),
        largest_first,
        start,
        PASSES,
    )
    return parts


def by_iterative_stratification(
    units: Units, quotas: Floats, *, fixed_parts: Ints | None = None, shuffle: bool = True
) -> Ints:
    """Assign units with several labels by iterative stratification.

    The stratum with the fewest units left is dealt out first, each of its units to the split that lacks most of it;
    ties go to the split that lacks most images, then to the first split. A unit with several labels of a stratum
    (boxes of one class) counts with all of them, which is the one extension of the published algorithm; its random
    last tie-break is the first split here, and units come in the order of their hashes.

    Parameters
    ----------
    units, quotas, fixed_parts, shuffle
        As in `by_quotas`.

    References
    ----------
    Sechidis, Tsoumakas, Vlahavas 2011, "On the Stratification of Multi-label Data".
    """
    order = units.order(shuffle=shuffle)
    place = np.empty(order.size, np.int64)
    place[order] = np.arange(order.size)
    unit = np.repeat(np.arange(units.sizes.size), np.diff(units.starts))
    members = unit[np.lexsort((place[unit], units.strata))]
    by_stratum = np.concatenate(([0], np.cumsum(units.holders)))
    start = np.full(units.sizes.size, -1, np.int32) if fixed_parts is None else fixed_parts.astype(np.int32)
    desired = np.array(quotas, np.float64)
    return iterative_stratification(
        units.starts,
        units.strata,
        units.counts,
        units.sizes,
        by_stratum,
        members,
        np.ascontiguousarray(desired[:, 1:]),
        np.ascontiguousarray(desired[:, 0]),
        start,
    )


def counts_of(units: Units, parts: Ints, splits: int) -> NDArray[np.int64]:
    """Number of images, then of labels of each stratum, in each split: (splits, 1 + strata)."""
    got = np.zeros((splits, 1 + len(units.names)), np.int64)
    np.add.at(got[:, 0], parts, units.sizes)
    unit = np.repeat(np.arange(units.sizes.size), np.diff(units.starts))
    np.add.at(got, (parts[unit], units.strata + 1), units.counts)
    return got


def wanted_counts(units: Units, fractions: Floats) -> Floats:
    """Wanted images and labels per split, all strata in the same shares: (splits, 1 + strata)."""
    totals = np.concatenate(([units.sizes.sum()], units.totals))
    return np.asarray(fractions, np.float64)[:, None] * totals[None, :]
