"""JPEG files by libjpeg-turbo directly: the pixels that Pillow gives, sooner."""

from __future__ import annotations

from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

_COLOR_SPACES = {"RGB": "RGB", "L": "GRAY"}


def fast_pixels(image: Image.Image, data: bytes) -> NDArray[np.uint8] | None:
    """Pixels (height, width, 1 or 3) of an opened JPEG file, as stored: not turned by its orientation.

    The settings are libjpeg's defaults, which are Pillow's: accurate DCT, smooth upsampling.

    Parameters
    ----------
    image : PIL.Image.Image
        Opened file of mode L or RGB.
    data : bytes
        The same file.

    Returns
    -------
    ndarray of uint8 or None
        None for other files, and where libjpeg-turbo has anything to object to: how much damage is too much is for
        Pillow to say.

    Examples
    --------
    >>> fast_pixels(Image.new("RGB", (2, 2)), b"") is None
    True
    """
    if image.format != "JPEG" or image.mode not in _COLOR_SPACES:
        return None
    try:
        options: dict[str, Any] = {"fastdct": False, "fastupsample": False, "strict": True}
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, _COLOR_SPACES[image.mode], **options)
    except (ValueError, MemoryError):
        return None
    return pixels if pixels.shape[1::-1] == image.size else None
