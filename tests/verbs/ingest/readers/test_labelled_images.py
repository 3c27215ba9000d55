"""Lists of files that give images their split: lines, the list that counts, and what lines are about no image."""

from __future__ import annotations

from dataeval_spark.verbs.ingest.readers.labelled_images import LINES_DDL, list_lines, listed_splits
from dataeval_spark.verbs.ingest.readers.listing import list_files
from tests.verbs.ingest.readers.pictures import tree

MATCHES_DDL = "name string, path string, image_id string, how string, parts int, candidates bigint, examples string"


def test_lines_of_lists_are_trimmed_and_empty_ones_passed_over(spark, tmp_path):
    root = tree(tmp_path, {"train.txt": b" a \r\n\r\nb\n", "val.txt": "é".encode("cp1252"), "other.txt": b"x"})

    lines = list_lines(list_files(spark, root), {f"{root}/train.txt": "train", f"{root}/val.txt": "val"})

    assert sorted((row["name"], row["listed"], row["line"]) for row in lines.collect()) == [
        ("a", "train", 1),
        ("b", "train", 3),
        ("é", "val", 1),
    ]


def test_an_image_in_several_lists_is_of_the_first_split_and_other_lines_are_accounted_for(frame):
    lines = [
        *(("a", "val", "v", 1), ("a", "train", "t", 7), ("b", "val", "v", 2), ("B", "train", "t", 8)),
        *(("gone", "test", "x", 1), ("two", "test", "x", 2)),
    ]
    matches = [
        ("a", "a.png", "d/a.png", None, None, 1, None),
        ("b", "b.png", "d/b.png", None, None, 1, None),
        ("B", "b.png", "d/b.png", "case", None, 1, None),  # an exact name comes before a likely one
        ("gone", None, None, None, None, 0, None),
        ("two", None, None, None, None, 2, "p/two.png and q/two.png"),
    ]

    listed = listed_splits(frame(LINES_DDL, lines), frame(MATCHES_DDL, matches), "root")

    assert {row["image_id"]: row["listed"] for row in listed.splits.collect()} == {"d/a.png": "train", "d/b.png": "val"}
    found = {row["kind"]: (row["location"], row["found"]) for row in listed.findings.collect()}
    assert found == {
        "missing_image": ("line 1", "gone"),
        "ambiguous_image": ("line 2", "two: p/two.png and q/two.png"),
        "matched_names": ("names: case", "B is b.png"),
    }
    entries = sorted((row["role"], row["reason"] or "", row["name"]) for row in listed.accounting.collect())
    assert entries == [
        ("description", "", "a"),
        ("description", "", "b"),
        ("skipped", "repeated", "B"),
        ("skipped", "repeated", "a"),
        ("skipped", "unmatched", "gone"),
        ("skipped", "unmatched", "two"),
    ]
