"""Scores of literal plants against literal findings."""

from __future__ import annotations

import pytest

from dataeval_spark.demo import Plant, format_scores, score_plants
from dataeval_spark.demo.score import KINDS
from dataeval_spark.errors import OptionError


def score(kind, planted, **found):
    return next(s for s in score_plants(planted, **found) if s.kind == kind)


def counts(kind, planted, **found):
    result = score(kind, planted, **found)
    return result.planted, result.hits, result.missed, result.extra


COPIES = [
    Plant("exact_copy", "b", "a"),
    Plant("reencoded_copy", "d", "c"),
    Plant("reencoded_copy", "f", "e"),
    Plant("blank", "k1"),
    Plant("blank", "k2"),
]
GROUPS = {
    "a": "g1",
    "b": "g1",
    "c": "g2",
    "d": "g2",
    "e": "g3",
    "n": "g3",
    "f": "g4",
    "m": "g4",
    "k1": "g5",
    "k2": "g5",
}


def test_a_copy_is_found_when_it_is_in_the_group_of_its_original():
    assert counts("exact_copy", COPIES, duplicate_group_of=GROUPS) == (1, 1, 0, 0)
    assert counts("reencoded_copy", COPIES, duplicate_group_of=GROUPS) == (2, 1, 1, 0)
    assert score("reencoded_copy", COPIES, duplicate_group_of=GROUPS).missed_paths == ("f",)


def test_a_copy_and_an_original_in_no_group_are_not_together():
    assert counts("exact_copy", COPIES, duplicate_group_of={}) == (1, 0, 1, 0)


def test_group_members_that_are_neither_copies_nor_originals_nor_blank_are_extra():
    result = score("unplanted_duplicate", COPIES, duplicate_group_of=GROUPS)
    assert (result.planted, result.hits, result.missed, result.extra) == (0, 0, 0, 2)
    assert result.extra_paths == ("m", "n")


@pytest.mark.parametrize(("kind", "rule"), [("blank", "low_information"), ("dark", "dark"), ("blurred", "blurry")])
def test_a_picture_fault_is_found_by_its_rule(kind, rule):
    planted = [Plant(kind, "a"), Plant(kind, "b")]
    assert counts(kind, planted, findings={rule: {"a", "x"}, "bright": {"b"}}) == (2, 1, 1, 1)


def test_a_blank_plant_explains_a_dark_finding():
    assert counts("dark", [Plant("blank", "a"), Plant("dark", "b")], findings={"dark": {"a", "b"}}) == (1, 1, 0, 0)


def test_a_rule_that_found_nothing_has_missed_all():
    assert counts("dark", [Plant("dark", "a")], findings={}) == (1, 0, 1, 0)


def test_truncated_plants_are_found_among_the_unreadable():
    assert counts("truncated", [Plant("truncated", "a"), Plant("truncated", "b")], unreadable={"b", "c"}) == (
        2,
        1,
        1,
        1,
    )


def test_bad_annotations_match_by_kind_and_path_and_without_a_path_by_kind():
    planted = [
        Plant("bad_annotation", "a", detail="unknown_class: first annotation"),
        Plant("bad_annotation", "b", detail="inverted_box: first annotation"),
        Plant("bad_annotation", "gone1", detail="missing_image: no such file"),
        Plant("bad_annotation", "gone2", detail="missing_image: no such file"),
    ]
    found = [("unknown_class", "a"), ("unknown_class", "b"), ("missing_image", None)]
    result = score("bad_annotation", planted, ingest_findings=found)
    assert (result.planted, result.hits, result.missed, result.extra) == (4, 2, 2, 1)
    assert (result.missed_paths, result.extra_paths) == (("b", "gone2"), ("b",))


@pytest.mark.parametrize(("detected", "expected"), [(True, (1, 1, 0, 0)), (False, (1, 0, 1, 0))])
def test_shifted_brightness_is_found_when_drift_is(detected, expected):
    assert counts("shifted_brightness", [Plant("shifted_brightness", "later")], drift_detected=detected) == expected


def test_a_swapped_label_is_found_when_it_is_among_the_label_errors_and_the_others_are_extra():
    planted = [Plant("swapped_label", "a"), Plant("swapped_label", "b")]
    # A hard example among the label errors is no mistake.
    assert counts("swapped_label", planted, label_errors={"a", "hard"}) == (2, 1, 1, 1)


def test_what_was_not_given_is_not_analysed_yet():
    scores = score_plants([Plant("swapped_label", "a"), Plant("swapped_label", "b")])
    assert tuple(s.kind for s in scores) == KINDS
    assert {s.status for s in scores} == {"not analysed yet"}
    assert (scores[-1].planted, scores[-1].hits, scores[-1].extra) == (2, None, None)


def test_at_most_five_missed_paths_are_named():
    planted = [Plant("dark", f"{n}.jpg") for n in range(7)]
    result = score("dark", planted, findings={})
    assert (result.missed, result.missed_paths) == (7, ("0.jpg", "1.jpg", "2.jpg", "3.jpg", "4.jpg"))


def test_an_unknown_kind_is_refused():
    with pytest.raises(OptionError, match="blurred"):
        score_plants([Plant("blured", "a")])


def test_the_table_names_what_was_missed_and_what_is_not_analysed():
    planted = [Plant("dark", "a"), Plant("dark", "b"), Plant("swapped_label", "c")]
    table = format_scores([s for s in score_plants(planted, findings={"dark": {"a"}}) if s.planted])
    assert table.splitlines() == [
        "kind           planted  found  missed  not planted",
        "dark                 2      1       1            0  missed: b",
        "swapped_label        1      -       -            -  not analysed yet",
    ]
