"""The profile: what a fingerprint depends on, one row or one error per image, and what counts as done."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from pyspark.sql import functions as F

from dataeval_spark.analyses.profile.options import measures_of
from dataeval_spark.analyses.profile.profile import (
    custom_columns,
    custom_failures,
    fingerprints,
    profile,
    profiled_images,
    tables_of,
    tasks_for,
)
from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.encoders import encoder_version, load_encoder
from dataeval_spark.kernels.images.hashes import file_hash
from dataeval_spark.kernels.images.profile import profile_image
from dataeval_spark.options import ProfileOptions
from dataeval_spark.tables.images import IMAGES, TARGETS
from dataeval_spark.tables.profile import (
    BACKGROUND_STATS,
    CHANNEL_GROUP_STATS,
    CHANNEL_STATS,
    EMBEDDINGS,
    HASHES,
    IMAGE_STATS,
    UNREADABLE_IMAGES,
)


def png(seed, height=12, width=16):
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


def image(image_id, hash="h", uri=None, content=None, length=None):
    return (image_id, uri, content, length, None, hash, None, None, "d", "s", None, "r")


def box(image_id, index, corners):
    return (image_id, index, "cat", corners, None, None, None, "r")


IMAGES_BEFORE = [image("a"), image("b", hash=None), image("c")]
BOXES_BEFORE = [
    box("a", 0, (0.0, 0.0, 4.0, 4.0)),
    box("a", 1, (1.0, 1.0, 2.0, 2.0)),
    box("c", 0, None),
    box("gone", 0, (0.0, 0.0, 1.0, 1.0)),
]


def prints(frame, images=IMAGES_BEFORE, targets=BOXES_BEFORE, partitions=1, **options):
    images, targets = frame(IMAGES, images).repartition(partitions), frame(TARGETS, targets).repartition(partitions)
    return {
        row["image_id"]: row["fingerprint"]
        for row in fingerprints(images, targets, ProfileOptions(**options)).collect()
    }


@pytest.fixture(scope="module")
def before(frame):
    return prints(frame)


def changed(before, after):
    assert set(before) == set(after)
    return {name for name in before if before[name] != after[name]}


def test_each_live_image_has_a_fingerprint_and_its_boxes_in_order(frame, before):
    rows = fingerprints(frame(IMAGES, IMAGES_BEFORE), frame(TARGETS, BOXES_BEFORE[::-1])).collect()

    assert {row["image_id"]: [b["target_index"] for b in row["boxes"] or []] for row in rows} == {
        "a": [0, 1],
        "b": [],
        "c": [],
    }
    assert {row["image_id"]: row["fingerprint"] for row in rows} == before


def test_a_fingerprint_does_not_depend_on_the_order_of_rows_or_on_labels(frame, before):
    relabelled = [(*row[:2], "dog", *row[3:]) for row in BOXES_BEFORE]

    assert prints(frame, IMAGES_BEFORE[::-1], relabelled[::-1], partitions=7) == before


def test_fingerprints_are_the_same_on_every_engine(frame):
    # One engine writes these corners as 1.0E-7 and 1.0E7, the other as 1e-7 and 10000000.0.
    boxes = [
        *(box("a", 0, (1e-7, 0.1, 1e7, 123456789.125)), box("a", 3, (-0.0, -1.5, 1e300, 1 / 3))),
        *(box("b", 1, (0.0, 1.0, float("nan"), float("inf"))), box("c", 0, None)),
    ]

    assert prints(frame, targets=boxes) == {"a": "1e3e0a1d8ce8d8c1", "b": "b274a1a00a0ca0f0", "c": "e9faba3318d3b4f7"}


def test_a_fingerprint_changes_with_the_file_and_with_any_box(frame, before):
    other_file = prints(frame, [image("a"), image("b", hash="read at last"), image("c", hash="new")])
    moved = prints(frame, targets=[BOXES_BEFORE[0], box("a", 1, (1.0, 1.0, 2.0, 2.5))])
    swapped = prints(frame, targets=[box("a", 1, BOXES_BEFORE[0][3]), box("a", 0, BOXES_BEFORE[1][3])])

    assert changed(before, other_file) == {"b", "c"}
    assert changed(before, moved) == changed(before, swapped) == {"a"}


def test_a_fingerprint_changes_with_the_options(frame, before):
    assert changed(before, prints(frame, max_pixels=1000)) == {"a", "b", "c"}
    for options in ({"per_target": False}, {"timezone": "Asia/Tokyo"}, {"background": True}, {"compat": "dataeval"}):
        assert changed(before, prints(frame, **options)) == {"a", "b", "c"}
    assert changed(before, prints(frame, encoder="thumbnail", batch_size=7)) == set()  # vectors have their own version


OPTIONS = ProfileOptions(
    encoder="thumbnail",
    max_pixels=1000,
    channel_groups={"warm": [0, 1], "infrared": [3]},
    background=True,
    statistics=("numpy:mean", "numpy.linalg:det"),
)
GOOD, WITH_BOXES, MOVED = png(1), png(2), png(3)
CORNERS = [(2.0, 3.0, 12.0, 12.0), (100.0, 100.0, 110.0, 110.0)]


@pytest.fixture(scope="module")
def staged(frame, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    (folder / "good.png").write_bytes(GOOD)
    (folder / "moved.png").write_bytes(MOVED)
    images = [
        image("good", file_hash(GOOD), f"{folder}/good.png", length=len(GOOD)),
        image("bytes", file_hash(WITH_BOXES), content=bytearray(WITH_BOXES)),
        image("corrupt", "h", content=bytearray(GOOD[: len(GOOD) // 2]), length=5),
        image("text", "h", content=bytearray(b"no image")),
        image("missing", None, f"{folder}/nothing.png"),
        image("changed", "another hash", f"{folder}/moved.png"),
        image("nowhere", None),
        image("huge", "h", content=bytearray(png(4, 40, 40))),
    ]
    targets = [box("bytes", 3, CORNERS[0]), box("bytes", 5, CORNERS[1]), box("bytes", 6, None)]
    images = frame(IMAGES, images)
    wanted = fingerprints(images, frame(TARGETS, targets))
    pending = wanted.join(images.select("image_id", "content"), on="image_id", how="left")
    return profile(pending.repartition(3), OPTIONS).localCheckpoint()


@pytest.fixture(scope="module")
def tables(staged):
    return tables_of(staged, OPTIONS, custom_columns(staged, OPTIONS))


def test_the_tables_have_the_columns_of_their_contracts(tables):
    for table in tables:
        expected = {(c.name, c.type.replace(": ", ":")) for c in table.result_columns}
        expected |= {("custom_mean", "double")} if table is IMAGE_STATS else set()
        assert set(tables[table].dtypes) == expected, table.name


def test_an_image_is_measured_once_with_its_boxes_or_is_unreadable(tables):
    measured = {(row["image_id"], row["target_index"]) for row in tables[IMAGE_STATS].collect()}

    assert measured == {("good", None), ("bytes", None), ("bytes", 3), ("bytes", 5)}
    assert {(row["image_id"], row["target_index"]) for row in tables[HASHES].collect()} == measured
    assert tables[UNREADABLE_IMAGES].count() == 6


def test_measured_values_are_those_of_the_kernel(tables):
    expected = profile_image(WITH_BOXES, CORNERS)
    whole, first, invalid = expected.image, *expected.boxes
    stats = {row["target_index"]: row for row in tables[IMAGE_STATS].where("image_id = 'bytes'").collect()}
    hashes = {row["target_index"]: row for row in tables[HASHES].where("image_id = 'bytes'").collect()}
    channels = tables[CHANNEL_STATS].where("image_id = 'bytes' AND target_index IS NULL").orderBy("channel").collect()

    for index, target in ((None, whole), (3, first), (5, invalid)):
        assert {name: stats[index][name] for name in target.stats} == target.stats
        assert {name: hashes[index][name] for name in target.hashes} == target.hashes
    expected_channels = [{**channel, "histogram": channel["histogram"].tolist()} for channel in whole.channels]
    assert [{name: row[name] for name in whole.channels[0]} for row in channels] == expected_channels
    assert stats[5]["invalid_box"]
    assert hashes[None]["file_hash"] == file_hash(WITH_BOXES)


def test_an_image_that_cannot_be_read_says_at_which_stage_and_why(tables):
    errors = {row["image_id"]: row for row in tables[UNREADABLE_IMAGES].collect()}

    assert {name: (row["stage"], row["error_class"]) for name, row in errors.items()} == {
        "corrupt": ("decode", errors["corrupt"]["error_class"]),
        "text": ("header", "PlainText"),
        "missing": ("read", "FileNotFoundError"),
        "changed": ("read", "FileChangedError"),
        "nowhere": ("read", "ValueError"),
        "huge": ("header", "TooManyPixels"),
    }
    assert errors["missing"]["message"] == "No such file or directory"
    assert errors["huge"]["message"] == "40 x 40 pixels; the limit is 1000 (max_pixels)"
    assert errors["corrupt"]["content_length"] == 5


def test_images_and_valid_boxes_are_embedded_and_the_encoder_is_named(tables):
    rows = {(row["image_id"], row["target_index"]): row for row in tables[EMBEDDINGS].collect()}

    assert set(rows) == {("good", None), ("bytes", None), ("bytes", 3)}
    assert {(row["encoder"], row["encoder_version"]) for row in rows.values()} == {
        ("thumbnail", encoder_version("thumbnail"))
    }
    pixels = np.asarray(Image.open(io.BytesIO(WITH_BOXES)))
    encoder = load_encoder("thumbnail")
    for index, crop in ((None, pixels), (3, pixels[3:12, 2:12])):
        (expected,) = encoder.embed([encoder.prepare(crop)])
        assert rows["bytes", index]["embedding"] == expected.tolist()


def test_channel_groups_and_the_background_have_tables_of_their_own(tables):
    expected = profile_image(WITH_BOXES, CORNERS, measures_of(OPTIONS))
    groups = {(r["target_index"], r["group_name"]): r for r in tables[CHANNEL_GROUP_STATS].collect() if r[0] == "bytes"}
    background = tables[BACKGROUND_STATS].where("image_id = 'bytes'").collect()[0]

    assert groups[3, "warm"]["mean"] == expected.boxes[0].groups[0]["mean"]
    assert groups[None, "infrared"]["mean"] is None  # no image here has a fourth channel
    assert {name: background[name] for name in expected.background} == expected.background


def test_a_statistic_of_the_user_is_a_column_and_its_failures_are_counted(staged, tables):
    stats = {row["target_index"]: row for row in tables[IMAGE_STATS].where("image_id = 'bytes'").collect()}

    assert stats[None]["custom_mean"] == stats[None]["mean"]
    assert stats[5]["custom_mean"] is None  # the box is invalid
    (failure,) = custom_failures(staged)
    assert failure.startswith("det failed on 3 images or boxes: LinAlgError")


def test_done_are_the_images_that_every_table_has_and_the_unreadable_ones(staged, tables):
    # What could not be read is tried again: missing, changed, nowhere.
    everything = {"good", "bytes", "corrupt", "text", "huge"}
    prints = {(row["image_id"], row["fingerprint"]) for row in staged.collect()}

    def names(**changes):
        frames = {table: changes.get(table.name, frame) for table, frame in tables.items()}
        found = [tuple(row) for row in profiled_images(frames, OPTIONS).collect()]
        assert set(found) <= prints
        assert len(found) == len(set(found))
        return {name for name, _ in found}

    assert names() == everything
    for table in (IMAGE_STATS, HASHES, EMBEDDINGS, CHANNEL_GROUP_STATS):
        lost = tables[table].where("NOT (image_id = 'good' AND target_index IS NULL)")
        assert names(**{table.name: lost}) == everything - {"good"}, table.name
    without_channel = tables[CHANNEL_STATS].where("NOT (image_id = 'good' AND channel = 0)")
    assert names(channel_stats=without_channel) == everything - {"good"}
    older = tables[HASHES].selectExpr("image_id", "target_index", "'old' AS fingerprint")
    assert names(hashes=older) == everything - {"good", "bytes"}
    assert names(unreadable_images=tables[UNREADABLE_IMAGES].limit(0)) == {"good", "bytes"}


def test_without_an_encoder_embeddings_do_not_matter_and_with_another_version_they_are_missing(tables):
    none = {**tables, EMBEDDINGS: tables[EMBEDDINGS].limit(0)}
    old = {**tables, EMBEDDINGS: tables[EMBEDDINGS].withColumn("encoder_version", F.lit("0"))}

    assert profiled_images(none).count() == 5
    assert profiled_images(old, ProfileOptions(encoder="thumbnail")).count() == 3


def test_without_an_encoder_nothing_is_embedded(frame):
    pending = fingerprints(frame(IMAGES, [image("a")]), frame(TARGETS, []))
    images = frame("image_id string, content binary", [("a", bytearray(GOOD))])

    found = tables_of(profile(pending.join(images, on="image_id", how="inner")))

    assert found[EMBEDDINGS].collect() == []
    assert found[IMAGE_STATS].count() == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoder": "thumbnails"}, r"profile\.encoder is 'thumbnails'.*Hint: profile\.encoder = 'thumbnail'"),
        ({"max_pixels": 0}, r"profile\.max_pixels is 0; expected a number in"),
        ({"timezone": "Berlin"}, r"profile\.timezone is 'Berlin'.*Hint: profile\.timezone = 'Europe/Berlin'"),
        ({"channel_groups": {"a": [-1]}}, r"profile\.channel_groups\.a is \[-1\]; expected numbers of channels"),
        ({"compat": "fastdup"}, r"profile\.compat is 'fastdup'"),
        ({"statistics": ["no_such_module:f"]}, r"profile\.statistics names 'no_such_module:f'"),
    ],
)
def test_a_wrong_option_says_what_to_write(frame, options, message):
    with pytest.raises(OptionError, match=f"(?s){message}"):
        profile(frame("image_id string", []), ProfileOptions(**options))


@pytest.mark.parametrize(("images", "tasks"), [(0, 1), (1, 1), (500, 1), (501, 2), (1_000_000, 2000), (1_000_001, 501)])
def test_tasks_hold_500_images_and_of_a_large_dataset_2000(images, tasks):
    assert tasks_for(images) == tasks


@pytest.mark.parametrize(
    ("images", "partitions", "tasks"),
    [(49, "2", 1), (120, "2", 2), (1200, "2", 4), (10_000, "2", 20), (2_000, "200", 40), (2_000, "auto", 4)],
)
def test_few_images_use_all_cores_too(images, partitions, tasks):
    assert tasks_for(images, partitions) == tasks
