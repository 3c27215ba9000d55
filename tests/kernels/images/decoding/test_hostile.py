"""Files made to break decoders: each is read by the rule, or unreadable, in bounded time and memory."""

from __future__ import annotations

import csv
import io
import math
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from dataeval_spark.kernels.images.decoding.decode import UnreadableImage
from tests.kernels.images.decoding.profiling import Profiling

# Where our rule is another than Pillow's: three 32-bit integers a pixel are read band by band.
READ_BY_BANDS = {"hopper_unknown_pixel_mode.tif"}
LOST = ("DecoderCrashed", "DecoderTimeout", "MemoryLimit")


@pytest.fixture(scope="module")
def measure():
    """The profile's kernel in a child with 20 s and 1 GB for an image."""
    profiling = Profiling(seconds=20, memory=2**30)

    def outcome(data):
        (found,) = profiling.of([data])
        return found if isinstance(found, UnreadableImage) else found.image

    yield outcome
    profiling.close()


def expected(shared):
    with open(shared / "data" / "hostile_pillow" / "expected_pillow13.csv") as file:
        return list(csv.DictReader(file))


@pytest.mark.shared
def test_each_of_pillows_hostile_files_is_measured_or_unreadable_as_pillow_says(shared, measure):
    files = shared / "data" / "hostile_pillow" / "files"
    differing = {}
    for row in expected(shared):
        found = measure((files / row["file"]).read_bytes())
        if isinstance(found, UnreadableImage):
            assert found.stage in ("header", "decode"), row["file"]
            assert found.error_class not in LOST, f"{row['file']}: {found}"
            assert found.message
            same = row["outcome"] == "error"
        else:
            size = f"{found.stats['width']:.0f}x{found.stats['height']:.0f}"
            # The sizes are from before EXIF, but Pillow turns TIFF files while it loads them.
            upright = row["size"] if found.stats["orientation"] < 5 else "x".join(row["size"].split("x")[::-1])
            same = row["outcome"] == "ok" and size in (upright, row["size"])
            assert found.stats["mean"] is None or math.isfinite(found.stats["mean"])
            assert found.hashes["content_hash"]
        if not same:
            differing[row["file"]] = str(found)

    assert {name: why for name, why in differing.items() if name not in READ_BY_BANDS} == {}


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width=4, height=4, extra=b"", pixels=None):
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    packed = zlib.compress(bytes((width + 1) * height) if pixels is None else pixels, 9)
    chunks = chunk(b"IHDR", header) + extra + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def packed(megabytes):
    return zlib.compress(bytes(megabytes * 2**20), 9)


@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"zTXt", b"a\0\0" + packed(100)),
        chunk(b"iTXt", b"a\0\1\0\0\0" + packed(100)),
        b"".join(chunk(b"zTXt", b"%d\0\0" % i + packed(1)[:-9] + packed(1)[-9:]) for i in range(80)),
        chunk(b"iCCP", b"a\0\0" + packed(100)),
    ],
    ids=["text", "international text", "many texts", "color profile"],
)
def test_text_that_unpacks_to_very_much_is_refused_at_the_header(measure, extra):
    found = measure(png(extra=extra))

    assert (found.stage, found.error_class) == ("header", "ValueError")


def test_pixels_that_unpack_to_more_than_the_image_are_not_unpacked(measure):
    assert measure(png(pixels=bytes(200 * 2**20))).stats["size"] == 16


@pytest.mark.parametrize(("width", "height"), [(65_536, 1), (1, 65_536), (1_000_000, 1), (1, 1_000_000)])
def test_a_strip_is_measured(measure, width, height):
    found = measure(png(width, height))

    assert (found.stats["width"], found.stats["height"], found.stats["mean"]) == (width, height, 0.0)
    assert found.hashes["phash"] is None  # its shorter side is below 9 pixels


@pytest.mark.parametrize(("width", "height"), [(2**31 - 1, 2**31 - 1), (2**31 - 1, 1), (60_000, 60_000)])
def test_huge_dimensions_are_refused_at_the_header(measure, width, height):
    found = measure(png(width, height, pixels=b""))

    assert found.stage == "header"


def encoded(image, file_format, **options):
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def test_a_truncated_tiff_is_unreadable_wherever_it_ends(measure):
    whole = encoded(Image.radial_gradient("L").resize((40, 30)), "TIFF", compression="tiff_lzw")

    for cut in range(0, len(whole) - 1, 97):
        found = measure(whole[:cut])
        assert isinstance(found, UnreadableImage) or found.stats["size"] == 1200


def test_bands_without_number_are_refused_at_the_header(measure):
    tifffile = pytest.importorskip("tifffile")
    file = io.BytesIO()
    tifffile.imwrite(file, np.zeros((1, 1, 5), np.uint16), photometric="minisblack", planarconfig="contig")
    data = file.getvalue().replace(struct.pack("<HHII", 277, 3, 1, 5), struct.pack("<HHII", 277, 4, 1, 2**31))

    found = measure(data)

    assert (found.stage, found.error_class) == ("header", "TooManyPixels")


@pytest.mark.parametrize("byte", [0x00, 0x2C, 0x21, 0xFF])
def test_a_gif_with_bad_later_frames_gives_its_first(measure, byte):
    frames = [Image.new("L", (30, 20), shade) for shade in (10, 200, 90)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    first = len(encoded(frames[0], "GIF")) + 19  # an animation's first frame has a longer head
    broken = data[:first] + bytes([byte]) * (len(data) - first)

    assert measure(broken).stats["mean"] == pytest.approx(10)


def test_exif_that_points_into_nothing_or_at_itself_does_not_lose_the_image(measure):
    image = Image.new("RGB", (6, 4), (10, 20, 30))
    loop = struct.pack(">2sHI H HHII I", b"MM", 42, 8, 1, 0x8769, 4, 1, 8, 8)  # the sub-directory is the directory
    far = struct.pack(">2sHI H HHII I", b"MM", 42, 8, 1, 0x0110, 2, 2**31, 2**31, 0)
    many = struct.pack(">2sHI H", b"MM", 42, 8, 65_535) + bytes(1000)

    for exif in (loop, far, many, b"MM", b"", b"\0" * 40_000):
        found = measure(encoded(image, "JPEG", exif=b"Exif\0\0" + exif))
        assert (found.stats["width"], found.stats["height"], found.stats["orientation"]) == (6, 4, 1)
