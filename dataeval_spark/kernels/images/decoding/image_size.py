"""Width and height of an image, stored and shown, from its header, without decoding it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from dataeval_spark.kernels.images.decoding.decode import UnreadableImage
from dataeval_spark.kernels.images.decoding.unknown_files import describe

_ORIENTATION_TAG = 0x0112
_ENOUGH = 2**16  # bytes that tell the kind of a file that is no image
# EXIF orientations that turn an image by a quarter.
_TURNED = (5, 6, 7, 8)


def upright_size(file: BinaryIO) -> tuple[int, int]:
    """Width and height (pixels) of an image as shown: EXIF orientation applied.

    Only the header is read. Orientation in a PNG's eXIf chunk counts where it stands before the pixels, as writers
    put it.

    Raises
    ------
    UnreadableImage
        The bytes are in no image format that Pillow knows, or the header is damaged.

    Examples
    --------
    >>> import io
    >>> from PIL import Image
    >>> exif = Image.Exif()
    >>> exif[0x0112] = 6  # a quarter turn
    >>> file = io.BytesIO()
    >>> Image.new("L", (40, 30)).save(file, "JPEG", exif=exif)
    >>> upright_size(file)
    (30, 40)
    """
    return stored_and_upright_size(file)[1]


def stored_and_upright_size(file: BinaryIO) -> tuple[tuple[int, int], tuple[int, int]]:
    """Width and height of an image as its pixels are stored, and as shown; errors as of :func:`upright_size`.

    They differ where the EXIF orientation turns the image by a quarter; of a TIFF file only the upright size is known.
    """
    with _opened(file) as (image, orientation):
        width, height = image.size
        return (width, height), ((height, width) if orientation in _TURNED else (width, height))


def is_turned_by_exif(file: BinaryIO) -> bool:
    """Whether EXIF turns or mirrors an image; errors as of :func:`upright_size`.

    A reader that ignores it sees the stored picture, which boxes do not fit.
    """
    with _opened(file) as (_, orientation):
        return orientation in range(2, 9)


@contextmanager
def _opened(file: BinaryIO) -> Iterator[tuple[Image.Image, int]]:
    """An opened image, and the orientation left to apply: none for TIFF files, which Pillow's reader turns itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = Image.open(file)
            yield image, 1 if image.format == "TIFF" else _orientation(image)
        except UnidentifiedImageError as error:
            file.seek(0)
            raise UnreadableImage("header", *describe(file.read(_ENOUGH))) from error
        except Exception as error:  # Pillow's plug-ins raise whatever a damaged header makes them
            raise UnreadableImage.from_error("header", error) from error


def _orientation(image: Image.Image) -> int:
    try:
        # The PNG reader's own getexif decodes the image first; this one takes what the header said.
        return Image.Image.getexif(image).get(_ORIENTATION_TAG, 1)
    except Exception:  # malformed metadata count as upright
        return 1
