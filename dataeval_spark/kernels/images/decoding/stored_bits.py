"""Bits per channel of files in formats of which Pillow gives eight without saying so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from dataeval_spark.kernels.images.decoding.image_modes import Layers

_CODESTREAM = b"\xff\x4f\xff\x51"
_AV1_CONFIGURATION = b"av1C"


def with_stored_bits(layers: Layers, image: Image.Image, data: bytes) -> Layers:
    """Layers of a JPEG 2000, AVIF or SGI file, corrected for the file's own depth.

    Pillow stretches gray of 9 to 15 bits to 16 and moves signed values up: that is undone. Of color it keeps eight
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
