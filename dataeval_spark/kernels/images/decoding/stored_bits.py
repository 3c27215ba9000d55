"""All bits of files of which Pillow gives fewer, or others: PNG, PGM and PPM, JPEG 2000, AVIF, SGI."""

from __future__ import annotations

import io
import re
import struct
import zlib
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from dataeval_spark.kernels.images.decoding.image_modes import Layers, array_of, with_alpha

_GRAY, _COLOR, _GRAY_ALPHA, _COLOR_ALPHA = 0, 2, 4, 6
_PNG_HEADER = slice(12, 29)  # its name and its thirteen bytes; four of a checksum follow
_PLAIN, _CHANNELS = (b"P2", b"P3"), {b"P2": 1, b"P5": 1, b"P3": 3, b"P6": 3}
_PNM_HEADER = re.compile(rb"(P[2356])" + rb"(?:\s|#[^\r\n]*[\r\n])+(\d{1,10})" * 3 + rb"(?:#[^\r\n]*)?\s")
_COMMENT = re.compile(rb"#[^\r\n]*")
# All values of 12 and of 16 bits: the numbers tell their range by themselves.
_WHOLE = (4095, 65535)
_CODESTREAM = b"\xff\x4f\xff\x51"
_AV1_CONFIGURATION = b"av1C"


def exact_layers(image: Image.Image, data: bytes) -> Layers | None:
    """Layers of an opened PNG, PGM or PPM file that Pillow would not give exactly; None for all others.

    - PNG of 16 bits, of which Pillow keeps eight, and PNG with a transparent colour, which it compares wrongly
    - PGM and PPM whose largest value is not 255, which Pillow stretches to 8 bits in colour and to 16 in gray: values
      of 12 and 16 bits stay as they are, in uint16; others are scaled to the next of 8 and 16 bits, to the nearest

    Parameters
    ----------
    image : PIL.Image.Image
        Opened file, not loaded yet.
    data : bytes
        The same file.

    Raises
    ------
    Exception
        Whatever Pillow raises for a damaged file; OSError for a PGM or PPM file that ends early, and ValueError where
        a value of it is no number or larger than the largest.

    Examples
    --------
    >>> exact_layers(Image.new("L", (2, 1)), b"P2 2 1 100  50 100") is None  # not opened from a file
    True
    """
    if image.format == "PNG" and data[12:16] == b"IHDR":
        return _png_layers(image, data)
    header = _PNM_HEADER.match(data) if image.format == "PPM" else None
    return None if header is None else _pnm_layers(header, data)


def _png_layers(image: Image.Image, data: bytes) -> Layers | None:
    bits, kind = data[24], data[25]
    key = image.info.get("transparency") if kind in (_GRAY, _COLOR) else None
    if bits < 16 and key is None:
        return None
    if bits == 16 and kind != _GRAY:
        samples = _png_gray_and_alpha(data) if kind == _GRAY_ALPHA else _png_color(data, kind)
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


def _png_color(data: bytes, kind: int) -> NDArray[np.uint16]:
    """Colour of 16 bits, decoded twice: Pillow keeps the high bytes, and then the low ones, presented as high."""
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


def _png_gray_and_alpha(data: bytes) -> NDArray[Any]:
    """Gray and alpha of 16 bits: their four bytes are those of a pixel of eight bits with four channels."""
    header = data[_PNG_HEADER][:12] + bytes([8, _COLOR_ALPHA]) + data[_PNG_HEADER][14:]
    same = data[: _PNG_HEADER.start] + header + struct.pack(">I", zlib.crc32(header)) + data[_PNG_HEADER.stop + 4 :]
    image = Image.open(io.BytesIO(same))
    image.load()
    return np.asarray(image).view(">u2").astype(np.uint16)


def _pnm_layers(header: re.Match[bytes], data: bytes) -> Layers | None:
    kind, (width, height, largest) = header[1], map(int, header.groups()[1:])
    if largest == 255 or not 0 < largest < 65536:
        return None
    values = _pnm_values(data[header.end() :], kind, width * height * _CHANNELS[kind], largest)
    values = values.reshape(height, width, _CHANNELS[kind])
    if largest in _WHOLE:
        return Layers(values.astype(np.uint16))
    bits = 8 if largest < 255 else 16
    scaled = np.rint(values * (2**bits - 1) / largest).astype(np.uint8 if bits == 8 else np.uint16)
    return Layers(scaled, conversion=f"0 to {largest} scaled to {bits} bits")


def _pnm_values(body: bytes, kind: bytes, count: int, largest: int) -> NDArray[np.int64]:
    if kind in _PLAIN:
        tokens = _COMMENT.sub(b" ", body).split(maxsplit=count)[:count]
        values = np.array(tokens, dtype="S10").astype(np.int64)
    else:
        word = np.dtype(">u2" if largest > 255 else "u1")
        values = np.frombuffer(body[: count * word.itemsize], dtype=word).astype(np.int64)
    if len(values) < count:
        raise OSError(f"image file is truncated: {len(values)} of {count} values")
    if kind in _PLAIN and (values.min() < 0 or values.max() > largest):
        raise ValueError(f"values from {values.min()} to {values.max()}; the file says 0 to {largest}")
    return np.minimum(values, largest)


def with_stored_bits(layers: Layers, image: Image.Image, data: bytes) -> Layers:
    """Layers of a JPEG 2000, AVIF or SGI file, corrected for the file's own depth.

    Pillow stretches gray of 9 to 15 bits to 16 and moves signed values up: that is undone. Of colour it keeps eight
    bits, which `conversion` says.

    Parameters
    ----------
    layers : Layers
        Layers as Pillow gives them.
    image : PIL.Image.Image
        Image of the layers.
    data : bytes
        The same file.
    """
    bits, is_signed = _depth(image, data)
    if bits <= 8 and not is_signed:
        return layers
    if layers.colors.dtype == np.uint16:
        values = layers.colors >> np.uint16(16 - bits)
        if is_signed:
            return replace(layers, colors=(values.astype(np.int32) - 2 ** (bits - 1)).astype(np.int16))
        return replace(layers, colors=values)
    conversion = f"{'signed ' if is_signed else ''}{bits} bits to 8"
    return replace(layers, conversion=", ".join(filter(None, (conversion, layers.conversion))), is_reduced=True)


def _depth(image: Image.Image, data: bytes) -> tuple[int, bool]:
    if image.format == "SGI":
        return 8 * data[3], False
    if image.format == "AVIF":
        place = data.find(_AV1_CONFIGURATION) + len(_AV1_CONFIGURATION) + 2
        is_deep, is_twelve = bool(data[place] & 0x40), bool(data[place] & 0x20)
        return (12 if is_twelve else 10) if is_deep else 8, False
    place = data.find(_CODESTREAM) + 42
    if image.format != "JPEG2000" or place >= len(data):
        return 8, False
    components = int.from_bytes(data[place - 2 : place], "big")
    depths = data[place : place + 3 * components : 3]
    return max((depth & 0x7F) + 1 for depth in depths), any(depth & 0x80 for depth in depths)
