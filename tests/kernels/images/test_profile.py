"""The profile of an image: complete rows from one decode."""

from __future__ import annotations

import io
from datetime import datetime

import numpy as np
import pytest
from PIL import ExifTags, Image

from dataeval_spark.kernels.images import profile as image_profile
from dataeval_spark.kernels.images.decoding.decode import Decoded, UnreadableImage
from dataeval_spark.kernels.images.profile import Measures, profile_image
from dataeval_spark.tables.profile import CHANNEL_STATS, HASHES, IMAGE_STATS
from tests.kernels.reference import EXPECTED, differences, image

GENERAL = {"image_id", "target_index", "fingerprint", "run_id"}
GEOMETRY = {"offset_x", "offset_y", "width", "height", "channels", "size", "aspect_ratio", "bit_depth", "center_x"}
GEOMETRY |= {"center_y", "distance_center", "distance_edge", "invalid_box"}
FILE = {"format", "color_mode", "orientation", "frames", "pixel_type", "decoder"}
FILE |= {"stored_width", "stored_height", "has_gps", "is_animated", "has_alpha", "has_icc_profile"}


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(file, "PNG")
    return file.getvalue()


def photograph() -> bytes:
    tags = Image.Exif()
    tags[ExifTags.Base.Make], tags[ExifTags.Base.Model] = "Maker", "Camera"
    tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2024:07:01 12:00:00"
    file = io.BytesIO()
    Image.fromarray(image("china_u8")).save(file, "JPEG", exif=tags)
    return file.getvalue()


CHINA = png(image("china_u8"))


def measured(table) -> list[str]:
    return [column.name for column in table.columns if column.name not in GENERAL]


@pytest.mark.parametrize("target", ["image", "box", "invalid box"])
def test_the_rows_have_the_columns_of_the_contracts_in_any_case(target):
    profile = profile_image(CHINA, [(0, 0, 20, 20), (5, 5, 5, 5)])
    record = {"image": profile.image, "box": profile.boxes[0], "invalid box": profile.boxes[1]}[target]

    assert sorted(record.stats) == sorted(measured(IMAGE_STATS))
    assert sorted(record.hashes) == sorted(measured(HASHES))
    assert all(sorted(channel) == sorted(measured(CHANNEL_STATS)) for channel in record.channels)


@pytest.mark.parametrize("table", [IMAGE_STATS, CHANNEL_STATS])
def test_values_have_the_types_of_the_contract(table):
    types = {"double": float, "int": int, "bigint": int, "boolean": bool, "string": str, "array<double>": list}
    types |= {"array<bigint>": np.ndarray, "timestamp": datetime}
    profile = profile_image(photograph(), [(0, 0, 20, 20)])
    rows = [profile.image.stats, profile.boxes[0].stats] if table is IMAGE_STATS else profile.image.channels

    for column in table.columns:
        if column.name not in GENERAL | {"conversion"}:
            assert {type(row[column.name]) for row in rows} == {types[column.type]}, column.name


def test_an_image_and_its_full_box_have_the_same_statistics_and_content():
    profile = profile_image(CHINA, [(0, 0, 160, 120)])

    assert profile.boxes[0].stats == profile.image.stats
    for ours, whole in zip(profile.boxes[0].channels, profile.image.channels, strict=True):
        assert ours.pop("histogram").tolist() == whole.pop("histogram").tolist()
        assert ours == whole
    assert profile.boxes[0].hashes == profile.image.hashes | {"file_hash": None}


def test_known_values_of_a_known_image():
    profile = profile_image(CHINA)

    assert profile.image.stats["mean"] == pytest.approx(133.7040252685547, rel=1e-6)
    assert profile.image.stats["sharpness"] == pytest.approx(78.22437286376953, rel=1e-6)
    assert profile.image.hashes["phash"] == "edc8bd10d29a28e7"
    assert [channel["channel"] for channel in profile.image.channels] == [0, 1, 2]
    assert sum(profile.image.channels[0]["histogram"]) == 160 * 120


def test_an_invalid_box_has_geometry_and_file_columns_and_is_wholly_missing():
    (box,) = profile_image(CHINA, [(500, 500, 600, 600)]).boxes

    assert {name for name, value in box.stats.items() if value is not None} == GEOMETRY | FILE | {"missing"}
    assert box.stats["invalid_box"] is True
    assert box.stats["missing"] == 1.0
    assert box.channels == []
    assert set(box.hashes.values()) == {None}


def test_a_box_that_is_not_a_number_is_invalid():
    (box,) = profile_image(CHINA, [(float("nan"), 0, 10, 10)]).boxes

    assert (box.stats["invalid_box"], box.stats["width"], box.stats["height"]) == (True, None, 10.0)


def test_the_bit_depth_of_a_box_is_that_of_its_image():
    pixels = np.zeros((20, 20, 1), dtype=np.uint8)
    pixels[0, 0] = 200

    (box,) = profile_image(png(pixels), [(10, 10, 20, 20)]).boxes

    assert box.stats["bit_depth"] == 8


@pytest.mark.parametrize(("orientation", "upright"), [(1, (6, 4)), (3, (6, 4)), (6, (4, 6)), (8, (4, 6))])
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "TIFF"])
def test_the_stored_size_is_that_before_the_orientation(file_format, orientation, upright):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    file = io.BytesIO()
    Image.new("RGB", (6, 4)).save(file, file_format, exif=exif)

    stats = profile_image(file.getvalue()).image.stats

    assert (stats["stored_width"], stats["stored_height"]) == (6, 4)
    assert (stats["width"], stats["height"]) == upright


def test_an_encoder_gets_the_pixels_of_the_image_and_of_each_valid_box():
    profile = profile_image(CHINA, [(-5, 0, 20, 20), (5, 5, 5, 5)], Measures(keep_pixels=True))

    assert profile.image.pixels.shape == (120, 160, 3)
    assert profile.boxes[0].pixels.shape == (20, 20, 3)
    assert profile.boxes[1].pixels is None
    assert profile_image(CHINA).image.pixels is None


@pytest.mark.parametrize("case", EXPECTED["groups"], ids=lambda case: f"{case['image']}-{case['group']}")
def test_a_channel_group_has_the_statistics_that_dataeval_gives_it(monkeypatch, case):
    as_decoded(monkeypatch, case["image"])

    (row,) = profile_image(b"", measures=Measures(channel_groups={case["group"]: case["channels"]})).image.groups

    expected = {name: value for name, value in case["expected"].items() if name != "depth"}
    assert row["group_name"] == case["group"]
    assert differences(row, expected, tuple(expected)) == {}


@pytest.mark.parametrize("case", EXPECTED["background"], ids=lambda case: case["image"])
def test_the_background_has_the_statistics_that_dataeval_gives_it(monkeypatch, case):
    as_decoded(monkeypatch, case["image"])

    found = profile_image(b"", case["boxes"], Measures(background=True, compat="dataeval")).background

    expected = {{"fraction": "share"}.get(name, name): value for name, value in case["expected"].items()}
    expected["percentiles"] = None if "nan" in expected["percentiles"] else expected["percentiles"]
    assert differences(found, expected, tuple(name for name in expected if expected[name] is not None)) == {}


@pytest.mark.parametrize("name", EXPECTED["xxhash"])
def test_dataeval_s_own_hash_is_given_where_it_is_asked_for(monkeypatch, name):
    as_decoded(monkeypatch, name)

    assert profile_image(b"").image.hashes["dataeval_xxhash"] is None
    found = profile_image(b"", measures=Measures(compat="dataeval")).image.hashes["dataeval_xxhash"]
    assert (found or "") == EXPECTED["xxhash"][name]


def as_decoded(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let every file be the array of this name, which may be of a kind that no image format holds."""
    decoded = Decoded(np.ascontiguousarray(image(name)), "array", "", 1, 1)
    monkeypatch.setattr(image_profile, "decode", lambda data, **options: decoded)


def test_an_image_with_boxes_is_decoded_once(monkeypatch):
    calls = []
    decode = image_profile.decode
    monkeypatch.setattr(image_profile, "decode", lambda data, **options: calls.append(1) or decode(data, **options))

    profile_image(CHINA, [(0, 0, 20, 20)] * 5)

    assert calls == [1]


def test_a_failure_while_measuring_is_reported_as_such(monkeypatch):
    def broken(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(image_profile, "content_hash", broken)
    with pytest.raises(UnreadableImage) as caught:
        profile_image(CHINA)

    assert (caught.value.stage, caught.value.error_class) == ("statistics", "ZeroDivisionError")


def test_a_truncated_jpeg_is_unreadable():
    file = io.BytesIO()
    Image.fromarray(image("china_u8")).save(file, "JPEG")

    with pytest.raises(
        UnreadableImage,
        match=r"decode: OSError: a JPEG file that ends early: image file is truncated .*download it again",
    ):
        profile_image(file.getvalue()[:2000])


@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (1, 1, 3), (1, 300, 3), (300, 1, 1)], ids=["dot", "colour dot", "row", "column"]
)
def test_the_smallest_images_are_measured(shape):
    profile = profile_image(png(np.full(shape, 9, dtype=np.uint8)))

    assert (profile.image.stats["mean"], profile.image.stats["sharpness"]) == (9.0, 0.0)
    assert profile.image.hashes["phash"] is None


@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
def test_images_of_more_than_eight_bits_are_measured(mode):
    file = io.BytesIO()
    Image.new(mode, (20, 20), 1000).save(file, "TIFF")

    stats = profile_image(file.getvalue()).image.stats

    assert (stats["mean"], stats["std"], stats["color_mode"]) == (1000.0, 0.0, mode)
    assert stats["is_grayscale"] is True
    assert (stats["bit_depth"], stats["brightness"] is None) == ((None, True) if mode == "F" else (12, False))
