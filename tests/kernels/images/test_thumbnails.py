from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dataeval_spark.kernels.images.thumbnails import crop_of, local_path, thumbnail_of
from tests.verbs.report.literals import jpeg


def opened(data: bytes | None) -> Image.Image:
    assert data is not None
    return Image.open(BytesIO(data))


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    out = BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def test_a_picture_fits_the_size_and_knows_that_of_the_original() -> None:
    made = thumbnail_of(None, jpeg(800, 400), 160)
    assert (made.width, made.height, made.full_width, made.full_height) == (160, 80, 800, 400)
    assert (opened(made.data).size, made.mime, made.reason) == ((160, 80), "image/jpeg", "")


def test_a_picture_is_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying: rotate a quarter clockwise
    image = Image.new("RGB", (300, 200))
    image.paste((255, 0, 0), (0, 0, 150, 200))  # left half red: the upper half when upright
    made = thumbnail_of(None, encoded(image, "JPEG", exif=exif), 100)
    assert (made.width, made.height, made.full_width, made.full_height) == (67, 100, 200, 300)
    shown = opened(made.data)
    assert shown.getpixel((33, 20))[0] > 200
    assert shown.getpixel((33, 80))[0] < 50


def test_a_small_box_is_shown_by_the_part_around_it_upright_and_at_full_resolution() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.new("RGB", (300, 200))
    image.paste((255, 0, 0), (120, 90, 130, 100))  # upright, a quarter clockwise: x 100 to 110, y 120 to 130
    made = thumbnail_of(None, encoded(image, "PNG", exif=exif), 160, (100.0, 120.0, 110.0, 130.0))
    assert (made.left, made.top, made.full_width, made.full_height) == (81, 101, 48, 48)
    pixels = np.asarray(opened(made.data).convert("RGB"))
    red = np.argwhere(pixels[..., 0] > 200)
    assert (red.min(0).tolist(), red.max(0).tolist()) == ([19, 19], [28, 28])


@pytest.mark.parametrize(
    ("corners", "crop"),
    [
        ((100, 100, 120, 110), (80, 75, 140, 135)),  # three times the longer side
        ((0, 0, 0, 0), (0, 0, 48, 48)),  # at an edge; without an inside
        ((105, 110, 100, 100), (78, 81, 126, 129)),  # inverted
        ((10, 10, 300, 20), None),  # large: the whole picture shows it
        ((700, 10, 710, 20), None),  # outside
        ((float("nan"), 0, 5, 5), None),
    ],
)
def test_the_part_around_a_box_lies_in_the_image(corners, crop) -> None:
    assert crop_of(tuple(map(float, corners)), 640, 480) == crop


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I", "F", "I;16"])
def test_every_mode_can_be_shown(mode: str) -> None:
    image = (
        Image.fromarray((np.arange(10_000) * 6 % 65536).astype(np.uint16).reshape(100, 100))
        if mode == "I;16"
        else Image.linear_gradient("L").resize((100, 100)).convert(mode)
    )
    assert opened(thumbnail_of(None, encoded(image, "TIFF"), 80).data).size == (80, 80)


def test_wide_integers_are_stretched_to_what_can_be_seen() -> None:
    ramp = np.linspace(1000, 1200, 100 * 100).astype(np.uint16).reshape(100, 100)
    shown = np.asarray(opened(thumbnail_of(None, encoded(Image.fromarray(ramp), "PNG"), 100).data))
    assert shown.min() < 10
    assert shown.max() > 245


def test_a_tiny_picture_is_kept_pixel_by_pixel() -> None:
    image = Image.effect_noise((32, 32), 90).convert("RGB")
    made = thumbnail_of(None, encoded(image, "PNG"), 160)
    assert made.mime == "image/png"
    assert np.array_equal(np.asarray(opened(made.data).convert("RGB")), np.asarray(image))


def test_a_broken_file_gives_the_reason() -> None:
    made = thumbnail_of(None, jpeg()[:100], 160)
    assert made.data is None
    assert made.reason.startswith("OSError: ")


def test_a_missing_file_a_pipe_and_another_storage_give_the_reason(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert thumbnail_of(f"{tmp_path}/no.jpg", None, 160).reason.startswith("FileNotFoundError")
    assert thumbnail_of(f"file:{tmp_path}/pipe", None, 160).reason == "ValueError: not a regular file"
    assert thumbnail_of("s3a://bucket/a.jpg", None, 160).reason.startswith("ValueError: s3a: storage")
    assert thumbnail_of(None, None, 160).reason.startswith("ValueError: neither a file")


@pytest.mark.parametrize("form", ["{}", "file:{}", "file://{}"])
def test_files_are_opened_by_path_or_uri(tmp_path: Path, form: str) -> None:
    path = tmp_path / "a b%20#?é.jpg"
    path.write_bytes(jpeg())
    assert thumbnail_of(form.format(path), None, 160).reason == ""


def test_an_encoded_uri_is_decoded_when_no_file_bears_its_name(tmp_path: Path) -> None:
    (tmp_path / "a b.jpg").write_bytes(jpeg())
    assert local_path(f"file://{tmp_path}/a%20b.jpg") == f"{tmp_path}/a b.jpg"
