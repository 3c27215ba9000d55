"""TIFF files that Pillow cannot read, or only with fewer bits: many bands, 16 bits per color channel, floats."""

from __future__ import annotations

import functools
import importlib.util
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dataeval_spark.kernels.tiff_pages import page_count

_BITS_PER_SAMPLE, _PHOTOMETRIC, _SAMPLES_PER_PIXEL, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 258, 262, 277, 338, 339
_UNSIGNED, _SIGNED = 1, 2
_ALPHA = (1, 2)  # kinds of extra samples
_CMYK = 5
_GRAY = (0, 1, 3)  # white is zero, black is zero, palette
_ORIENTATION = 274
_WHITE_IS_ZERO = 0
_KINDS = "uif"  # unsigned, signed, float


def is_tiff(data: bytes) -> bool:
    """Whether bytes begin as a TIFF or BigTIFF file does.

    Examples
    --------
    >>> is_tiff(b"II*\\x00...")
    True
    """
    return data[:4] in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")


@functools.cache
def is_installed() -> bool:
    """Whether tifffile is there (extra ``tiff``)."""
    return importlib.util.find_spec("tifffile") is not None


def reduced_by_pillow(image: Image.Image) -> str | None:
    """What Pillow would make of an opened TIFF image that holds more bits, bands or other integers; None where nothing.

    A band beside gray or color is alpha where the file says so, and else a band.

    Examples
    --------
    >>> reduced_by_pillow(Image.new("RGB", (1, 1))) is None
    True
    """
    tags: Any = getattr(image, "tag_v2", {})
    samples = tags.get(_SAMPLES_PER_PIXEL, 1)
    bits, kinds = _largest(tags.get(_BITS_PER_SAMPLE, 1)), _largest(tags.get(_SAMPLE_FORMAT, _UNSIGNED))
    photometric = tags.get(_PHOTOMETRIC, 1)
    own = 1 if photometric in _GRAY else 4 if photometric == _CMYK else 3
    others = tags.get(_EXTRA_SAMPLES, ())
    others = others if isinstance(others, tuple) else (others,)
    has_bands = samples > own and not (samples == own + 1 and others[:1] and others[0] in _ALPHA)
    if samples > 4 or has_bands:
        return f"{samples} bands to {len(image.getbands())}"
    if samples > 1 and bits > 8:
        return f"{bits} bits to 8"
    if (kinds == _UNSIGNED and bits == 32) or (kinds == _SIGNED and bits == 8):
        return f"{'unsigned' if kinds == _UNSIGNED else 'signed'} {bits} bits taken for others"
    return None


def _largest(value: Any) -> int:
    return int(max(value)) if isinstance(value, tuple) and value else int(value or 0)


@dataclass(frozen=True)
class Page:
    """The first page of a TIFF file, not decoded yet.

    Attributes
    ----------
    page : tifffile.TiffPage
        As tifffile reads it.
    pages : int
        Pages in the file.
    """

    page: Any
    pages: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in the file."""
        return int(self.page.imagewidth), int(self.page.imagelength)

    @property
    def values(self) -> int:
        """Values of all pixels and bands."""
        width, height = self.size
        return width * height * int(self.page.samplesperpixel)

    @property
    def mode(self) -> str:
        """Type and bands, such as ``uint16 x 5``."""
        return f"{self.page.dtype} x {int(self.page.samplesperpixel)}"

    def upright_pixels(self) -> tuple[NDArray[Any], int]:
        """Pixels (height, width, bands) in the file's own type, upright, and the orientation that was applied.

        Where white is zero, integers are inverted. Three or four bands of a color image stay three or four.

        Raises
        ------
        ValueError
            The page is no picture of bands, or of complex numbers.
        """
        pixels = np.asarray(self.page.asarray())
        pixels = _bands_last(pixels, self.page)
        if pixels.dtype.kind not in _KINDS:
            raise ValueError(f"pixels of type {pixels.dtype}; expected integers or floats")
        if int(self.page.photometric) == _WHITE_IS_ZERO and pixels.dtype.kind == "u":
            pixels = np.iinfo(pixels.dtype).max - pixels
        tag = self.page.tags.get(_ORIENTATION)
        orientation = int(tag.value) if tag is not None and 1 <= int(tag.value) <= 8 else 1
        native = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
        return np.ascontiguousarray(upright(native, orientation)), orientation


def first_page(data: bytes) -> Page:
    """Open the first page of a TIFF file.

    Raises
    ------
    Exception
        Whatever tifffile raises for a broken file.
    """
    import tifffile

    file = tifffile.TiffFile(io.BytesIO(data))
    return Page(file.pages[0], page_count(data))


def _bands_last(pixels: NDArray[Any], page: Any) -> NDArray[Any]:
    width, height, samples = int(page.imagewidth), int(page.imagelength), int(page.samplesperpixel)
    if pixels.shape == (height, width):
        return pixels[:, :, np.newaxis]
    if pixels.shape == (height, width, samples):
        return pixels
    if pixels.shape == (samples, height, width):
        return np.moveaxis(pixels, 0, 2)
    raise ValueError(f"a page of shape {pixels.shape}; expected one picture of bands")


def upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn stored pixels (height, width, channels) by an EXIF or TIFF orientation, 1 to 8.

    Examples
    --------
    >>> upright(np.array([[[1], [2]]]), 3).ravel().tolist()
    [2, 1]
    """
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    # What is left is a mirror and a half turn, of the transposed picture in the last four cases.
    rows, columns = {2: (1, -1), 3: (-1, -1), 4: (-1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1)}.get(orientation, (1, 1))
    return pixels[::rows, ::columns]
