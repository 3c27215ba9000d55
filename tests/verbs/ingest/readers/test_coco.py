"""COCO annotations with images: what is found, what is a finding, and what cannot be read at all."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from dataeval_spark.errors import IngestError
from dataeval_spark.verbs.ingest.readers.coco import read_coco
from dataeval_spark.verbs.ingest.readers.source import COUNTED_FINDINGS_DDL, LISTING_DDL, TARGETS_DDL, Reading
from tests.verbs.ingest.readers.pictures import captured, findings, ids, tree

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC).timestamp()
DOCUMENT = {
    "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
    "images": [
        {"id": 1, "file_name": "a.png", "width": 4, "height": 3, "date_captured": "2024-05-01 14:00:00"},
        {"id": 2, "file_name": "val/b.png", "width": 4, "height": 3},  # by base name: it lies in deep/
        {"id": 3, "file_name": "beside.png", "date_captured": "2024-05-01T12:00:00Z"},
        {"id": 4, "file_name": "bare.png", "date_captured": "never"},
        {"id": 5, "file_name": "twice.png"},
        {"id": 6, "file_name": "missing.png"},
        {"id": 7, "file_name": "a.png"},
        {"id": 8},
    ],
    "annotations": [
        {"image_id": 1, "category_id": 1, "bbox": [0, 0, 2, 3]},
        {"image_id": 1, "category_id": 2, "bbox": [1, 1, 1.5, 2], "iscrowd": 1},
        {"image_id": 2, "category_id": 9, "bbox": [0, 0, 1, 1]},
        {"image_id": 2, "category_id": 2, "bbox": [0, 0, 0, 1]},
        {"image_id": 2, "category_id": 2, "bbox": [3, 0, 4, 1]},
        {"image_id": 2, "category_id": 2, "bbox": ["x"]},
        {"image_id": 3, "category_id": 1},
        {"image_id": 99, "category_id": 1, "bbox": [0, 0, 1, 1]},
        {"image_id": 6, "category_id": 1, "bbox": [0, 0, 1, 1]},
        "?",
    ],
}
FILES = {"a.png": 1, "deep/b.png": 2, "bare.png": 4, "x/twice.png": 5, "y/twice.png": 6, "unlisted.png": 7}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("coco")
    tree(folder, {f"images/{path}": shade for path, shade in FILES.items()})
    tree(folder, {"labels/instances.json": json.dumps(DOCUMENT).encode(), "labels/beside.png": 3})
    return folder


def read(spark, checkpoint, folder, **options):
    annotations = str(folder / "labels" / "instances.json")
    return read_coco(Reading(spark, str(folder / "images"), dataset="d", checkpoint=checkpoint, **options), annotations)


@pytest.fixture(scope="module")
def source(spark, checkpoint, folder):
    return read(spark, checkpoint, folder, timezone="Europe/Paris", split="train")


def test_the_frames_have_the_columns_that_ingestion_writes(spark, source):
    for frame, ddl in (
        (source.images, LISTING_DDL),
        (source.targets, TARGETS_DDL),
        (source.findings, COUNTED_FINDINGS_DDL),
    ):
        assert sorted(frame.dtypes) == sorted(spark.createDataFrame([], ddl).dtypes)


def test_images_outside_source_are_counted_because_source_may_not_be_the_folder_that_was_meant(source):
    (row,) = source.findings.where("kind = 'outside_source'").collect()

    assert (row["severity"], row["n"], row["found"].rpartition("/")[2]) == ("warning", 1, "beside.png")


def test_an_image_is_found_under_source_by_base_name_or_beside_the_annotations(source, folder):
    uris = {row["image_id"]: row["uri"] for row in source.images.collect()}

    assert uris == {
        "d/a.png": f"{folder}/images/a.png",
        "d/deep/b.png": f"{folder}/images/deep/b.png",
        "d/bare.png": f"{folder}/images/bare.png",
        "d/beside.png": f"{folder}/labels/beside.png",
    }
    assert ids(source.present) == sorted(uris)


def test_capture_times_are_in_the_zone_given_and_the_split_is_the_option(source):
    times = captured(source)

    assert times == {"d/a.png": NOON, "d/deep/b.png": None, "d/beside.png": NOON, "d/bare.png": None}
    assert {row["split"] for row in source.images.collect()} == {"train"}


def test_targets_have_boxes_as_corners_classes_and_their_place_in_the_file(source):
    rows = [
        (row["image_id"], row["target_index"], row["class_name"], row["box"] and tuple(row["box"]), row["is_crowd"])
        for row in source.targets.collect()
    ]

    assert sorted(rows) == [
        ("d/a.png", 0, "cat", (0.0, 0.0, 2.0, 3.0), False),
        ("d/a.png", 1, "dog", (1.0, 1.0, 2.5, 3.0), True),
        ("d/beside.png", 0, "cat", None, False),
        ("d/deep/b.png", 0, None, (0.0, 0.0, 1.0, 1.0), False),
        ("d/deep/b.png", 1, "dog", (0.0, 0.0, 0.0, 1.0), False),
        ("d/deep/b.png", 2, "dog", (3.0, 0.0, 7.0, 1.0), False),
    ]
    (crowd,) = source.targets.where("is_crowd").collect()
    assert crowd["source"] == "instances.json:annotations[1]"


def test_everything_that_could_not_be_taken_is_a_finding(source, folder):
    assert {row["source_file"] for row in source.findings.collect()} == {f"{folder}/labels/instances.json"}
    assert findings(source) == sorted(
        [
            ("ambiguous_image", "images[4]", None, None, "twice.png: x/twice.png and y/twice.png"),
            ("missing_image", "images[5]", None, None, "missing.png"),
            ("duplicate_image", "images[6]", "d/a.png", None, '"a.png"'),
            ("broken_element", "images[7]", None, None, '{"id": 8}'),
            ("unknown_class", "annotations[2]", "d/deep/b.png", 0, "9"),
            ("inverted_box", "annotations[3]", "d/deep/b.png", 1, "[0.0, 0.0, 0.0, 1.0]"),
            ("outside_box", "annotations[4]", "d/deep/b.png", 2, "[3.0, 0.0, 4.0, 1.0]"),
            ("not_numeric_box", "annotations[5]", "d/deep/b.png", 3, '["x"]'),
            ("unknown_image", "annotations[7]", None, None, "99"),
            ("broken_element", "annotations[9]", None, None, '"?"'),
            ("matched_names", "names: folder", None, None, "val/b.png is deep/b.png"),
            ("outside_source", "images", None, None, f"{folder}/labels/beside.png"),
        ],
        key=str,
    )


def test_a_glob_and_a_limit_take_some_images_and_delete_none(spark, checkpoint, folder):
    globbed = read(spark, checkpoint, folder, glob="val/*")
    limited = read(spark, checkpoint, folder, limit=1)

    assert (ids(globbed.images), ids(limited.images)) == (["d/deep/b.png"], ["d/a.png"])
    assert {row["image_id"] for row in limited.targets.collect()} == {"d/a.png"}
    for source in (globbed, limited):
        assert ids(source.present) == ["d/a.png", "d/bare.png", "d/beside.png", "d/deep/b.png"]
    # what is not asked for is not missed
    assert {row["kind"] for row in globbed.findings.collect()} & {"missing_image", "ambiguous_image"} == set()


def test_metadata_add_factors_and_fill_in_times_and_splits(spark, checkpoint, folder):
    (folder / "m.csv").write_text("file_name,captured_at,split,gain\na.png,,test,2\nbare.png,2024-05-01 12:00,,3\n")

    source = read(spark, checkpoint, folder, metadata=str(folder / "m.csv"), split="rest")

    assert {row["image_id"]: row["split"] for row in source.images.collect()} == {
        "d/a.png": "test",
        "d/deep/b.png": "rest",
        "d/beside.png": "rest",
        "d/bare.png": "rest",
    }
    times = captured(source)
    assert (times["d/a.png"], times["d/bare.png"]) == (NOON + 2 * 3600, NOON)
    assert sorted(map(tuple, source.factors.collect())) == [("d/a.png", None, 2), ("d/bare.png", None, 3)]


def test_two_names_of_one_file_are_one_image_with_the_annotations_of_the_first_and_a_finding(
    spark, checkpoint, tmp_path
):
    root = tree(tmp_path / "s", {"deep/a.png": 1})
    document = {
        "categories": [{"id": 1, "name": "cat"}],
        "images": [{"id": 1, "file_name": "y/a.png"}, {"id": 2, "file_name": "x/a.png"}],
        "annotations": [{"image_id": 1, "category_id": 1}, {"image_id": 2, "category_id": 1, "bbox": [0, 0, 1, 1]}],
    }
    (tmp_path / "c.json").write_text(json.dumps(document))

    source = read_coco(Reading(spark, root, dataset="d", checkpoint=checkpoint), str(tmp_path / "c.json"))

    assert ids(source.images) == ["d/deep/a.png"]
    assert [tuple(row["box"]) for row in source.targets.collect()] == [(0.0, 0.0, 1.0, 1.0)]
    assert findings(source) == [
        ("duplicate_image", "images[0]", "d/deep/a.png", None, "y/a.png"),
        ("matched_names", "names: folder", None, None, "x/a.png is deep/a.png, y/a.png is deep/a.png"),
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{", "Expecting property name"),
        (b"[1]", "expected a JSON object with a list 'images'"),
        (None, "No such file"),
        (b"[" * 100_000, "recursion"),
    ],
)
def test_a_file_that_is_no_coco_file_is_an_error_with_its_name(spark, checkpoint, tmp_path, data, message):
    root = tree(tmp_path / "s", {"a.png": 1})
    if data is not None:
        (tmp_path / "bad.json").write_bytes(data)

    with pytest.raises(IngestError, match=rf"(?s)Annotation file .*bad\.json cannot be read: .*{message}.*Hint:"):
        read_coco(Reading(spark, root, dataset="d", checkpoint=checkpoint), str(tmp_path / "bad.json"))


def test_annotations_of_other_images_are_an_error_that_names_the_source(spark, checkpoint, tmp_path):
    root = tree(tmp_path / "s", {"a.png": 1})
    (tmp_path / "c.json").write_text(json.dumps({"images": [{"id": 1, "file_name": "b.png"}]}))

    with pytest.raises(IngestError, match=r"None of the images that .*c\.json names was found under .*/s or beside"):
        read_coco(Reading(spark, root, dataset="d", checkpoint=checkpoint), str(tmp_path / "c.json"))
