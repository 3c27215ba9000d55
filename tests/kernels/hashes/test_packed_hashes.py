"""Hexadecimal hashes as bytes and words."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.hashes.packed_hashes import block_of, distinct, is_among, packed, texts_of, words_of

hashes_of_one_length = st.integers(1, 4).flatmap(
    lambda words: st.lists(st.text("0123456789abcdef", min_size=16 * words, max_size=16 * words), max_size=20)
)


@settings(deadline=None)
@given(hashes_of_one_length)
def test_texts_come_back_as_they_were(texts):
    assert texts_of(packed(pa.array(texts, pa.string()))).to_pylist() == texts


def test_a_slice_of_an_array_is_packed_from_its_own_beginning():
    texts = pa.array(["0" * 16, "00000000000000ff", "8000000000000000"])

    assert words_of(packed(texts[1:])).tolist() == [255, 2**63]
    assert words_of(packed(pa.array(["0" * 15 + "1" + "0" * 15 + "2"]))).tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["00000000"], r"Hashes of 8 and of 8 digits, such as '00000000'.* expected one length, a multiple of 16"),
        (["0" * 16, "0" * 32], r"Hashes of 16 and of 32 digits, such as '00000000000000000000000000000000'"),
        (["0" * 16, "00000000000000FF"], "'00000000000000FF' is not a hexadecimal number in lower case"),
        (["p-copy-of-a-page"], "is not a hexadecimal number"),
    ],
)
def test_a_text_that_is_no_hash_is_named(texts, message):
    with pytest.raises(OptionError, match=message):
        packed(pa.array(texts))


def test_equal_hashes_are_one():
    hashes = packed(pa.array(["a" * 32, "b" * 32, "a" * 32]))

    assert texts_of(distinct(hashes)).to_pylist() == ["a" * 32, "b" * 32]
    assert is_among(hashes, hashes[1:2]).tolist() == [False, True, False]
    assert is_among(hashes, hashes[:0]).tolist() == [False, False, False]


@pytest.mark.parametrize("words", [1, 4])
def test_blocks_are_even_and_follow_the_hash_alone(words):
    hashes = np.random.default_rng(0).integers(0, 256, (10_000, 8 * words)).astype(np.uint8)
    counting = np.arange(10_000, dtype=np.uint64).astype(">u8").view(np.uint8).reshape(-1, 8)

    for some in (hashes, counting):
        blocks = block_of(some, 7)
        assert np.bincount(blocks).min() > 10_000 / 7 * 0.85
        assert (blocks[::-1] == block_of(some[::-1], 7)).all()
