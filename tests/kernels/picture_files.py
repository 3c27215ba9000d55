"""Writers of image files in their odd forms, from the definitions of the formats: no library of images is used.

Each takes samples as integers, in the range of the form, and gives the bytes of a file.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[Any]


def packed(rows: Samples, bits: int) -> bytes:
    """Rows (height, samples) of 1, 2, 4 or 8 bits, the first sample in the highest bits; each row ends on a byte."""
    spread = (rows[:, :, np.newaxis].astype(np.uint8) >> np.arange(bits - 1, -1, -1, dtype=np.uint8)) & 1
    return np.packbits(spread.reshape(len(rows), -1), axis=1).tobytes()


def png(
    samples: Samples, bits: int, color_type: int, *, chunks: tuple[tuple[bytes, bytes], ...] = (), interlaced=False
) -> bytes:
    """PNG of samples (height, width, channels), with every filter in turn, and with chunks before the pixels."""
    height, width = samples.shape[:2]
    passes = [(0, 0, 1, 1)]
    if interlaced:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    stream = b""
    for x, y, step_x, step_y in passes:
        part = samples[y::step_y, x::step_x]
        if part.size:
            stream += _filtered(part.reshape(len(part), -1), bits, samples.shape[2])
    header = struct.pack(">IIBBBBB", width, height, bits, color_type, 0, 0, int(interlaced))
    parts = ((b"IHDR", header), *chunks, (b"IDAT", zlib.compress(stream)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )


def _filtered(rows: Samples, bits: int, channels: int) -> bytes:
    step = max(1, bits * channels // 8)
    raw = rows.astype(">u2").tobytes() if bits == 16 else packed(rows, bits)
    lines = np.frombuffer(raw, np.uint8).reshape(len(rows), -1).astype(int)
    out, above = b"", np.zeros(lines.shape[1], dtype=int)
    for number, line in enumerate(lines):
        left = np.concatenate([np.zeros(step, dtype=int), line])[: len(line)]
        corner = np.concatenate([np.zeros(step, dtype=int), above])[: len(line)]
        guess = left + above - corner
        near = np.stack([np.abs(guess - left), np.abs(guess - above), np.abs(guess - corner)])
        paeth = np.choose(near.argmin(axis=0), [left, above, corner])
        predicted = (np.zeros_like(line), left, above, (left + above) // 2, paeth)[number % 5]
        out += bytes([number % 5]) + ((line - predicted) % 256).astype(np.uint8).tobytes()
        above = line
    return out


def tiff(
    samples: Samples,
    *,
    order: str = "<",
    photometric: int = 1,
    bits: int | None = None,
    extra: tuple[int, ...] = (),
    planar: bool = False,
    rows_per_strip: int | None = None,
    tile: int | None = None,
    compression: int = 1,
    predictor: bool = False,
    fill_reversed: bool = False,
    big: bool = False,
    tags: dict[int, tuple[str, tuple[int, ...]]] | None = None,
) -> bytes:
    """TIFF of samples (height, width, channels) in their own type, or packed in `bits` bits."""
    height, width, channels = samples.shape
    kind = {"u": 1, "i": 2, "f": 3}[samples.dtype.kind]
    depth = bits or samples.dtype.itemsize * 8
    planes = [samples[:, :, c : c + 1] for c in range(channels)] if planar else [samples]
    strip = rows_per_strip or height
    blocks = []
    for plane in planes:
        if tile:
            padded = np.pad(plane, ((0, -height % tile), (0, -width % tile), (0, 0)))
            corners = [(y, x) for y in range(0, height, tile) for x in range(0, width, tile)]
            blocks += [padded[y : y + tile, x : x + tile] for y, x in corners]
        else:
            blocks += [plane[y : y + strip] for y in range(0, height, strip)]
    coded = [_coded(block, order, bits, compression, predictor, fill_reversed) for block in blocks]
    entries: dict[int, tuple[str, tuple[int, ...]]] = {
        256: ("I", (width,)),
        257: ("I", (height,)),
        258: ("H", (depth,) * channels),
        259: ("H", (compression,)),
        262: ("H", (photometric,)),
        266: ("H", (2 if fill_reversed else 1,)),
        277: ("H", (channels,)),
        284: ("H", (2 if planar else 1,)),
        339: ("H", (kind,) * channels),
        **({338: ("H", extra)} if extra else {}),
        **({317: ("H", (3 if samples.dtype.kind == "f" else 2,))} if predictor else {}),
        **({322: ("I", (tile,)), 323: ("I", (tile,))} if tile else {278: ("I", (strip,))}),
        **(tags or {}),
    }
    return _directory(entries, coded, order, big, 324 if tile else 273, 325 if tile else 279)


def _coded(
    block: Samples, order: str, bits: int | None, compression: int, predictor: bool, fill_reversed: bool
) -> bytes:
    if predictor and block.dtype.kind == "f":
        return _packed_floats(block, compression)
    if predictor:
        block = np.concatenate([block[:, :1], np.diff(block.astype(np.int64), axis=1).astype(block.dtype)], axis=1)
    rows = block.reshape(len(block), -1)
    raw = packed(rows, bits) if bits else rows.astype(rows.dtype.newbyteorder(order)).tobytes()
    if fill_reversed:
        raw = np.packbits(np.unpackbits(np.frombuffer(raw, np.uint8), bitorder="little")).tobytes()
    if compression == 8:
        return zlib.compress(raw)
    return lzw(raw) if compression == 5 else raw


def _packed_floats(block: Samples, compression: int) -> bytes:
    """The floating point predictor: bytes of a row by significance, the highest first, and their differences."""
    rows, channels = block.reshape(len(block), -1), block.shape[2]
    planes = rows.astype(rows.dtype.newbyteorder(">")).view(np.uint8).reshape(*rows.shape, -1)
    by_place = np.moveaxis(planes, 2, 1).reshape(len(rows), -1, channels)
    raw = np.concatenate([by_place[:, :1], by_place[:, 1:] - by_place[:, :-1]], axis=1).tobytes()
    return {8: zlib.compress, 5: lzw}[compression](raw)


def lzw(data: bytes) -> bytes:
    """LZW of TIFF, without a dictionary: codes of 9 bits, cleared before they would grow."""
    codes = []
    for start in range(0, len(data), 250):
        codes += [256, *data[start : start + 250]]
    text = "".join(f"{code:09b}" for code in [*codes, 257])
    return int(text.ljust(-(-len(text) // 8) * 8, "0"), 2).to_bytes(-(-len(text) // 8), "big")


def _directory(
    entries: dict[int, tuple[str, tuple[int, ...]]], blocks: list[bytes], order: str, big: bool, place: int, size: int
) -> bytes:
    link, count, room = ("Q", "Q", 8) if big else ("I", "H", 4)
    magic = b"II" if order == "<" else b"MM"
    magic += struct.pack(order + "HHH", 43, 8, 0) if big else struct.pack(order + "H", 42)
    body, offsets = b"", []
    first = len(magic) + room
    for block in blocks:
        offsets.append(first + len(body))
        body += block + bytes(len(block) % 2)
    entries = entries | {place: ("I", tuple(offsets)), size: ("I", tuple(map(len, blocks)))}
    start = first + len(body)
    number = struct.pack(order + count, len(entries))
    beyond = start + len(number) + len(entries) * (4 + 2 * room) + room
    table, values = b"", b""
    for tag, (kind, numbers) in sorted(entries.items()):
        data = struct.pack(f"{order}{len(numbers)}{kind}", *numbers)
        table += struct.pack(f"{order}HH{link}", tag, {"H": 3, "I": 4}[kind], len(numbers))
        if len(data) <= room:
            table += data.ljust(room, b"\0")
        else:
            table += struct.pack(order + link, beyond + len(values))
            values += data + bytes(len(data) % 2)
    return magic + struct.pack(order + link, start) + body + number + table + bytes(room) + values


def bmp(
    samples: Samples,
    bits: int,
    *,
    palette: Samples | None = None,
    masks: tuple[int, ...] = (),
    top_down: bool = False,
) -> bytes:
    """BMP of samples (height, width, bytes): indices of 1, 4 or 8 bits, 16-bit words in two bytes, BGR or BGRX."""
    height, width = samples.shape[:2]
    rows = samples if top_down else samples[::-1]
    if bits < 8:
        body = [packed(row.reshape(1, -1), bits) for row in rows]
    else:
        body = [row.astype(np.uint8).tobytes() for row in rows]
    data = b"".join(line + bytes(-len(line) % 4) for line in body)
    table = b"" if palette is None else b"".join(bytes([*color[::-1], 0]) for color in palette.tolist())
    extent = 40 if len(masks) < 4 else 108
    header = struct.pack(
        "<IiiHHIIiiII", extent, width, -height if top_down else height, 1, bits, 3 if masks else 0, len(data), 0, 0,
        0 if palette is None else len(palette), 0,
    )  # fmt: skip
    header += struct.pack(f"<{len(masks)}I", *masks)
    header = header.ljust(extent, b"\0") if extent == 108 else header
    start = 14 + len(header) + len(table)
    return struct.pack("<2sIHHI", b"BM", start + len(data), 0, 0, start) + header + table + data


def pnm(samples: Samples, kind: int, largest: int) -> bytes:
    """PBM, PGM or PPM by its number, P1 to P6; of 16 bits from a largest value of 256 on."""
    height, width = samples.shape[:2]
    head = f"P{kind}\n# a comment\n{width} {height}\n" + ("" if kind in (1, 4) else f"{largest}\n")
    if kind <= 3:
        return head.encode() + b"\n".join(b" ".join(b"%d" % value for value in row.ravel()) for row in samples)
    return head.encode() + (packed(samples[:, :, 0], 1) if kind == 4 else samples.astype(_word(largest)).tobytes())


def _word(largest: int) -> str:
    return ">u2" if largest > 255 else "u1"


def tga(
    samples: Samples, kind: int, bits: int, *, palette: bytes = b"", depth: int = 0, flags: int = 0, packets=False
) -> bytes:
    """TGA of samples (height, width, bytes), as they are stored; palettes of `depth` bits; `packets`: run lengths."""
    height, width = samples.shape[:2]
    rows = samples if flags & 0x20 else samples[::-1]
    rows = rows[:, ::-1] if flags & 0x10 else rows
    length = len(palette) * 8 // depth if palette else 0
    head = struct.pack(
        "<BBBHHBHHHHBB", 0, int(bool(palette)), kind + (8 if packets else 0), 0, length, depth, 0, 0, width, height,
        bits, flags,
    )  # fmt: skip
    pixels = rows.astype(np.uint8).reshape(height * width, -1)
    if not packets:
        return head + palette + pixels.tobytes()
    body = b""
    for row in pixels.reshape(height, width, -1):
        body += bytes([0x80]) + row[0].tobytes() + bytes([width - 2]) + row[1:].tobytes()
    return head + palette + body
