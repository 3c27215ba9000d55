"""Layers of pixels from Pillow's image modes: colours and their transparency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dataeval_spark.kernels.images.decoding.file_facts import ALPHA_MODES

_GRAY_MODES = ("1", "L", "LA", "La")
_WIDE_MODES = {"I": np.int32, "F": np.float32}
_CONVERTED = ("CMYK", "YCbCr", "HSV", "LAB")
OVER_WHITE = "alpha over white"
_ALPHA, _PREMULTIPLIED = "alpha", "premultiplied alpha"
_TGA_DESCRIPTOR = 17


@dataclass(frozen=True)
class Layers:
    """One frame of an image, as stored: not turned.

    Attributes
    ----------
    colors : ndarray
        Colours (height, width, channels).
    alpha : ndarray or None
        Opacity (height, width, 1) of each pixel, of the same type, integers up to the type's largest and floats up
        to 1. None where all pixels are opaque.
    conversion : str or None
        Conversion of the colours; None for none.
    is_premultiplied : bool
        Whether the colours are multiplied by alpha already.
    is_reduced : bool
        Whether the file holds more bits than the colours.
    source : ndarray or None
        Pixels before a conversion that loses something, such as the four inks of CMYK.
    source_kind : str
        Kind of the channels of `source`.
    """

    colors: NDArray[Any]
    alpha: NDArray[Any] | None = None
    conversion: str | None = None
    is_premultiplied: bool = False
    is_reduced: bool = False
    source: NDArray[Any] | None = None
    source_kind: str = ""

    def over_white(self) -> NDArray[Any]:
        """The colours over white.

        Examples
        --------
        >>> clear = Layers(np.zeros((1, 1, 1), np.uint8), np.zeros((1, 1, 1), np.uint8))
        >>> clear.over_white().tolist()
        [[[255]]]
        """
        if self.alpha is None:
            return self.colors
        if self.is_premultiplied:
            return _premultiplied_over_white(self.colors, self.alpha)
        return _over_white(self.colors, self.alpha)

    def full_conversion(self) -> str | None:
        """All conversions of the pixels, for the column `conversion`."""
        return ", ".join(filter(None, (self.conversion, OVER_WHITE if self.alpha is not None else None))) or None

    def content(self) -> tuple[NDArray[Any], str]:
        """All decoded values as one array, the colours beneath transparent pixels too, and the kind of its channels."""
        pixels, kind = (self.colors, "") if self.source is None else (self.source, self.source_kind)
        if self.alpha is None:
            return pixels, kind
        kind = _PREMULTIPLIED if self.is_premultiplied else _ALPHA
        return np.concatenate([pixels, self.alpha], axis=2), kind


def with_alpha(
    colors: NDArray[Any], alpha: NDArray[Any], conversion: str | None = None, *, is_premultiplied: bool = False
) -> Layers:
    """Layers of colours and alpha; an alpha that is opaque everywhere is left out: it adds nothing.

    Examples
    --------
    >>> with_alpha(np.zeros((1, 1, 1), np.uint8), np.full((1, 1, 1), 255, np.uint8)).alpha is None
    True
    """
    if alpha.size and alpha.min() == _opaque(alpha):
        return Layers(colors, None, conversion)
    return Layers(colors, alpha, conversion, is_premultiplied)


def is_opaque(content: NDArray[Any], kind: str) -> bool:
    """Whether content of colours and alpha (`Layers.content`) is opaque everywhere.

    Examples
    --------
    >>> is_opaque(np.full((1, 1, 4), 255, np.uint8), "alpha")
    True
    """
    if kind not in (_ALPHA, _PREMULTIPLIED):
        return False
    return bool(content[:, :, -1].min() == _opaque(content))


def _opaque(alpha: NDArray[Any]) -> float:
    return 1.0 if alpha.dtype.kind == "f" else int(np.iinfo(alpha.dtype).max)


def _over_white(colors: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    """``colors * a + white * (1 - a)``, integers to the nearest."""
    if colors.dtype == np.uint8 and colors.shape[2] in (1, 3):
        image = Image.fromarray(colors[:, :, 0] if colors.shape[2] == 1 else colors)
        on_white = Image.new(image.mode, image.size, "white")
        on_white.paste(image, mask=Image.fromarray(np.ascontiguousarray(alpha[:, :, 0])))
        return array_of(on_white)
    if colors.dtype.kind == "f":
        return (colors * alpha + (1 - alpha)).astype(colors.dtype)
    top = np.uint64(_opaque(alpha))
    opacity = alpha.astype(np.uint64)
    mixed = colors.astype(np.uint64) * opacity + top * (top - opacity)
    rounded: NDArray[Any] = ((mixed + top // np.uint64(2)) // top).astype(colors.dtype)
    return rounded


def _premultiplied_over_white(colors: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    if colors.dtype.kind == "f":
        return np.minimum(colors + (1 - alpha), 1).astype(colors.dtype)
    top = np.uint64(_opaque(alpha))
    summed: NDArray[Any] = np.minimum(colors.astype(np.uint64) + (top - alpha), top).astype(colors.dtype)
    return summed


def layers_of(image: Image.Image) -> Layers:
    """Layers of a loaded image: gray or RGB, or unchanged where it has more than eight bits.

    Examples
    --------
    >>> layers_of(Image.new("CMYK", (1, 1))).conversion
    'CMYK to RGB'
    """
    mode = image.mode
    if mode.startswith("I;16") or mode in _WIDE_MODES:
        return Layers(array_of(image))
    target = "L" if mode in _GRAY_MODES else "RGB"
    conversion = "1 bit to 8" if mode == "1" else "palette to RGB" if mode in ("P", "PA") else None
    if mode in ALPHA_MODES or "transparency" in image.info:
        both = image.convert("LA" if target == "L" else "RGBA")
        stacked = np.asarray(both)
        return with_alpha(np.ascontiguousarray(stacked[:, :, :-1]), stacked[:, :, -1:], conversion)
    if mode in _CONVERTED:
        stored = np.asarray(image)
        return Layers(array_of(image.convert("RGB")), conversion=f"{mode} to RGB", source=stored, source_kind=mode)
    return Layers(array_of(image if mode == target else image.convert(target)), conversion=conversion)


def without_false_alpha(image: Image.Image, data: bytes) -> Image.Image:
    """The image without the fourth byte of a pixel where the file does not call it alpha: TGA of no attribute bits.

    Examples
    --------
    >>> without_false_alpha(Image.new("RGBA", (1, 1)), b"").mode
    'RGBA'
    """
    if image.format == "TGA" and image.mode == "RGBA" and not data[_TGA_DESCRIPTOR] & 0x0F:
        return image.convert("RGB")
    return image


def array_of(measured: Image.Image) -> NDArray[Any]:
    """Pixels (height, width, channels) in native byte order."""
    pixels = np.asarray(measured)
    if measured.mode.startswith("I;16"):
        pixels = pixels.astype(np.uint16)  # native byte order
    elif measured.mode in _WIDE_MODES:
        pixels = pixels.astype(_WIDE_MODES[measured.mode], copy=False)
    return pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis]
