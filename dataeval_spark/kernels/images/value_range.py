"""The interval of an image's encoded values, the shares at its ends, and the same picture on the scale 0..255."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BIT_DEPTHS = (1, 8, 12, 16, 32)
CLIPPING_NAMES = ("clipped_low", "clipped_high")


@dataclass(frozen=True)
class ValueRange:
    """Values lie in [minimum, maximum]; `bit_depth` bits encode them, None when the range was declared.

    Examples
    --------
    >>> ValueRange(12, 4095.0).minimum
    0.0
    """

    bit_depth: int | None
    maximum: float
    minimum: float = 0.0


EIGHT_BIT = ValueRange(8, 255.0)


def value_range(pixels: NDArray[Any], *, as_dataeval: bool = False) -> ValueRange | None:
    """Find the bit depth of an image from its type and values; None when it cannot be known.

    The range is read once over the whole image, never over a box, by the first rule that holds:

    1. no value, or NaN only, or a negative value: unknown
    2. uint8: depth 8, range [0, 255]
    3. integers: the smallest depth d of 1, 8, 12, 16, 32 with 2^d > largest value, range [0, 2^d - 1]; of uint16 at
       least 12
    4. floats up to 1: depth 1, range [0, 1]
    5. floats up to 255: depth 8, range [0, 255]
    6. anything else: unknown

    A dark picture of more than 8 bits may still be taken for one of fewer: ``profile.value_range`` declares the range.
    Source: DataEval 1.1.4, `get_value_range`, which goes by the largest value alone, so that an 8-bit picture whose
    largest value is 1 is stretched to full brightness, and a dark 12-bit one is an 8-bit one: ``as_dataeval``.

    Examples
    --------
    >>> value_range(np.array([[0, 3000]], dtype=np.uint16))
    ValueRange(bit_depth=12, maximum=4095.0, minimum=0.0)
    """
    if pixels.size == 0:
        return None
    if pixels.dtype == np.uint8 and (not as_dataeval or pixels[0].max() > 1):
        return EIGHT_BIT  # for DataEval one row tells, nearly always
    if pixels.dtype.kind in "biu":
        low, high = pixels.min(), pixels.max()
        if low < 0:
            return None
        fewest = 12 if pixels.dtype == np.uint16 and not as_dataeval else 1
        depths = (depth for depth in _BIT_DEPTHS if 2**depth > int(high) and depth >= fewest)
        depth = next(depths, _BIT_DEPTHS[-1])
        return ValueRange(depth, float(2**depth - 1))
    low, high = np.fmin.reduce(pixels, axis=None), np.fmax.reduce(pixels, axis=None)  # fmin and fmax skip NaN
    if np.isnan(high) or low < 0 or high > 255:
        return None
    return ValueRange(1, 1.0) if high <= 1 else EIGHT_BIT


def exposure_clipping(pixels: NDArray[Any], encoded: ValueRange) -> dict[str, float]:
    """Shares of the values of all channels at, or beyond, the lowest and the highest value of the range, in [0, 1].

    Detail is lost there. NaN is left out; where nothing else is there, both are NaN.

    Parameters
    ----------
    pixels : ndarray
        Pixels (height, width, channels).
    encoded : ValueRange
        Range of the whole image.

    Examples
    --------
    >>> exposure_clipping(np.array([[[0], [0], [9], [255]]], dtype=np.uint8), ValueRange(8, 255.0))
    {'clipped_low': 0.5, 'clipped_high': 0.25}
    """
    n = pixels.size if pixels.dtype.kind in "biu" else int(np.count_nonzero(~np.isnan(pixels)))
    if n == 0:
        return dict.fromkeys(CLIPPING_NAMES, float("nan"))
    low, high = np.count_nonzero(pixels <= encoded.minimum), np.count_nonzero(pixels >= encoded.maximum)
    return dict(zip(CLIPPING_NAMES, (int(low) / n, int(high) / n), strict=True))


def perceptual(pixels: NDArray[Any], encoded: ValueRange) -> NDArray[Any]:
    """Bring pixels to the scale 0..255: ``clip((x - minimum) / (maximum - minimum) * 255, 0, 255)``; NaN stays NaN.

    Eight-bit pixels are returned as they are (uint8), everything else as float64, not rounded.

    Examples
    --------
    >>> perceptual(np.array([[0.0, 0.5, 1.0]]), ValueRange(1, 1.0))
    array([[  0. , 127.5, 255. ]])
    """
    if encoded.bit_depth == 8:
        return pixels if pixels.dtype == np.uint8 else np.clip(pixels.astype(np.float64), 0, 255)
    values = pixels.astype(np.float64)
    with np.errstate(over="ignore"):  # far beyond the range: at its end
        return np.clip((values - encoded.minimum) / (encoded.maximum - encoded.minimum) * 255, 0, 255)


def picture(pixels: NDArray[Any], encoded: ValueRange) -> NDArray[np.uint8]:
    """Make the 8-bit picture, of one or three channels, for appearance and thumbnails.

    The perceptual scale, rounded to the nearest integer, NaN as 0. Four channels are taken for RGBA and composited
    over white; two, or five and more, are averaged to one. `decode` yields one or three channels only.

    Examples
    --------
    >>> picture(np.full((1, 1, 1), 4095, dtype=np.uint16), ValueRange(12, 4095.0)).tolist()
    [[[255]]]
    """
    scaled = perceptual(pixels, encoded)
    if scaled.shape[2] == 4:
        scaled = over_white(scaled)
    elif scaled.shape[2] not in (1, 3):
        scaled = scaled.mean(axis=2, keepdims=True)
    if scaled.dtype == np.uint8:
        return scaled
    rounded: NDArray[np.uint8] = np.rint(np.nan_to_num(scaled, nan=0.0)).astype(np.uint8)
    return rounded


def over_white(rgba: NDArray[Any]) -> NDArray[np.float64]:
    """Composite RGBA on the scale 0..255 over white: ``colour * a + 255 * (1 - a)``, a = alpha / 255.

    Examples
    --------
    >>> over_white(np.array([[[10, 20, 30, 0]]])).tolist()
    [[[255.0, 255.0, 255.0]]]
    """
    alpha = rgba[:, :, 3:].astype(np.float64) / 255.0
    return rgba[:, :, :3].astype(np.float64) * alpha + 255.0 * (1 - alpha)


def luma(scaled: NDArray[Any]) -> NDArray[np.uint8]:
    """Gray picture (height, width) of pixels on the scale 0..255: ``0.299 R + 0.587 G + 0.114 B``, truncated.

    Four channels are taken for RGBA and composited over white; two, or five and more, are averaged. NaN becomes 0.

    Examples
    --------
    >>> luma(np.array([[[255, 0, 0]]], dtype=np.uint8)).tolist()
    [[76]]
    """
    channels = scaled.shape[2]
    if channels == 1 and scaled.dtype == np.uint8:
        return scaled[:, :, 0]
    if channels == 4:
        scaled = over_white(scaled)
    if channels in (3, 4):
        # In this order and in float64: truncation makes the last bit count.
        gray = scaled[:, :, 0] * 0.299 + scaled[:, :, 1] * 0.587 + scaled[:, :, 2] * 0.114
    else:
        gray = scaled.mean(axis=2)
    return np.clip(np.nan_to_num(gray, nan=0.0), 0, 255).astype(np.uint8)
