"""Image folders: which files are taken, and their classes."""

from __future__ import annotations

import pytest

from dataeval_spark.verbs.ingest.accounting import account
from dataeval_spark.verbs.ingest.readers.folder import read_folder
from dataeval_spark.verbs.ingest.readers.source import FINDINGS_DDL, LISTING_DDL, TARGETS_DDL, Reading
from tests.verbs.ingest.readers.pictures import classes, ids, png, tree

FILES = {
    "top.png": 1,
    "cat/1.png": 2,
    "cat/deep/2.PNG": 3,
    "dog/3": 4,  # no extension: known by its first bytes
    "dog/broken.jpg": b"",
    "dog/notes.txt": b"no image",
    "dog/.hidden.png": 5,
    ".trash/4.png": 6,
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tree(tmp_path_factory.mktemp("photos"), FILES)


@pytest.fixture(scope="module")
def source(spark, checkpoint, root):
    return read_folder(Reading(spark, root, dataset="d", checkpoint=checkpoint))


def typed(ddl_frame):
    return [(name, type) for name, type in ddl_frame.dtypes]


def test_the_frames_have_the_columns_that_ingestion_writes(spark, source):
    assert set(typed(source.images)) == set(typed(spark.createDataFrame([], LISTING_DDL)))
    assert typed(source.targets) == typed(spark.createDataFrame([], TARGETS_DDL))
    assert typed(source.findings) == typed(spark.createDataFrame([], FINDINGS_DDL))
    assert typed(source.factors) == [("image_id", "string"), ("target_index", "int")]


def test_images_are_taken_by_extension_or_first_bytes_and_never_hidden_ones(source, root):
    rows = {row["image_id"]: row for row in source.images.collect()}

    assert set(rows) == {"d/top.png", "d/cat/1.png", "d/cat/deep/2.PNG", "d/dog/3", "d/dog/broken.jpg"}
    row = rows["d/dog/3"]
    assert (row["uri"], row["content"], row["content_length"]) == (f"{root}/dog/3", None, len(png(4)))
    assert (row["split"], row["captured_at"]) == (None, None)


def test_the_class_is_the_first_sub_folder_and_at_the_top_there_is_none(source):
    assert classes(source) == {
        "d/cat/1.png": "cat",
        "d/cat/deep/2.PNG": "cat",
        "d/dog/3": "dog",
        "d/dog/broken.jpg": "dog",
    }
    assert {(row["target_index"], row["box"], row["is_crowd"]) for row in source.targets.collect()} == {(0, None, None)}


def test_files_that_are_no_images_are_skipped_and_said_so(source):
    rows = account(source.accounting).where("kind = 'skipped'").collect()
    skipped = {row["location"]: (row["n"], row["found"]) for row in rows}
    assert skipped == {
        "files: hidden": (2, ".trash/4.png, dog/.hidden.png"),
        "files: not_an_image": (1, "dog/notes.txt"),
    }
    assert source.findings.collect() == []


@pytest.mark.parametrize(
    ("glob", "taken"),
    [
        ("**/*", {f"d/{path}" for path in FILES}),
        ("*", {"d/top.png"}),
        ("dog/*", {"d/dog/3", "d/dog/broken.jpg", "d/dog/notes.txt", "d/dog/.hidden.png"}),
        ("**/*.PNG", {"d/cat/deep/2.PNG"}),
    ],
)
def test_a_glob_takes_what_it_matches_image_or_not_and_deletes_nothing_else(spark, checkpoint, root, glob, taken):
    source = read_folder(Reading(spark, root, dataset="d", checkpoint=checkpoint, glob=glob))

    assert set(ids(source.images)) == taken
    assert set(ids(source.present)) == {f"d/{path}" for path in FILES}


def test_a_limit_takes_the_first_by_path_and_the_rest_is_still_present(spark, checkpoint, root):
    source = read_folder(Reading(spark, root, dataset="d", checkpoint=checkpoint, limit=2, split="train"))

    assert {row["image_id"]: row["split"] for row in source.images.collect()} == {
        "d/cat/1.png": "train",
        "d/cat/deep/2.PNG": "train",
    }
    assert set(classes(source)) == {"d/cat/1.png", "d/cat/deep/2.PNG"}
    assert len(ids(source.present)) == len(FILES)
