"""YOLO labels with images: which file is about which image, names, splits, and what is a finding."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image

from dataeval_spark.errors import IngestError
from dataeval_spark.verbs.ingest.readers.coco import read_coco
from dataeval_spark.verbs.ingest.readers.source import (
    COUNTED_FINDINGS_DDL,
    FILES_DDL,
    LISTING_DDL,
    TARGETS_DDL,
    Reading,
)
from dataeval_spark.verbs.ingest.readers.yolo import read_yolo
from tests.verbs.ingest.readers.pictures import findings, ids, known_of, marked, png, touch, tree


def turned():
    """A JPEG of 4 x 3 pixels that is shown as 3 x 4."""
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    Image.new("L", (4, 3)).save(file, "JPEG", exif=exif)
    return file.getvalue()


FILES = {
    "data.yaml": b"train: ../images/train\nval: images/val\nnames: [cat, dog]\n",
    "images/train/a.png": 1,
    "images/train/turned.jpg": turned(),
    "images/train/bare.png": 2,
    "images/val/empty.png": 3,
    "images/beside.png": 4,
    "images/broken.png": b"?",
    "plots/curve.png": 5,  # no image of the data set
    "labels/classes.txt": b"never read",
    "labels/train/a.txt": b"0 0.5 0.5 0.5 1\n1 0 0 1 0 1 1\n7 0.5 0.5 1 1\n",
    "labels/train/turned.txt": b"1 0.5 0.5 1 1",
    "labels/val/empty.txt": b"",
    "images/beside.txt": b"0 0.5 0.5 1 1\n0 x\n",
    "labels/broken.txt": b"0 0.5 0.5 1 1",
    "labels/gone.txt": b"0 0.5 0.5 1 1",
    "notes.txt": b"no label",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tree(tmp_path_factory.mktemp("yolo"), FILES)


@pytest.fixture(scope="module")
def source(spark, checkpoint, root):
    return read_yolo(Reading(spark, root, dataset="d", checkpoint=checkpoint, split="rest"))


def targets(source):
    rows = source.targets.orderBy("image_id", "target_index").collect()
    return [(row["image_id"], row["target_index"], row["class_name"], tuple(row["box"])) for row in rows]


def test_the_frames_have_the_columns_that_ingestion_writes(spark, source):
    expected = {
        "images": LISTING_DDL,
        "targets": TARGETS_DDL,
        "findings": COUNTED_FINDINGS_DDL,
        "files": FILES_DDL,
    }
    for name, ddl in expected.items():
        assert sorted(getattr(source, name).dtypes) == sorted(spark.createDataFrame([], ddl).dtypes)


def test_fractions_become_pixels_of_the_upright_image(source):
    assert targets(source) == [
        ("d/images/beside.png", 0, "cat", (0.0, 0.0, 4.0, 3.0)),
        ("d/images/train/a.png", 0, "cat", (1.0, 0.0, 3.0, 3.0)),
        ("d/images/train/a.png", 1, "dog", (0.0, 0.0, 4.0, 3.0)),
        ("d/images/train/a.png", 2, None, (0.0, 0.0, 4.0, 3.0)),
        ("d/images/train/turned.jpg", 0, "dog", (0.0, 0.0, 3.0, 4.0)),
    ]
    (polygon,) = source.targets.where("attributes IS NOT NULL").collect()
    assert json.loads(polygon["attributes"]) == {"polygon": [0.0, 0.0, 4.0, 0.0, 4.0, 3.0]}
    assert polygon["source"] == "a.txt:line 2"


def test_images_are_those_in_the_folder_for_images_with_the_split_of_the_data_set_file(source):
    splits = {row["image_id"].removeprefix("d/images/"): row["split"] for row in source.images.collect()}

    assert splits == {
        "train/a.png": "train",
        "train/turned.jpg": "train",
        "train/bare.png": "train",
        "val/empty.png": "val",
        "beside.png": "rest",
        "broken.png": "rest",
    }
    assert ids(source.present) == ids(source.images)


def test_everything_that_could_not_be_taken_is_a_finding(source):
    assert [(kind, location, image_id, index) for kind, location, image_id, index, _ in findings(source)] == [
        ("missing_image", "file", None, None),
        ("not_numeric_box", "line 2", "d/images/beside.png", 1),
        ("unknown_class", "line 3", "d/images/train/a.png", 2),
        ("unreadable_image", "file", "d/images/broken.png", None),
    ]


def test_files_that_were_read_are_remembered_and_those_of_broken_images_are_not(source):
    assert ids(source.files) == [
        "d/images/beside.png",
        "d/images/train/a.png",
        "d/images/train/turned.jpg",
        "d/images/val/empty.png",
    ]


def test_lists_of_files_give_splits_and_a_class_list_names(spark, checkpoint, tmp_path):
    root = tree(tmp_path / "s", {"a.png": 1, "x/b.png": 2, "a.txt": b"1 .5 .5 1 1", "x/b.txt": b"0 .5 .5 1 1"})
    lists = f"path: {root}\ntrain: train.txt\ntest: test.txt\nnames: {{1: cat}}\n"
    tree(
        tmp_path, {"s/set.yaml": lists.encode(), "s/train.txt": b"./a.png\n", "s/test.txt": f"{root}/x/b.png".encode()}
    )
    tree(tmp_path, {"names.txt": b"zero\none\n"})

    by_list = read_yolo(Reading(spark, root, dataset="d", checkpoint=checkpoint))
    by_names = read_yolo(
        Reading(spark, root, dataset="d", checkpoint=checkpoint, glob="a*"), str(tmp_path / "names.txt")
    )

    assert {row["image_id"]: row["split"] for row in by_list.images.collect()} == {
        "d/a.png": "train",
        "d/x/b.png": "test",
    }
    assert [name for _, _, name, _ in targets(by_list)] == ["cat", None]
    assert [(image, name) for image, _, name, _ in targets(by_names)] == [("d/a.png", "one")]


def test_without_names_the_id_is_the_class_and_a_broken_data_set_file_is_a_finding(spark, checkpoint, tmp_path):
    root = tree(tmp_path / "images", {"a.png": 1, "data.yaml": b"names: ["})
    tree(tmp_path / "labels", {"a.txt": b"3 .5 .5 1 1", "b.txt": b""})

    source = read_yolo(Reading(spark, root, dataset="d", checkpoint=checkpoint), str(tmp_path / "labels"))

    assert [name for _, _, name, _ in targets(source)] == ["3"]
    assert [kind for kind, *_ in findings(source)] == ["broken_file", "class_ids_for_names", "missing_image"]


def test_a_file_is_read_again_when_it_or_its_image_or_the_names_change(spark, checkpoint, tmp_path):
    labels = {f"{name}.txt": b"0 .5 .5 1 1\n?" for name in "abc"}
    root = tree(tmp_path, {"data.yaml": b"names: [cat, dog]", "a.png": 1, "b.png": 2, "c.png": 3, **labels})
    before = read_yolo(Reading(spark, root, dataset="d", checkpoint=checkpoint))
    known = known_of(before, targets=marked(before.targets))
    touch(tmp_path / "b.txt", b"1 .5 .5 1 1")
    touch(tmp_path / "c.png", png(4))

    after = read_yolo(Reading(spark, root, dataset="d", checkpoint=checkpoint, known_rows=known))
    touch(tmp_path / "data.yaml", b"names: [wolf, dog]")
    renamed = read_yolo(Reading(spark, root, dataset="d", checkpoint=checkpoint, known_rows=known))

    assert [name for _, _, name, _ in targets(after)] == ["old cat", "dog", "cat"]
    assert [(location, image) for _, location, image, *_ in findings(after)] == [
        ("line 2", "d/a.png"),
        ("line 2", "d/c.png"),
    ]
    assert [name for _, _, name, _ in targets(renamed)] == ["wolf", "dog", "wolf"]


@pytest.mark.parametrize(
    ("files", "annotations", "message"),
    [
        ({"a.png": 1}, None, r"There is no label file \(\.txt\) below"),
        (
            {"a.png": 1, "labels/b.txt": b""},
            None,
            r"None of the label files below .* is named like an image below SOURCE, for example .*b\.txt",
        ),
        ({"a.png": 1, "a.txt": b"\0\1"}, None, r"No label file below .* can be read; .*a\.txt: not text"),
        ({"a.png": 1, "a.txt": b"", "x.yaml": b"- 1"}, "x.yaml", r"x\.yaml cannot be read: expected a mapping"),
        ({"a.png": 1, "a.txt": b""}, "no.yaml", r"no\.yaml cannot be read: No such file"),
    ],
)
def test_a_source_of_which_nothing_can_be_read_is_an_error(spark, checkpoint, tmp_path, files, annotations, message):
    given = annotations and str(tmp_path / annotations)

    with pytest.raises(IngestError, match=message):
        read_yolo(Reading(spark, tree(tmp_path, files), dataset="d", checkpoint=checkpoint), given)


@pytest.mark.shared
def test_coco_and_yolo_forms_of_a_real_set_have_the_same_boxes(spark, checkpoint, shared):
    place = shared / "data" / "coco128"
    document = json.loads((place / "instances.json").read_text())
    numbers = {category["name"]: category["id"] for category in document["categories"]}
    yolo = read_yolo(Reading(spark, str(place), dataset="d", checkpoint=checkpoint))
    coco = read_coco(Reading(spark, str(place), dataset="d", checkpoint=checkpoint), str(place / "instances.json"))

    found, expected = ({(image, index): rest for image, index, *rest in targets(source)} for source in (yolo, coco))

    assert yolo.images.count() == coco.images.count() == 128
    assert found.keys() == expected.keys()
    assert len(found) == len(document["annotations"])
    for key, (name, box) in found.items():
        wanted_name, wanted = expected[key]
        assert int(name) == numbers[wanted_name]
        assert box == pytest.approx(wanted, abs=0.01)
