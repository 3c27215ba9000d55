"""One picture in every form that files have: each decoder gives the picture itself, or says why it cannot.

Forms are formats x bit depths x byte orders x kinds of color x kinds of transparency x layouts. What is compared:
values, channels and their order, type (so that the value range is found), and what `conversion` says was done.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, features

from dataeval_spark.kernels.images.decoding.decode import UnreadableImage, decode
from dataeval_spark.kernels.images.decoding.image_modes import layers_of
from dataeval_spark.kernels.images.decoding.stored_bits import with_stored_bits
from tests.kernels.picture_files import bmp, png, pnm, tga, tiff

RANDOM = np.random.default_rng(16)
HEIGHT, WIDTH = 13, 19
WIDE = RANDOM.integers(0, 65536, (HEIGHT, WIDTH, 3), dtype=np.uint16)
WIDE[0, 0], WIDE[0, 1] = 0, 65535
NARROW = (WIDE >> 8).astype(np.uint8)
GRAY_WIDE, GRAY = WIDE[:, :, :1], NARROW[:, :, :1]
ALPHA_WIDE = RANDOM.integers(0, 65536, (HEIGHT, WIDTH, 1), dtype=np.uint16)
ALPHA_WIDE[1, :7], ALPHA_WIDE[2, :7] = 0, 65535
ALPHA = (ALPHA_WIDE >> 8).astype(np.uint8)
ORDERS = {"<": "little", ">": "big"}
OVER_WHITE = "alpha over white"
KEPT = None


class Form(NamedTuple):
    """A file, the pixels it stands for, what decoding may say that it did, and how far the pixels may be off."""

    name: str
    data: bytes
    pixels: NDArray[Any]
    conversion: str | None
    tolerance: float = 0.0


def over_white(colors: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    """The definition in whole numbers, rounded to the nearest."""
    top = int(np.iinfo(colors.dtype).max)
    mixed = colors.astype(np.int64) * alpha + top * (top - alpha.astype(np.int64))
    return ((2 * mixed + top) // (2 * top)).astype(colors.dtype)


def saved(image: Image.Image, file_format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def scaled(levels: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    return (levels.astype(int) * 255 // (2**bits - 1)).astype(np.uint8)


def indices(bits: int) -> NDArray[np.uint8]:
    return RANDOM.integers(0, 2**bits, (HEIGHT, WIDTH, 1), dtype=np.uint8)


def palette(bits: int) -> NDArray[np.uint8]:
    return RANDOM.integers(0, 256, (2**bits, 3), dtype=np.uint8)


def words(numbers: NDArray[Any]) -> bytes:
    return numbers.astype(">u2").tobytes()


def shared_key(samples: NDArray[Any]) -> NDArray[Any]:
    """The color that a file calls transparent: that of a pixel, or black of one bit: white would not show."""
    return samples[3, 4] if samples.max() > 1 else np.zeros(1, dtype=int)


def keyed(shown: NDArray[Any], samples: NDArray[Any]) -> NDArray[Any]:
    """What is shown of samples of which one color is transparent."""
    is_clear = (samples == shared_key(samples)).all(axis=2, keepdims=True)
    return np.where(is_clear, np.iinfo(shown.dtype).max, shown).astype(shown.dtype)


def png_forms() -> Iterator[Form]:
    for interlaced in (False, True):
        mark = "-interlaced" if interlaced else ""
        for bits in (1, 2, 4, 8, 16):
            levels = GRAY_WIDE if bits == 16 else indices(bits)
            shown = GRAY_WIDE if bits == 16 else scaled(levels, bits)
            said = "1 bit to 8" if bits == 1 else KEPT
            yield Form(f"png-gray{bits}{mark}", png(levels, bits, 0, interlaced=interlaced), shown, said)
            key = ((b"tRNS", words(shared_key(levels))),)
            data = png(levels, bits, 0, chunks=key, interlaced=interlaced)
            said = f"{said}, {OVER_WHITE}" if said else OVER_WHITE
            yield Form(f"png-gray{bits}-key{mark}", data, keyed(shown, levels), said)
        for bits, colors, alpha in ((8, NARROW, ALPHA), (16, WIDE, ALPHA_WIDE)):
            yield Form(f"png-rgb{bits}{mark}", png(colors, bits, 2, interlaced=interlaced), colors, KEPT)
            data = png(colors, bits, 2, chunks=((b"tRNS", words(shared_key(colors))),), interlaced=interlaced)
            yield Form(f"png-rgb{bits}-key{mark}", data, keyed(colors, colors), OVER_WHITE)
            absent = png(colors, bits, 2, chunks=((b"tRNS", words(np.array([1, 2, 3]))),), interlaced=interlaced)
            yield Form(f"png-rgb{bits}-absent-key{mark}", absent, colors, KEPT)
            for kind, own in ((6, colors), (4, colors[:, :, :1])):
                name = f"png-{'rgba' if kind == 6 else 'la'}{bits}{mark}"
                data = png(np.dstack([own, alpha]), bits, kind, interlaced=interlaced)
                yield Form(name, data, over_white(own, alpha), OVER_WHITE)
                opaque = np.full_like(alpha, np.iinfo(alpha.dtype).max)
                data = png(np.dstack([own, opaque]), bits, kind, interlaced=interlaced)
                yield Form(f"{name}-opaque", data, own, KEPT)
        for bits in (1, 2, 4, 8):
            levels, table = indices(bits), palette(bits)
            colors = table[levels[:, :, 0]]
            chunks = ((b"PLTE", table.tobytes()),)
            data = png(levels, bits, 3, chunks=chunks, interlaced=interlaced)
            yield Form(f"png-palette{bits}{mark}", data, colors, "palette to RGB")
            for name, opacity in (
                ("clear", np.arange(len(table)) * 0),
                ("graded", RANDOM.integers(0, 255, len(table))),
                ("opaque", np.full(len(table), 255)),
            ):
                alpha = opacity.astype(np.uint8)[levels]
                said = "palette to RGB" if name == "opaque" else f"palette to RGB, {OVER_WHITE}"
                data = png(
                    levels, bits, 3, chunks=(*chunks, (b"tRNS", opacity.astype(np.uint8).tobytes())),
                    interlaced=interlaced,
                )  # fmt: skip
                yield Form(f"png-palette{bits}-{name}{mark}", data, over_white(colors, alpha), said)


def tiff_layouts() -> Iterator[tuple[str, dict[str, Any]]]:
    yield "strips", {"rows_per_strip": 5}
    yield "tiles", {"tile": 16}
    yield "deflate", {"compression": 8, "rows_per_strip": 4}
    yield "lzw", {"compression": 5}
    yield "big", {"big": True}


def tiff_forms() -> Iterator[Form]:
    types = [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.float16, np.float32, np.float64]
    for (order, mark), (layout, options), dtype in product(ORDERS.items(), list(tiff_layouts()), types):
        kind = np.dtype(dtype)
        numbers = WIDE.astype(np.float64) / 65536 if kind.kind == "f" else WIDE >> 8 if kind.itemsize == 1 else WIDE
        values = (
            numbers.astype(kind)
            if kind.kind != "i"
            else (numbers.astype(np.int64) - (2 ** (kind.itemsize * 8 - 1) if kind.itemsize < 4 else 30_000)).astype(
                kind
            )
        )
        if kind == np.uint32:
            values = values * np.uint32(65536)
        name = f"tiff-{kind}-{mark}-{layout}"
        yield Form(f"{name}-gray", tiff(values[:, :, :1], order=order, **options), values[:, :, :1], KEPT)
        for planar in (False, True):
            plane = "-planar" if planar else ""
            data = tiff(values, order=order, photometric=2, planar=planar, **options)
            yield Form(f"{name}-rgb{plane}", data, values, KEPT)
        if layout in ("deflate", "lzw"):
            for planar, tile in product((False, True), (None, 16)):
                changed = options | {"predictor": True, "planar": planar, "tile": tile}
                data = tiff(values, order=order, photometric=2, **changed)
                yield Form(f"{name}-predictor-{planar}-{tile}", data, values, KEPT)
        if kind.kind == "f":
            alpha = (ALPHA_WIDE / 65535).astype(kind)
            shown = (values * alpha.astype(np.float64) + 1 - alpha).astype(kind)
            data = tiff(np.dstack([values, alpha]), order=order, photometric=2, extra=(2,), **options)
            yield Form(f"{name}-rgba", data, shown, OVER_WHITE, 2 * float(np.finfo(kind).eps))
        if kind.kind == "u" and kind.itemsize <= 2:
            top = np.iinfo(kind).max
            data = tiff(top - values[:, :, :1], order=order, photometric=0, **options)
            yield Form(f"{name}-white-is-zero", data, values[:, :, :1], KEPT)
            alpha = ALPHA if kind.itemsize == 1 else ALPHA_WIDE
            for own, photometric in ((values, 2), (values[:, :, :1], 1)):
                bands = "rgba" if photometric == 2 else "la"
                for planar in (False, True):
                    plane = "-planar" if planar else ""
                    both = np.dstack([own, alpha])
                    data = tiff(both, order=order, photometric=photometric, extra=(2,), planar=planar, **options)
                    yield Form(f"{name}-{bands}{plane}", data, over_white(own, alpha), OVER_WHITE)
                    ready = ((own.astype(np.int64) * alpha + top // 2) // top).astype(kind)
                    both = np.dstack([ready, alpha])
                    data = tiff(both, order=order, photometric=photometric, extra=(1,), planar=planar, **options)
                    yield Form(f"{name}-{bands}-premultiplied{plane}", data, over_white(own, alpha), OVER_WHITE, 1)
                opaque = np.dstack([own, np.full_like(alpha, top)])
                data = tiff(opaque, order=order, photometric=photometric, extra=(2,), **options)
                yield Form(f"{name}-{bands}-opaque", data, own, KEPT)
                data = tiff(np.dstack([own, alpha]), order=order, photometric=photometric, extra=(0,), **options)
                yield Form(f"{name}-{bands}-band", data, np.dstack([own, alpha]), KEPT)
    for (order, mark), bits, reversed_bits in product(ORDERS.items(), (1, 2, 4), (False, True)):
        fill = "-reversed" if reversed_bits else ""
        levels = indices(bits)
        shown = scaled(levels, bits)
        said = "1 bit to 8" if bits == 1 else KEPT
        data = tiff(levels, order=order, bits=bits, fill_reversed=reversed_bits)
        yield Form(f"tiff-gray{bits}-{mark}{fill}", data, shown, said)
        data = tiff(2**bits - 1 - levels, order=order, bits=bits, photometric=0, fill_reversed=reversed_bits)
        yield Form(f"tiff-gray{bits}-white-is-zero-{mark}{fill}", data, shown, said)
    for (order, mark), bits in product(ORDERS.items(), (1, 2, 4, 8)):
        levels, table = indices(bits), palette(bits)
        numbers = tuple((table.T.astype(int) * 257).ravel().tolist())
        data = tiff(levels, order=order, photometric=3, bits=bits if bits < 8 else None, tags={320: ("H", numbers)})
        yield Form(f"tiff-palette{bits}-{mark}", data, table[levels[:, :, 0]], "palette to RGB")
    for (order, mark), dtype, planar in product(ORDERS.items(), (np.uint8, np.uint16), (False, True)):
        ink = (NARROW if dtype == np.uint8 else WIDE).astype(dtype)
        top = np.iinfo(dtype).max
        data = tiff(np.dstack([top - ink, np.zeros_like(ink[:, :, 0])]), order=order, photometric=5, planar=planar)
        plane = "-planar" if planar else ""
        yield Form(f"tiff-cmyk-{np.dtype(dtype)}-{mark}{plane}", data, ink, "CMYK to RGB")
    for (order, mark), bits, compression in product(ORDERS.items(), (1, 2, 4), (1, 5, 8)):
        levels = np.dstack([indices(bits), indices(bits)])
        data = tiff(levels, order=order, bits=bits, extra=(2,), tile=16, compression=compression)
        colors, alpha = scaled(levels[:, :, :1], bits), scaled(levels[:, :, 1:], bits)
        said = f"1 bit to 8, {OVER_WHITE}" if bits == 1 else OVER_WHITE
        yield Form(f"tiff-la{bits}-{mark}-tiles-{compression}", data, over_white(colors, alpha), said)
    for compression in ("packbits", "tiff_lzw", "zstd", "lzma", "tiff_deflate"):
        data = saved(Image.fromarray(GRAY_WIDE[:, :, 0]), "TIFF", compression=compression)
        yield Form(f"tiff-uint16-pillow-{compression}", data, GRAY_WIDE, KEPT)
        data = saved(Image.fromarray(NARROW), "TIFF", compression=compression)
        yield Form(f"tiff-rgb-pillow-{compression}", data, NARROW, KEPT)
    bit = indices(1)
    for compression in ("group3", "group4", "tiff_ccitt"):
        data = saved(Image.fromarray(scaled(bit, 1)[:, :, 0]).convert("1"), "TIFF", compression=compression)
        yield Form(f"tiff-bit-pillow-{compression}", data, scaled(bit, 1), "1 bit to 8")
    for order, mark in ORDERS.items():
        levels = RANDOM.integers(0, 4096, (HEIGHT, 20, 1), dtype=np.uint16)
        pairs = levels.reshape(HEIGHT, 10, 2).astype(np.uint32)
        words12 = pairs[:, :, 0] << 12 | pairs[:, :, 1]
        raw = np.stack([words12 >> 16, words12 >> 8 & 255, words12 & 255], axis=2).astype(np.uint8)
        data = tiff(raw.reshape(HEIGHT, 30, 1), order=order, tags={256: ("I", (20,)), 258: ("H", (12,))})
        yield Form(f"tiff-gray12-{mark}", data, levels, KEPT)


def bmp_forms() -> Iterator[Form]:
    for bits in (1, 4, 8):
        levels, table = indices(bits), palette(bits)
        for top_down in (False, True):
            data = bmp(levels, bits, palette=table, top_down=top_down)
            yield Form(f"bmp{bits}-{top_down}", data, table[levels[:, :, 0]], "palette to RGB")
    bgr = NARROW[:, :, ::-1]
    junk = RANDOM.integers(0, 256, (HEIGHT, WIDTH, 1), dtype=np.uint8)
    for top_down in (False, True):
        yield Form(f"bmp24-{top_down}", bmp(bgr, 24, top_down=top_down), NARROW, KEPT)
        yield Form(f"bmp32-{top_down}", bmp(np.dstack([bgr, junk]), 32, top_down=top_down), NARROW, KEPT)
        masks = (0xFF0000, 0xFF00, 0xFF)
        data = bmp(np.dstack([bgr, junk]), 32, masks=masks, top_down=top_down)
        yield Form(f"bmp32-masks-{top_down}", data, NARROW, KEPT)
        data = bmp(np.dstack([bgr, ALPHA]), 32, masks=(*masks, 0xFF000000), top_down=top_down)
        yield Form(f"bmp32-alpha-{top_down}", data, over_white(NARROW, ALPHA), OVER_WHITE)
        opaque = np.full_like(ALPHA, 255)
        data = bmp(np.dstack([bgr, opaque]), 32, masks=(*masks, 0xFF000000), top_down=top_down)
        yield Form(f"bmp32-opaque-{top_down}", data, NARROW, KEPT)
    five = NARROW >> 3
    shown = scaled(five, 5)
    packed16 = five[:, :, 0].astype(np.uint16) << 10 | five[:, :, 1].astype(np.uint16) << 5 | five[:, :, 2]
    stored = packed16.astype("<u2").view(np.uint8).reshape(HEIGHT, WIDTH, 2)
    yield Form("bmp16-555", bmp(stored, 16), shown, KEPT)
    yield Form("bmp16-555-masks", bmp(stored, 16, masks=(0x7C00, 0x3E0, 0x1F)), shown, KEPT)
    six = NARROW[:, :, 1] >> 2
    packed16 = five[:, :, 0].astype(np.uint16) << 11 | six.astype(np.uint16) << 5 | five[:, :, 2]
    stored = packed16.astype("<u2").view(np.uint8).reshape(HEIGHT, WIDTH, 2)
    shown = np.dstack([scaled(five[:, :, 0], 5), scaled(six, 6), scaled(five[:, :, 2], 5)])
    yield Form("bmp16-565-masks", bmp(stored, 16, masks=(0xF800, 0x7E0, 0x1F)), shown, KEPT)


def pnm_forms() -> Iterator[Form]:
    bit = indices(1)
    for plain in (0, 3):
        yield Form(f"pnm-p{4 - plain}", pnm(1 - bit, 4 - plain, 1), scaled(bit, 1), "1 bit to 8")
        for largest in (255, 65535, 4095, 1023, 100, 1, 1000):
            for kind, picture in ((5, GRAY_WIDE), (6, WIDE)):
                values = (picture.astype(np.int64) * largest // 65535).astype(np.uint16)
                said = KEPT
                if largest in (255, 65535, 4095):
                    shown = values.astype(np.uint8) if largest == 255 else values
                elif largest < 255:
                    shown = np.rint(values * 255 / largest).astype(np.uint8)
                    said = f"0 to {largest} scaled to 8 bits"
                else:
                    shown = np.rint(values * 65535.0 / largest).astype(np.uint16)
                    said = f"0 to {largest} scaled to 16 bits"
                yield Form(f"pnm-p{kind - plain}-{largest}", pnm(values, kind - plain, largest), shown, said)
    values = (WIDE[:, :, :1] / 65536).astype(np.float32)
    for order, scale in (("<", -1.0), (">", 1.0)):
        head = f"Pf\n{WIDTH} {HEIGHT}\n{scale}\n".encode()
        yield Form(f"pfm-{ORDERS[order]}", head + values[::-1].astype(f"{order}f4").tobytes(), values, KEPT)


def tga_forms() -> Iterator[Form]:
    bgr = NARROW[:, :, ::-1]
    for flags, packets in product((0, 0x10, 0x20, 0x30), (False, True)):
        mark = f"{flags:02x}{'-rle' if packets else ''}"
        yield Form(f"tga-gray-{mark}", tga(GRAY, 3, 8, flags=flags, packets=packets), GRAY, KEPT)
        yield Form(f"tga-rgb-{mark}", tga(bgr, 2, 24, flags=flags, packets=packets), NARROW, KEPT)
        data = tga(np.dstack([bgr, ALPHA]), 2, 32, flags=flags | 8, packets=packets)
        yield Form(f"tga-rgba-{mark}", data, over_white(NARROW, ALPHA), OVER_WHITE)
        data = tga(np.dstack([bgr, np.zeros_like(ALPHA)]), 2, 32, flags=flags, packets=packets)
        yield Form(f"tga-rgbx-{mark}", data, NARROW, KEPT)
        levels, table = indices(8), palette(8)
        data = tga(levels, 1, 8, palette=table[:, ::-1].tobytes(), depth=24, flags=flags, packets=packets)
        yield Form(f"tga-palette-{mark}", data, table[levels[:, :, 0]], "palette to RGB")


def pillow_forms() -> Iterator[Form]:
    rgb, gray = Image.fromarray(NARROW), Image.fromarray(GRAY[:, :, 0])
    rgba = Image.fromarray(np.dstack([NARROW, ALPHA]))
    opaque = Image.fromarray(np.dstack([NARROW, np.full_like(ALPHA, 255)]))
    for file_format, options in (("WEBP", {"lossless": True, "exact": True}), ("JPEG2000", {"irreversible": False})):
        if file_format == "WEBP" or features.check("jpg_2000"):
            yield Form(f"{file_format}-rgb", saved(rgb, file_format, **options), NARROW, KEPT)
            yield Form(f"{file_format}-opaque", saved(opaque, file_format, **options), NARROW, KEPT)
            yield Form(
                f"{file_format}-rgba", saved(rgba, file_format, **options), over_white(NARROW, ALPHA), OVER_WHITE
            )
    if features.check("jpg_2000"):
        yield Form("JPEG2000-gray", saved(gray, "JPEG2000"), GRAY, KEPT)
        both = Image.merge("LA", [gray, Image.fromarray(ALPHA[:, :, 0])])
        yield Form("JPEG2000-la", saved(both, "JPEG2000"), over_white(GRAY, ALPHA), OVER_WHITE)
        wide = Image.fromarray(GRAY_WIDE[:, :, 0])
        yield Form("JPEG2000-gray16", saved(wide, "JPEG2000"), GRAY_WIDE, KEPT)
        for extension in ("j2k", "jp2"):
            data = saved(wide, "JPEG2000", no_jp2=extension == "j2k", signed=True)
            yield Form(f"JPEG2000-gray16-signed-{extension}", data, GRAY_WIDE.view(np.int16), KEPT)
    for file_format in ("SGI", "PCX", "IM", "QOI", "DDS"):
        yield Form(f"{file_format}-rgb", saved(rgb, file_format), NARROW, KEPT)
    for file_format in ("SGI", "QOI", "DDS"):
        yield Form(f"{file_format}-rgba", saved(rgba, file_format), over_white(NARROW, ALPHA), OVER_WHITE)
    high = Image.fromarray(np.dstack([NARROW, ALPHA]))
    yield Form("SGI-rgb16", saved(rgb, "SGI", bpc=2), NARROW, "16 bits to 8")
    yield Form("SGI-rgba16", saved(high, "SGI", bpc=2), over_white(NARROW, ALPHA), f"16 bits to 8, {OVER_WHITE}")
    for file_format in ("SGI", "PCX", "IM", "DDS"):
        yield Form(f"{file_format}-gray", saved(gray, file_format), GRAY, KEPT)
    levels, table = indices(8), palette(8)
    indexed = Image.fromarray(levels[:, :, 0], "P")
    indexed.putpalette(table.tobytes())
    yield Form("GIF", saved(indexed, "GIF", optimize=False), table[levels[:, :, 0]], "palette to RGB")
    key = int(levels[3, 4, 0])
    shown = np.where(levels == key, 255, table[levels[:, :, 0]]).astype(np.uint8)
    yield Form(
        "GIF-clear", saved(indexed, "GIF", optimize=False, transparency=key), shown, f"palette to RGB, {OVER_WHITE}"
    )
    gradient = np.repeat(np.linspace(0, 255, WIDTH * 8).astype(np.uint8)[np.newaxis], HEIGHT * 8, axis=0)
    smooth = np.dstack([gradient, gradient[:, ::-1], np.full_like(gradient, 90)])
    options = {"quality": 100, "subsampling": 0}
    yield Form("JPEG-gray", saved(Image.fromarray(gradient), "JPEG", **options), gradient[:, :, np.newaxis], KEPT, 2)
    yield Form("JPEG-rgb", saved(Image.fromarray(smooth), "JPEG", **options), smooth, KEPT, 3)
    yield Form("JPEG-progressive", saved(Image.fromarray(smooth), "JPEG", progressive=True, **options), smooth, KEPT, 3)
    yield Form("JPEG-kept-rgb", saved(Image.fromarray(smooth), "JPEG", keep_rgb=True, **options), smooth, KEPT, 3)
    ink = Image.fromarray(np.dstack([255 - smooth, np.zeros_like(gradient)]), "CMYK")
    yield Form("JPEG-cmyk", saved(ink, "JPEG", **options), smooth, "CMYK to RGB", 3)


FORMS = [*png_forms(), *tiff_forms(), *bmp_forms(), *pnm_forms(), *tga_forms(), *pillow_forms()]


def check(form: Form) -> None:
    found = decode(form.data)
    assert found.pixels.shape == form.pixels.shape
    assert found.pixels.dtype.kind == form.pixels.dtype.kind
    difference = np.abs(found.pixels.astype(np.float64) - form.pixels.astype(np.float64))
    assert difference.max() <= form.tolerance, f"{difference.max()} off, {found.conversion}, {found.decoder}"
    assert found.pixels.dtype == form.pixels.dtype or form.pixels.dtype.kind != "u"
    assert found.conversion == form.conversion


@pytest.mark.skipif(not features.check("avif"), reason="Pillow without AVIF")
@pytest.mark.parametrize(("flags", "said"), [(0x00, None), (0x40, "10 bits to 8"), (0x60, "12 bits to 8")])
def test_color_of_more_bits_in_avif_is_said_to_be_reduced(flags, said):
    original = saved(Image.fromarray(NARROW), "AVIF", quality=100)
    image = Image.open(io.BytesIO(original))
    data = bytearray(original)  # Pillow writes eight bits only: of more there is the header alone
    place = data.find(b"av1C") + 6
    data[place] = data[place] & 0x9F | flags

    found = with_stored_bits(layers_of(image), image, bytes(data))

    assert (found.conversion, found.is_reduced) == (said, said is not None)


def test_a_page_whose_tiles_are_far_larger_than_it_is_refused_before_memory_is_taken():
    data = tiff(WIDE, tags={322: ("I", (2**20,)), 323: ("I", (2**20,)), 324: ("I", (8,)), 325: ("I", (8,))})

    with pytest.raises(UnreadableImage, match="tiles of 1048576 x 1048576 pixels"):
        decode(data)


def test_there_are_hundreds_of_forms():
    assert len({form.name for form in FORMS}) == len(FORMS) > 700


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_every_route_gives_the_picture_itself(form):
    check(form)
