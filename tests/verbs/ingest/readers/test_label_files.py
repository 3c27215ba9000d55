"""Label files: which image each belongs to, which need not be read again, and what becomes of one that cannot be."""

from __future__ import annotations

import pytest
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError
from dataeval_spark.kernels.formats.annotations import MAX_ANNOTATION_BYTES
from dataeval_spark.verbs.ingest.readers.label_files import (
    Layout,
    files_read,
    fingerprint,
    is_any_file_read,
    label_pairs,
    list_files_of,
    parse_labels,
)
from dataeval_spark.verbs.ingest.readers.source import KnownRows, Reading
from tests.verbs.ingest.readers.pictures import tree

TOO_LARGE = MAX_ANNOTATION_BYTES + 1
LAYOUT = Layout(".txt", ("images",), ("labels",))
FILES = {
    **dict.fromkeys(("x/images/s/a.png", "x/images/s/b.png", "x/images/c.png", "x/images/D.png", "other/e.png"), 1),
    **dict.fromkeys(("x/labels/s/a.txt", "x/images/s/a.txt", "x/images/s/b.txt", "x/LABELS/d.txt"), b"1"),
    **dict.fromkeys(("x/labels/none.txt", "other/e.txt", "x/labels/.hidden.txt"), b"1"),
}


@pytest.fixture
def reading(spark, checkpoint, tmp_path):
    return Reading(spark, tree(tmp_path, FILES), "d", checkpoint)


def pairs_of(reading):
    files = list_files_of(reading, LAYOUT, None)
    return label_pairs(reading, LAYOUT, files, fingerprint({}, "label_length", "label_modified_us"))


def names(pairs):
    return {row["image_id"].removeprefix("d/"): row["file"].rpartition("/x/")[2] for row in pairs.collect()}


def test_a_label_belongs_to_the_image_of_its_path_in_a_folder_for_labels_first(reading):
    files = list_files_of(reading, LAYOUT, None)

    assert sorted(row["path"] for row in files.images.collect()) == [
        "x/images/D.png",
        "x/images/c.png",
        "x/images/s/a.png",
        "x/images/s/b.png",
    ]
    found = pairs_of(reading).every
    assert names(found) == {
        "x/images/s/a.png": "labels/s/a.txt",
        "x/images/s/b.png": "images/s/b.txt",
        "x/images/D.png": "LABELS/d.txt",
    }
    assert {row["path"]: row["how"] for row in found.where("how IS NOT NULL").collect()} == {"x/images/D.png": "case"}


def test_a_file_that_is_as_it_was_is_not_read_again(reading, frame):
    before = pairs_of(reading)
    empty = frame("image_id string, source_file string, kind string", [])
    files = before.every.select(F.col("file").alias("path"), "image_id", "fingerprint").where(
        "path LIKE '%labels/s/a%'"
    )
    known = KnownRows(files=files, images=empty, targets=empty, factors=empty, findings=empty)

    again = pairs_of(Reading(reading.spark, reading.root, "d", reading.checkpoint, known_rows=known))

    assert (before.known, names(before.to_read)) == (None, names(before.every))
    assert sorted(names(again.to_read).values()) == ["LABELS/d.txt", "images/s/b.txt"]
    assert [row["image_id"] for row in again.known.files.collect()] == ["d/x/images/s/a.png"]


def test_a_file_that_cannot_be_read_is_a_finding_and_read_again_next_time(frame):
    rows = [
        ("a.txt", "/a.txt", 1, "d/a", "f"),
        ("b.txt", "/b.txt", 2, "d/b", "f"),
        ("c.txt", "/c.txt", TOO_LARGE, "d/c", "f"),
    ]
    files = frame("label string, file string, label_length bigint, image_id string, fingerprint string", rows)

    def parse(row):
        if row["label"] == "b.txt":
            raise ValueError("no text")
        yield {"element": "image"}

    elements = parse_labels(files, parse).cache()

    found = {row["file"]: (row["element"], row["kind"], row["found"]) for row in elements.collect()}
    assert found == {
        "/a.txt": ("image", None, None),
        "/b.txt": ("finding", "broken_file", '"no text"'),
        "/c.txt": ("finding", "broken_file", str(TOO_LARGE)),
    }
    assert [row["path"] for row in files_read(files, elements).collect()] == ["/a.txt"]
    assert is_any_file_read(elements, None, "c", "h")
    broken = elements.where("file = '/b.txt'")
    assert not is_any_file_read(elements.limit(0), None, "c", "h")
    with pytest.raises(IngestError, match=r"^None; /b\.txt: no text\.\nHint: mend it$"):
        is_any_file_read(broken, None, "None", "mend it")
