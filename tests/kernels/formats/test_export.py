"""Files of an export: where they lie, which images are left out and why, and what is said of each."""

from __future__ import annotations

import pytest
from PIL import Image

from dataeval_spark.kernels.formats.export import LOST, Layout, written_files
from tests.kernels.formats.literals import png, sample, target


@pytest.mark.parametrize(
    ("targets", "others", "reason"),
    [
        ([], {"lost": "broken_file: Annotation file cannot be read"}, "broken_file: Annotation file cannot be read"),
        ([target((70, 0, 80, 5))], {}, "no box has an area in the image"),
        ([], {"unlabelled": 2}, "labels have no class"),
        ([target(None)], {}, "yolo holds boxes"),
    ],
)
def test_an_image_that_lost_its_labels_is_no_background(tmp_path, targets, others, reason):
    layout = Layout(str(tmp_path), "yolo", {"cat": 0})
    rows = [sample(targets, **others)]

    (left_out,) = written_files(rows, layout)
    assert left_out["error"] == f"{LOST}: {reason}"
    assert not list(tmp_path.iterdir())

    (written,) = written_files(rows, Layout(str(tmp_path), "yolo", {"cat": 0}, with_lost_labels=True))
    assert written["path"] == "images/all/a.png"
    assert (tmp_path / "labels/all/a.txt").read_text() == ""


@pytest.mark.parametrize(
    ("format", "split", "name", "image", "label"),
    [
        ("yolo", "train", "images/train/1.png", "images/train/1.png", "labels/train/1.txt"),
        ("yolo", None, "images/1.png", "images/all/1.png", "labels/all/1.txt"),
        (
            "yolo",
            "train",
            "coco/Images/val/1.png",
            "images/train/coco/Images_/val/1.png",
            "labels/train/coco/Images_/val/1.txt",
        ),
        ("yolo", "labels", "a/labels/1.png", "images/labels_/a/labels_/1.png", "labels/labels_/a/labels_/1.txt"),
        ("voc", "train", "JPEGImages/1.png", "JPEGImages/1.png", "Annotations/1.xml"),
        ("voc", None, "a/annotations/1.png", "JPEGImages/a/annotations_/1.png", "Annotations/a/annotations_/1.xml"),
    ],
)
def test_a_label_file_is_where_trainers_look_for_it(tmp_path, format, split, name, image, label):
    rows = [sample([target((0, 0, 5, 5))], name=name, split=split)]

    (found,) = written_files(rows, Layout(str(tmp_path), format, {"cat": 0}))

    assert found["path"] == image
    assert (tmp_path / image).is_file()
    assert (tmp_path / label).is_file()
    if format == "yolo":  # as Ultralytics does
        *_, beside = image.rpartition("images/")
        assert f"labels/{beside}".replace(".png", ".txt") == label


def test_an_image_without_labels_is_background(tmp_path):
    (written,) = written_files([sample([])], Layout(str(tmp_path), "yolo", {}))

    assert written["path"] == "images/all/a.png"


def test_an_image_whose_pixels_cannot_be_read_is_not_written(tmp_path):
    layout = Layout(str(tmp_path), "coco", {"cat": 1})

    (found,) = written_files([sample([target((0, 0, 5, 5))], unreadable="OSError: image file is truncated")], layout)

    assert found == {"number": 0, "error": "Cannot be read: OSError: image file is truncated"}


@pytest.mark.parametrize(
    ("others", "error"),
    [
        ({}, "No class: the folder format needs one"),
        ({"unlabelled": 1}, "No class: the folder format needs one"),
        ({"lost": "bad_class: 7"}, "Labels are lost: bad_class: 7"),
        ({"unreadable": "decode: OSError: ends early"}, "Cannot be read: decode: OSError: ends early"),
        ({"content": b"no picture"}, "No class: the folder format needs one"),  # its bytes need not be read
    ],
)
def test_an_image_without_a_folder_is_left_out_for_the_reason_that_comes_first(tmp_path, others, error):
    (left_out,) = written_files([sample([], **others)], Layout(str(tmp_path), "folder", {}))

    assert left_out["error"].startswith(error)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("others", "path"),
    [({}, "unknown/a.png"), ({"unlabelled": 1}, "unknown/a.png"), ({"split": "val"}, "val/unknown/a.png")],
)
def test_an_image_without_a_class_goes_to_the_folder_that_is_named(tmp_path, others, path):
    layout = Layout(str(tmp_path), "folder", {"cat": 0}, unlabelled_folder="unknown")

    found, labelled = written_files([sample([], **others), sample([target(None)], number=1)], layout)

    assert found["path"] == path
    assert (tmp_path / path).is_file()
    assert labelled["path"] == "cat/a.png"


def test_an_image_whose_labels_were_lost_is_not_among_those_that_never_had_one(tmp_path):
    layout = Layout(str(tmp_path), "folder", {}, unlabelled_folder="unknown")

    (found,) = written_files([sample([], lost="bad_class: 7")], layout)

    assert found["error"] == "Labels are lost: bad_class: 7"


@pytest.mark.parametrize(("orientation", "is_turned"), [(None, False), (1, False), (3, True), (6, True)])
def test_that_exif_turns_an_image_is_said(tmp_path, orientation, is_turned):
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    content = png(format="JPEG", exif=exif)
    layout = Layout(str(tmp_path), "coco", {"cat": 1})

    (found,) = written_files([sample([target((0, 0, 5, 5))], content=content)], layout)

    assert found["is_turned"] is is_turned
    assert (found["width"], found["height"]) == ((37, 61) if orientation == 6 else (61, 37))
