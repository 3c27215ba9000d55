"""Folders above images: classes, splits, or nothing."""

from __future__ import annotations

import pytest

from dataeval_spark.kernels.formats.folder_names import parse_layout, understood_layout


@pytest.mark.parametrize(
    ("tops", "seconds", "above", "expected"),
    [
        (["cat", "dog"], 0, False, (("class",), "")),
        (["train", "val", "Test"], 3, False, (("split", "class"), "")),
        (["train", "valid"], 0, False, (("split",), "")),
        (["train", "test"], 1, False, (("split",), "one_folder")),
        (["train"], 2, False, (("split", "class"), "")),
        (["images"], 0, False, (("-",), "one_folder")),
        (["images"], 5, True, (("-",), "one_folder")),
        (["test", "cat"], 0, False, (("class",), "class_named_as_split")),
        (["train", "test"], 2, True, (("class",), "class_named_as_split")),
        ([], 0, True, (("class",), "")),
    ],
)
def test_what_names_of_folders_show(tops, seconds, above, expected):
    assert understood_layout(tops, seconds, has_images_above=above) == expected


@pytest.mark.parametrize("text", ["", "class/class", "label", "split//class"])
def test_a_layout_that_is_none(text):
    with pytest.raises(ValueError, match="class, split or -"):
        parse_layout(text)
