"""Chunks: sorted values of one group and bucket as bytes, so that an engine moves few rows in place of many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dataeval_spark.kernels.ordered.bucket import Floats, in_columns, starts_of_runs

ROWS_AT_ONCE = 2**20
"""Values that a task sorts at once."""
CHUNK = 2**14
"""Most values of a chunk: engines sort rows in batches of 8,192, which must stay below 2 GB."""
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Layout:
    """Columns of the rows of a pass.

    ``is_by_side``: all weights are booleans, and no unit is named; then rows of equal weights, which are a side, are
    counted, and no weight is written down.
    """

    by: tuple[str, ...]
    values: tuple[str, ...]
    weights: tuple[str, ...]
    is_by_side: bool
    unit: str | None = None


class Slice(NamedTuple):
    """Rows of one group, value column and side, in order; each stands for ``counts`` equal ones (None: for one)."""

    key: Key
    name: str
    side: int
    values: Floats
    counts: NDArray[np.int64] | None
    weights: Floats | None
    units: NDArray[np.int64] | None

    def part(self, start: int, stop: int) -> Slice:
        """The rows from ``start`` to ``stop``."""
        return self._replace(
            values=self.values[start:stop],
            counts=None if self.counts is None else self.counts[start:stop],
            weights=None if self.weights is None else self.weights[start:stop],
            units=None if self.units is None else self.units[start:stop],
        )


def tables_of(batches: Iterable[pa.RecordBatch], columns: int) -> Iterator[pa.Table]:
    """Batches put together until they hold about a million values."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(each.num_rows for each in held) * columns >= ROWS_AT_ONCE:
            yield pa.Table.from_batches(held)
            held = []
    if held:
        yield pa.Table.from_batches(held)


def slices(table: pa.Table, layout: Layout) -> Iterator[Slice]:
    """Rows of each group, value column and side, sorted, without NaN, null and rows of no weight."""
    codes, keys = group_codes(table, layout.by)
    sides, weights = _weights(table, layout)
    units = None if layout.unit is None else table[layout.unit].to_numpy()
    side_count = 1 << len(layout.weights) if layout.is_by_side else 1
    codes = codes * side_count + sides
    small = codes.astype(np.uint16) if codes.size and codes.max() < 2**16 else codes  # numpy sorts these by digits
    order = np.argsort(small, kind="stable")
    starts = starts_of_runs(codes[order])
    stops = np.append(starts[1:], codes.size)
    columns = {name: table[name].to_numpy() for name in layout.values}
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        code = int(codes[order[start]])
        if layout.is_by_side and code % side_count == 0:
            continue
        rows = order[start:stop] if len(starts) > 1 else slice(None)
        of_rows = None if weights is None else weights[rows], None if units is None else units[rows]
        for name, values in columns.items():
            made = _sorted(values[rows] + 0.0, *of_rows)
            if made[0].size:
                yield Slice(keys[code // side_count], name, code % side_count, *made)


def group_codes(table: pa.Table, by: Sequence[str]) -> tuple[NDArray[np.int64], list[Key]]:
    """Number of the group of each row, and the key of each group."""
    codes = np.zeros(table.num_rows, np.int64)
    if not by:
        return codes, [()]
    dictionaries = []
    for name in by:
        encoded = table[name].combine_chunks().dictionary_encode(null_encoding="encode")
        encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
        dictionaries.append(encoded.dictionary.to_pylist())  # one per group
        codes = codes * max(1, len(dictionaries[-1])) + encoded.indices.to_numpy(zero_copy_only=False)
    if len(by) == 1:
        return codes, [(value,) for value in dictionaries[0]]
    found, codes = np.unique(codes, return_inverse=True)
    keys = []
    for code in found.tolist():
        key = []
        for dictionary in reversed(dictionaries):
            code, at = divmod(code, len(dictionary))
            key.append(dictionary[at])
        keys.append(tuple(reversed(key)))
    return codes, keys


def _weights(table: pa.Table, layout: Layout) -> tuple[NDArray[np.int64] | int, Floats | None]:
    if not layout.weights:
        return 0, np.ones((table.num_rows, 1))
    columns = [table[name].fill_null(False if layout.is_by_side else 0.0).to_numpy() for name in layout.weights]
    if layout.is_by_side:
        return np.sum([column.astype(np.int64) << at for at, column in enumerate(columns)], axis=0), None
    return 0, np.column_stack(columns).astype(np.float64)


def _sorted(
    values: Floats, weights: Floats | None, units: NDArray[np.int64] | None
) -> tuple[Floats, NDArray[np.int64] | None, Floats | None, NDArray[np.int64] | None]:
    if weights is None:
        values = values[~np.isnan(values)]
        values.sort()
        starts = starts_of_runs(values)
        if starts.size > values.size // 2:
            return values, None, None, None
        return values[starts], np.diff(starts, append=values.size), None, None
    is_kept = ~np.isnan(values) & (weights != 0).any(axis=1)
    values, weights, units = values[is_kept], weights[is_kept], None if units is None else units[is_kept]
    order, starts = _order_and_runs(values, weights, units)
    counts = np.diff(starts, append=values.size)
    order = order[starts]
    return values[order], counts, weights[order], None if units is None else units[order]


def in_buckets(rows: Slice, bounds: Floats) -> Iterator[tuple[int, Slice]]:
    """Parts of a slice in each bucket, with the bucket's number; a bucket begins at its bound."""
    cuts = [0, *np.searchsorted(rows.values, bounds).tolist(), rows.values.size]
    for bucket, (start, stop) in enumerate(pairwise(cuts)):
        if start < stop:
            yield bucket, rows.part(start, stop)


def packed(
    table: pa.Table, layout: Layout, bounds: Mapping[tuple[Key, str], Floats], schema: pa.Schema
) -> pa.RecordBatch:
    """Chunks of the rows of a table."""
    records: list[dict[str, Any]] = []
    none = np.empty(0)
    for rows in slices(table, layout):
        for bucket, part in in_buckets(rows, bounds.get((rows.key, rows.name), none)):
            for start in range(0, part.values.size, CHUNK):
                chunk = part.part(start, start + CHUNK)
                arrays = {
                    "values": chunk.values,
                    "counts": chunk.counts,
                    "weights": chunk.weights,
                    "units": chunk.units,
                }
                record = dict(zip(layout.by, rows.key, strict=True))
                record |= {"value_name": rows.name, "_bucket": bucket, "_side": rows.side}
                record |= {f"_{name}": None if each is None else each.tobytes() for name, each in arrays.items()}
                records.append(record)
    return pa.RecordBatch.from_pylist(records, schema=schema)


class Rows(NamedTuple):
    """Rows of one bucket in the order of their values, then units and weights; W is their weights in each column."""

    values: Floats
    weights: Floats
    units: NDArray[np.int64] | None


def unpacked(chunks: pa.Table, layout: Layout) -> Rows:
    """All rows of the chunks of one bucket."""
    values = _joined(chunks["_values"], np.float64)
    sizes = pa.compute.binary_length(chunks["_values"]).to_numpy() // 8
    counts = [
        np.frombuffer(each.as_buffer(), np.int64).astype(np.float64) if each.is_valid else np.ones(size)
        for size, each in zip(sizes, chunks["_counts"], strict=True)  # one per chunk
    ]
    count = np.concatenate([*counts, np.empty(0)])
    if layout.is_by_side:
        side = np.repeat(chunks["_side"].to_numpy(), sizes)
        order = np.argsort(values)
        side, count = side[order], count[order]
        # Column r of a side is bit r of its number.
        weights = in_columns([np.where(side >> at & 1, count, 0.0) for at in range(len(layout.weights))])
        return Rows(values[order], weights, None)
    weights = _joined(chunks["_weights"], np.float64).reshape(values.size, -1)
    units = None if layout.unit is None else _joined(chunks["_units"], np.int64)
    order, starts = _order_and_runs(values, weights, units)
    # Rows that are equal are counted before they are weighed: whatever chunks they were in, they are rounded once.
    count = np.add.reduceat(count[order], starts)
    order = order[starts]
    return Rows(values[order], weights[order] * count[:, None], None if units is None else units[order])


def _order_and_runs(
    values: Floats, weights: Floats, units: NDArray[np.int64] | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Order of rows by value, unit and weights, and where runs of equal rows begin in it."""
    keys = [*weights.T[::-1], *([] if units is None else [units]), values]
    order = np.lexsort(keys)
    differs = np.zeros(max(0, values.size - 1), bool)
    for key in keys:
        differs |= key[order[1:]] != key[order[:-1]]
    return order, np.flatnonzero(np.concatenate([[True], differs])) if values.size else np.empty(0, np.int64)


def _joined(column: pa.ChunkedArray, dtype: type) -> NDArray[Any]:
    return np.concatenate([*(np.frombuffer(each.as_buffer(), dtype) for each in column), np.empty(0, dtype)])
