"""JPEG by libjpeg-turbo: Pillow's pixels, and Pillow itself wherever the file is not perfect."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import ExifTags, Image

from dataeval_spark.kernels.images.decoding import decode as decoding
from dataeval_spark.kernels.images.decoding.decode import UnreadableImage, decode
from dataeval_spark.kernels.images.decoding.jpeg import fast_pixels
from tests.kernels.reference import image


def jpeg(mode: str = "RGB", **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image("china_u8")).convert(mode).save(file, "JPEG", **options)
    return file.getvalue()


def by_pillow(data: bytes, monkeypatch: pytest.MonkeyPatch) -> object:
    with monkeypatch.context() as patch:
        patch.setattr(decoding, "fast_pixels", lambda image, data: None)
        try:
            return decode(data).pixels.tolist()
        except UnreadableImage as error:
            return str(error)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize(
    "options", [{}, {"quality": 5}, {"subsampling": 0}, {"subsampling": 1}, {"progressive": True}, {"quality": 100}]
)
def test_pixels_are_those_of_pillow(mode, options, monkeypatch):
    data = jpeg(mode, **options)

    assert fast_pixels(Image.open(io.BytesIO(data)), data) is not None
    assert decode(data).pixels.tolist() == by_pillow(data, monkeypatch)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_turned_once_as_pillow_turns_it(orientation, monkeypatch):
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = orientation
    data = jpeg(exif=tags)

    found = decode(data)

    assert found.orientation == orientation
    assert found.pixels.flags.c_contiguous
    assert found.pixels.tolist() == by_pillow(data, monkeypatch)


def test_other_formats_and_color_spaces_are_left_to_pillow():
    data = jpeg("CMYK")
    assert fast_pixels(Image.open(io.BytesIO(data)), data) is None
    assert decode(data).conversion == "CMYK to RGB"


@pytest.mark.parametrize("seed", range(40))
def test_damage_is_judged_by_pillow(seed, monkeypatch):
    data, random = bytearray(jpeg()), np.random.default_rng(seed)
    for _ in range(3):
        data[random.integers(20, len(data))] ^= 1 << random.integers(8)
    damaged = bytes(data) if seed % 4 else bytes(data[: random.integers(200, len(data))])
    try:
        found: object = decode(damaged).pixels.tolist()
    except UnreadableImage as error:
        found = str(error)

    assert found == by_pillow(damaged, monkeypatch)
