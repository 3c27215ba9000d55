"""Blocks of vectors with their ids: cut from Arrow batches, sorted by id, equal vectors marked, stored in files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataeval_spark.kernels.vectors.nearest import centred
from dataeval_spark.options import Metric
from dataeval_spark.tables.arrow import arrow_schema

IDS_SCHEMA = arrow_schema(
    "image_id string, target_index int, roles int, draw bigint, reach double, fingerprint string, same_as int"
)
KEYS = ["image_id", "target_index", "roles", "draw", "reach"]
ROLES = 4
NAMES = 5
"""Number of rows that an error names."""


@dataclass(frozen=True)
class VectorBlock:
    """``ids`` has the columns of `IDS_SCHEMA`, one row per row of ``vectors`` (n, d), in the order of the ids.

    ``roles`` is a sum of powers of two, one per part that a row has in a search; ``draw`` a random number that depends
    on the ids alone; ``reach`` the distance beyond which no neighbour of the row is asked for, null for none;
    ``fingerprint`` a hash of the vector; ``same_as`` the first row of the block with an equal vector.
    """

    ids: pa.Table
    vectors: NDArray[np.float32]

    def rows(self, role: int, copies: int | None = None) -> NDArray[np.intp]:
        """Rows with a role, ascending; of equal vectors only the first ``copies``."""
        rows = np.flatnonzero(self.ids["roles"].to_numpy() & role)
        if copies is None:
            return rows
        same_as = self.ids["same_as"].to_numpy()[rows]
        if len(np.unique(same_as)) == len(rows):
            return rows
        order = np.argsort(same_as, kind="stable")
        ordered = same_as[order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        copy = np.arange(len(rows)) - np.repeat(starts, np.diff(np.r_[starts, len(rows)]))
        return rows[np.sort(order[copy < copies])]


def order_of_ids(table: pa.Table) -> NDArray[np.int64]:
    """Rows in the order of (image_id by bytes, target_index, null first)."""
    keys = pa.table({"image_id": table["image_id"], "order": pc.fill_null(table["target_index"], -1)})
    order: NDArray[np.int64] = (
        pc.sort_indices(keys, sort_keys=[("image_id", "ascending"), ("order", "ascending")]).to_numpy().astype(np.int64)
    )
    return order


def lengths_of(table: pa.Table) -> NDArray[np.int32]:
    """Length of each ``embedding``, 0 where it is missing."""
    lengths: NDArray[np.int32] = pc.fill_null(pc.list_value_length(table["embedding"]), 0).to_numpy()
    return lengths


def vectors_of(column: pa.ChunkedArray, dimension: int) -> NDArray[np.float32]:
    """An Arrow column of lists of one length as a matrix (n, d); a missing value is NaN."""
    values = column.combine_chunks().flatten()
    if values.null_count:
        values = values.fill_null(np.nan)
    matrix: NDArray[np.float32] = values.to_numpy(zero_copy_only=False).astype(np.float32, copy=False)
    return matrix.reshape(-1, dimension)


def fingerprints(vectors: NDArray[np.float32]) -> pa.Array:
    """64-bit hash of each vector as a string: equal for equal vectors, and practically never for others.

    Multilinear (Lemire and Kaser, "Strongly universal string hashing is fast", 2014): the bits of each number times a
    random odd integer, summed modulo 2^64.
    """
    weights = np.random.default_rng(vectors.shape[1]).integers(0, 2**63, vectors.shape[1], np.uint64) * np.uint64(2)
    bits = np.ascontiguousarray(vectors + np.float32(0)).view(np.uint32)
    hashes = np.empty(len(vectors), np.uint64)
    for start in range(0, len(bits), 1024):  # so that the products stay in the cache
        part = bits[start : start + 1024].astype(np.uint64)
        hashes[start : start + 1024] = (part * (weights + np.uint64(1))).sum(axis=1, dtype=np.uint64)
    return pa.array(hashes.view(np.int64)).cast(pa.string())


def _make_block(keys: pa.Table, vectors: NDArray[np.float32]) -> VectorBlock:
    """A block of rows that are sorted by id, with finite vectors."""
    vectors = np.ascontiguousarray(vectors + np.float32(0))  # -0 becomes 0, so that equal vectors have equal bytes
    whole = vectors.view(np.dtype((np.void, vectors.itemsize * vectors.shape[1]))).ravel()
    _, first, group = np.unique(whole, return_index=True, return_inverse=True)
    same_as = pa.array(first[group].astype(np.int32))
    ids = keys.select(KEYS).append_column("fingerprint", fingerprints(vectors)).append_column("same_as", same_as)
    return VectorBlock(ids.cast(IDS_SCHEMA).combine_chunks(), vectors)


def write_block(folder: str, name: str, block: VectorBlock) -> None:
    """Store a block; a task that runs again puts the same files in the place of its own."""
    os.makedirs(folder, exist_ok=True)
    write_array(folder, name, block.vectors)
    mine = f"{folder}/{name}.{uuid4().hex}.arrow"
    with pa.OSFile(mine, "wb") as file, pa.ipc.new_file(file, IDS_SCHEMA) as writer:
        writer.write_table(block.ids)
    os.replace(mine, f"{folder}/{name}.arrow")


def write_array(folder: str, name: str, array: NDArray[Any]) -> None:
    """Store an array; a task that runs again puts the same file in the place of its own."""
    mine = f"{folder}/{name}.{uuid4().hex}.npy"
    np.save(mine, array)
    os.replace(mine, f"{folder}/{name}.npy")


def read_array(folder: str, name: str) -> NDArray[Any]:
    """An array that is mapped from the file, copied only where it is written to."""
    array: NDArray[Any] = np.load(f"{folder}/{name}.npy", mmap_mode="c")
    return array.view(np.ndarray)


@dataclass(frozen=True)
class BlockFiles:
    """Blocks in a folder: their names, and the place of each one's first row among all rows."""

    folder: str
    names: tuple[str, ...]
    offsets: NDArray[np.int64]

    def block(self, number: int) -> VectorBlock:
        """A block whose vectors are mapped from the file, copied only where they are written to."""
        name = self.names[number]
        with pa.memory_map(f"{self.folder}/{name}.arrow") as file:
            ids = pa.ipc.open_file(file).read_all()
        return VectorBlock(ids, read_array(self.folder, name))

    def codes(self, number: int) -> NDArray[np.int64]:
        """Codes of the rows of a block: place in the order of all ids x 2^32 + place among all rows."""
        return read_array(self.folder, f"{self.names[number]}.codes")

    def places(self, codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Block and row of codes."""
        place = codes & 0xFFFFFFFF
        block = np.searchsorted(self.offsets, place, side="right") - 1
        return block, place - self.offsets[block]


def ids_to_bytes(ids: pa.Table) -> bytes:
    """Serialize the ids of a block to one value of a row."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, ids.schema) as writer:
        writer.write_table(ids)
    whole: bytes = sink.getvalue().to_pybytes()
    return whole


def ids_from_bytes(data: bytes) -> pa.Table:
    """Ids from the result of :func:`ids_to_bytes`."""
    return pa.ipc.open_stream(data).read_all()


def block_of_row(ids: bytes, vectors: bytes, dimension: int) -> VectorBlock:
    """The block that a row of the frame of blocks holds."""
    matrix = np.frombuffer(vectors, np.float32).reshape(-1, dimension)
    return VectorBlock(ids_from_bytes(ids), matrix.copy())


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
    lengths = lengths_of(table)
    is_even = len(lengths) > 0 and lengths.min() == lengths.max() > 0
    vectors = vectors_of(table["embedding"], int(lengths[0])) if is_even else None
    hashes = pa.nulls(len(table), pa.string()) if vectors is None else fingerprints(vectors)
    return batch.select(["image_id", "target_index"]).append_column("fingerprint", hashes)


def _lengths_in(table: pa.Table) -> list[dict[str, Any]]:
    """Lengths of the vectors of a block with how many have them, and the first few of each by name."""
    lengths = lengths_of(table)
    entries = []
    for length in np.unique(lengths)[:50]:
        rows = np.flatnonzero(lengths == length)
        entries.append({"length": int(length), "rows": len(rows), "names": _names(table, rows)})
    return entries


def _names(table: pa.Table, rows: NDArray[np.intp]) -> list[str]:
    """Names of the first few rows in errors."""
    ids = zip(*(table[name].take(rows[:NAMES]).to_pylist() for name in ("image_id", "target_index")), strict=True)
    return [image_id if target is None else f"{image_id} (target {target})" for image_id, target in ids]


def described(table: pa.Table, metric: Metric) -> tuple[dict[str, Any], VectorBlock | None]:
    """Facts about a block for the driver, and the block itself; None where its vectors cannot be compared."""
    roles = table["roles"].to_numpy()
    record: dict[str, Any] = {
        "lengths": _lengths_in(table),
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
    block = _make_block(table.select(KEYS), vectors)
    record["total"] = centred(metric, block.vectors, np.float32).sum(axis=0, dtype=np.float64).tolist()
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
