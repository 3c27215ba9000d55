"""Thumbnails of image files; a file that cannot be shown yields the reason."""

from __future__ import annotations

import math
import os
import stat
import warnings
from dataclasses import dataclass
from io import BytesIO
from typing import cast

from PIL import Image

from dataeval_spark.kernels.storage.uris import local_path

# Longest side of a picture in a report, in pixels.
SIZE = 160
LARGEST_FILE = 256 * 2**20
# Below this size a picture is kept pixel by pixel: JPEG would blur what there is to see.
TINY = 64
BACKGROUND = (128, 128, 128)
# A crop shows a box with as much again on each side, and at least this many pixels.
CROP_FACTOR, SMALLEST_CROP = 3.0, 48
# A box that fills more of the picture's longer side is seen well enough in the whole picture.
LARGE_SHARE = 0.25
ORIENTATION = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Thumbnail:
    """A small picture of an image, or the reason why there is none.

    ``full_width`` and ``full_height`` are the upright size of the original, or of the part that is shown: boxes are
    scaled by them. That part begins at ``left`` and ``top``, pixels of the original.
    """

    data: bytes | None
    mime: str = "image/jpeg"
    width: int = 0
    height: int = 0
    full_width: int = 0
    full_height: int = 0
    reason: str = ""
    left: int = 0
    top: int = 0


Corners = tuple[float, float, float, float]


def thumbnail_of(uri: str | None, content: bytes | None, size: int, corners: Corners | None = None) -> Thumbnail:
    """A picture of at most ``size`` pixels a side, upright (EXIF), or a `Thumbnail` without data but a reason.

    With the ``corners`` of a box it shows the part around the box, if the box is small and lies in the image.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks about metadata would fill the executor's log
            return _make(BytesIO(_read(uri) if content is None else content), size, corners)
    except Exception as error:  # any file may be broken in any way, and the report must still be written
        return Thumbnail(None, reason=f"{type(error).__name__}: {error}"[:300])


def _read(uri: str | None) -> bytes:
    if uri is None:
        raise ValueError("neither a file nor its bytes are known")
    path = local_path(uri)
    if path is None:
        raise ValueError(f"{uri.partition(':')[0]}: storage cannot be opened as a file")
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):  # a pipe or a device would never end
        raise ValueError("not a regular file")
    if status.st_size > LARGEST_FILE:
        raise ValueError(f"file of {status.st_size} bytes is too large for a thumbnail")
    with open(path, "rb") as file:
        return file.read()


def crop_of(corners: Corners, width: int, height: int) -> tuple[int, int, int, int] | None:
    """Square part of an image around a box; None where the whole image shows as much, or nothing of the box.

    Examples
    --------
    >>> crop_of((100, 100, 103, 103), 640, 480)
    (77, 77, 125, 125)
    """
    if not all(map(math.isfinite, corners)):
        return None
    left, right = sorted((corners[0], corners[2]))
    top, bottom = sorted((corners[1], corners[3]))
    longer = max(right - left, bottom - top)
    if right < 0 or bottom < 0 or left > width or top > height or longer > LARGE_SHARE * max(width, height):
        return None
    side = math.ceil(max(CROP_FACTOR * longer, SMALLEST_CROP))
    x, y = (
        max(0, min(int((low + high) / 2 - side / 2), whole - side))
        for low, high, whole in ((left, right, width), (top, bottom, height))
    )
    return x, y, min(x + side, width), min(y + side, height)


def _make(file: BytesIO, size: int, corners: Corners | None) -> Thumbnail:
    with Image.open(file) as image:
        orientation = image.getexif().get(ORIENTATION, 1)
        full = image.size[::-1] if orientation in (5, 6, 7, 8) else image.size
        crop = crop_of(corners, *full) if corners else None
        if crop is None:
            image.draft("RGB", (2 * size, 2 * size))  # JPEG: decode at a fraction of the size
        small = _eight_bit(image)
        if crop is None:
            small.thumbnail((size, size), Image.Resampling.BICUBIC, reducing_gap=2.0)
    if orientation in UPRIGHT:
        small = small.transpose(UPRIGHT[orientation])
    left = top = 0
    if crop is not None:
        left, top, full = crop[0], crop[1], (crop[2] - crop[0], crop[3] - crop[1])
        small = small.crop(crop)
        small.thumbnail((size, size), Image.Resampling.BICUBIC)
    if "A" in small.getbands():
        ground = Image.new("RGBA", small.size, (*BACKGROUND, 255))
        small = Image.alpha_composite(ground, small.convert("RGBA"))
    if small.mode != "L":
        small = small.convert("RGB")
    out = BytesIO()
    tiny = max(small.size) <= TINY
    if tiny:
        small.save(out, "PNG", optimize=True)
    else:
        small.save(out, "JPEG", quality=78, optimize=True)
    mime = "image/png" if tiny else "image/jpeg"
    return Thumbnail(out.getvalue(), mime, *small.size, *full, left=left, top=top)


def _eight_bit(image: Image.Image) -> Image.Image:
    """A mode that can be resized and shown; wide integers and floats are stretched from their own range."""
    if image.mode == "P":
        return image.convert("RGBA" if "transparency" in image.info else "RGB")
    if image.mode[0] in "IF":
        wide = image.convert("I").convert("F") if image.mode.startswith("I") else image
        low, high = cast(tuple[float, float], wide.getextrema())
        scale = 255 / (high - low) if high > low else 0.0
        return wide.point(lambda value: value * scale - low * scale).convert("L")
    if image.mode in ("L", "LA", "RGB", "RGBA"):
        image.load()
        return image
    return image.convert("RGB")
