"""All pairs of hashes within a Hamming distance: blocks of hashes in few tasks, each an index of its own.

Hashes are short, so they move packed: each partition packs its distinct hashes into a few long binaries, a binary
goes to each task that compares its block, and the task finds the pairs of two blocks by multi-index hashing
(`kernels.hashes.hamming`). Joining exploded substrings would move every hash once per substring, as a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil, sqrt
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.batches import map_batches
from dataeval_spark.frames.sorted_groups import sorted_groups
from dataeval_spark.kernels.hashes.hamming import WORD, least_cost
from dataeval_spark.kernels.hashes.hamming import hamming_pairs as pairs_of
from dataeval_spark.kernels.hashes.packed_hashes import Bytes, block_of, distinct, is_among, packed, texts_of, words_of
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.arrow import arrow_schema

_PAIR_DDL = "kind string, hash_a string, hash_b string, distance int"
_PACKED_DDL = "kind string, is_known boolean, width int, block bigint, hashes binary"
_PACKED_SCHEMA = arrow_schema(_PACKED_DDL)
HASHES_PER_BLOCK = 4_000_000
COST_PER_TASK = 1e10
MOST_BLOCKS = 64
HASHES_PER_BINARY = 1 << 16


def hamming_distance(a: str, b: str) -> Column:
    """Number of bits in which two hashes of 64 bits differ, as hexadecimal columns; null where one is null.

    Examples
    --------
    >>> pairs.select(hamming_distance("phash", "kept.phash").alias("bits"))
    """

    # In halves, since not every engine has the highest of 64 bits in a signed number.
    def bits(start: int) -> Column:
        half_a, half_b = (F.conv(F.substring(name, start, 8), 16, 10).cast("bigint") for name in (a, b))
        return F.bit_count(half_a.bitwiseXOR(half_b))

    return bits(1) + bits(9)


def hamming_pairs(
    hashes: DataFrame,
    distances: Mapping[str, int],
    *,
    known_hashes: DataFrame | None = None,
    hashes_per_block: int = HASHES_PER_BLOCK,
) -> DataFrame:
    """Find all pairs of different hashes of one kind that differ in at most so many bits.

    Equal hashes are collapsed first, so that a hash shared by a million images costs as much as any other. One job
    counts the hashes of each kind (a row per kind comes to the driver).

    Parameters
    ----------
    hashes : DataFrame
        Columns ``kind`` and ``hash``: hexadecimal, in lower case, of equal length within a kind (64 bits or a
        multiple). Null hashes are left out.
    distances : mapping
        Largest distance of each kind [bit]; kinds that are not named are left out.
    known_hashes : DataFrame, optional
        Hashes (``kind``, ``hash``) that were compared with one another before: pairs between two of them are left
        out and cost nothing.
    hashes_per_block : int
        Most hashes in one block, on average; a task compares two blocks.

    Returns
    -------
    DataFrame
        ``kind``, ``hash_a`` < ``hash_b`` and ``distance`` [bit], at least 1; each pair once.

    Raises
    ------
    OptionError
        A distance is negative; when the result is computed: a hash is not hexadecimal or of another length.

    Notes
    -----
    Exact: equal to comparing all with all. A task holds two blocks (30 bytes a hash of 64 bits), and yields its pairs
    a million at a time. With more than 64 blocks' hashes (2.5 x 10^8) blocks grow.

    Examples
    --------
    >>> near = hamming_pairs(hashes.selectExpr("'phash' AS kind", "phash AS hash"), {"phash": 4})
    """
    for kind, distance in distances.items():
        OptionError.unless_between(f"distance of {kind}", distance, 0, 2**14)
    rows = _rows(hashes, distances, is_known=False)
    blocks = _blocks(rows, distances, hashes_per_block)
    if known_hashes is not None:
        rows = rows.unionAll(_rows(known_hashes, distances, is_known=True))
    tasks = sum(number * (number + 1) // 2 for number in blocks.values())
    pair = ["kind", "row", "column"]
    sent = _sent(map_batches(rows, _packing(blocks), _PACKED_DDL), blocks).repartition(max(1, tasks), *pair)
    return map_batches(
        sorted_groups(sent, pair, pair),
        _pairing(dict(distances)),
        _PAIR_DDL,
    )


def _rows(hashes: DataFrame, distances: Mapping[str, int], *, is_known: bool) -> DataFrame:
    rows = hashes.where(F.col("kind").isin(list(distances)) & F.col("hash").isNotNull())
    return rows.select("kind", "hash", F.lit(is_known).alias("is_known"))


def _blocks(rows: DataFrame, distances: Mapping[str, int], per_block: int) -> dict[str, int]:
    """Blocks of each kind: as many as its hashes, or the work to compare them, need."""
    counts = rows.groupBy("kind").agg(F.count("*").alias("n"), F.max(F.length("hash")).alias("digits"))
    return {
        row["kind"]: _number(row["n"], ceil(4 * row["digits"] / WORD), distances[row["kind"]], per_block)
        for row in bounded(counts, "one row per kind of hash")
    }


def _number(hashes: int, words: int, most: int, per_block: int) -> int:
    # With B blocks there are about B^2 / 2 tasks.
    by_cost = ceil(sqrt(2 * least_cost(hashes, max(1, words), most) / COST_PER_TASK))
    return max(1, min(MOST_BLOCKS, max(by_cost, ceil(hashes / per_block))))


def _packing(blocks: dict[str, int]) -> Any:
    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        pending: dict[tuple[str, bool], list[Bytes]] = {}
        for batch in batches:
            for kind, is_known, hashes in _by_kind(batch):
                parts = pending.setdefault((kind, is_known), [])
                parts.append(hashes)
                if sum(map(len, parts)) >= HASHES_PER_BINARY * blocks.get(kind, 1):
                    yield _binaries(kind, is_known, pending.pop((kind, is_known)), blocks.get(kind, 1))
        for (kind, is_known), parts in pending.items():
            yield _binaries(kind, is_known, parts, blocks.get(kind, 1))

    return run


def _by_kind(batch: pa.RecordBatch) -> Iterator[tuple[str, bool, Bytes]]:
    for kind in pc.unique(batch["kind"]).to_pylist():
        for is_known in (False, True):
            chosen = pc.and_(pc.equal(batch["kind"], kind), pc.equal(batch["is_known"], is_known))
            hashes = batch["hash"].filter(chosen)
            if len(hashes):
                yield kind, is_known, _packed(kind, hashes)


def _packed(kind: str, hashes: pa.Array) -> Bytes:
    try:
        return packed(hashes)
    except OptionError as error:
        raise OptionError(f"Kind {kind}: {error}") from error


def _joined(kind: str, parts: list[Bytes]) -> Bytes:
    widths = {part.shape[1] for part in parts}
    if len(widths) > 1:
        digits = " and ".join(str(2 * width) for width in sorted(widths))
        raise OptionError(
            f"Hashes of kind {kind} have {digits} digits; expected one length within a kind.\n"
            "Hint: a distance of 0, which compares texts of any length"
        )
    return np.concatenate(parts)


def _binaries(kind: str, is_known: bool, parts: list[Bytes], blocks: int) -> pa.RecordBatch:
    hashes = distinct(_joined(kind, parts))
    block = block_of(hashes, blocks)
    order = np.argsort(block, kind="stable")
    ends = np.searchsorted(block[order], np.arange(blocks + 1))
    numbers = [number for number in range(blocks) if ends[number] < ends[number + 1]]
    contents = [hashes[order[ends[number] : ends[number + 1]]].tobytes() for number in numbers]
    rows = len(numbers)
    return pa.RecordBatch.from_pydict(
        {
            "kind": [kind] * rows,
            "is_known": [is_known] * rows,
            "width": [hashes.shape[1]] * rows,
            "block": numbers,
            "hashes": contents,
        },
        schema=_PACKED_SCHEMA,
    )


def _sent(binaries: DataFrame, blocks: Mapping[str, int]) -> DataFrame:
    """Each binary once for each task that compares its block."""
    numbers: Column = F.lit(1)
    for kind, number in blocks.items():
        numbers = F.when(F.col("kind") == kind, F.lit(number)).otherwise(numbers)
    others = F.explode(F.sequence(F.lit(0), numbers - 1)).alias("other")
    return binaries.select("*", others).select(
        "kind",
        F.least("block", F.col("other")).alias("row"),
        F.greatest("block", F.col("other")).alias("column"),
        (F.col("block") <= F.col("other")).alias("is_row"),
        "is_known",
        "width",
        "hashes",
    )


def _pairing(distances: dict[str, int]) -> Any:
    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        rows = (row for batch in batches for row in batch.to_pylist())  # a row holds thousands of hashes
        key: tuple[str, int, int] | None = None
        hashes_by_side: dict[tuple[bool, bool], list[Bytes]] = {}
        for row in rows:
            block_key = (row["kind"], row["row"], row["column"])
            if key is not None and block_key != key:
                yield from _task(key, hashes_by_side, distances)
                hashes_by_side = {}
            key = block_key
            hashes = np.frombuffer(row["hashes"], np.uint8).reshape(-1, row["width"])
            hashes_by_side.setdefault((row["is_row"], row["is_known"]), []).append(hashes)
        if key is not None:
            yield from _task(key, hashes_by_side, distances)

    return run


def _task(
    key: tuple[str, int, int], hashes_by_side: Mapping[tuple[bool, bool], list[Bytes]], distances: Mapping[str, int]
) -> Iterator[pa.RecordBatch]:
    kind, row, column = key
    _joined(kind, [part[:0] for parts in hashes_by_side.values() for part in parts])
    left_new, left_old = _new_and_known(kind, hashes_by_side, is_row=True)
    sides: list[tuple[Bytes, Bytes | None]] = [(left_new, None), (left_new, left_old)]
    if row != column:
        right_new, right_old = _new_and_known(kind, hashes_by_side, is_row=False)
        sides = [(left_new, right_new), (left_new, right_old), (left_old, right_new)]
    for left, right in sides:
        yield from _pairs(kind, left, right, distances[kind])


def _new_and_known(
    kind: str, hashes_by_side: Mapping[tuple[bool, bool], list[Bytes]], *, is_row: bool
) -> tuple[Bytes, Bytes]:
    """Distinct hashes of a block that were not compared before, and those that were and are still there."""
    if (is_row, False) not in hashes_by_side:
        none = np.empty((0, WORD // 8), np.uint8)
        return none, none
    present = distinct(_joined(kind, hashes_by_side[is_row, False]))
    known_parts = hashes_by_side.get((is_row, True), [])
    old = is_among(present, _joined(kind, known_parts)) if known_parts else np.zeros(len(present), np.bool_)
    return present[~old], present[old]


def _pairs(kind: str, left: Bytes, right: Bytes | None, most: int) -> Iterator[pa.RecordBatch]:
    if not len(left) or (right is not None and not len(right)):
        return
    other = left if right is None else right
    for i, j, distance in pairs_of(words_of(left), None if right is None else words_of(right), most=most):
        first, second = texts_of(left[i]), texts_of(other[j])
        is_ordered = pc.less(first, second)
        yield pa.RecordBatch.from_arrays(
            [
                pa.repeat(kind, len(first)),
                pc.if_else(is_ordered, first, second),
                pc.if_else(is_ordered, second, first),
                pa.array(distance, pa.int32()),
            ],
            names=["kind", "hash_a", "hash_b", "distance"],
        )
