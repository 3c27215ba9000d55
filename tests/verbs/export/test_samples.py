"""Samples of an export: names that would share one label file are told apart."""

from __future__ import annotations

import pytest

from dataeval_spark.verbs.export.samples import with_shared_stems

SAMPLES = "name string, copy int, split string"


@pytest.mark.parametrize(
    ("rows", "by_split", "folders", "shared"),
    [
        # Formats with a folder for each split hold a name once in each; others once in all.
        ([("a.jpg", 0, "train"), ("a.png", 0, "val")], True, (), set()),
        ([("a.jpg", 0, "train"), ("a.png", 0, "val")], False, (), {"a.jpg", "a.png"}),
        ([("a.jpg", 0, None), ("a.JPEG", 0, None), ("a.v2", 0, None)], True, (), {"a.jpg", "a.JPEG"}),
        ([("a.jpg", 0, None), ("a.jpg", 1, None)], False, (), set()),
        # What an export puts before names is not put there twice.
        ([("images/a.jpg", 0, "t"), ("a.jpg", 0, "t")], True, ("images",), {"images/a.jpg", "a.jpg"}),
        ([("images/t/a.jpg", 0, "t"), ("a.jpg", 0, "t")], True, ("images",), {"images/t/a.jpg", "a.jpg"}),
        ([("images/t/a.jpg", 0, None), ("a.jpg", 0, None)], True, ("images",), set()),
        ([("JPEGImages/a.jpg", 0, "t"), ("images/a.jpg", 0, "v")], False, ("images", "JPEGImages"), None),
    ],
)
def test_names_of_one_label_file_share_a_stem(frame, rows, by_split, folders, shared):
    samples = frame(SAMPLES, rows)

    found = with_shared_stems(samples, by_split=by_split, folders=folders)

    expected = {row[0] for row in rows} if shared is None else shared
    assert {row.name for row in found.where("shares_stem").collect()} == expected
    assert found.columns == [*samples.columns, "shares_stem"]
