"""Common parts of annotation formats: numbers, findings about boxes, and attributes as JSON."""

from __future__ import annotations

import json

import pytest

from dataeval_spark.kernels.formats.annotations import (
    attributes,
    box_findings,
    counted_finding,
    decoded_finding,
    finding,
    numbers,
    target_row,
)


@pytest.mark.parametrize(
    "values",
    [None, "1234", (1, 2, 3, 4), [1, 2, 3], [1, 2, 3, "4"], [1, 2, 3, None], [1, 2, 3, True], [1, 2, 3, float("nan")]],
)
def test_what_is_no_list_of_four_numbers_is_none(values):
    assert numbers(values) is None


def test_a_number_beyond_any_coordinate_is_none_and_the_largest_one_is_taken():
    assert numbers([0, 1e15], 2) == (0.0, 1e15)
    assert numbers([0, 1.1e15], 2) is None
    assert numbers([0, -float("inf")], 2) is None


@pytest.mark.parametrize(
    ("corners", "size", "found"),
    [
        ((0, 0, 10, 10), (10, 10), []),
        ((-1, -1, 11, 11), (10, 10), []),  # a pixel is rounding
        ((-1.5, 0, 5, 5), (10, 10), [("outside_box", "Box leaves the image by 1.5 pixels", "inside 0, 0, 10, 10")]),
        ((0, 0, 5, 13), (10, 10), [("outside_box", "Box leaves the image by 3 pixels", "inside 0, 0, 10, 10")]),
        ((0, 0, 500, 500), None, []),
        ((0, 0, 500, 500), (0, 10), []),
        ((5, 0, 5, 9), (10, 10), [("inverted_box", "Box has no area", "width and height above 0")]),
        ((0, 9, 5, 3), None, [("inverted_box", "Box has no area", "width and height above 0")]),
    ],
)
def test_a_box_has_an_area_within_its_image(corners, size, found):
    rows = list(box_findings(corners, size, "here", value=list(corners), name="a.png", target_index=3))

    assert [(row["kind"], row["message"], row["expected"]) for row in rows] == found
    for row in rows:
        assert (row["element"], row["location"], row["name"], row["target_index"]) == ("finding", "here", "a.png", 3)
        assert json.loads(row["found"]) == list(corners)


def test_what_was_found_is_json_of_at_most_300_characters():
    assert finding("x", "k", "m", {"a": [1, "b"]}, "e")["found"] == '{"a": [1, "b"]}'
    assert finding("x", "k", "m", object, "e")["found"] == "\"<class 'object'>\""
    assert finding("x", "k", "m", "y" * 999, "e")["found"] == '"' + "y" * 299


def test_a_finding_of_many_elements_counts_them_and_shows_three():
    row = counted_finding("list", "kind", "message", ["c", "c", "a", "b"], "one")

    assert (row["found"], row["n"]) == ("c, a", 4)


def test_attributes_are_sorted_json_in_which_what_is_no_number_is_null():
    assert attributes({"b": float("nan"), "a": [float("inf"), 1]}) == '{"a": [null, 1], "b": null}'
    assert attributes({"a": None}) is None


def test_a_target_has_its_box_by_name_and_a_decoded_file_its_encoding():
    row = target_row(2, "cat", (1.0, 2.0, 3.0, 4.0), {"score": 0.5}, "line 3")

    assert row == {
        "element": "target",
        "target_index": 2,
        "class_name": "cat",
        "box": {"x0": 1.0, "y0": 2.0, "x1": 3.0, "y1": 4.0},
        "is_crowd": None,
        "attributes": '{"score": 0.5}',
        "location": "line 3",
    }
    assert target_row(0, None, None, {}, "x", is_crowd=True)["box"] is None
    assert (decoded_finding("gbk")["kind"], decoded_finding("gbk")["found"]) == ("decoded_text", "gbk")
