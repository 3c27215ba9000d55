"""Account of an export: each reason why an image was left out has a number and a sentence of its own."""

from __future__ import annotations

import pytest

from dataeval_spark.errors import ExportError
from dataeval_spark.kernels.formats.export import LOST, NO_CLASS, UNREADABLE, WRITTEN_DDL
from dataeval_spark.options import ExportOptions
from dataeval_spark.verbs.export.account import counts_of, message_of
from dataeval_spark.verbs.export.samples import Facts

NONE = {"labels": 0, "boxes": 0, "attributes": 0, "unlabelled": 0, "unheld": 0}
FACTS = Facts(images=7, most_targets=0, splits=(None,), classes=(), **NONE)


def manifest(frame, *outcomes):
    """Paths and errors of images."""
    rows = [(n, path, 1, 1, 10, None, None, 0, 0, False, error, f"i{n}") for n, (path, error) in enumerate(outcomes)]
    return frame(f"{WRITTEN_DDL}, image_id string", rows)


def test_reasons_are_counted_apart(frame):
    outcomes = [("a.jpg", None), *[(None, f"{UNREADABLE}: OSError")] * 2, *[(None, f"{NO_CLASS}: so")] * 3]
    counts = counts_of(manifest(frame, *outcomes, (None, f"{LOST}: no box")), by_stem=False)

    assert (counts["images"], counts["left_out"]) == (1, 6)
    assert (counts["unreadable"], counts["without_class"], counts["lost_labels"]) == (2, 3, 1)
    said = message_of(ExportOptions(format="folder", split="s"), FACTS, {**counts, "without_part": 4}, ["opened"])
    assert said == (
        "1 image as folder; left out: 2 images that cannot be read (see manifest.parquet); "
        "left out: 3 images without a class (--unlabelled-folder NAME writes them); "
        "left out: 1 image whose labels are lost (with_lost_labels writes them, without labels); "
        "left out: 4 images in no part of s; opened"
    )


def test_what_does_not_occur_is_not_mentioned(frame):
    counts = {**counts_of(manifest(frame, ("a.jpg", None)), by_stem=False), "without_part": 0}

    assert message_of(ExportOptions(), FACTS, counts, []) == "1 image as coco"


def test_two_images_at_one_path_are_an_error_and_of_formats_by_stem_two_with_one_stem(frame):
    twice = manifest(frame, ("a.jpg", None), ("a.png", None))

    assert counts_of(twice, by_stem=False)["images"] == 2
    with pytest.raises(ExportError, match="2 images would be written as a, one of them i0"):
        counts_of(twice, by_stem=True)
