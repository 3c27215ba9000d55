"""Groups of pairs: which member is kept and why, chains, labels in conflict, boxes."""

from __future__ import annotations

from datetime import datetime

import pytest

from dataeval_spark.analyses.quality.duplicate_groups import duplicate_groups
from dataeval_spark.analyses.quality.duplicate_pairs import WHOLE

PAIRS = (
    "image_id_a string, target_index_a int, image_id_b string, target_index_b int, kind string, distance double, "
    "orientation string"
)
ITEMS = "image_id string, target int, phash string, size double, sharpness double"
IMAGES = "image_id string, split string, captured_at timestamp"
TARGETS = "image_id string, target_index int, class_name string"


def groups_of(frame, pairs, items, images=None, targets=None, *, keep="largest", grouping="components"):
    """Rows of each group by image, from pairs (a, b, distance) of images, or of boxes as (image, index)."""

    def end(name):
        return name if isinstance(name, tuple) else (name, None)

    rows = [(*end(a), *end(b), "phash", distance, None) for a, b, distance in pairs]
    found = duplicate_groups(
        frame(PAIRS, rows),
        frame(ITEMS, items),
        frame(IMAGES, images or [(name, None, None) for name in dict.fromkeys(item[0] for item in items)]),
        None if targets is None else frame(TARGETS, targets),
        grouping=grouping,
        keep=keep,
        one_task_edges=100,
        checkpoint=None,
    ).collect()
    ordered = sorted(found, key=lambda row: (row.image_id, row.target_index or 0))
    return {group: [row for row in ordered if row.group_id == group] for group in {row.group_id for row in ordered}}


# Hashes in steps of 4 bits; copy is equal to b.
STEPS = {
    "a": "0" * 15 + "f",
    "b": "0" * 14 + "ff",
    "c": "0" * 13 + "fff",
    "copy": "0" * 14 + "ff",
    "d": "0" * 12 + "f" * 4,
}
CHAIN = [("a", "b", 4.0), ("b", "c", 4.0), ("b", "copy", 0.0), ("c", "d", 4.0)]


def chain(frame, grouping):
    return groups_of(frame, CHAIN, [(n, WHOLE, h, 1.0, 1.0) for n, h in STEPS.items()], grouping=grouping)


def test_a_chain_shows_in_the_distances_to_the_kept_image_and_the_bound_of_its_diameter(frame):
    (rows,) = chain(frame, "components").values()

    assert {row.image_id: row.kept_distance for row in rows} == {"a": 0, "b": 4, "c": 8, "copy": 4, "d": 12}
    assert {row.diameter_bound for row in rows} == {24}


def test_two_images_are_exactly_as_far_apart_as_the_bound(frame):
    (rows,) = groups_of(frame, [("a", "c", 8.0)], [(n, WHOLE, STEPS[n], 1.0, 1.0) for n in "ac"]).values()

    assert [(row.kept_distance, row.diameter_bound) for row in rows] == [(0, 8), (8, 8)]


def test_medoids_cut_a_chain_and_keep_equal_images_together(frame):
    groups = chain(frame, "medoid")

    # a is kept: c is no pair of it, but of d.
    assert {group: [row.image_id for row in rows] for group, rows in groups.items()} == {
        "a": ["a", "b", "copy"],
        "c": ["c", "d"],
    }
    assert {row.diameter_bound for row in groups["a"]} == {8}


def test_every_member_is_within_the_threshold_of_the_kept_one_whichever_that_is(frame):
    items = [(name, WHOLE, STEPS[name], size, 1.0) for name, size in zip("abcd", (1.0, 4.0, 2.0, 3.0), strict=True)]
    pairs = [("a", "b", 4.0), ("b", "c", 4.0), ("c", "d", 4.0)]

    groups = groups_of(frame, pairs, items, grouping="medoid")

    assert {
        group: [(row.image_id, row.is_kept, row.kept_distance) for row in rows] for group, rows in groups.items()
    } == {
        "a": [("a", False, 4), ("b", True, 0), ("c", False, 4)],
    }


@pytest.mark.parametrize("grouping", ["medoid", "components"])
def test_only_copies_of_an_image_that_stays_are_exact_copies(frame, grouping):
    # n is near; x-1 to x-3 are copies, of which the labelled one stands for the others; n is larger and kept.
    items = [("n", WHOLE, None, 9.0, 1.0), *((name, WHOLE, None, 4.0, 1.0) for name in ("x-1", "x-2", "x-3"))]
    rows = [("x-1", None, "x-2", None, "exact_file", 0.0, None), ("x-1", None, "x-3", None, "exact_pixels", 0.0, None),
            ("x-1", None, "x-2", None, "exact_pixels", 0.0, None), ("n", None, "x-1", None, "phash", 3.0, None),
            ("n", None, "x-3", None, "embedding", 0.1, None)]  # fmt: skip

    found = duplicate_groups(
        frame(PAIRS, rows), frame(ITEMS, items), frame(IMAGES, [(item[0], None, None) for item in items]),
        frame(TARGETS, [("x-3", 0, "cat")]),
        grouping=grouping, keep="labelled", one_task_edges=100, checkpoint=None,
    ).collect()  # fmt: skip

    assert {(row.image_id, row.is_kept, row.is_exact_copy) for row in found} == {
        ("x-3", True, False), ("x-1", False, True), ("x-2", False, True), ("n", False, False),
    }  # fmt: skip


KEEPERS = [("large", WHOLE, None, 900.0, 1.0), ("sharp", WHOLE, None, 400.0, 9.0), ("early", WHOLE, None, 100.0, 5.0),
           ("known", WHOLE, None, 100.0, 4.0)]  # fmt: skip
TAKEN = [("large", None, datetime(2024, 1, 3)), ("sharp", None, datetime(2024, 1, 2)),
         ("early", None, datetime(2024, 1, 1)), ("known", None, None)]  # fmt: skip


@pytest.mark.parametrize(
    ("keep", "kept", "reasons"),
    [
        ("largest", "large", {"sharp": "smaller than large", "known": "smaller than large"}),
        ("sharpest", "sharp", {"large": "less sharp than sharp", "known": "less sharp than sharp"}),
        ("labelled", "known", {"large": "not labelled, but known is", "early": "not labelled, but known is"}),
        ("first", "early", {"sharp": "taken later than early", "known": "taken later than early"}),
    ],
)
def test_the_kept_image_follows_the_rule(frame, keep, kept, reasons):
    pairs = [("early", other, 0.0) for other in ("large", "sharp", "known")]

    (rows,) = groups_of(frame, pairs, KEEPERS, TAKEN, [("known", 0, "cat")], keep=keep).values()

    assert [row.image_id for row in rows if row.is_kept] == [kept]
    assert {row.image_id: row.reason for row in rows if row.image_id in reasons} == reasons
    assert {row.kept_distance for row in rows} == {None}


def test_copies_with_different_labels_are_in_conflict_and_those_without_any_are_not(frame):
    names = ["cat-1", "cat-2", "none-1", "none-2", "odd-1", "odd-2", "odd-3"]
    pairs = [("cat-1", "cat-2", 0.0), ("none-1", "none-2", 0.0), ("odd-1", "odd-2", 0.0), ("odd-1", "odd-3", 0.0)]
    classes = {"cat-1": ["cat", "dog"], "cat-2": ["dog", "cat", "cat"], "none-1": ["cat"], "odd-1": ["cat"],
               "odd-2": ["dog"], "odd-3": [None]}  # fmt: skip
    targets = [(image, index, name) for image, of in classes.items() for index, name in enumerate(of)]

    groups = groups_of(frame, pairs, [(name, WHOLE, None, 1.0, 1.0) for name in names], targets=targets)

    assert {group: {row.label_conflict for row in rows} for group, rows in groups.items()} == {
        "cat-1": {False},
        "none-1": {False},
        "odd-1": {True},
    }


def test_a_group_of_boxes_is_named_by_image_and_index_and_apart_from_images_of_such_names(frame):
    items = [
        ("x", 0, None, 4.0, 1.0),
        ("y", 3, None, 4.0, 1.0),
        ("x#0", WHOLE, None, 9.0, 1.0),
        ("z", WHOLE, None, 9.0, 1.0),
    ]
    images = [("x", "train", None), ("y", "test", None), ("x#0", None, None), ("z", None, None)]
    pairs = [(("x", 0), ("y", 3), 0.0), ("x#0", "z", 0.0)]

    (rows,) = groups_of(frame, pairs, items, images, [("x", 0, "cat"), ("y", 0, "cat"), ("y", 3, "dog")]).values()

    assert [(row.image_id, row.target_index, row.is_kept, row.spans_splits, row.label_conflict) for row in rows] == [
        ("x", 0, True, True, True),
        ("x#0", None, True, False, False),
        ("y", 3, False, True, True),
        ("z", None, False, False, False),
    ]
    assert rows[2].reason == "same size and sharpness as x#0"
