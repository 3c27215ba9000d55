"""From the bytes of a file to upright pixels, or to an `UnreadableImage` that says at which stage it failed.

==================================  ==================================================  ======================
in the file                         pixels                                              `conversion`
==================================  ==================================================  ======================
8-bit gray, RGB                     as they are, uint8                                  null
1 bit                               0 and 255, uint8, one channel                       1 bit to 8
palette                             RGB                                                 palette to RGB
CMYK, YCbCr, HSV, LAB               RGB, by Pillow's conversion                         CMYK to RGB, ...
alpha or a transparent color        composited over white: what a viewer shows          alpha over white
12 or 16-bit gray                   uint16, one channel                                 null
32-bit integers, floats             int32, float32, one channel                         null
16 bits per channel, in color       uint8, by Pillow                                    16 bits to 8
the same as TIFF, with tifffile     uint16, three or four channels                      null
TIFF of other bands and types       as they are, with tifffile                          null
the same without tifffile           what Pillow makes of them; else unreadable          4 bands to 3, ...
several frames or pages             the first                                           (`frames`)
==================================  ==================================================  ======================

Extra `tiff` installs tifffile. JPEG files without damage are decoded by simplejpeg, whose pixels are Pillow's. Which of
the three decoded an image stands in the column `decoder`.
"""

from __future__ import annotations

import io
import warnings
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from dataeval_spark.errors import DataEvalError
from dataeval_spark.kernels import tiff
from dataeval_spark.kernels.file_facts import FileFacts, file_facts
from dataeval_spark.kernels.image_modes import array_of, conversion_of, one_or_three_channels
from dataeval_spark.kernels.jpeg import fast_pixels
from dataeval_spark.kernels.tiff_pages import page_count

MAX_PIXELS = 178_956_970
"""Twice Pillow's own MAX_IMAGE_PIXELS: where Pillow itself refuses an image."""

_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Pillow hands these to an external program (Ghostscript): never for bytes that nobody has vetted.
_REFUSED_FORMATS = ("EPS",)
_MESSAGE_LENGTH = 500
_NO_FACTS = FileFacts()


class UnreadableImage(DataEvalError, ValueError):  # noqa: N818 - it names a state of the image
    """An image cannot be read, decoded or measured.

    Parameters
    ----------
    stage : str
        "read" (no bytes), "header" (not an image, or too large), "decode" (damaged), "statistics", or "encode"
        (measured, but the encoder cannot take it).
    error_class : str
        Name of the error's class, for example "OSError".
    message : str
        First line of what the reader said.
    """

    def __init__(self, stage: str, error_class: str, message: str) -> None:
        super().__init__(stage, error_class, message)  # these are the pickled arguments: Spark ships errors
        self.stage = stage
        self.error_class = error_class
        self.message = message

    def __str__(self) -> str:
        return f"{self.stage}: {self.error_class}: {self.message}"

    @classmethod
    def of(cls, stage: str, error: BaseException) -> UnreadableImage:
        """Word an error; without memory addresses, so that a rerun gives the same row."""
        if isinstance(error, UnidentifiedImageError):
            message = "the bytes are in no image format that Pillow can identify"
        else:
            message = (str(error).strip().splitlines() or [type(error).__name__])[0][:_MESSAGE_LENGTH]
        return cls(stage, type(error).__name__, message)


@dataclass(frozen=True)
class Decoded:
    """The first frame of an image, upright.

    `pixels` has the shape (height, width, channels), 1 or 3 channels when Pillow decoded it; `format`, `color_mode`,
    `frames` and `facts` describe the file; `orientation` is the EXIF orientation that was applied (1: none);
    `conversion` is what was done to the pixels besides (see the module), `decoder` the library that read them: Pillow,
    simplejpeg or tifffile.
    """

    pixels: NDArray[Any]
    format: str
    color_mode: str
    orientation: int
    frames: int
    conversion: str | None = None
    decoder: str = "Pillow"
    facts: FileFacts = _NO_FACTS


def decode(data: bytes, *, max_pixels: int = MAX_PIXELS, zone: tzinfo = UTC) -> Decoded:
    """Decode an image file once, upright, to one (gray) or three (color) channels; a TIFF file to as many as it has.

    Each mode is converted by the rule in the module's docstring; an animated image or a file of several pages gives
    its first frame. EXIF (or XMP) orientation is applied exactly once; orientation data that cannot be read counts
    as upright. Nothing of Pillow's global state is changed, and none of its warnings get out.

    Parameters
    ----------
    data : bytes
        The whole file.
    max_pixels : int
        Larger images (width x height, pixels) are refused from the header, before any decoding. Pillow's own
        limit of 178,956,970 pixels holds besides.
    zone : tzinfo
        Zone of a capture time that names none.

    Raises
    ------
    UnreadableImage
        Stage "header" when the bytes are no known image, the image is too large, or its format (EPS) would be
        handed to an external program; stage "decode" when the image is truncated or damaged.

    Examples
    --------
    >>> from io import BytesIO
    >>> file = BytesIO()
    >>> Image.new("L", (4, 2)).save(file, "PNG")
    >>> decode(file.getvalue()).pixels.shape
    (2, 4, 1)
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = Image.open(io.BytesIO(data))
        except UnidentifiedImageError as error:
            if tiff.is_tiff(data):
                return _tiff(data, max_pixels, FileFacts())
            raise UnreadableImage.of("header", error) from error
        except Exception as error:
            raise UnreadableImage.of("header", error) from error
        try:
            file_format, color_mode = image.format or "", image.mode
            refuse(file_format, image.size, max_pixels)
            frames, facts = _frames(image, data), file_facts(image, zone)
        except UnreadableImage:
            raise
        except Exception as error:
            raise UnreadableImage.of("header", error) from error
        reduced = tiff.reduced_by_pillow(image) if file_format == "TIFF" else None
        if reduced and tiff.is_installed():
            with suppress(UnreadableImage):  # a compression that tifffile has no codec for: Pillow may have one
                return _tiff(data, max_pixels, facts)
        conversion = reduced or conversion_of(image)
        try:
            pixels, orientation, decoder = _upright_pixels(image, data, max_pixels)
        except UnreadableImage:
            raise
        except Image.DecompressionBombError as error:  # an icon's inner image has a header of its own
            raise UnreadableImage.of("header", error) from error
        except Exception as error:
            raise UnreadableImage.of("decode", error) from error
    return Decoded(pixels, file_format, color_mode, orientation, frames, conversion, decoder, facts)


def _tiff(data: bytes, max_pixels: int, facts: FileFacts) -> Decoded:
    if not tiff.is_installed():
        message = "a TIFF file of bands or types that Pillow cannot read; pip install 'dataeval_spark[tiff]'"
        raise UnreadableImage("header", "MissingExtraError", message)
    try:
        page = tiff.first_page(data)
        refuse("TIFF", page.size, max_pixels)
        if page.values > 4 * max_pixels:
            message = f"{page.values} values in {page.mode}; the limit is four for each of {max_pixels} (max_pixels)"
            raise UnreadableImage("header", "TooManyPixels", message)
    except UnreadableImage:
        raise
    except Exception as error:
        raise UnreadableImage.of("header", error) from error
    try:
        pixels, orientation = page.upright_pixels()
    except Exception as error:
        raise UnreadableImage.of("decode", error) from error
    return Decoded(pixels, "TIFF", page.mode, orientation, page.pages, None, "tifffile", facts)


def refuse(file_format: str, size: tuple[int, int], max_pixels: int) -> None:
    """Raise UnreadableImage for a size that is too large, or none, and for formats that are never decoded."""
    width, height = size
    if width * height > max_pixels:
        message = f"{width} x {height} pixels; the limit is {max_pixels} (max_pixels)"
        raise UnreadableImage("header", "TooManyPixels", message)
    if width * height == 0:
        raise UnreadableImage("header", "NoPixels", f"{width} x {height} pixels")
    if file_format in _REFUSED_FORMATS:
        message = f"{file_format} needs an external interpreter; expected a raster format such as PNG or JPEG"
        raise UnreadableImage("header", "RefusedFormat", message)


def _frames(image: Image.Image, data: bytes) -> int:
    if image.format == "TIFF":
        return page_count(data)
    try:
        return max(1, int(getattr(image, "n_frames", 1)))
    except Exception:  # a damaged later frame does not cost us the first one
        image.seek(0)
        return 1


def _orientation(image: Image.Image) -> int:
    try:
        orientation = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # malformed metadata must not lose the image
        return 1
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def _upright_pixels(image: Image.Image, data: bytes, max_pixels: int) -> tuple[NDArray[Any], int, str]:
    stored = fast_pixels(image, data)
    if stored is not None:
        to_apply = _orientation(image) if image.info else 1
        turned = stored if to_apply == 1 else np.ascontiguousarray(tiff.upright(stored, to_apply))
        return turned, to_apply, "simplejpeg"
    # Pillow's TIFF reader turns the image itself while loading, and then forgets the tag.
    already_applied = _orientation(image) if image.format == "TIFF" else 1
    image.load()
    refuse(image.format or "", image.size, max_pixels)  # icon files tell the true size only now
    to_apply = _orientation(image)
    measured = one_or_three_channels(image)
    if to_apply in _UPRIGHT:
        measured = measured.transpose(_UPRIGHT[to_apply])
    return array_of(measured), max(to_apply, already_applied), "Pillow"
