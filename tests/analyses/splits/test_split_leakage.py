"""Leaks of each kind between parts, and the fewest moves that stop them."""

from __future__ import annotations

import itertools
import json

import pytest

from dataeval_spark.analyses.splits.split_leakage import split_leakage
from dataeval_spark.errors import OptionError
from dataeval_spark.tables.splits import SPLIT_LEAKAGE, SPLIT_REPAIRS
from tests.analyses.bias.rows import images

PAIRS = "image_id_a string, target_index_a int, image_id_b string, target_index_b int, kind string"
GROUPS = "group_id string, image_id string, target_index int"
FACTORS = "image_id string, target_index int, patient int"
ASSIGNED = "split_name string, repeat int, fold int, image_id string, split string"


@pytest.fixture(scope="module")
def scene(frame):
    """a, b, c are copies in three parts; d and e share a patient; f and g are copies within a part."""
    splits = dict(zip("abcdefgh", ["train", "test", "train", "train", "test", "test", "test", None], strict=True))
    given = images(frame, splits, split=list(splits.values()))
    pairs = frame(
        PAIRS,
        [
            ("a", None, "b", None, "phash"),
            ("a", None, "c", None, "phash"),
            ("f", None, "g", None, "dhash"),
            ("d", 0, "f", 0, "phash"),
        ],
    )
    groups = frame(GROUPS, [(g, i, None) for g, i in [("a", "a"), ("a", "b"), ("a", "c"), ("f", "f"), ("f", "g")]])
    factors = frame(FACTORS, [("d", None, 7), ("e", None, 7), ("f", None, 8), ("h", None, 7)])
    # A split of folds where only the patient is torn, and one over time that has a leak in its second fold.
    made = [("k", 0, None, i, "fold_0" if i in "abcd" else "fold_1") for i in "abcdefgh"]
    made += [("t", 0, fold, i, "test" if i in ("fg", "bg")[fold] else "train") for fold in (0, 1) for i in "abcfg"]
    made += [("t", 0, 1, "d", "excluded")]
    leaks, moves = split_leakage(given, frame(ASSIGNED, made), pairs, groups, factors, group_by=["patient"])
    return leaks, moves


def test_the_columns_are_those_of_the_contracts(scene):
    for found, table in zip(scene, (SPLIT_LEAKAGE, SPLIT_REPAIRS), strict=True):
        assert found.columns == list(table.result_names)


def test_duplicates_and_groups_in_two_parts_are_listed_by_kind(scene):
    rows = {
        (r.split_name, r.fold, r.kind, r.image_id_a, r.image_id_b, r.split_a, r.split_b, r.value)
        for r in scene[0].collect()
    }

    assert rows == {
        ("given", None, "phash", "a", "b", "train", "test", None),
        ("given", None, "duplicate_group", "b", "a", "test", "train", "a"),
        ("given", None, "group:patient", "e", "d", "test", "train", "7"),
        ("k", None, "group:patient", "d", "e", "fold_0", "fold_1", "7"),
        ("t", 1, "phash", "a", "b", "train", "test", None),
        ("t", 1, "duplicate_group", "b", "a", "test", "train", "a"),
        ("t", 1, "dhash", "f", "g", "train", "test", None),
        ("t", 1, "duplicate_group", "g", "f", "test", "train", "f"),
    }


def test_the_repair_moves_to_the_part_of_most_and_of_equal_parts_to_the_first(scene):
    moves = {(r.split_name, r.fold, r.image_id, r.from_split, r.to_split) for r in scene[1].collect()}

    assert moves == {
        ("given", None, "b", "test", "train"),
        ("given", None, "d", "train", "test"),
        # d has two of its patient against it
        ("k", None, "d", "fold_0", "fold_1"),
        ("t", 1, "b", "test", "train"),
        ("t", 1, "f", "train", "test"),
    }


def test_the_repair_is_as_small_as_any_other_and_leaves_no_leak(frame):
    parts = dict(zip("abcdefg", ["x", "y", "y", "z", "x", "z", "z"], strict=True))
    tied = [("a", i, None) for i in "abcd"] + [("e", i, None) for i in "efg"]
    moves = split_leakage(images(frame, parts, split=list(parts.values())), None, None, frame(GROUPS, tied))[1]
    after = parts | {row.image_id: row.to_split for row in moves.collect()}

    def leaks(found):
        return any(len({found[i] for i in of}) > 1 for of in ("abcd", "efg"))

    every = (dict(zip(parts, choice, strict=True)) for choice in itertools.product("xyz", repeat=7))
    fewest = min(sum(parts[i] != found[i] for i in parts) for found in every if not leaks(found))
    assert not leaks(after)
    assert moves.count() == fewest


def test_without_a_split_there_is_nothing(frame):
    leaks, moves = split_leakage(images(frame, "ab"), None, None, None)

    assert leaks.isEmpty()
    assert moves.isEmpty()


def test_groups_need_factors(frame):
    with pytest.raises(OptionError, match="there are no factors"):
        split_leakage(images(frame, "ab"), group_by=["patient"])


def test_what_a_split_was_grouped_by_is_looked_at_without_being_named(frame):
    given = images(frame, "abc", split=["train", "test", "test"])
    factors = frame(FACTORS, [("a", None, 7), ("b", None, 7), ("c", None, 8)])
    made = [("m", json.dumps({"group_by": ["patient", "no longer there"]})), ("n", json.dumps({"folds": 3}))]
    splits = frame("split_name string, options string", made)

    leaks, _ = split_leakage(given, None, None, None, factors, splits)

    assert [(row.kind, row.image_id_a, row.image_id_b) for row in leaks.collect()] == [("group:patient", "b", "a")]
    with pytest.raises(OptionError, match=r"(?s)split_leakage\.group_by is 'pateint'.*'patient'"):
        split_leakage(given, None, None, None, factors, splits, group_by=["pateint"])
