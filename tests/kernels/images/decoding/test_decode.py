"""Decoding: what each kind of file becomes, and how each kind of failure is reported."""

from __future__ import annotations

import io
import pickle
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dataeval_spark.errors import DataEvalError
from dataeval_spark.kernels.images.decoding.decode import UnreadableImage, decode


def encoded(image: Image.Image, file_format: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def with_orientation(image: Image.Image, orientation: int, file_format: str = "PNG") -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(image, file_format, exif=exif)


def png_of_size(width: int, height: int) -> bytes:
    """A bilevel PNG that says it is large, with hardly any pixel data."""
    file = b"\x89PNG\r\n\x1a\n"
    for kind, content in (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"")),
    ):
        file += struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    return file


def failure(data: bytes, **options: int) -> UnreadableImage:
    with pytest.raises(UnreadableImage) as caught:
        decode(data, **options)
    return caught.value


NOISE = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
# Red, green / blue, white: every orientation shows.
FOUR = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], dtype=np.uint8)


def test_a_colour_png_gives_its_pixels():
    decoded = decode(encoded(Image.fromarray(NOISE)))

    assert (decoded.pixels == NOISE).all()
    assert (decoded.format, decoded.color_mode, decoded.orientation, decoded.frames) == ("PNG", "RGB", 1, 1)


def test_a_gray_jpeg_has_one_channel():
    decoded = decode(encoded(Image.new("L", (5, 3), 7), "JPEG"))

    assert decoded.pixels.tolist() == [[[7]] * 5] * 3
    assert (decoded.format, decoded.color_mode) == ("JPEG", "L")


def test_a_jpeg_gives_the_pixels_that_pillow_gives():
    data = encoded(Image.fromarray(NOISE), "JPEG")

    assert (decode(data).pixels == np.asarray(Image.open(io.BytesIO(data)))).all()


@pytest.mark.parametrize(
    ("image", "file_format", "pixel", "dtype"),
    [
        (Image.new("1", (2, 2), 1), "PNG", [255], "uint8"),
        (Image.new("RGB", (2, 2), (9, 8, 7)).quantize(4), "PNG", [9, 8, 7], "uint8"),
        (Image.new("LA", (2, 2), (0, 0)), "PNG", [255], "uint8"),
        (Image.new("RGBA", (2, 2), (255, 0, 0, 0)), "PNG", [255, 255, 255], "uint8"),
        (Image.new("RGBA", (2, 2), (255, 0, 0, 255)), "PNG", [255, 0, 0], "uint8"),
        (Image.new("RGBA", (2, 2), (0, 0, 0, 128)), "PNG", [127, 127, 127], "uint8"),
        (Image.new("CMYK", (2, 2), (0, 255, 255, 0)), "TIFF", [255, 0, 0], "uint8"),
        (Image.new("I;16", (2, 2), 40_000), "PNG", [40_000], "uint16"),
        (Image.new("I;16B", (2, 2), 40_000), "TIFF", [40_000], "uint16"),
        (Image.new("I", (2, 2), 70_000), "TIFF", [70_000], "int32"),
        (Image.new("F", (2, 2), -0.5), "TIFF", [-0.5], "float32"),
    ],
    ids=lambda value: getattr(value, "mode", None),
)
def test_each_mode_becomes_one_or_three_channels_by_its_rule(image, file_format, pixel, dtype):
    decoded = decode(encoded(image, file_format))

    assert decoded.pixels[0, 0].tolist() == pixel
    assert decoded.pixels.dtype == dtype
    assert decoded.color_mode == image.mode


def files_of_every_mode() -> Iterator[object]:
    for file_format in ("PNG", "TIFF", "JPEG", "WEBP", "GIF", "BMP"):
        for mode in ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I", "F"):
            with suppress(OSError, ValueError, KeyError):  # Pillow does not write every mode to every format
                yield pytest.param(encoded(Image.new(mode, (6, 4)), file_format), id=f"{mode}-{file_format}")


@pytest.mark.parametrize("data", list(files_of_every_mode()))
def test_every_mode_in_every_format_has_one_or_three_channels_of_the_same_size(data):
    assert decode(data).pixels.shape in {(4, 6, 1), (4, 6, 3)}


def test_a_transparent_colour_shows_white():
    data = encoded(Image.new("RGB", (2, 2), (1, 2, 3)), transparency=(1, 2, 3))

    assert decode(data).pixels[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "WEBP"])
def test_orientation_is_applied_exactly_once(file_format, orientation):
    stored = Image.fromarray(FOUR)
    undo = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_90"}
    undo |= {7: "TRANSVERSE", 8: "ROTATE_270"}
    if orientation in undo:
        stored = stored.transpose(Image.Transpose[undo[orientation]])
    exif = Image.Exif()
    exif[0x0112] = orientation

    decoded = decode(encoded(stored, file_format, exif=exif, **({"lossless": True} if file_format == "WEBP" else {})))

    assert decoded.pixels.tolist() == FOUR.tolist()
    assert decoded.orientation == orientation


def test_a_sideways_jpeg_has_its_upright_size():
    decoded = decode(with_orientation(Image.new("RGB", (6, 4)), 6, "JPEG"))

    assert decoded.pixels.shape == (6, 4, 3)


def test_an_orientation_that_does_not_exist_counts_as_upright():
    assert decode(with_orientation(Image.new("RGB", (6, 4)), 9)).orientation == 1


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"]
)
def test_malformed_exif_does_not_lose_the_image(exif):
    decoded = decode(encoded(Image.new("RGB", (6, 4)), "JPEG", exif=exif))

    assert decoded.pixels.shape == (4, 6, 3)
    assert decoded.orientation == 1


def test_an_animation_gives_its_first_frame_and_its_number_of_frames():
    frames = [Image.new("L", (3, 3), value) for value in (10, 20, 30)]

    decoded = decode(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))

    assert decoded.frames == 3
    assert decoded.pixels[0, 0].tolist() == [10, 10, 10]


def test_a_truncated_jpeg_fails_while_decoding():
    data = encoded(Image.fromarray(NOISE), "JPEG")

    error = failure(data[: len(data) // 2])

    assert (error.stage, error.error_class) == ("decode", "OSError")
    assert "truncated" in error.message


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP"])
@settings(max_examples=60, deadline=None)
@given(cut=st.floats(0, 1), damages=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=4))
def test_a_damaged_file_is_an_image_or_unreadable(file_format, cut, damages):
    data = bytearray(encoded(Image.fromarray(NOISE), file_format))
    for where, value in damages:
        data[int(where * len(data))] = value

    with suppress(UnreadableImage):
        assert decode(bytes(data[: round(cut * len(data))]), max_pixels=1_000_000).pixels.ndim == 3


def test_a_damaged_png_fails_while_decoding():
    data = bytearray(encoded(Image.fromarray(NOISE)))
    data[len(data) // 2] ^= 0xFF

    assert failure(bytes(data)).stage == "decode"


@pytest.mark.parametrize("data", [b"", b"not an image", b"\xff\xd8", b"\x89PNG\r\n\x1a\n"])
def test_bytes_that_are_no_image_fail_at_the_header(data):
    assert failure(data).stage == "header"


def test_the_message_has_no_memory_address():
    error = failure(b"\0\1\2not an image")

    assert str(error) == (
        "header: UnidentifiedImageError: the bytes are in no image format that Pillow can identify (they begin "
        "00 01 02 6e 6f 74 20 61): convert the file to PNG, JPEG or TIFF, or leave it out"
    )


def test_an_image_above_max_pixels_is_refused_at_the_header():
    error = failure(encoded(Image.new("L", (11, 10))), max_pixels=100)

    assert (error.stage, error.error_class) == ("header", "TooManyPixels")
    assert error.__cause__ is None
    assert error.message == "11 x 10 pixels; the limit is 100 (max_pixels)"


def test_a_decompression_bomb_is_refused_at_the_header():
    assert failure(png_of_size(50_000, 50_000)).stage == "header"


def test_a_large_image_below_the_limit_leaks_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        error = failure(png_of_size(9_500, 9_500))  # Pillow warns from 89 million pixels on

    assert error.stage == "decode"  # there is no pixel data


def test_postscript_is_never_run():
    data = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"

    assert failure(data).error_class == "RefusedFormat"


def test_the_error_survives_pickling():
    error = pickle.loads(pickle.dumps(UnreadableImage("decode", "OSError", "broken")))

    assert (error.stage, error.error_class, error.message) == ("decode", "OSError", "broken")
    assert isinstance(error, DataEvalError)
