"""Pairs of hashes through Spark: blocks, tasks and known hashes; the search itself is tested with the kernel."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.hamming_pairs import _number, hamming_distance, hamming_pairs

HASHES = "kind string, hash string"


def found(frame):
    rows = [tuple(row) for row in frame.collect()]
    assert len(rows) == len(set(rows))
    return set(rows)


def expected(rows, distances):
    distinct = {row for row in rows if row[0] in distances and row[1] is not None}
    pairs = (
        (kind, *sorted((a, b)), (int(a, 16) ^ int(b, 16)).bit_count())
        for (kind, a), (of, b) in combinations(distinct, 2)
        if kind == of
    )
    return {pair for pair in pairs if pair[3] <= distances[pair[0]]}


# Few bits differ, so that many pairs are near.
near_hashes = st.lists(
    st.tuples(st.sampled_from(["phash", "dhash", "other"]), st.integers(0, 2**12 - 1).map(lambda n: f"{n:016x}")),
    max_size=40,
)


@settings(max_examples=3, deadline=None)
@given(rows=near_hashes, partitions=st.sampled_from([1, 2, 7, 64]), per_block=st.sampled_from([12, 1000]))
def test_pairs_are_those_of_comparing_all_with_all(frame, rows, partitions, per_block):
    distances = {"phash": 3, "dhash": 1}

    pairs = hamming_pairs(
        frame(HASHES, [*rows, ("phash", None)]).repartition(partitions), distances, hashes_per_block=per_block
    )

    assert found(pairs) == expected(rows, distances)


def test_pairs_of_known_hashes_are_left_out_and_all_others_found(frame):
    old = [("phash", f"{n:016x}") for n in range(12)]
    new = [("phash", f"{n:016x}") for n in range(12, 20)]

    pairs = hamming_pairs(frame(HASHES, old + new), {"phash": 2}, known_hashes=frame(HASHES, old), hashes_per_block=5)

    assert found(pairs) == expected(old + new, {"phash": 2}) - expected(old, {"phash": 2})


def test_nothing_new_has_no_pairs(frame):
    rows = [("phash", "0" * 16), ("phash", "1" * 16)]

    assert found(hamming_pairs(frame(HASHES, rows), {"phash": 64}, known_hashes=frame(HASHES, rows))) == set()


def test_hashes_of_256_bits(frame):
    rows = [("pdq", "0" * 64), ("pdq", "0" * 20 + "f" * 8 + "0" * 36), ("pdq", "f" * 64)]

    assert found(hamming_pairs(frame(HASHES, rows), {"pdq": 32})) == {("pdq", rows[0][1], rows[1][1], 32)}


def test_a_hash_of_another_length_is_named(frame):
    pairs = hamming_pairs(frame(HASHES, [("phash", "0" * 16), ("phash", "0" * 32)]), {"phash": 1})

    with pytest.raises(Exception, match="phash"):
        pairs.collect()


def test_a_negative_distance_is_refused(frame):
    with pytest.raises(OptionError, match=r"distance of phash is -1; expected a number in \[0, 16384\]"):
        hamming_pairs(frame(HASHES, []), {"phash": -1})


def test_blocks_follow_the_number_of_hashes_and_the_work_to_compare_them():
    assert [_number(n, 1, 4, 4_000_000) for n in (1, 4_000_000, 4_000_001, 10**9)] == [1, 1, 2, 64]
    assert _number(1_000_000, 1, 10, 4_000_000) == 1
    assert _number(1_000_000, 1, 30, 4_000_000) > 8


def test_the_distance_of_hexadecimal_hashes_counts_all_64_bits(frame):
    rows = [("0" * 16, "f" * 16), ("8000000000000001", "0" * 16), ("f" * 16, "f" * 16), (None, "0" * 16)]

    distances = frame("a string, b string", rows).select(hamming_distance("a", "b").alias("d")).collect()

    assert [row.d for row in distances] == [64, 2, 0, None]
