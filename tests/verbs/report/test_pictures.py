"""Cards of a report: the part of a box that lies in the picture, and what is said where there is no picture."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from dataeval_spark.verbs.report.data import Box, ReportData, Thumbnail
from dataeval_spark.verbs.report.pictures import card, label_counts, size_of_box

PICTURE = Thumbnail(b"jpeg", "image/jpeg", 80, 60, 800, 600)


def data(*boxes, picture=PICTURE):
    return ReportData(thumbnails={"a": picture}, boxes={"a": boxes})


def test_a_box_is_cut_at_the_edges_of_the_original():
    (mark,) = card(data(Box(0, "dog", -5.0, 10.0, 900.0, 30.5)), "a", target_index=0).marks

    assert (mark.x, mark.y, mark.width, mark.height, mark.label, mark.strong) == (0.0, 10.0, 800.0, 20.5, "dog", True)


@pytest.mark.parametrize("corners", [(-9, 0, -1, 5), (900, 5, 900, 9), (math.nan, 0, 5, 5)])
def test_a_box_that_shows_nothing_is_not_drawn(corners):
    assert card(data(Box(0, "dog", *map(float, corners))), "a", target_index=0).marks == ()


@pytest.mark.parametrize(
    ("corners", "mark"), [((5, 5, 5, 9), (5, 5, 1, 4)), ((9, 9, 5, 5), (5, 5, 4, 4)), ((7, 7, 7, 7), (7, 7, 1, 1))]
)
def test_a_box_without_an_inside_is_drawn_where_it_is_what_was_found(corners, mark):
    found = data(Box(0, "dog", *map(float, corners)))
    (drawn,) = card(found, "a", target_index=0).marks
    assert (drawn.x, drawn.y, drawn.width, drawn.height) == mark
    assert card(found, "a", all_boxes=True).marks == ()


def test_a_single_box_is_shown_in_the_part_around_it_and_its_size_is_told():
    found = data(Box(0, "dog", 100.0, 120.0, 103.5, 120.0))
    part = Thumbnail(b"png", "image/png", 48, 48, 48, 48, left=80, top=100)
    found = replace(found, crops={("a", 0): part})

    (mark,) = card(found, "a", target_index=0).marks
    assert (mark.x, mark.y, mark.width, mark.height) == (20, 20, 3.5, 1)
    assert card(found, "a", all_boxes=True).picture is PICTURE
    assert size_of_box(found, "a", 0) == "3.5 × 0 pixels at 100, 120"
    assert size_of_box(found, "a", 1) == ""


def test_the_box_of_a_finding_alone_is_drawn_or_all_boxes_with_it_the_strong_one():
    found = data(Box(0, "dog", 0, 0, 9, 9), Box(1, None, 0, 0, 5, 5))

    assert card(found, "a").marks == ()
    assert [mark.label for mark in card(found, "a", target_index=1).marks] == ["unknown class"]
    assert [mark.strong for mark in card(found, "a", target_index=1, all_boxes=True).marks] == [False, True]
    assert card(found, "a", all_boxes=True).alt == "Image a with 2 boxes"


def test_a_class_has_one_colour_in_every_report():
    cards = [card(data(Box(0, name, 0, 0, 9, 9)), "a", target_index=0) for name in ("dog", "cat", "person")]

    assert [each.marks[0].hue for each in cards] == [1, 4, 2]


def test_a_tiny_picture_is_enlarged_by_a_whole_factor():
    tiny = card(data(picture=Thumbnail(b"png", "image/png", 28, 20, 28, 20)), "a")
    large = card(data(), "a")

    assert (tiny.tiny, tiny.width, tiny.height) == (True, 112, 80)
    assert (large.tiny, large.width, large.height) == (False, 80, 60)


def test_without_a_picture_a_card_tells_why():
    broken = card(data(picture=Thumbnail(None, reason="OSError: broken")), "a")
    left_out = card(data(), "b")

    assert (broken.src, broken.picture.reason) == ("", "OSError: broken")
    assert "limited number" in left_out.picture.reason


def test_classes_of_an_image_are_counted_the_most_frequent_first():
    names = ("cat", "dog", "dog", None)
    assert label_counts(data(*(Box(at, name, 0, 0, 1, 1) for at, name in enumerate(names))), "a") == (
        "2 × dog, cat and unknown class"
    )
