"""TIFF files that Pillow cannot read, or only with fewer bits, or wrongly: many bands, integers, floats, alpha."""

from __future__ import annotations

import functools
import importlib.util
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.kernels.images.decoding.image_modes import Layers, with_alpha
from dataeval_spark.kernels.images.decoding.tiff_samples import (
    EXTRA,
    PHOTOMETRIC,
    Page,
    samples,
)

_PREMULTIPLIED, _UNASSOCIATED = 1, 2  # kinds of extra samples
_WHITE_IS_ZERO, _COLOR, _PALETTE, _CMYK, _YCBCR, _LAB = 0, 2, 3, 5, 6, 8
_OWN_BANDS = {_WHITE_IS_ZERO: 1, 1: 1, _COLOR: 3, _PALETTE: 1, _CMYK: 4, _YCBCR: 3, _LAB: 3}
_PILLOW_BITS = (1, 2, 4, 8)


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
    """Whether tifffile (extra ``tiff``) is installed."""
    return importlib.util.find_spec("tifffile") is not None


def is_left_to_pillow(page: Page) -> bool:
    """Whether Pillow reads a page without loss: up to eight bits, unsigned, and no more bands than its colours.

    Examples
    --------
    >>> is_left_to_pillow(Page(b"", "<", {258: (8, 8, 8), 262: (2,), 277: (3,)}))
    True
    >>> is_left_to_pillow(Page(b"", "<", {258: (16,)}))
    False
    """
    own = _OWN_BANDS.get(page.number(PHOTOMETRIC))
    if page.kind != "u" or page.bits not in _PILLOW_BITS or own is None:
        return False
    is_with_alpha = page.bands == own + 1 and has_alpha(page)
    if not page.has_codec:
        return page.bands <= own or is_with_alpha
    return page.bands == own or (is_with_alpha and page.number(PHOTOMETRIC) == _PALETTE)


def has_alpha(page: Page) -> bool:
    """Whether the first band beside the colours is alpha.

    Examples
    --------
    >>> has_alpha(Page(b"", "<", {262: (2,), 277: (4,), 338: (2,)}))
    True
    """
    own = _OWN_BANDS.get(page.number(PHOTOMETRIC), page.bands)
    return page.bands > own and page.tags.get(EXTRA, ())[:1] in ((_PREMULTIPLIED,), (_UNASSOCIATED,))


def layers_of_page(page: Page) -> Layers:
    """Layers of a page, as stored: not turned.

    Unsigned integers are inverted where white is zero, and gray of up to seven bits is scaled to eight. A band beside
    gray or colour is alpha where the file says so; any other band is kept as it is.

    Raises
    ------
    ValueError
        A type, compression or kind of colour that is not read.
    OSError
        The page is damaged.
    """
    photometric = page.number(PHOTOMETRIC)
    if photometric in (_PALETTE, _YCBCR, _LAB):
        name = {_PALETTE: "palette", _YCBCR: "YCbCr", _LAB: "CIELAB"}[photometric]
        raise ValueError(f"{name} of {page.bits} bits and {page.bands} bands")
    return _layers(samples(page), page)


def _layers(pixels: NDArray[Any], page: Page) -> Layers:
    photometric = page.number(PHOTOMETRIC)
    conversion = None
    if photometric == _WHITE_IS_ZERO and pixels.dtype.kind == "u":
        pixels = np.concatenate([2**page.bits - 1 - pixels[:, :, :1], pixels[:, :, 1:]], axis=2)
    if page.bits < 8 and pixels.dtype.kind == "u":
        pixels = (pixels.astype(np.uint16) * 255 // (2**page.bits - 1)).astype(np.uint8)
        conversion = "1 bit to 8" if page.bits == 1 else None
    if photometric == _CMYK and page.bands == 4 and pixels.dtype.kind == "u":
        return Layers(_rgb_of_inks(pixels), conversion="CMYK to RGB", source=pixels, source_kind="CMYK")
    is_last = page.bands == _OWN_BANDS.get(photometric, page.bands) + 1
    if photometric != _CMYK and is_last and has_alpha(page) and _is_opacity(pixels):
        colors, is_premultiplied = np.ascontiguousarray(pixels[:, :, :-1]), page.number(EXTRA) == _PREMULTIPLIED
        return with_alpha(colors, pixels[:, :, -1:], conversion, is_premultiplied=is_premultiplied)
    return Layers(pixels, conversion=conversion)


def _is_opacity(pixels: NDArray[Any]) -> bool:
    if pixels.dtype.kind == "u":
        return True
    return pixels.dtype.kind == "f" and bool(np.all((pixels >= 0) & (pixels <= 1)))


def _rgb_of_inks(inks: NDArray[Any]) -> NDArray[Any]:
    """``(top - ink) * (top - black) / top``, to the nearest, as Pillow does with eight bits."""
    top = np.uint64(np.iinfo(inks.dtype).max)
    left = top - inks.astype(np.uint64)
    rgb: NDArray[Any] = ((left[:, :, :3] * left[:, :, 3:] + top // np.uint64(2)) // top).astype(inks.dtype)
    return rgb


def layers_by_tifffile(page: Page, index: int = 0) -> Layers:
    """Layers of a page in a compression that needs tifffile's codecs.

    Raises
    ------
    Exception
        Whatever tifffile raises for a broken file.
    """
    import tifffile

    with tifffile.TiffFile(io.BytesIO(page.data)) as file:
        tiff_page = file.pages[index]
        pixels = _bands_last(np.asarray(tiff_page.asarray()), page)
    if pixels.dtype.kind not in "uif":
        raise ValueError(f"pixels of type {pixels.dtype}; expected integers or floats")
    return _layers(pixels.astype(pixels.dtype.newbyteorder("="), copy=False), page)


def _bands_last(pixels: NDArray[Any], page: Page) -> NDArray[Any]:
    (width, height), bands = page.size, page.bands
    if pixels.shape == (height, width):
        return pixels[:, :, np.newaxis]
    if pixels.shape == (height, width, bands):
        return pixels
    if pixels.shape == (bands, height, width):
        return np.moveaxis(pixels, 0, 2)
    raise ValueError(f"a page of shape {pixels.shape}; expected height {height} and width {width}, and {bands} bands")


def upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn stored pixels (height, width, channels) by an EXIF or TIFF orientation, 1 to 8.

    Examples
    --------
    >>> upright(np.array([[[1], [2]]]), 3).ravel().tolist()
    [2, 1]
    """
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    # A mirror and a half turn remain, of the transposed picture in the last four cases.
    rows, columns = {2: (1, -1), 3: (-1, -1), 4: (-1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1)}.get(orientation, (1, 1))
    return pixels[::rows, ::columns]
