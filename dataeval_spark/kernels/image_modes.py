"""From Pillow's image modes to pixels of one or three channels, by the rules that `decode` lists."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dataeval_spark.kernels.file_facts import ALPHA_MODES

_GRAY_MODES = ("1", "L", "LA", "La")
_WIDE_MODES = {"I": np.int32, "F": np.float32}


def conversion_of(image: Image.Image) -> str | None:
    """What happens to the pixels of an opened image on their way to one or three channels; None where nothing does.

    Examples
    --------
    >>> conversion_of(Image.new("P", (1, 1)))
    'palette to RGB'
    """
    mode = image.mode
    if mode in ALPHA_MODES or "transparency" in image.info:
        return "alpha over white"
    if mode == "1":
        return "1 bit to 8"
    if mode == "P":
        return "palette to RGB"
    if mode in ("CMYK", "YCbCr", "HSV", "LAB"):
        return f"{mode} to RGB"
    tiles: Any = getattr(image, "tile", None)
    if mode == "RGB" and tiles and _is_sixteen_bit(tiles[0][3]):
        return "16 bits to 8"
    return None


def _is_sixteen_bit(arguments: Any) -> bool:
    # The raw mode of Pillow's decoder, alone or first among its arguments: "RGB;16B".
    raw_mode = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return isinstance(raw_mode, str) and ";16" in raw_mode


def array_of(measured: Image.Image) -> NDArray[Any]:
    """Pixels (height, width, channels) in native byte order."""
    pixels = np.asarray(measured)
    if measured.mode.startswith("I;16"):
        pixels = pixels.astype(np.uint16)  # native byte order
    elif measured.mode in _WIDE_MODES:
        pixels = pixels.astype(_WIDE_MODES[measured.mode], copy=False)
    return pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis]


def one_or_three_channels(image: Image.Image) -> Image.Image:
    """The image in gray or RGB, or as it is where it has more than eight bits.

    Examples
    --------
    >>> one_or_three_channels(Image.new("CMYK", (1, 1))).mode
    'RGB'
    """
    if image.mode.startswith("I;16") or image.mode in _WIDE_MODES:
        return image
    target = "L" if image.mode in _GRAY_MODES else "RGB"
    if image.mode in ALPHA_MODES or "transparency" in image.info:
        with_alpha = image.convert("LA" if target == "L" else "RGBA")
        on_white = Image.new(target, image.size, "white")
        on_white.paste(with_alpha.convert(target), mask=with_alpha.getchannel("A"))
        return on_white
    return image if image.mode == target else image.convert(target)
