"""What a file says about its image: every fact comes from a file that Pillow wrote, or from hostile metadata."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from PIL import ExifTags, Image

from dataeval_spark.kernels.images.decoding.file_facts import FileFacts, file_facts, jpeg_quality

PIXELS = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)


def saved(image=None, form="JPEG", **options):
    file = io.BytesIO()
    (image or Image.fromarray(PIXELS)).save(file, form, **options)
    return Image.open(file)


def exif(**details):
    tags = Image.Exif()
    tags[ExifTags.Base.Make] = "Maker\0 ignored"
    tags[ExifTags.Base.Model] = "Camera 7"
    inner = tags.get_ifd(ExifTags.IFD.Exif)
    for name, value in details.items():
        inner[getattr(ExifTags.Base, name)] = value
    return tags


@pytest.mark.parametrize("quality", [1, 10, 49, 50, 75, 90, 99, 100])
def test_the_quality_a_jpeg_was_saved_with_is_found(quality):
    assert file_facts(saved(quality=quality)).jpeg_quality == quality


def test_a_table_that_no_quality_has_gets_the_nearest():
    table = list(saved(quality=80).quantization[0])
    table[63] += 3
    assert jpeg_quality(tuple(table)) == 80


@pytest.mark.parametrize(("option", "name"), [(0, "4:4:4"), (1, "4:2:2"), (2, "4:2:0")])
def test_chroma_subsampling(option, name):
    assert file_facts(saved(subsampling=option)).chroma_subsampling == name


def test_a_gray_jpeg_has_no_chroma():
    assert file_facts(saved(Image.new("L", (8, 8)))).chroma_subsampling is None


def test_camera_and_capture_time_in_the_zone_that_is_given():
    image = saved(exif=exif(DateTimeOriginal="2024:07:01 12:00:00"))

    facts = file_facts(image, ZoneInfo("Europe/Berlin"))

    assert (facts.camera_make, facts.camera_model, facts.has_gps) == ("Maker", "Camera 7", False)
    assert facts.captured_at == datetime(2024, 7, 1, 10, tzinfo=UTC)


def test_an_offset_in_the_file_is_stronger_than_the_zone():
    image = saved(exif=exif(DateTimeOriginal="2024:07:01 12:00:00", OffsetTimeOriginal="-05:30"))

    assert file_facts(image, ZoneInfo("Europe/Berlin")).captured_at == datetime(2024, 7, 1, 17, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["0000:00:00 00:00:00", "yesterday", "2024-07-01", "", "0001:01:01 00:00:00"])
def test_a_time_that_cannot_be_read_is_none_or_within_the_calendar(text):
    found = file_facts(saved(exif=exif(DateTimeOriginal=text)), ZoneInfo("Pacific/Auckland")).captured_at

    assert found is None or found.year == 1


def test_a_position_needs_latitude_and_longitude():
    tags = exif()
    tags.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSVersionID] = b"\2\3\0\0"
    assert not file_facts(saved(exif=tags)).has_gps

    position = tags.get_ifd(ExifTags.IFD.GPSInfo)
    position[ExifTags.GPS.GPSLatitude] = (1.0, 2.0, 3.0)
    position[ExifTags.GPS.GPSLongitude] = (4.0, 5.0, 6.0)
    assert file_facts(saved(exif=tags)).has_gps


def test_animation_alpha_and_colour_profile():
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue")]
    animated = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert file_facts(animated).is_animated
    assert not file_facts(saved(frames[0], "GIF")).is_animated
    assert file_facts(saved(Image.new("RGBA", (4, 4)), "PNG")).has_alpha
    assert file_facts(saved(Image.new("P", (4, 4)), "PNG", transparency=0)).has_alpha
    assert file_facts(saved(icc_profile=b"profile")).has_icc_profile


def test_malformed_metadata_counts_as_absent():
    image = saved()
    image.info["exif"] = b"Exif\0\0II*\0\xff\xff\xff\xff"

    assert file_facts(image) == FileFacts(jpeg_quality=75, chroma_subsampling="4:2:0")
