"""Samples of a TIFF page as the file stores them: of any type, number of bands, byte order and layout.

Pillow knows a list of combinations, takes some for others and reads compressed integers and floats of the other byte
order wrongly. Here its codecs are used for the compression alone: the page is described to it as gray bytes, and the
page's own tags say what these bytes are. Pages are counted by their directories; Pillow would read all tags of each,
which takes 0.8 ms a page. Source: TIFF 6.0, and the technical notes on predictors.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL.TiffImagePlugin import TiffImageFile

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 256, 257, 258, 259, 262, 266
STRIP_OFFSETS, ORIENTATION, BANDS, ROWS_PER_STRIP, STRIP_SIZES, PLANAR = 273, 274, 277, 278, 279, 284
PREDICTOR, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_SIZES, EXTRA, SAMPLE_FORMAT = 317, 322, 323, 324, 325, 338, 339
_DEFAULTS = {BITS: 1, COMPRESSION: 1, PHOTOMETRIC: 1, FILL_ORDER: 1, ORIENTATION: 1, BANDS: 1, PLANAR: 1}
_DEFAULTS |= {PREDICTOR: 1, SAMPLE_FORMAT: 1}
_TYPES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
# None, LZW, Deflate under both numbers, PackBits, LZMA, Zstandard: what comes out are the bytes that went in.
_LOSSLESS = (1, 5, 8, 32946, 32773, 34925, 50000)
_KINDS = {1: "u", 2: "i", 3: "f", 4: "u"}
_HORIZONTAL, _FLOATING = 2, 3
_LARGEST_TILE = 2**22  # pixels that tiles may have beyond the image


@dataclass(frozen=True)
class Page:
    """Tags of a page that hold whole numbers, and the file of the page.

    Attributes
    ----------
    data : bytes
        The whole file.
    order : str
        Byte order, ``<`` or ``>``.
    tags : dict
        Numbers by tag.
    """

    data: bytes
    order: Literal["<", ">"]
    tags: dict[int, tuple[int, ...]]

    def number(self, tag: int) -> int:
        """The first number of a tag, its default where the page lacks it, and 0 where it has none."""
        numbers = self.tags.get(tag)
        return numbers[0] if numbers else _DEFAULTS.get(tag, 0)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in the file."""
        return self.number(WIDTH), self.number(HEIGHT)

    @property
    def bands(self) -> int:
        """Number of samples of each pixel."""
        return self.number(BANDS)

    @property
    def bits(self) -> int:
        """Number of bits of the largest sample."""
        return max(self.tags.get(BITS, (1,)), default=1)

    @property
    def kind(self) -> str:
        """numpy's ``u``, ``i`` or ``f``; ``?`` for complex numbers and unknown kinds."""
        return _KINDS.get(max(self.tags.get(SAMPLE_FORMAT, (1,)), default=1), "?")

    @property
    def has_codec(self) -> bool:
        """Whether Pillow can unpack the page to the bytes that were packed."""
        return self.number(COMPRESSION) in _LOSSLESS

    @property
    def orientation(self) -> int:
        """Orientation that the page asks for, 1 to 8."""
        orientation = self.number(ORIENTATION)
        return orientation if 1 <= orientation <= 8 else 1

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type that holds the samples.

        Raises
        ------
        ValueError
            No type does: complex numbers, samples of different bits, floats of odd sizes.
        """
        bits, kind = set(self.tags.get(BITS, (1,))), self.kind
        if kind == "?":
            raise ValueError("samples of complex numbers or of an unknown type; expected integers or floats")
        sizes = {"f": (16, 32, 64)}.get(kind, (8, 16, 32, 64))
        fitting = [size for size in sizes if size == self.bits or (kind == "u" and size > self.bits)]
        if len(bits) != 1 or not fitting:
            raise ValueError(f"samples of {', '.join(map(str, sorted(bits)))} bits; expected 8, 16, 32 or 64")
        return np.dtype(f"{kind}{fitting[0] // 8}")


def page_of(data: bytes, index: int = 0) -> Page:
    """Read the tags of a page.

    Raises
    ------
    ValueError
        There is no such page, or it has no size.
    """
    order: Literal["<", ">"] = "<" if data[:2] == b"II" else ">"
    is_big = data[2:4] in (b"+\x00", b"\x00+")
    head, entry, room = (order + "Q", order + "HHQ", 8) if is_big else (order + "H", order + "HHI", 4)
    offsets = directories(data)
    if index >= len(offsets):
        raise ValueError(f"no page {index}: the file has {len(offsets)}")
    (count,) = struct.unpack_from(head, data, offsets[index])
    tags: dict[int, tuple[int, ...]] = {}
    place = offsets[index] + struct.calcsize(head)
    for _ in range(count):
        tag, type_, length = struct.unpack_from(entry, data, place)
        place += struct.calcsize(entry) + room
        if type_ in _TYPES:
            values = f"{order}{length}{_TYPES[type_]}"
            start = place - room
            if struct.calcsize(values) > room:
                (start,) = struct.unpack_from(order + ("Q" if is_big else "I"), data, start)
            if start + struct.calcsize(values) <= len(data):
                tags[tag] = struct.unpack_from(values, data, start)
    page = Page(data, order, tags)
    if min(page.size) < 1 or page.bands < 1:
        raise ValueError(
            f"a page of {page.size[0]} x {page.size[1]} pixels and {page.bands} bands; expected at least 1"
        )
    return page


def samples(page: Page) -> NDArray[Any]:
    """Decode a page: (height, width, bands) in the file's own type, as stored and not turned.

    Samples of fewer bits than their type are not scaled.

    Raises
    ------
    ValueError
        A type or compression that is not read here.
    OSError
        The page is damaged.

    Examples
    --------
    >>> from PIL import Image
    >>> file = io.BytesIO()
    >>> Image.new("I;16", (3, 2), 500).save(file, "TIFF")
    >>> samples(page_of(file.getvalue())).shape
    (2, 3, 1)
    """
    if not page.has_codec:
        raise ValueError(f"samples of {page.bits} bits in compression {page.number(COMPRESSION)}")
    (width, height), _ = page.size, page.dtype  # a type that is not read is refused before memory is taken
    planes = page.bands if page.number(PLANAR) == 2 and page.bands > 1 else 1
    bands = page.bands // planes
    is_tiled = bool(page.tags.get(TILE_OFFSETS))
    block = (page.number(TILE_WIDTH), page.number(TILE_HEIGHT)) if is_tiled else (width, height)
    if min(block) < 1:
        raise ValueError(f"tiles of {block[0]} x {block[1]} pixels; expected 1 x 1 or more")
    across, down = -(-width // block[0]), -(-height // block[1])
    if across * block[0] * down * block[1] > 4 * width * height + _LARGEST_TILE:
        raise ValueError(
            f"tiles of {block[0]} x {block[1]} pixels in an image of {width} x {height}; expected smaller ones"
        )
    row_bytes = -(-block[0] * bands * page.bits // 8)
    offsets = page.tags.get(TILE_OFFSETS if is_tiled else STRIP_OFFSETS, ())
    sizes = page.tags.get(TILE_SIZES if is_tiled else STRIP_SIZES, ())
    share = len(offsets) // planes
    parts = []
    for plane in range(planes):
        part = slice(plane * share, (plane + 1) * share)
        shape = (down * block[1] if is_tiled else height, across * row_bytes)
        rows = _bytes(page, shape, row_bytes if is_tiled else 0, offsets[part], sizes[part])
        values = _values(page, rows.reshape(shape[0], across, row_bytes), block[0] * bands, bands)
        parts.append(values.reshape(shape[0], across * block[0], bands)[:height, :width])
    return parts[0] if planes == 1 else np.concatenate(parts, axis=2)


def _bytes(
    page: Page, shape: tuple[int, int], tile_bytes: int, offsets: tuple[int, ...], sizes: tuple[int, ...]
) -> NDArray[np.uint8]:
    """Unpacked bytes of the strips or tiles of one plane: Pillow reads them as a gray image, one byte a pixel."""
    compression = page.number(COMPRESSION)
    tags: dict[int, tuple[int, ...]] = {
        WIDTH: (shape[1],),
        HEIGHT: (shape[0],),
        BITS: (8,),
        COMPRESSION: (compression,),
        PHOTOMETRIC: (1,),
        BANDS: (1,),
        FILL_ORDER: (page.number(FILL_ORDER),),
    }
    if tile_bytes:
        tags |= {TILE_WIDTH: (tile_bytes,), TILE_HEIGHT: (page.number(TILE_HEIGHT),)}
        tags |= {TILE_OFFSETS: offsets, TILE_SIZES: sizes}
    else:
        tags |= {ROWS_PER_STRIP: (page.number(ROWS_PER_STRIP) or shape[0],)}
        tags |= {STRIP_OFFSETS: offsets, STRIP_SIZES: sizes}
    image = TiffImageFile(io.BytesIO(_described(page, tags)))  # not Image.open, which would count bytes as pixels
    image.load()
    return np.asarray(image)


def _described(page: Page, tags: dict[int, tuple[int, ...]]) -> bytes:
    """The file with another first directory, appended to its end."""
    start = len(page.data) + len(page.data) % 2
    beyond = start + 2 + 12 * len(tags) + 4
    table, values = b"", b""
    for tag, numbers in sorted(tags.items()):
        table += struct.pack(page.order + "HHI", tag, 4, len(numbers))
        packed = struct.pack(f"{page.order}{len(numbers)}I", *numbers)
        if len(numbers) == 1:
            table += packed
        else:
            table += struct.pack(page.order + "I", beyond + len(values))
            values += packed
    head = (b"II*\0" if page.order == "<" else b"MM\0*") + struct.pack(page.order + "I", start)
    number = struct.pack(page.order + "H", len(tags))
    return b"".join((head, page.data[8:], bytes(len(page.data) % 2), number, table, bytes(4), values))


def _values(page: Page, rows: NDArray[np.uint8], length: int, bands: int) -> NDArray[Any]:
    """Samples (rows, blocks, length) from bytes (rows, blocks, bytes of a row)."""
    dtype, predictor = page.dtype, page.number(PREDICTOR)
    if predictor == _FLOATING:
        shape = (*rows.shape[:2], -1, bands)
        summed = np.cumsum(rows.reshape(shape), axis=2, dtype=np.uint8).reshape(*rows.shape[:2], dtype.itemsize, length)
        return np.ascontiguousarray(np.moveaxis(summed, 2, 3)).view(dtype.newbyteorder(">"))[..., 0].astype(dtype)
    if page.bits == dtype.itemsize * 8:
        values = np.ascontiguousarray(rows).view(dtype.newbyteorder(page.order)).astype(dtype, copy=False)
    else:
        values = _unpacked(rows, page.bits, length, dtype)
    if predictor == _HORIZONTAL:
        whole = values.view(f"u{dtype.itemsize}").reshape(*values.shape[:2], -1, bands)
        values = np.cumsum(whole, axis=2, dtype=whole.dtype).view(dtype).reshape(values.shape)
        if page.bits < dtype.itemsize * 8:
            values &= dtype.type(2**page.bits - 1)
    return values


def _unpacked(rows: NDArray[np.uint8], bits: int, length: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    spread = np.unpackbits(rows, axis=2)[:, :, : length * bits].reshape(*rows.shape[:2], length, bits)
    values = np.zeros(spread.shape[:3], dtype=dtype)
    for bit in range(bits):
        values = (values << dtype.type(1)) | spread[..., bit].astype(dtype)
    return values


def page_count(data: bytes) -> int:
    """Number of directories in the chain of a TIFF or BigTIFF file, at least 1.

    Parameters
    ----------
    data : bytes
        The whole file.

    Examples
    --------
    >>> page_count(b"II*\\x00" + bytes(4))
    1
    """
    return max(1, len(directories(data)))


def directories(data: bytes) -> list[int]:
    """Offsets of the directories in the chain of a TIFF or BigTIFF file.

    The chain ends where it comes back to itself or leaves the file, so a damaged later page does not cost the others.

    Examples
    --------
    >>> directories(b"II*\\x00" + bytes(4))
    []
    """
    order = "<" if data[:2] == b"II" else ">"
    is_big = data[2:4] in (b"+\x00", b"\x00+")
    number, entry, link = (order + "Q", 20, order + "Q") if is_big else (order + "H", 12, order + "I")
    pages: dict[int, None] = {}  # in order
    offset = _read(link, data, 8 if is_big else 4)
    while offset and offset not in pages:
        entries = _read(number, data, offset)
        end = offset + struct.calcsize(number) + (entries or 0) * entry
        following = _read(link, data, end)
        if not entries or following is None:
            break
        pages[offset] = None
        offset = following
    return list(pages)


def _read(format: str, data: bytes, offset: int) -> int | None:
    if offset + struct.calcsize(format) > len(data):
        return None
    return int(struct.unpack_from(format, data, offset)[0])
