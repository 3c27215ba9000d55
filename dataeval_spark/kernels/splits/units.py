"""Units, the sets of images that stay together in a split, with their labels per stratum."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]


@dataclass(frozen=True)
class Units:
    """Units by id, and the table units x strata as compressed rows.

    Attributes
    ----------
    ids : pa.Array of string, (units,)
        Ids of the units, sorted.
    sizes : ndarray of int64, (units,)
        Number of images of each unit.
    keys : ndarray of int64, (units,)
        A hash of (seed, id): the order of a shuffle that is the same on every machine.
    names : list of str, (strata,)
        Strata, sorted.
    starts, strata, counts : ndarray
        Unit u has ``counts[p]`` labels of stratum ``strata[p]`` for p in ``starts[u] .. starts[u + 1]``.
    """

    ids: pa.Array
    sizes: Longs
    keys: Longs
    names: list[str]
    starts: Longs
    strata: Ints
    counts: Ints

    @property
    def totals(self) -> Longs:
        """Number of labels of each stratum."""
        return np.bincount(self.strata, self.counts, len(self.names)).astype(np.int64)

    @property
    def holders(self) -> Longs:
        """Number of units that have each stratum."""
        return np.bincount(self.strata, minlength=len(self.names))

    @property
    def owners(self) -> Longs:
        """Unit of each entry of ``strata`` and ``counts``."""
        return np.repeat(np.arange(self.sizes.size), np.diff(self.starts))

    @property
    def is_single_label(self) -> bool:
        """Whether every unit is one image with one label."""
        return bool(
            (self.sizes == 1).all() and (np.diff(self.starts) == 1).all() and (self.counts == 1).all() and self.names
        )

    def with_images(self) -> Units:
        """The same units with all their images as one stratum more, before the others."""
        widths = np.diff(self.starts)
        starts = np.concatenate(([0], np.cumsum(widths + 1)))
        strata = np.empty(starts[-1], np.int32)
        counts = np.empty(starts[-1], np.int32)
        is_label = np.ones(starts[-1], bool)
        is_label[starts[:-1]] = False
        strata[~is_label], counts[~is_label] = 0, self.sizes
        strata[is_label], counts[is_label] = self.strata + 1, self.counts
        return replace(self, names=["", *self.names], starts=starts, strata=strata, counts=counts)

    def without_strata(self) -> Units:
        """The same units with no strata."""
        nothing = np.zeros(0, np.int32)
        return replace(self, names=[], starts=np.zeros(self.sizes.size + 1, np.int64), strata=nothing, counts=nothing)

    def reshuffled(self, seed: int) -> Units:
        """The same units with other keys, a function of the old ones and the seed."""
        # SplitMix64 (Steele, Lea, Flood 2014).
        z = self.keys.view(np.uint64) + np.uint64((seed * 0x9E3779B97F4A7C15) % 2**64)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return replace(self, keys=(z ^ (z >> np.uint64(31))).view(np.int64))

    def most_common(self, ids: pa.ChunkedArray, parts: pa.ChunkedArray, n: pa.ChunkedArray, names: list[str]) -> Ints:
        """Index in ``names`` of the part that most images of each unit had, the first of equal ones; -1 for none."""
        unit = pc.index_in(ids.cast(pa.string()), self.ids).to_numpy()
        part = pc.index_in(parts.cast(pa.string()), pa.array(names, pa.string())).to_numpy()
        place = np.lexsort((-part, n.to_numpy(), unit))  # of each unit the last is the one
        result = np.full(self.sizes.size, -1, np.int32)
        result[unit[place]] = part[place]
        return result

    def order(self, *, shuffle: bool) -> Longs:
        """All units by hash, or by id."""
        return np.argsort(self.keys, kind="stable") if shuffle else np.arange(self.sizes.size)


def units_of(rows: pa.Table) -> Units:
    """Units from their rows per stratum.

    Parameters
    ----------
    rows : pa.Table
        Columns ``unit_id``, ``key`` (its hash), ``stratum``, ``n`` and ``images``: one row per unit and stratum with
        the number of labels. Where the stratum is null, there are images without labels. Each image counts in one of
        the rows of its unit. The rows may have any order.
    """
    ids, unit = _sorted_codes(rows["unit_id"])
    keys = np.zeros(len(ids), np.int64)
    keys[unit] = rows["key"].to_numpy()
    sizes = np.bincount(unit, rows["images"].to_numpy(), len(ids)).astype(np.int64)
    is_label = pc.is_valid(rows["stratum"])
    labels = rows["stratum"].filter(is_label)
    names, stratum = _sorted_codes(labels)
    of_unit, n = unit[is_label.to_numpy(zero_copy_only=False)], rows["n"].filter(is_label).to_numpy()
    # Pairs of unit and stratum are unique: one key is sorted several times as fast as two.
    place = np.argsort(of_unit * len(names) + stratum)
    widths = np.bincount(of_unit, minlength=len(ids))
    starts = np.concatenate(([0], np.cumsum(widths)))
    strata, counts = stratum[place].astype(np.int32), n[place].astype(np.int32)
    return Units(ids, sizes, keys, names.to_pylist(), starts, strata, counts)


def _sorted_codes(texts: pa.ChunkedArray) -> tuple[pa.Array, Longs]:
    """The distinct texts, sorted, and for each text its place among them."""
    # All chunks share one dictionary; as one chunk, the texts could be longer than a chunk of them may be.
    encoded = texts.cast(pa.string()).dictionary_encode()
    distinct = encoded.chunk(0).dictionary if encoded.num_chunks else pa.array([], pa.string())
    order = pc.sort_indices(distinct)
    place = np.empty(len(order), np.int64)
    place[order.to_numpy()] = np.arange(len(order))
    codes = [chunk.indices.to_numpy() for chunk in encoded.chunks]
    return distinct.take(order), place[np.concatenate(codes)] if codes else np.zeros(0, np.int64)
