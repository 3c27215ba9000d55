"""Units: images tied by a group, by several groups, by duplicates, and through one another."""

from __future__ import annotations

from itertools import pairwise

from dataeval_spark.analyses.splits.units import units_of
from tests.analyses.bias.rows import images

VALUES = "image_id string, value string"
PAIRS = "image_id_a string, target_index_a int, image_id_b string, target_index_b int, kind string"


def units(frame, ids, groups=None, duplicates=()):
    frames = {key: frame(VALUES, list(of.items())) for key, of in (groups or {}).items()}
    pairs = [(a, None, b, None, "phash") for of in duplicates for a, b in pairwise(of)]
    if pairs:
        pairs += [("a", None, "e", None, "low_information"), ("a", 0, "e", 1, "phash")]  # no duplicates; boxes
    tied = frame(PAIRS, pairs) if pairs else None
    made = units_of(images(frame, ids), groups=frames, duplicate_pairs=tied)
    return {row.image_id: row.unit_id for row in made.collect()}


def test_an_image_that_is_tied_to_nothing_is_its_own_unit(frame):
    assert units(frame, "ab") == {"a": "image:a", "b": "image:b"}


def test_images_of_one_group_are_one_unit_and_one_without_a_value_is_alone(frame):
    found = units(frame, "abc", {"patient": {"a": "7", "b": "7", "c": None}})

    assert found == {"a": "group:patient=7", "b": "group:patient=7", "c": "image:c"}


def test_duplicates_tie_groups_together(frame):
    found = units(frame, "abcde", {"patient": {"a": "1", "b": "2", "c": "2", "d": "3"}}, duplicates=["ab", "de"])

    assert found["a"] == found["b"] == found["c"] == "group:patient=1"
    assert found["d"] == found["e"] == "group:patient=3"


def test_a_chain_of_pairs_stays_together_though_its_ends_are_no_pair(frame):
    found = units(frame, "abcde", duplicates=["abcd"])

    assert found == {**dict.fromkeys("abcd", "image:a"), "e": "image:e"}


def test_several_keys_tie_images_through_one_another(frame):
    groups = {"patient": {"a": "1", "b": "2", "c": "3"}, "device": {"a": "x", "b": "x", "c": "y", "d": "y"}}
    found = units(frame, "abcd", groups)

    assert found["a"] == found["b"] == "group:device=x"
    assert found["c"] == found["d"] == "group:device=y"
