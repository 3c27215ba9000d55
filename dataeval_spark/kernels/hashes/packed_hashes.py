"""Hexadecimal hashes as arrays of bytes, (n, bytes), in the order of their digits: bytes sort as the texts do."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataeval_spark.errors import OptionError

Bytes = NDArray[np.uint8]
_WORD_BYTES = 8
_CHARACTERS = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
_VALUES = np.full(256, 255, dtype=np.uint8)
_VALUES[_CHARACTERS] = np.arange(16, dtype=np.uint8)


def packed(texts: pa.Array) -> Bytes:
    """Pack hexadecimal texts.

    Parameters
    ----------
    texts : pyarrow array of strings
        Texts of one length, a multiple of 16 digits (64 bits), in lower case; no nulls.

    Returns
    -------
    ndarray
        Bytes, (n, digits / 2).

    Raises
    ------
    OptionError
        A text is something else; the message quotes it.

    Examples
    --------
    >>> packed(pa.array(["00000000000000ff"])).tolist()
    [[0, 0, 0, 0, 0, 0, 0, 255]]
    """
    if not len(texts):
        return np.empty((0, _WORD_BYTES), np.uint8)
    lengths = pc.binary_length(texts)
    digits, longest = pc.min(lengths).as_py(), pc.max(lengths).as_py()
    if digits != longest or digits % 16 or not digits:
        wrong = texts[pc.index(lengths, pc.max(lengths)).as_py()].as_py()
        raise OptionError(
            f"Hashes of {digits} and of {longest} digits, such as {wrong!r}, cannot be compared; expected one length, "
            "a multiple of 16 digits.\nHint: a distance of 0 compares any text"
        )
    wide = texts.cast(pa.large_binary())
    first = int(np.frombuffer(wide.buffers()[1], np.int64, count=wide.offset + 1)[-1])
    characters = np.frombuffer(wide.buffers()[2], np.uint8, count=digits * len(wide), offset=first)
    values = _VALUES[characters.reshape(len(wide), digits)]
    unknown = (values > 15).any(axis=1)
    if unknown.any():
        raise OptionError(
            f"Hash {texts[int(unknown.argmax())].as_py()!r} is not a hexadecimal number in lower case.\n"
            "Hint: a distance of 0 compares any text"
        )
    return (np.left_shift(values[:, 0::2], 4) | values[:, 1::2]).astype(np.uint8)


def texts_of(hashes: Bytes) -> pa.Array:
    """The hexadecimal texts of packed hashes.

    Examples
    --------
    >>> texts_of(np.full((1, 8), 255, dtype=np.uint8)).to_pylist()
    ['ffffffffffffffff']
    """
    digits = 2 * hashes.shape[1]
    characters = np.stack([_CHARACTERS[hashes >> 4], _CHARACTERS[hashes & 15]], axis=2)
    offsets = np.arange(0, digits * len(hashes) + 1, digits, dtype=np.int64)
    texts = pa.LargeStringArray.from_buffers(len(hashes), pa.py_buffer(offsets), pa.py_buffer(characters.tobytes()))
    return texts.cast(pa.string())


def words_of(hashes: Bytes) -> NDArray[np.uint64]:
    """Packed hashes as `hamming_pairs` takes them: (n,) of 64 bits, else (n, words)."""
    words = np.ascontiguousarray(hashes).view(">u8").astype(np.uint64)
    return words[:, 0].copy() if words.shape[1] == 1 else words


def distinct(hashes: Bytes) -> Bytes:
    """Each hash once."""
    return _bytes(pc.unique(_fixed(hashes)), hashes.shape[1])


def is_among(hashes: Bytes, hash_set: Bytes) -> NDArray[np.bool_]:
    """For each hash, whether it is one of the others."""
    if not len(hashes) or not len(hash_set):
        return np.zeros(len(hashes), np.bool_)
    return np.asarray(pc.is_in(_fixed(hashes), value_set=_fixed(hash_set)))


def block_of(hashes: Bytes, blocks: int) -> NDArray[np.int64]:
    """A block for each hash, evenly and always the same: Fibonacci hashing (Knuth, volume 3, 6.4) of its words."""
    words = np.ascontiguousarray(hashes).view(">u8").astype(np.uint64)
    mixed = np.zeros(len(words), np.uint64)
    for column in words.T:
        mixed = ((mixed ^ column) * np.uint64(0x9E3779B97F4A7C15)) ^ (mixed >> np.uint64(29))
    return ((mixed >> np.uint64(32)) % np.uint64(blocks)).astype(np.int64)


def _fixed(hashes: Bytes) -> pa.Array:
    width = hashes.shape[1]
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(width), len(hashes), [None, pa.py_buffer(np.ascontiguousarray(hashes))]
    )


def _bytes(array: pa.Array, width: int) -> Bytes:
    flat = np.frombuffer(array.buffers()[1], np.uint8, count=width * len(array), offset=width * array.offset)
    return flat.reshape(len(array), width)
