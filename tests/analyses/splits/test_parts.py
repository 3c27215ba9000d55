"""Parts of images in all splits, labels of images by value, and which part is compared with which."""

from __future__ import annotations

from dataeval_spark.analyses.splits.parts import all_parts, label_counts, opponents
from dataeval_spark.tables.images import TARGETS
from dataeval_spark.tables.splits import SPLIT_ASSIGNMENTS
from tests.analyses.bias.rows import images, table

BINS = "image_id string, target_index int, bins map<string, int>"
EDGES = "factor string, bin int, label string, level string"


def test_the_sources_own_split_stands_beside_those_that_were_made(frame):
    assigned = [("a", "train"), ("b", "excluded"), ("gone", "test")]
    same = {"split_name": "main", "repeat": 0, "fold": 1, "unit_id": "u", "reason": "time"}
    rows = [{**same, "image_id": i, "split": part} for i, part in assigned]

    found = all_parts(images(frame, "abc", split=["train", "test", None]), table(frame, SPLIT_ASSIGNMENTS, rows))

    # c has no part of its own, b none in the split that was made; a deleted image has none at all
    assert sorted(map(tuple, found.collect()), key=str) == [
        ("given", 0, None, "a", "train"),
        ("given", 0, None, "b", "test"),
        ("main", 0, 1, "a", "train"),
    ]


def test_without_a_split_the_parts_are_those_of_the_source(frame):
    assert all_parts(images(frame, "ab", split=[None, "test"])).collect() == [("given", 0, None, "b", "test")]


def test_a_factor_of_the_image_counts_once_per_image_and_one_of_the_target_once_per_target(frame):
    labels = [("a", 0, "cat"), ("a", 1, "cat"), ("a", 2, "dog"), ("b", 0, None)]
    targets = table(frame, TARGETS, [{"image_id": i, "target_index": t, "class_name": name} for i, t, name in labels])
    bins = frame(BINS, [(i, t, {"sky": 0, "size": t % 2, "split": 0}) for i, t, _ in labels])
    edges = frame(EDGES, [("sky", 0, "clear", "image"), ("size", 0, "small", "target"), ("size", 2, "large", "target")])

    found = {tuple(row) for row in label_counts(targets, bins, edges, without=("split",)).collect()}

    assert found == {
        ("a", "class_name", "cat", 2),
        ("a", "class_name", "dog", 1),
        ("a", "sky", "clear", 1),
        ("b", "sky", "clear", 1),
        ("a", "size", "small", 2),
        # the edges do not have bin 1 of this factor, nor its level
        ("a", "size", "unknown", 1),
        ("b", "size", "small", 1),
    }
    assert {row.factor for row in label_counts(targets).collect()} == {"class_name"}


def test_parts_are_compared_with_train_and_without_it_each_with_all_others():
    assert opponents(["test", "train", "val"]) == [("test", "train", ["train"]), ("val", "train", ["train"])]
    assert opponents(["a", "b", "c"]) == [
        ("a", "rest", ["b", "c"]),
        ("b", "rest", ["a", "c"]),
        ("c", "rest", ["a", "b"]),
    ]
    assert opponents(["a", "z"], base="z") == [("a", "z", ["z"])]
    assert opponents(["a"]) == []
