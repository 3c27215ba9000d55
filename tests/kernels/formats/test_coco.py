"""COCO files: rows of images and targets, and a finding for everything that cannot be taken."""

from __future__ import annotations

import json

import pytest

from dataeval_spark.kernels.formats.coco import parse_coco

IMAGE = {"id": 1, "file_name": "a.jpg", "width": 100, "height": 50}
CAT = {"id": 7, "name": "cat"}


def parse(**document):
    return list(parse_coco(json.dumps(document).encode()))


def annotation(**changes):
    return {"id": 1, "image_id": 1, "category_id": 7, "bbox": [10, 20, 30, 5], **changes}


def targets(rows):
    return [row for row in rows if row["element"] == "target"]


def findings(rows):
    return [row for row in rows if row["element"] == "finding"]


def test_an_image_and_its_annotation_become_rows_with_corners():
    rows = parse(
        images=[{**IMAGE, "date_captured": "2024-05-01 12:00:00"}],
        categories=[CAT],
        annotations=[annotation(bbox=[10, 20.5, 30, 5], iscrowd=1)],
    )

    assert rows == [
        {
            "element": "image",
            "name": "a.jpg",
            "captured_at": "2024-05-01 12:00:00",
            "width": 100,
            "height": 50,
            "location": "images[0]",
        },
        {
            "element": "target",
            "name": "a.jpg",
            "target_index": 0,
            "class_name": "cat",
            "box": {"x0": 10.0, "y0": 20.5, "x1": 40.0, "y1": 25.5},
            "is_crowd": True,
            "attributes": None,
            "location": "annotations[0]",
        },
        {"element": "count", "location": "annotations", "n": 1},
    ]


def test_what_else_an_annotation_says_is_kept_as_json():
    (target,) = targets(
        parse(
            images=[IMAGE],
            categories=[CAT],
            annotations=[annotation(segmentation=[[1, 2, 3, 4, 5, float("nan")]], keypoints=[1, 2, 2], score=0.5)],
        )
    )

    assert json.loads(target["attributes"]) == {
        "segmentation": [[1, 2, 3, 4, 5, None]],
        "keypoints": [1, 2, 2],
        "score": 0.5,
    }


def test_the_area_of_a_segmentation_is_kept_that_of_a_box_is_known():
    rows = [annotation(area=3.5), annotation(segmentation=[[1, 2, 3, 4, 5, 6]], area=3.5)]

    boxed, shaped = targets(parse(images=[IMAGE], categories=[CAT], annotations=rows))

    assert boxed["attributes"] is None
    assert json.loads(shaped["attributes"])["area"] == 3.5


def test_targets_are_numbered_per_image_and_one_that_is_left_out_leaves_a_gap():
    rows = parse(
        images=[IMAGE, {"id": "two", "file_name": "b.jpg"}],
        categories=[CAT],
        annotations=[annotation(), annotation(image_id="two"), annotation(bbox="?"), annotation()],
    )

    assert [(row["name"], row["target_index"]) for row in targets(rows)] == [("a.jpg", 0), ("b.jpg", 0), ("a.jpg", 2)]
    assert [(row["kind"], row["name"], row["target_index"]) for row in findings(rows)] == [
        ("not_numeric_box", "a.jpg", 1)
    ]


def test_an_annotation_without_a_box_is_a_label():
    (target,) = targets(parse(images=[IMAGE], categories=[CAT], annotations=[{"image_id": 1, "category_id": 7}]))

    assert (target["class_name"], target["box"], target["is_crowd"]) == ("cat", None, False)


@pytest.mark.parametrize(
    ("changes", "kind", "found", "kept"),
    [
        ({"category_id": 8}, "unknown_class", "8", True),
        ({"category_id": None}, "unknown_class", "null", True),
        ({"category_id": [7]}, "unknown_class", "[7]", True),
        ({"image_id": 99}, "unknown_image", "99", False),
        ({"image_id": {}}, "unknown_image", "{}", False),
        ({"bbox": [1, 2, 3]}, "not_numeric_box", "[1, 2, 3]", False),
        ({"bbox": ["1", 2, 3, 4]}, "not_numeric_box", '["1", 2, 3, 4]', False),
        ({"bbox": [1, 2, 3, True]}, "not_numeric_box", "[1, 2, 3, true]", False),
        ({"bbox": [1, 2, 3, float("nan")]}, "not_numeric_box", "[1, 2, 3, NaN]", False),
        ({"bbox": [1, 2, 0, 4]}, "inverted_box", "[1.0, 2.0, 0.0, 4.0]", True),
        ({"bbox": [1, 2, 3, -4]}, "inverted_box", "[1.0, 2.0, 3.0, -4.0]", True),
        ({"bbox": [90, 2, 11.5, 4]}, "outside_box", "[90.0, 2.0, 11.5, 4.0]", True),
        ({"bbox": [-1.5, 2, 3, 4]}, "outside_box", "[-1.5, 2.0, 3.0, 4.0]", True),
    ],
)
def test_a_bad_annotation_is_a_finding_with_what_was_found(changes, kind, found, kept):
    rows = parse(images=[IMAGE], categories=[CAT], annotations=[annotation(**changes)])

    (finding,) = findings(rows)
    assert (finding["kind"], finding["found"], finding["location"]) == (kind, found, "annotations[0]")
    assert len(targets(rows)) == kept


def test_a_box_that_leaves_the_image_by_a_pixel_is_rounding_and_without_a_size_nothing_is_known():
    rows = parse(
        images=[IMAGE, {"id": 2, "file_name": "b.jpg"}, {"id": 3, "file_name": "c.jpg", "width": "?", "height": 0}],
        categories=[CAT],
        annotations=[
            annotation(bbox=[-1, -1, 102, 52]),
            annotation(image_id=2, bbox=[0, 0, 1e6, 1e6]),
            annotation(image_id=3, bbox=[0, 0, 1e6, 1e6]),
        ],
    )

    assert findings(rows) == []
    assert len(targets(rows)) == 3


def test_a_target_keeps_the_class_it_can_when_its_box_is_bad_too():
    rows = parse(images=[IMAGE], categories=[{"id": 8, "name": "dog"}], annotations=[annotation(bbox=[1, 2, 0, 0])])

    assert [row["kind"] for row in findings(rows)] == ["unknown_class", "inverted_box"]
    assert targets(rows)[0]["class_name"] is None


def test_broken_and_repeated_elements_are_findings():
    rows = parse(
        images=[
            IMAGE,
            {"id": 2, "file_name": "a.jpg"},
            {"id": 1, "file_name": "b.jpg"},
            {"id": 3},
            {"id": True, "file_name": "c.jpg"},
            {"file_name": "d.jpg"},
            "e.jpg",
        ],
        annotations=["?", None],
    )

    assert [row["name"] for row in rows if row["element"] == "image"] == ["a.jpg"]
    assert [(row["location"], row["kind"]) for row in findings(rows)] == [
        ("images[1]", "duplicate_image"),
        ("images[2]", "duplicate_image"),
        ("images[3]", "broken_element"),
        ("images[4]", "broken_element"),
        ("images[5]", "broken_element"),
        ("images[6]", "broken_element"),
        ("annotations[0]", "broken_element"),
        ("annotations[1]", "broken_element"),
    ]


def test_two_spellings_of_one_path_are_one_image():
    rows = parse(images=[IMAGE, {"id": 2, "file_name": "./a.jpg"}])

    assert [(row["element"], row.get("name"), row.get("kind")) for row in rows] == [
        ("image", "a.jpg", None),
        ("finding", "./a.jpg", "duplicate_image"),
        ("count", None, None),
    ]


def test_images_alone_and_sections_of_another_kind_are_no_error():
    nothing = {"element": "count", "location": "annotations", "n": 0}
    assert parse(images=[IMAGE])[1:] == [nothing]
    assert parse(images=[IMAGE], annotations=None, categories={"7": "cat"})[1:] == [nothing]
    assert list(parse_coco(b'\xef\xbb\xbf{"images": []}')) == [nothing]


def test_without_categories_the_numbers_are_the_names_and_one_finding_says_so():
    rows = parse(images=[IMAGE], annotations=[annotation(), annotation(category_id=3.0)])

    assert [row["class_name"] for row in targets(rows)] == ["7", "3"]
    assert [(row["kind"], row["n"], row["found"]) for row in findings(rows)] == [("class_ids_for_names", 2, "7, 3.0")]


def test_a_polygon_or_mask_without_a_box_has_the_box_around_it():
    polygon = {"bbox": [], "segmentation": [[1, 2, 5, 2, 5, 9], [0, 3, 1, 4, 2, 3]]}
    mask = {"bbox": None, "segmentation": {"size": [3, 4], "counts": [4, 2, 1, 2, 3]}}
    annotations = [annotation(**polygon), annotation(bbox=None), annotation(**mask)]
    rows = parse(images=[IMAGE], categories=[CAT], annotations=annotations)

    boxes = [target["box"] and tuple(target["box"].values()) for target in targets(rows)]
    assert boxes == [(0.0, 2.0, 5.0, 9.0), None, (1.0, 1.0, 3.0, 3.0)]
    assert [(row["kind"], row["n"]) for row in findings(rows)] == [("box_from_segmentation", 2)]


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"images": {}}', b'{"annotations": []}', b"\xff\xfe\x00"])
def test_what_is_no_coco_file_is_a_value_error(data):
    with pytest.raises(ValueError, match=r"."):
        list(parse_coco(data))
