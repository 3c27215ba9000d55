"""PGM and PPM files whose largest value is not 255: Pillow stretches them to 8 bits in color and to 16 in gray."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dataeval_spark.kernels.images.decoding.image_modes import Layers

_PLAIN, _CHANNELS = (b"P2", b"P3"), {b"P2": 1, b"P5": 1, b"P3": 3, b"P6": 3}
_HEADER = re.compile(rb"(P[2356])" + rb"(?:\s|#[^\r\n]*[\r\n])+(\d{1,10})" * 3 + rb"(?:#[^\r\n]*)?\s")
_COMMENT = re.compile(rb"#[^\r\n]*")
# All values of 12 and of 16 bits: the numbers tell their range by themselves.
_WHOLE = (4095, 65535)


def exact_layers(image: Image.Image, data: bytes) -> Layers | None:
    """Layers of an opened PGM or PPM file whose largest value is not 255, and None for others.

    Values of 12 and 16 bits stay as they are, in uint16; with another largest value they are scaled to the next of 8
    and 16 bits, to the nearest.

    Raises
    ------
    OSError
        The file ends early.
    ValueError
        A value is no number, or larger than the largest.

    Examples
    --------
    >>> file = b"P2 2 1 100  50 100"
    >>> exact_layers(Image.new("L", (2, 1)), file) is None  # not opened from a file
    True
    """
    header = _HEADER.match(data) if image.format == "PPM" else None
    if header is None:
        return None
    kind, (width, height, largest) = header[1], map(int, header.groups()[1:])
    if largest == 255 or not 0 < largest < 65536:
        return None
    values = _values(data[header.end() :], kind, width * height * _CHANNELS[kind], largest)
    values = values.reshape(height, width, _CHANNELS[kind])
    if largest in _WHOLE:
        return Layers(values.astype(np.uint16))
    bits = 8 if largest < 255 else 16
    scaled = np.rint(values * (2**bits - 1) / largest).astype(np.uint8 if bits == 8 else np.uint16)
    return Layers(scaled, conversion=f"0 to {largest} scaled to {bits} bits")


def _values(body: bytes, kind: bytes, count: int, largest: int) -> NDArray[np.int64]:
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
