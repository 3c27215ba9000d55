"""Objects of an image as records or as lists."""

from __future__ import annotations

import pytest

from dataeval_spark.kernels.formats.objects import parse_objects


def corners(row):
    return row["box"] and tuple(row["box"].values())


def test_records_and_lists_are_the_same_objects():
    records = [{"bbox": [1, 2, 3, 4], "category": 0, "area": 12}, {"bbox": [0, 0, 1, 1], "category": 1, "area": 1}]
    lists = {"bbox": [[1, 2, 3, 4], [0, 0, 1, 1]], "category": [0, 1], "area": [12, 1]}

    found = list(parse_objects(records, names={0: "cat", 1: "dog"}))

    assert found == list(parse_objects(lists, names={0: "cat", 1: "dog"}))
    assert [(row["class_name"], corners(row), row["attributes"]) for row in found] == [
        ("cat", (1, 2, 4, 6), '{"area": 12}'),
        ("dog", (0, 0, 1, 1), '{"area": 1}'),
    ]


def test_boxes_may_be_corners():
    (row,) = parse_objects([{"bbox": [1, 2, 3, 4], "label": "cat"}], box_format="xyxy")

    assert corners(row) == (1, 2, 3, 4)


def test_an_object_without_a_box_is_a_label():
    (row,) = parse_objects([{"label": "cat"}])

    assert (row["class_name"], row["box"]) == ("cat", None)


@pytest.mark.parametrize("nothing", [None, [], {}, {"bbox": [], "category": []}])
def test_no_objects(nothing):
    assert list(parse_objects(nothing)) == []


@pytest.mark.parametrize(
    ("objects", "kinds"),
    [
        ("text", ["broken_element"]),
        ({"bbox": [[0, 0, 1, 1]], "category": []}, ["broken_element"]),
        ({"bbox": 3}, ["broken_element"]),
        ([None], ["broken_element"]),
        ([{"bbox": [0, 0, 1, 1], "category": 9}], ["unknown_class"]),
        ([{"bbox": [0, 0, 1, 1], "category": True}], ["unknown_class"]),
        ([{"bbox": [0, 0, float("inf"), 1], "category": 1}], ["not_numeric_box"]),
        ([{"bbox": 5, "category": 1}], ["not_numeric_box"]),
        ([{"bbox": [5, 5, -1, 1], "category": 1}], ["inverted_box"]),
        ([{"bbox": [5, 5, 10, 1], "category": 1}], ["outside_box"]),
    ],
)
def test_what_cannot_be_taken_is_a_finding(objects, kinds):
    rows = list(parse_objects(objects, names={1: "cat"}, size=(10, 10)))

    assert [row["kind"] for row in rows if row["element"] == "finding"] == kinds
