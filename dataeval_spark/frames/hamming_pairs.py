"""All pairs of hashes within a Hamming distance: blocks of hashes in few tasks, each an index of its own.

Hashes are short (8 bytes), so blocks of them are compared, not exploded substrings joined: each hash goes once to each
block it is compared with, and a task finds the pairs of two blocks by multi-index hashing (`kernels.hamming`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.hamming import hamming_pairs as pairs_of
from dataeval_spark.kernels.hamming import words_of

PAIR_DDL = "kind string, hash_a string, hash_b string, distance int"
_PAIR_SCHEMA = pa.schema(
    [("kind", pa.string()), ("hash_a", pa.string()), ("hash_b", pa.string()), ("distance", pa.int32())]
)
# A block of half a million is indexed in a tenth of a second: smaller ones would cost more in moving than they save.
HASHES_PER_BLOCK = 500_000
# Above this many blocks they grow instead: each hash is sent to every block.
BLOCKS = 16
LARGEST_BLOCK = 4_000_000


def hamming_pairs(
    hashes: DataFrame,
    distances: Mapping[str, int],
    *,
    known: DataFrame | None = None,
    hashes_per_block: int = HASHES_PER_BLOCK,
) -> DataFrame:
    """Find all pairs of different hashes of one kind that differ in at most so many bits.

    Equal hashes are collapsed first, so that a hash shared by a million images costs as much as any other. One job
    counts the distinct hashes of each kind (a row per kind comes to the driver).

    Parameters
    ----------
    hashes : DataFrame
        Columns ``kind`` and ``hash``: hexadecimal, in lower case, of equal length within a kind (64 bits or a
        multiple). Null hashes are left out.
    distances : mapping
        Largest distance of each kind [bit]; kinds that are not named are left out.
    known : DataFrame, optional
        Hashes (``kind``, ``hash``) that were compared with one another before: pairs between two of them are left
        out and cost nothing.
    hashes_per_block : int
        Hashes in one block; a task compares two blocks.

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
    Exact: equal to comparing all with all. A task holds two blocks of at most 4 million hashes up to 2 x 10^8 in all
    (about 100 MB), and yields its pairs a million at a time.

    Examples
    --------
    >>> near = hamming_pairs(hashes.selectExpr("'phash' AS kind", "phash AS hash"), {"phash": 4})
    """
    for kind, distance in distances.items():
        OptionError.unless_between(f"distance of {kind}", distance, 0, 2**15)
    wanted = hashes.where(F.col("kind").isin(list(distances)) & F.col("hash").isNotNull())
    distinct = wanted.select("kind", "hash").distinct()
    if known is None:
        marked = distinct.select("kind", "hash", F.lit(True).alias("is_new"))
    else:
        old = known.select("kind", "hash", F.lit(False).alias("is_old")).distinct()
        marked = distinct.join(old, on=["kind", "hash"], how="left").select(
            "kind", "hash", F.coalesce("is_old", F.lit(True)).alias("is_new")
        )
    blocks = _blocks(marked, hashes_per_block)
    tasks = sum(new * (new + 1) // 2 + new * old for new, old in blocks.values())
    return (
        _sent(marked, blocks)
        .repartition(max(1, tasks), "kind", "row", "column")
        .sortWithinPartitions("kind", "row", "column")
        .mapInArrow(_task(dict(distances)), PAIR_DDL)
    )


def _blocks(marked: DataFrame, hashes_per_block: int) -> dict[str, tuple[int, int]]:
    """Blocks of new and of known hashes, by kind."""
    counts = marked.groupBy("kind").agg(F.count_if("is_new").alias("new"), F.count_if(~F.col("is_new")).alias("old"))
    # Bounded: a row per kind.
    return {
        row["kind"]: (_number(row["new"], hashes_per_block), _number(row["old"], hashes_per_block))
        for row in counts.collect()
    }


def _number(hashes: int, per_block: int) -> int:
    blocks = ceil(hashes / per_block)
    return blocks if blocks <= BLOCKS else max(BLOCKS, ceil(hashes / max(per_block, LARGEST_BLOCK)))


def _sent(marked: DataFrame, blocks: Mapping[str, tuple[int, int]]) -> DataFrame:
    """Each hash once for each task that needs it; tasks of known hashes alone are left out."""
    new = _by_kind({kind: counts[0] for kind, counts in blocks.items()})
    old = _by_kind({kind: counts[1] for kind, counts in blocks.items()})
    place = F.when(F.col("is_new"), F.pmod(F.xxhash64("hash"), new)).otherwise(
        new + F.pmod(F.xxhash64("hash"), F.greatest(old, F.lit(1)))
    )
    partners = F.when(F.col("is_new"), new + old).otherwise(new)
    return (
        marked.select("kind", "hash", place.alias("block"), partners.alias("partners"))
        .where("partners > 0")
        .select("kind", "hash", "block", F.explode(F.sequence(F.lit(0), F.col("partners") - 1)).alias("other"))
        .select(
            "kind",
            "hash",
            F.least("block", "other").alias("row"),
            F.greatest("block", "other").alias("column"),
            (F.col("block") <= F.col("other")).alias("is_left"),
        )
    )


def _by_kind(numbers: Mapping[str, int]) -> Column:
    chosen = F.lit(0)
    for kind, number in numbers.items():
        chosen = F.when(F.col("kind") == kind, F.lit(number)).otherwise(chosen)
    return chosen.cast("bigint")


def _task(distances: dict[str, int]) -> Any:
    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for (kind, row, column), rows in _runs(batches):
            left = rows.filter(rows["is_left"])["hash"].combine_chunks()
            right = None if row == column else rows.filter(pc.invert(rows["is_left"]))["hash"].combine_chunks()
            yield from _pairs(kind, left, right, distances[kind])

    return run


def _runs(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[tuple[str, int, int], pa.Table]]:
    """The rows of each task, which lie together."""
    key: tuple[str, int, int] | None = None
    held: list[pa.RecordBatch] = []
    for batch in batches:
        keys = [batch[name] for name in ("kind", "row", "column")]
        ends = np.append(np.flatnonzero(_changes(keys)) + 1, batch.num_rows) if batch.num_rows else []
        start = 0
        for end in ends:
            found = tuple(values[start].as_py() for values in keys)
            if key is not None and found != key:
                yield key, pa.Table.from_batches(held)
                held = []
            key = found
            held.append(batch.slice(start, end - start))
            start = end
    if key is not None:
        yield key, pa.Table.from_batches(held)


def _changes(keys: list[pa.Array]) -> NDArray[np.bool_]:
    differ = [pc.not_equal(values[1:], values[:-1]).to_numpy(zero_copy_only=False) for values in keys]
    return np.logical_or.reduce(differ)


def _pairs(kind: str, left: pa.Array, right: pa.Array | None, most: int) -> Iterator[pa.RecordBatch]:
    if not len(left) or (right is not None and not len(right)):
        return
    left_words = _words(kind, left)
    right_words = None if right is None else _words(kind, right)
    if right_words is not None and right_words.shape[1:] != left_words.shape[1:]:
        raise OptionError(_LENGTHS.format(kind=kind, one=left[0].as_py(), other=right[0].as_py()))
    other = left if right is None else right
    for i, j, distance in pairs_of(left_words, right_words, most=most):
        first, second = left.take(pa.array(i)), other.take(pa.array(j))
        is_ordered = pc.less(first, second)
        yield pa.RecordBatch.from_arrays(
            [
                pa.array(np.full(len(i), kind, dtype=object), pa.string()),
                pc.if_else(is_ordered, first, second),
                pc.if_else(is_ordered, second, first),
                pa.array(distance, pa.int32()),
            ],
            schema=_PAIR_SCHEMA,
        )


_LENGTHS = "Hashes of kind {kind} differ in length: {one!r} and {other!r}; expected one length for a distance above 0."


def _words(kind: str, hashes: pa.Array) -> NDArray[np.uint64]:
    lengths = pc.binary_length(hashes)
    if pc.min(lengths).as_py() != (digits := pc.max(lengths).as_py()):
        shortest, longest = (pc.index(lengths, end(lengths)).as_py() for end in (pc.min, pc.max))
        raise OptionError(_LENGTHS.format(kind=kind, one=hashes[shortest].as_py(), other=hashes[longest].as_py()))
    text = hashes.cast(pa.large_binary())
    first = int(np.frombuffer(text.buffers()[1], np.int64, count=text.offset + 1)[-1])
    characters = np.frombuffer(text.buffers()[2], np.uint8, count=digits * len(text), offset=first)
    return words_of(characters.reshape(len(text), digits))
