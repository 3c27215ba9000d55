"""PNG files of 16 bits or with a transparent color, which Pillow reads with eight bits or compares wrongly."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from dataeval_spark.kernels.images.decoding.image_modes import Layers, array_of, with_alpha

_GRAY, _COLOR, _GRAY_ALPHA, _COLOR_ALPHA = 0, 2, 4, 6
_HEADER = slice(12, 29)  # its name and its thirteen bytes; four of a checksum follow


def exact_layers(image: Image.Image, data: bytes) -> Layers | None:
    """Layers of an opened PNG file with all its bits and with its transparent color; None where Pillow's own do.

    Parameters
    ----------
    image : PIL.Image.Image
        Opened file, not loaded yet.
    data : bytes
        The same file.

    Raises
    ------
    Exception
        Whatever Pillow raises for a damaged file.
    """
    if image.format != "PNG" or data[12:16] != b"IHDR":
        return None
    bits, kind = data[24], data[25]
    key = image.info.get("transparency") if kind in (_GRAY, _COLOR) else None
    if bits < 16 and key is None:
        return None
    if bits == 16 and kind != _GRAY:
        samples = _gray_and_alpha(data) if kind == _GRAY_ALPHA else _color(data, kind)
    else:
        image.load()
        samples = array_of(image if image.mode != "1" else image.convert("L"))
    if kind in (_GRAY_ALPHA, _COLOR_ALPHA):
        return with_alpha(np.ascontiguousarray(samples[:, :, :-1]), samples[:, :, -1:])
    if key is None:
        return Layers(samples)
    conversion = "1 bit to 8" if bits == 1 else None
    # Pillow scales gray of one, two and four bits to eight, but of keys that of one bit alone.
    color = np.array(key, dtype=np.int64) * (255 // (2**bits - 1) if bits in (2, 4) else 1)
    is_clear = (samples == color).all(axis=2, keepdims=True)
    return with_alpha(samples, np.where(is_clear, 0, np.iinfo(samples.dtype).max).astype(samples.dtype), conversion)


def _color(data: bytes, kind: int) -> NDArray[np.uint16]:
    """Color of 16 bits, decoded twice: Pillow keeps the high bytes, and then the low ones, presented as high."""
    mode = "RGB" if kind == _COLOR else "RGBA"
    halves = []
    for raw_mode in (f"{mode};16B", f"{mode};16L"):
        image = Image.open(io.BytesIO(data))
        if not isinstance(image, ImageFile.ImageFile):
            raise TypeError(f"Pillow opened {type(image).__name__}; expected a file")
        image.tile = [tile._replace(args=raw_mode) for tile in image.tile]
        image.load()
        halves.append(np.asarray(image).astype(np.uint16))
    return halves[0] << np.uint16(8) | halves[1]


def _gray_and_alpha(data: bytes) -> NDArray[Any]:
    """Gray and alpha of 16 bits: their four bytes are those of a pixel of eight bits with four channels."""
    header = data[_HEADER][:12] + bytes([8, _COLOR_ALPHA]) + data[_HEADER][14:]
    same = data[: _HEADER.start] + header + struct.pack(">I", zlib.crc32(header)) + data[_HEADER.stop + 4 :]
    image = Image.open(io.BytesIO(same))
    image.load()
    return np.asarray(image).view(">u2").astype(np.uint16)
