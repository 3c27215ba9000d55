"""What the operations of a selection removed: numbers, reasons and examples, and the lines that are printed."""

from __future__ import annotations

from collections import Counter

from dataeval_spark.verbs.select.recipe import apply, check
from dataeval_spark.verbs.select.removals import MOST_REASONS, lines_of, removals_of


def rows_of(tables, *recipe):
    rows = removals_of(check(recipe), apply(recipe, tables))
    return [(row["place"], row["reason"], row["images"], row["remaining"], row["examples"]) for row in rows]


def test_operations_are_a_funnel_with_the_reasons_of_each(tables):
    recipe = [
        {"operation": "drop_unreadable"},
        {"operation": "where", "condition": "stats.brightness > 0.15"},
        {"operation": "shuffle"},
        {"operation": "drop_findings"},
        {"operation": "drop_duplicates"},
    ]

    assert rows_of(tables, *recipe) == [
        (1, "decode: OSError", 1, 8, ["a3"]),
        (1, "read: FileNotFoundError", 1, 8, ["b1"]),
        (2, 'condition = "stats.brightness > 0.15"', 1, 7, ["a0"]),
        (3, "nothing removed", 0, 7, []),
        (4, "blurry, dark", 1, 6, ["b4"]),
        (5, "exact copy", 1, 5, ["b0"]),
    ]


def test_an_operation_is_not_told_the_reasons_of_the_one_before(tables):
    found = rows_of(tables, {"operation": "drop_findings"}, {"operation": "limit", "n": 2})

    assert found[1] == (2, "n = 2", 7, 2, ["a2", "a3", "a4"])


def test_all_but_the_most_frequent_reasons_are_counted_together(tables, frame):
    names = [f"rule{number:02}" for number in range(MOST_REASONS + 3)]
    images = [f"x{number:03}" for number in range(2 * len(names) - 5)]
    # Each name has two images, the last five have one.
    found = [(image, None, name) for image, name in zip(images, [*names, *names], strict=False)]
    members = tables["images"].limit(1).drop("image_id").crossJoin(frame("image_id string", [(i,) for i in images]))
    many = {
        **tables,
        "images": members,
        "image_findings": frame("image_id string, target_index int, rule string", found),
    }

    rows = rows_of(many, {"operation": "drop_findings"})

    kept = Counter({row[1]: row[2] for row in rows})
    assert len(rows) == MOST_REASONS + 1
    assert rows[-1] == (1, "others", 3, 0, ["x020", "x021", "x022"])
    assert kept.total() == len(images)


def test_images_that_are_taken_several_times_are_not_removed(tables):
    ((_, reason, images, remaining, examples),) = rows_of(tables, {"operation": "balance", "n": 60})

    assert (reason, images, remaining, examples) == ("n = 60", 1, 60, ["a4"])  # a4 has no class


def test_a_recipe_without_operations_removes_nothing(tables):
    assert rows_of(tables) == []


def test_a_line_says_numbers_reasons_and_examples():
    rows = [
        {"reason": "blurry", "images": 1234, "examples": ["a/1.jpg", "a/7.jpg", "b/2.jpg"]},
        {"reason": "dark", "images": 2, "examples": ["a/3.jpg", "a/4.jpg"]},
    ]
    rows = [{"place": 2, "operation": "drop_findings", "remaining": 2264, **row} for row in rows]
    nothing = {"place": 1, "operation": "shuffle", "reason": "nothing removed", "images": 0, "examples": []}
    balance = {"place": 3, "operation": "balance", "reason": "n = 9", "images": 1, "remaining": 9, "examples": ["a"]}

    assert lines_of([*rows, {**nothing, "remaining": 3500}, balance]) == [
        "shuffle: no image removed, 3,500 left",
        (
            "drop_findings: 1,236 images removed, 2,264 left (blurry: 1,234, such as a/1.jpg, a/7.jpg, b/2.jpg; "
            "dark: a/3.jpg, a/4.jpg)"
        ),
        "balance: 1 image removed, 9 left with copies (n = 9: a)",
    ]


def test_a_line_does_not_list_every_reason():
    row = {"place": 1, "operation": "drop_findings", "images": 1, "remaining": 0, "examples": ["a"]}

    (line,) = lines_of([{**row, "reason": f"rule {number}"} for number in range(8)])

    assert "rule 4: a; 3 more reasons in selection_removals)" in line
    assert line.startswith("drop_findings: 8 images removed")
