"""Blocks of vectors from a stream of Arrow batches, and each row's place in the order of all ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataeval_spark.kernels.vectors.blocks import (
    KEYS,
    BlockFiles,
    VectorBlock,
    fingerprints,
    make_block,
    order_of_ids,
    vectors_of,
    write_array,
)
from dataeval_spark.kernels.vectors.nearest import centred
from dataeval_spark.options import Metric

ROLES = 4
NAMES = 5
"""Number of rows that an error names."""


def blocks_in(batches: Iterable[pa.RecordBatch], block_rows: int) -> Iterator[pa.Table]:
    """Tables of at most ``block_rows`` rows, sorted by id; no more than two of them are held."""
    buffer: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        while rows + batch.num_rows > block_rows:
            head = batch.slice(0, block_rows - rows)
            yield _by_id(pa.Table.from_batches([*buffer, head]))
            buffer, rows, batch = [], 0, batch.slice(head.num_rows)
        if batch.num_rows:
            buffer.append(batch)
            rows += batch.num_rows
    if rows:
        yield _by_id(pa.Table.from_batches(buffer))


def _by_id(table: pa.Table) -> pa.Table:
    return table.take(order_of_ids(table))


def ids_and_fingerprints(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Ids of the rows and hashes of their vectors; no hash where the vectors differ in length: no block has those."""
    table = pa.Table.from_batches([batch])
    lengths = pc.fill_null(pc.list_value_length(table["embedding"]), 0).to_numpy()
    is_even = len(lengths) > 0 and lengths.min() == lengths.max() > 0
    hashes = (
        fingerprints(vectors_of(table["embedding"], int(lengths[0]))) if is_even else pa.nulls(len(table), pa.string())
    )
    columns = [batch["image_id"], batch["target_index"], hashes]
    return pa.RecordBatch.from_arrays(columns, names=["image_id", "target_index", "fingerprint"])


def name_of_row(image_id: str, target_index: int | None) -> str:
    """Name of an image or box in errors."""
    return image_id if target_index is None else f"{image_id} (target {target_index})"


def lengths_in(table: pa.Table) -> list[dict[str, Any]]:
    """Lengths of the vectors of a block with how many have them, and the first few of each by name."""
    lengths = pc.fill_null(pc.list_value_length(table["embedding"]), 0).to_numpy()
    entries = []
    for length in np.unique(lengths)[:50]:
        rows = np.flatnonzero(lengths == length)
        entries.append({"length": int(length), "rows": len(rows), "names": _names(table, rows)})
    return entries


def _names(table: pa.Table, rows: NDArray[np.intp]) -> list[str]:
    few = table.select(["image_id", "target_index"]).take(rows[:NAMES]).to_pylist()
    return [name_of_row(row["image_id"], row["target_index"]) for row in few]


def described(table: pa.Table, metric: Metric) -> tuple[dict[str, Any], VectorBlock | None]:
    """Facts about a block for the driver, and the block itself; None where its vectors cannot be compared."""
    roles = table["roles"].to_numpy()
    record: dict[str, Any] = {
        "lengths": lengths_in(table),
        "role_rows": [int((roles >> role & 1).sum()) for role in range(ROLES)],
        "refused": [],
        "total": [],
    }
    if len(record["lengths"]) > 1 or record["lengths"][0]["length"] == 0:
        return record, None
    vectors = vectors_of(table["embedding"], record["lengths"][0]["length"])
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        record["refused"] = _names(table, bad)
        return record, None
    block = make_block(table.select(KEYS), vectors)
    no_shift = np.zeros(vectors.shape[1] + (metric == "cosine"))
    record["total"] = centred(metric, block.vectors, np.float32, no_shift).sum(axis=0, dtype=np.float64).tolist()
    return record, block


def write_codes(files: BlockFiles, number: int) -> None:
    """Store the codes of a block's rows: place in the order of all ids x 2^32 + place among all rows.

    The ids of two blocks are merged at a time, so that no task holds all: O(blocks) sorts of two blocks each.
    """
    own = files.block(number).ids
    ranks = np.arange(len(own), dtype=np.int64)
    for other in range(len(files.names)):
        if other != number:
            ranks += _below(files.block(other).ids, own)
    codes = (ranks << 32) + files.offsets[number] + np.arange(len(own))
    write_array(files.folder, f"{files.names[number]}.codes", codes)


def _below(other: pa.Table, own: pa.Table) -> NDArray[np.int64]:
    """Number of ids of the other block that come before each own id; both are sorted."""
    columns = ["image_id", "target_index"]
    both = pa.concat_tables([other.select(columns), own.select(columns)]).combine_chunks()
    place = np.empty(len(both), np.int64)
    place[order_of_ids(both)] = np.arange(len(both))
    below: NDArray[np.int64] = place[len(other) :] - np.arange(len(own))
    return below
