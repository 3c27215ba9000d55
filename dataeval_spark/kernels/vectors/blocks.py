"""Blocks of vectors with their ids: sorted by id, equal vectors marked, in files that tasks share."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataeval_spark.tables.arrow import arrow_schema

IDS_SCHEMA = arrow_schema("image_id string, target_index int, roles int, draw bigint, fingerprint string, same_as int")
KEYS = ["image_id", "target_index", "roles", "draw"]


@dataclass(frozen=True)
class VectorBlock:
    """``ids`` has the columns of `IDS_SCHEMA`, one row per row of ``vectors`` (n, d), in the order of the ids.

    ``roles`` is a sum of powers of two, one per part that a row has in a search; ``draw`` a random number that depends
    on the ids alone; ``fingerprint`` a hash of the vector; ``same_as`` the first row of the block with an equal vector.
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


def make_block(keys: pa.Table, vectors: NDArray[np.float32]) -> VectorBlock:
    """A block of rows that are sorted by id.

    Parameters
    ----------
    keys : Table
        ``image_id``, ``target_index``, ``roles`` and ``draw``.
    vectors : ndarray of float32, (n, d)
        Finite.
    """
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


def read_block(folder: str, name: str) -> VectorBlock:
    """A block whose vectors are mapped from the file, copied only where they are written to."""
    with pa.memory_map(f"{folder}/{name}.arrow") as file:
        ids = pa.ipc.open_file(file).read_all()
    return VectorBlock(ids, read_array(folder, name))


@dataclass(frozen=True)
class BlockFiles:
    """Blocks in a folder: their names, and the place of each one's first row among all rows."""

    folder: str
    names: tuple[str, ...]
    offsets: NDArray[np.int64]

    def block(self, number: int) -> VectorBlock:
        return read_block(self.folder, self.names[number])

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
