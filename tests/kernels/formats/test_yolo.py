"""YOLO files: boxes in pixels, polygons and keypoints, data set files, and lines that cannot be taken."""

from __future__ import annotations

import json

import pytest

from dataeval_spark.kernels.formats.yolo import parse_class_list, parse_data_file, parse_yolo

SIZE = {"width": 100, "height": 50}


def parse(text, **options):
    return list(parse_yolo(text.encode(), **SIZE, **options))


def corners(row):
    return tuple(row["box"].values())


def test_a_line_becomes_a_target_with_its_box_in_pixels():
    (target,) = parse("1 0.5 0.5 0.2 0.4\n", names={1: "cat"})

    assert target == {
        "element": "target",
        "target_index": 0,
        "class_name": "cat",
        "box": {"x0": 40.0, "y0": 15.0, "x1": 60.0, "y1": 35.0},
        "is_crowd": None,
        "attributes": None,
        "location": "line 1",
    }


def test_without_names_the_id_is_the_class_and_empty_lines_are_no_targets():
    rows = parse("\n7 0.5 0.5 1 1\r\n\n3.0 .5 .5 1 1", names=None)

    assert [(row["class_name"], row["target_index"], row["location"]) for row in rows] == [
        ("7", 0, "line 2"),
        ("3", 1, "line 4"),
    ]
    assert parse("") == parse(" \n") == []


def test_a_polygon_becomes_the_box_around_it_and_is_kept():
    (target,) = parse("0 0.1 0.2 0.5 0.2 0.3 0.8")

    assert corners(target) == pytest.approx((10, 10, 50, 40))
    assert json.loads(target["attributes"])["polygon"] == pytest.approx([10, 10, 50, 10, 30, 40])


def test_keypoints_are_told_from_a_polygon_by_the_shape_in_the_data_set_file():
    (target,) = parse("0 0.5 0.5 1 1 0.1 0.2 2 0.3 0.4 0", keypoints=(2, 3))

    assert corners(target) == (0, 0, 100, 50)
    assert json.loads(target["attributes"])["keypoints"] == pytest.approx([10, 10, 2, 30, 20, 0])


def test_a_sixth_value_is_the_confidence():
    (target,) = parse("0 0.5 0.5 1 1 0.875")

    assert target["attributes"] == '{"score": 0.875}'


@pytest.mark.parametrize(
    ("line", "kind", "found", "kept"),
    [
        ("0 0.5 0.5 0.1", "not_numeric_box", '"0 0.5 0.5 0.1"', False),
        ("0", "not_numeric_box", '"0"', False),
        ("0 0.5 0.5 0.1 x", "not_numeric_box", '"0 0.5 0.5 0.1 x"', False),
        ("0 0.5 0.5 nan 1", "not_numeric_box", '"0 0.5 0.5 nan 1"', False),
        ("0 1_0 0.5 1 1", "not_numeric_box", '"0 1_0 0.5 1 1"', False),
        ("0,0.5,0.5,1,1", "not_numeric_box", '"0,0.5,0.5,1,1"', False),
        ("0 .1 .1 .2 .2 .3 .3 .4", "not_numeric_box", '"0 .1 .1 .2 .2 .3 .3 .4"', False),
        ("0 0.5 0.5 0 1", "inverted_box", '"0 0.5 0.5 0 1"', True),
        ("0 0.5 0.5 -1 1", "inverted_box", '"0 0.5 0.5 -1 1"', True),
        ("0 0.5 0.5 1.1 1", "outside_box", '"0 0.5 0.5 1.1 1"', True),
        ("0 60 30 20 10", "outside_box", '"0 60 30 20 10"', True),
        ("9 0.5 0.5 1 1", "unknown_class", '"9"', True),
        ("-1 0.5 0.5 1 1", "unknown_class", '"-1"', True),
        ("cat 0.5 0.5 1 1", "unknown_class", '"cat"', True),
    ],
)
def test_a_bad_line_is_a_finding_with_what_was_found(line, kind, found, kept):
    rows = parse(f"{line}\n0 0.5 0.5 1 1", names={0: "cat"})

    (bad,) = (row for row in rows if row["element"] == "finding")
    assert (bad["kind"], bad["found"], bad["location"], bad["target_index"]) == (kind, found, "line 1", 0)
    assert [row["target_index"] for row in rows if row["element"] == "target"] == ([0, 1] if kept else [1])


def test_a_file_that_is_no_text_is_a_value_error():
    with pytest.raises(ValueError, match="neither UTF-8"):
        list(parse_yolo(b"\xff\xd8\xff\xe0", **SIZE))


def test_a_data_set_file_names_classes_splits_and_keypoints():
    found = parse_data_file(
        b"path: ../coco\ntrain: images/train\nval: [images/a, images/b]\ntest:\nnames: {0: no, 5: cat}\n"
        b"kpt_shape: [17, 3]\nnc: 2\n"
    )

    assert found.names == {0: "no", 5: "cat"}
    assert found.splits == {"train": ("images/train",), "val": ("images/a", "images/b")}
    assert (found.path, found.keypoints) == ("../coco", (17, 3))


def test_a_data_set_file_may_name_no_classes():
    assert parse_data_file(b"train: x\nkpt_shape: [0, 9]").names is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"names: [", "not YAML"),
        (b"- a", "expected a mapping with 'names'"),
        (b"", "expected a mapping"),
        (b"names: cat", "expected 'names' as a list, or a mapping"),
        (b"names: {cat: 0}", "expected 'names' as a list, or a mapping"),
        (b"\xff\xff", "expected a mapping"),
        (b"!!python/object/apply:os.system [ls]", "expected a mapping"),
    ],
)
def test_what_is_no_data_set_file_is_a_value_error(data, message):
    with pytest.raises(ValueError, match=message):
        parse_data_file(data)


def test_a_class_list_has_a_name_per_line():
    assert parse_class_list("\ufeffcat\n red dog \n\n".encode()) == {0: "cat", 1: "red dog"}
