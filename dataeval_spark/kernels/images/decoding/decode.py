"""Decoding the bytes of a file to upright pixels, or to an `UnreadableImage` that names the stage that failed.

==================================  ==================================================  ======================
in the file                         pixels                                              `conversion`
==================================  ==================================================  ======================
8-bit gray, RGB                     as they are, uint8                                  null
1 bit                               0 and 255, uint8, one channel                       1 bit to 8
2 or 4-bit gray                     scaled to 0..255, uint8                             null
palette                             RGB                                                 palette to RGB
CMYK, YCbCr, HSV, LAB               RGB, by Pillow's conversion                         CMYK to RGB, ...
alpha or a transparent colour       composited over white: what a viewer shows          alpha over white
alpha that is opaque everywhere     the colours                                         null
9 to 16-bit gray                    uint16, one channel                                 null
16 bits per channel, in colour      uint16 (PNG, PPM, TIFF)                             null
the same in JPEG 2000, AVIF, SGI    uint8, by Pillow                                    16 bits to 8
PGM, PPM with another largest value scaled to the next of 8 and 16 bits                 0 to 100 scaled to ...
TIFF of other bands and types       as they are                                         null
32-bit integers, floats             int32, float32, one channel                         null
several frames or pages             the first                                           (`frames`)
==================================  ==================================================  ======================

JPEG files without damage are decoded by simplejpeg, whose pixels are Pillow's. TIFF files of bands and types of which
Pillow gives fewer bits, or wrong values, are unpacked by its codecs and read by `tiff_samples`; where a compression has
none, by tifffile (extra `tiff`). Which of them decoded an image stands in the column `decoder`.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from dataeval_spark.errors import DataEvalError, first_line
from dataeval_spark.kernels.images.decoding import tiff
from dataeval_spark.kernels.images.decoding.file_facts import FileFacts, file_facts
from dataeval_spark.kernels.images.decoding.image_modes import Layers, layers_of, without_false_alpha
from dataeval_spark.kernels.images.decoding.jpeg import fast_pixels
from dataeval_spark.kernels.images.decoding.stored_bits import exact_layers, with_stored_bits
from dataeval_spark.kernels.images.decoding.tiff_samples import Page, page_count, page_of
from dataeval_spark.kernels.images.decoding.unknown_files import DAMAGED, describe
from dataeval_spark.kernels.images.hashes import content_hash
from dataeval_spark.options import MAX_PIXELS

_ORIENTATION_TAG = 0x0112
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
        First line of the reader's message.
    """

    def __init__(self, stage: str, error_class: str, message: str) -> None:
        super().__init__(stage, error_class, message)  # these are the pickled arguments: Spark ships errors
        self.stage = stage
        self.error_class = error_class
        self.message = message

    def __str__(self) -> str:
        return f"{self.stage}: {self.error_class}: {self.message}"

    @classmethod
    def from_error(cls, stage: str, error: BaseException) -> UnreadableImage:
        """Word an error; without memory addresses, so that a rerun gives the same row."""
        if isinstance(error, UnidentifiedImageError):
            message = "the bytes are in no image format that Pillow can identify"
        else:
            message = first_line(error)[:_MESSAGE_LENGTH]
        return cls(stage, type(error).__name__, message)

    @classmethod
    def unopened(cls, data: bytes, error: BaseException) -> UnreadableImage:
        """Word an error of a reader that knows the format but not the content after it."""
        cause = cls.from_error("header", error)
        kind, description = describe(data)
        is_cut = kind == DAMAGED and not isinstance(error, Image.DecompressionBombError)
        message = f"{description} ({cause.message})" if is_cut else cause.message
        return cls("header", cause.error_class, message[:_MESSAGE_LENGTH])

    @classmethod
    def damaged(cls, file_format: str, error: BaseException) -> UnreadableImage:
        """Word an error of a decoder: the kind of file and the advice, before the decoder's own message."""
        cause = cls.from_error("decode", error)
        is_resource = isinstance(error, MemoryError)
        description = f"a {file_format} file that cannot be decoded"
        if not is_resource and re.search("truncat|ends? early|unexpected end|too short", cause.message, re.IGNORECASE):
            description = f"a {file_format} file that ends early"
        elif not is_resource and not isinstance(error, (ValueError, NotImplementedError)):
            description = f"a {file_format} file that is damaged or ends early"
        todo = "" if description.endswith("decoded") else "; copy or download it again"
        return cls("decode", cause.error_class, f"{description}: {cause.message}"[: _MESSAGE_LENGTH - len(todo)] + todo)


@dataclass(frozen=True)
class Decoded:
    """The first frame of an image, upright.

    `pixels` has the shape (height, width, channels), 1 or 3 channels but for TIFF files of other bands; `format`,
    `color_mode`, `frames` and `facts` describe the file; `orientation` is the EXIF orientation that was applied (1:
    none); `conversion` names other changes of the pixels (see the module), `decoder` the library that read them.

    Where the file holds more than `pixels` shows, `content` has all of it (alpha and the colours beneath, four inks),
    in the order of `pixels`, and `content_kind` names its channels; `later` are hashes of the later frames, None where
    they were not read; `is_reduced` tells that the file holds more bits.
    """

    pixels: NDArray[Any]
    format: str
    color_mode: str
    orientation: int
    frames: int
    conversion: str | None = None
    decoder: str = "Pillow"
    facts: FileFacts = _NO_FACTS
    content: NDArray[Any] | None = None
    content_kind: str = ""
    later: tuple[str, ...] | None = ()
    is_reduced: bool = False


def decode(data: bytes, *, max_pixels: int = MAX_PIXELS, zone: tzinfo = UTC, frame_pixels: int = 0) -> Decoded:
    """Decode an image file once, upright, to one (gray) or three (colour) channels; a TIFF file to as many as it has.

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
        Time zone of a capture time that has none of its own.
    frame_pixels : int
        Largest number of pixels of all frames together for which later frames are hashed; by default none are.

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
                return _tiff(data, max_pixels, frame_pixels)
            raise UnreadableImage("header", *describe(data)) from error
        except Exception as error:
            raise UnreadableImage.unopened(data, error) from error
        file_format, color_mode = image.format or "", image.mode
        with _worded(UnreadableImage.from_error, "header"):
            refuse(file_format, image.size, max_pixels)
            frames, facts = _frames(image, data), file_facts(image, zone)
            page = page_of(data) if file_format == "TIFF" else None
        if page is not None and not tiff.is_left_to_pillow(page):
            is_whole = len(image.getbands()) == page.bands
            return _tiff(data, max_pixels, frame_pixels, facts, color_mode if is_whole else None)
        with _worded(UnreadableImage.damaged, file_format):
            layers, orientation, is_turned, decoder = _first(image, data, max_pixels)
        if decoder == "Pillow" and without_false_alpha(image, data) is not image:
            facts = replace(facts, has_alpha=False)
        later = _later(image, data, frames, frame_pixels)
    return _decoded(
        layers,
        1 if is_turned else orientation,
        format=file_format,
        color_mode=color_mode,
        orientation=orientation,
        frames=frames,
        decoder=decoder,
        facts=facts,
        later=later,
    )


@contextmanager
def _worded(worded: Callable[[str, BaseException], UnreadableImage], subject: str) -> Iterator[None]:
    """Errors of a block, worded as `UnreadableImage`, but for those that are worded already."""
    try:
        yield
    except UnreadableImage:
        raise
    except Image.DecompressionBombError as error:  # an icon's inner image has a header of its own
        raise UnreadableImage.from_error("header", error) from error
    except Exception as error:
        raise worded(subject, error) from error


def _decoded(layers: Layers, to_apply: int, **facts: Any) -> Decoded:
    content, kind = None, ""
    if layers.alpha is not None or layers.source is not None:
        content, kind = layers.content()
        content = _upright(content, to_apply)
    return Decoded(
        _upright(layers.over_white(), to_apply),
        conversion=layers.full_conversion(),
        content=content,
        content_kind=kind,
        is_reduced=layers.is_reduced,
        **facts,
    )


def _upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    return np.ascontiguousarray(pixels if orientation == 1 else tiff.upright(pixels, orientation))


def _tiff(
    data: bytes, max_pixels: int, frame_pixels: int, facts: FileFacts = _NO_FACTS, color_mode: str | None = None
) -> Decoded:
    """Decode a TIFF file that is not left to Pillow."""
    with _worded(UnreadableImage.from_error, "header"):
        page = page_of(data)
        refuse("TIFF", page.size, max_pixels)
        values = page.size[0] * page.size[1] * page.bands
        if values > 4 * max_pixels:
            message = f"{values} values in {page.bands} bands; the limit is four times {max_pixels} (max_pixels)"
            raise UnreadableImage("header", "TooManyPixels", message)
    with _worded(UnreadableImage.damaged, "TIFF"):
        layers, decoder = _layers_of_page(page)
    orientation, frames = page.orientation, page_count(data)
    return _decoded(
        layers,
        orientation,
        format="TIFF",
        color_mode=color_mode or f"{layers.colors.dtype} x {page.bands}",
        orientation=orientation,
        frames=frames,
        decoder=decoder,
        facts=replace(facts, has_alpha=facts.has_alpha or tiff.has_alpha(page)),
        later=_later(None, data, frames, frame_pixels),
    )


def _layers_of_page(page: Page, index: int = 0) -> tuple[Layers, str]:
    try:
        return tiff.layers_of_page(page), "Pillow"
    except ValueError as error:
        if page.has_codec:
            raise
        if tiff.is_installed():
            return tiff.layers_by_tifffile(page, index), "tifffile"
        message = f"{error}; tifffile may read it: pip install 'dataeval_spark[tiff]'"
        raise UnreadableImage("header", "MissingExtraError", message) from error


def refuse(file_format: str, size: tuple[int, int], max_pixels: int) -> None:
    """Raise UnreadableImage for a size that is too large, or none, and for formats that are never decoded."""
    width, height = size
    if width * height > max_pixels:
        message = f"{width} x {height} pixels; the limit is {max_pixels} (max_pixels)"
        raise UnreadableImage("header", "TooManyPixels", message)
    if width * height == 0:
        raise UnreadableImage("header", "NoPixels", f"{width} x {height} pixels; expected at least 1 x 1")
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


def _first(image: Image.Image, data: bytes, max_pixels: int) -> tuple[Layers, int, bool, str]:
    """Layers as stored, the orientation, whether they are turned by it already, and the decoder."""
    stored = fast_pixels(image, data)
    if stored is not None:
        return Layers(stored), _orientation(image) if image.info else 1, False, "simplejpeg"
    exact = exact_layers(image, data)
    # Pillow's TIFF reader turns the image itself while loading, and then forgets the tag.
    before = _orientation(image) if image.format == "TIFF" else 1
    if exact is None:
        image.load()
        refuse(image.format or "", image.size, max_pixels)  # icon files tell the true size only now
        exact = with_stored_bits(layers_of(without_false_alpha(image, data)), image, data)
    return exact, max(before, _orientation(image)), image.format == "TIFF", "Pillow"


def _later(image: Image.Image | None, data: bytes, frames: int, frame_pixels: int) -> tuple[str, ...] | None:
    """Hashes of the later frames; None where they have too many pixels or one is damaged."""
    hashes: list[str] = []
    if frames == 1:
        return ()
    if not frame_pixels:
        return None
    try:
        for layers in _later_layers(image, data, frames, frame_pixels):
            content, kind = layers.content()
            hashes.append(content_hash(content, kind))
            if layers.is_reduced:
                return None
    except Exception:  # a damaged later frame does not cost us the first one
        return None
    return tuple(hashes)


def _later_layers(image: Image.Image | None, data: bytes, frames: int, frame_pixels: int) -> Iterator[Layers]:
    left = frame_pixels
    for index in range(frames):
        page = page_of(data, index) if image is None or image.format == "TIFF" else None
        if page is None and image is not None:
            image.seek(index)
            if image.format == "PNG" and data[24:25] == b"\x10":
                raise ValueError("16 bits, of which only the first frame is read")
        width, height = page.size if page is not None else image.size if image is not None else (0, 0)
        left -= width * height * (1 if page is None else max(1, page.bands // 4))
        if left < 0:
            raise ValueError(f"more than {frame_pixels} pixels in all frames")
        if index == 0:
            continue
        if page is not None and (image is None or not tiff.is_left_to_pillow(page)):
            yield _layers_of_page(page, index)[0]
        elif image is not None:
            image.seek(index)
            image.load()
            yield with_stored_bits(layers_of(image), image, data)
