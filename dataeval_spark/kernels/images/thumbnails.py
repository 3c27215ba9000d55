"""Thumbnails of image files; a file that cannot be shown yields the reason."""

from __future__ import annotations

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

    ``full_width`` and ``full_height`` are the upright size of the original: boxes are scaled by them.
    """

    data: bytes | None
    mime: str = "image/jpeg"
    width: int = 0
    height: int = 0
    full_width: int = 0
    full_height: int = 0
    reason: str = ""


def thumbnail_of(uri: str | None, content: bytes | None, size: int) -> Thumbnail:
    """A picture of at most ``size`` pixels a side, upright (EXIF), or a `Thumbnail` without data but a reason."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks about metadata would fill the executor's log
            return _make(BytesIO(_read(uri) if content is None else content), size)
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


def _make(file: BytesIO, size: int) -> Thumbnail:
    with Image.open(file) as image:
        orientation = image.getexif().get(ORIENTATION, 1)
        full = image.size[::-1] if orientation in (5, 6, 7, 8) else image.size
        image.draft("RGB", (2 * size, 2 * size))  # JPEG: decode at a fraction of the size
        small = _eight_bit(image)
        small.thumbnail((size, size), Image.Resampling.BICUBIC, reducing_gap=2.0)
    if orientation in UPRIGHT:
        small = small.transpose(UPRIGHT[orientation])
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
    return Thumbnail(out.getvalue(), "image/png" if tiny else "image/jpeg", *small.size, *full)


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
