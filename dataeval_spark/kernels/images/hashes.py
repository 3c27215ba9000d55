"""Exact hashes of a file and of its pixels, and perceptual hashes of its picture.

Perceptual hashes are the same strings as DataEval 1.1.4's `compute_stats` for 8-bit gray, RGB and RGBA pixels.
Where we differ, because DataEval is wrong there: pixels of more than 8 bits are scaled by the image's value range
first (DataEval clips them at 255, so that unrelated 16-bit images collide), pixels whose range is unknown (negative
values) have no perceptual hash (DataEval clips at 0), and a crop is never stretched by its own maximum.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import dct

from dataeval_spark.kernels.images.geometry import Window
from dataeval_spark.kernels.images.value_range import ValueRange, luma, perceptual, value_range

_SIDE = 8
SMALLEST = _SIDE + 1
"""Shortest side that has a perceptual hash, and side of the small picture for `dhash`."""

_WAYS = (slice(None), slice(None, None, -1))
_LARGEST_FACTOR = 4
_LARGEST_PADDING = 8  # a box far larger than its image is nothing but padding
NAMES = ("phash", "dhash", "phash_d4", "dhash_d4")
COLUMNS = (*NAMES, "phash_noise_bits", "dhash_noise_bits")
DEVIATIONS = 2.0
"""Move of a frequency by noise, in standard deviations: 95 % of the moves are smaller."""
ROUNDING = 1e-6
"""Margin far above the rounding of two transforms, so that both count the same bits."""


def file_hash(data: bytes) -> str:
    """xxh3-128 of a file's bytes: 32 hexadecimal digits.

    Examples
    --------
    >>> file_hash(b"")
    '99aa06d3014798d86001c324468d497f'
    """
    return xxhash.xxh3_128_hexdigest(data)


def content_hash(pixels: NDArray[Any], kind: str = "", later: Sequence[str] = ()) -> str:
    """xxh3-128 over shape, type and pixels: 32 hexadecimal digits, equal for equal pixels only.

    ``kind`` says what the channels are where they are not what is shown (colours and alpha, inks); ``later`` are the
    hashes of the later frames, which are part of it.

    Byte order and memory layout do not matter. DataEval's xxhash leaves out shape and type, so that a 4 x 9 and a
    6 x 6 black image are duplicates there.

    Examples
    --------
    >>> content_hash(np.zeros((4, 9, 1))) == content_hash(np.zeros((6, 6, 1)))
    False
    """
    little_endian = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("<"))
    digest = xxhash.xxh3_128(f"{pixels.shape}{little_endian.dtype.str}{kind}".encode())
    digest.update(little_endian.data)
    for frame in later:
        digest.update(bytes.fromhex(frame))
    return digest.hexdigest()


def dataeval_xxhash(pixels: NDArray[Any], window: Window | None = None) -> str:
    """DataEval's own hash of pixels: xxh3-64 of the values as float64, channel by channel; empty where all are NaN.

    Pixels of a box (`window`) outside the image are NaN there, and part of the hash.

    Neither shape nor type is in it: `content_hash` is the one to use. This is for comparing with DataEval's results.

    Examples
    --------
    >>> dataeval_xxhash(np.zeros((4, 9, 1))) == dataeval_xxhash(np.zeros((6, 6, 1)))
    True
    """
    values = np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype="<f8")
    if window is not None and window.outside:
        values = np.pad(values, ((0, 0), *window.padding), constant_values=np.nan)
    return "" if np.isnan(values).all() else xxhash.xxh3_64_hexdigest(values.data)


def perceptual_hashes(
    pixels: NDArray[Any], encoded: ValueRange | None, *, window: Window | None = None, any_padding: bool = False
) -> dict[str, Any]:
    """Compute `phash`, `dhash`, `phash_d4` and `dhash_d4` with the resizes they share, and their noise bits.

    Parameters
    ----------
    pixels : ndarray
        Pixels (height, width, channels); of a box, its visible part.
    encoded : ValueRange or None
        Range of the whole image; all hashes are None when it is unknown.
    window : Window, optional
        Window of a box; its part beyond the image is black.
    any_padding : bool
        Whether to hash boxes too of which less than an eighth lies within the image, as DataEval does.

    Returns
    -------
    dict
        Each hash is 16 hexadecimal digits, or None where the shorter side (of the box before clipping) is below
        9 pixels, or where less than an eighth of the box lies within the image; ``phash_noise_bits`` and
        ``dhash_noise_bits`` are whole numbers, or None with them.
    """
    side = hashed_side(pixels.shape[0], pixels.shape[1], window, any_padding=any_padding)
    if encoded is None or not side:
        return dict.fromkeys(COLUMNS)
    gray = luma(perceptual(pixels, encoded))
    if window is not None and window.outside:
        gray = np.pad(gray, window.padding)
    small, tiny = _orientations(gray, side), _orientations(gray, SMALLEST)
    frequencies, gradients = phashes(small), _dhashes(tiny)
    hashes = (frequencies[0], gradients[0], min(frequencies), min(gradients))
    return dict(zip(COLUMNS, (*hashes, phash_noise_bits(small[0]), dhash_noise_bits(tiny[0])), strict=True))


def phash(pixels: NDArray[Any]) -> str | None:
    """64 bits of the lowest 8 x 8 frequencies of the gray image: 1 where above their median.

    Gray (0.299 R + 0.587 G + 0.114 B, truncated) -> Lanczos resize to s x s with s = 8 min((shorter side - 1) div 8,
    4) -> DCT-II of columns and rows -> the first 8 x 8 coefficients, with the constant one -> bits, row by row.
    Robust to scaling, compression and small changes of colour. Source: Zauner 2010, as in DataEval.

    Examples
    --------
    >>> phash(np.full((16, 16, 1), 128, dtype=np.uint8))
    '8000000000000000'
    """
    return perceptual_hashes(pixels, value_range(pixels))["phash"]


def dhash(pixels: NDArray[Any]) -> str | None:
    """64 bits of the gray image's horizontal gradient: 1 where a pixel is lighter than its right neighbour.

    Gray -> Lanczos resize to 9 x 9 -> the first 8 rows -> 8 comparisons in each.

    Examples
    --------
    >>> dhash(np.full((16, 16, 1), 128, dtype=np.uint8))
    '0000000000000000'
    """
    return perceptual_hashes(pixels, value_range(pixels))["dhash"]


def phash_d4(pixels: NDArray[Any]) -> str | None:
    """The smallest `phash` of the eight rotations and flips: the same for all of them."""
    return perceptual_hashes(pixels, value_range(pixels))["phash_d4"]


def dhash_d4(pixels: NDArray[Any]) -> str | None:
    """The smallest `dhash` of the eight rotations and flips: the same for all of them."""
    return perceptual_hashes(pixels, value_range(pixels))["dhash_d4"]


def hashed_side(height: int, width: int, window: Window | None = None, *, any_padding: bool = False) -> int:
    """Side of the small picture behind `phash`: 8, 16, 24 or 32; 0 where there is no perceptual hash.

    Examples
    --------
    >>> hashed_side(100, 20), hashed_side(100, 8)
    (16, 0)
    """
    if window is not None and window.outside:
        if not any_padding and window.outside > (_LARGEST_PADDING - 1) * window.visible:
            return 0
        height, width = window.size
    return _SIDE * min((min(height, width) - 1) // _SIDE, _LARGEST_FACTOR)


def _orientations(gray: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    # Resizing commutes with flips but not with transposition: Pillow rounds between its two passes.
    return flips(
        *(np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.LANCZOS)) for image in (gray, gray.T))
    )


def flips(*pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Each square picture as it is, mirrored, upside down and turned by 180 degrees: (4 x pictures, side, side).

    Examples
    --------
    >>> flips(np.array([[1, 2], [3, 4]], dtype=np.uint8))[1].tolist()
    [[2, 1], [4, 3]]
    """
    return np.stack([p[rows, columns] for p in pictures for rows in _WAYS for columns in _WAYS])


def phashes(images: NDArray[np.uint8]) -> list[str]:
    """The `phash` of gray pictures (number, side, side) that are small already."""
    frequencies = _frequencies(images)
    return _hexadecimal(frequencies > np.median(frequencies, axis=1, keepdims=True))


def phash_noise_bits(small: NDArray[np.uint8]) -> int:
    r"""Number of bits of a `phash` that noise of one gray level in its small picture can flip: 0 to 64.

    Noise :math:`\pm 1` with equal chance in each of the :math:`s \times s` pixels, independent of one another, moves
    the frequency :math:`F_{uv}` by a random amount of mean 0 and standard deviation :math:`\sigma_{uv} = 2 s` (times
    :math:`\sqrt 2` where u is 0, and where v is), the length of its row of the DCT-II. Counted are the bits with
    :math:`|F_{uv} - \mathrm{median}(F)| \le 2 \sigma_{uv}`: a bit beyond that is flipped by fewer than one noise in
    forty. In a photograph they are 2 of 64, in a flat picture nearly all, and all but a few in a smooth gradient, whose
    other frequencies are 0.

    Parameters
    ----------
    small : ndarray of uint8
        Gray picture (s, s) behind the `phash`, s = `hashed_side`.

    Examples
    --------
    >>> phash_noise_bits(np.full((32, 32), 128, dtype=np.uint8))
    63
    """
    frequencies = _frequencies(small[np.newaxis])[0]
    margins = np.abs(frequencies - np.median(frequencies))
    return int(np.count_nonzero(margins <= noise_margins(small.shape[0])))


@functools.lru_cache(maxsize=8)
def noise_margins(side: int) -> NDArray[np.float64]:
    """Move of each of the 8 x 8 frequencies by noise of one gray level: two standard deviations, (64,)."""
    lengths = np.full(_SIDE, np.sqrt(2 * side))
    lengths[0] = np.sqrt(4 * side)
    return DEVIATIONS * np.outer(lengths, lengths).ravel() + ROUNDING


def dhash_noise_bits(tiny: NDArray[np.uint8]) -> int:
    """Number of bits of a `dhash` that one gray level more or less in each pixel of its 9 x 9 picture can flip.

    A bit is 1 where the difference d of two neighbours is above 0; two pixels move d by 2 at most, so the bits with
    -2 < d <= 2 can flip, and no others: 0 to 64 of them.

    Parameters
    ----------
    tiny : ndarray of uint8
        Gray picture (9, 9) behind the `dhash`.

    Examples
    --------
    >>> dhash_noise_bits(np.full((9, 9), 128, dtype=np.uint8))
    64
    """
    rows = tiny[:_SIDE].astype(np.int16)
    differences = rows[:, :-1] - rows[:, 1:]
    return int(np.count_nonzero((differences > -2) & (differences <= 2)))


def _frequencies(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    return dct(dct(images.astype(np.float64), axis=1), axis=2)[:, :_SIDE, :_SIDE].reshape(-1, _SIDE * _SIDE)


def _dhashes(images: NDArray[np.uint8]) -> list[str]:
    rows = images[:, :_SIDE]
    return _hexadecimal((rows[:, :, :-1] > rows[:, :, 1:]).reshape(-1, _SIDE * _SIDE))


def _hexadecimal(bits: NDArray[np.bool_]) -> list[str]:
    return [row.tobytes().hex() for row in np.packbits(bits, axis=1)]
