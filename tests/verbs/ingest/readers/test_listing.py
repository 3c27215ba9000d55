"""Listing a folder by tasks, and finding the file that a name means."""

from __future__ import annotations

import os

import pytest

from dataeval_spark.errors import IngestError
from dataeval_spark.verbs.ingest.readers.listing import list_files, no_images
from tests.verbs.ingest.readers.pictures import tree


def test_every_file_is_listed_once_with_size_and_time(spark, tmp_path):
    root = tree(tmp_path, {"top.png": b"12", "a/x.png": b"1", "a/b/y.txt": b"", "c/z": b"123", ".git/q.png": b""})
    os.utime(tmp_path / "top.png", ns=(0, 1_714_564_800_000_001_000))
    (tmp_path / "empty").mkdir()

    found = {row["path"]: row for row in list_files(spark, root).collect()}

    assert {path: (row["content_length"], row["is_image"]) for path, row in found.items()} == {
        "top.png": (2, True),
        "a/x.png": (1, True),
        "a/b/y.txt": (0, False),
        "c/z": (3, False),
        ".git/q.png": (0, False),
    }
    assert found["top.png"]["uri"] == f"{root}/top.png"
    assert found["top.png"]["modified_us"] == 1_714_564_800_000_001


def test_names_that_are_no_utf8_do_not_stop_the_listing(spark, tmp_path):
    tree(tmp_path, {"a.png": 0})
    os.mkdir(os.fsencode(tmp_path) + b"/caf\xe9")
    with open(os.fsencode(tmp_path) + b"/caf\xe9/b.png", "wb") as file:
        file.write(b"1")

    found = {row["path"]: row["is_image"] for row in list_files(spark, str(tmp_path)).collect()}

    assert found == {"a.png": True, "caf\\xe9/b.png": False}


def test_a_folder_that_is_not_there_is_named(spark, tmp_path):
    with pytest.raises(IngestError, match=r"SOURCE .*/nothing cannot be listed: No such file.*\n.*Hint"):
        list_files(spark, str(tmp_path / "nothing"))


def test_links_are_followed_but_for_one_to_a_folder_that_it_lies_in(spark, tmp_path):
    tree(tmp_path / "far", {"b.png": 1, "deep/c.png": 2})
    root = tree(tmp_path / "root", {"a/x.png": 0})
    (tmp_path / "root" / "linked").symlink_to(tmp_path / "far")
    (tmp_path / "root" / "a" / "one.png").symlink_to(tmp_path / "far" / "b.png")
    (tmp_path / "root" / "a" / "up").symlink_to(tmp_path / "root")
    (tmp_path / "root" / "above").symlink_to(tmp_path)
    (tmp_path / "root" / "gone.png").symlink_to(tmp_path / "nothing")
    (tmp_path / "root" / "self").symlink_to("self")

    found = {row["path"]: (row["is_image"], row["reason"]) for row in list_files(spark, root).collect()}

    assert found == {
        "a/x.png": (True, None),
        "a/one.png": (True, None),
        "linked/b.png": (True, None),
        "linked/deep/c.png": (True, None),
        "a/up": (False, "link_cycle"),
        "above": (False, "link_cycle"),
        "gone.png": (False, "broken_link"),
        "self": (False, "broken_link"),
    }


def test_a_root_that_is_a_file_is_listed_alone(spark, tmp_path):
    root = tree(tmp_path, {"a.png": b"1", "b.png": b"2", "c/a.png": b"3"})

    rows = list_files(spark, f"{root}/a.png").collect()

    assert [(row["path"], row["uri"], row["is_image"]) for row in rows] == [("a.png", f"{root}/a.png", True)]


@pytest.mark.parametrize(
    ("files", "glob", "message"),
    [
        (["a.JPG", "b/c.jpg", "d.png", "e.txt"], "*.gif", r"match --glob '\*.gif'; its images: .jpg \(2\), .png \(1\)"),
        (["e.txt", "f.txt", "README"], None, r"no images; its files: .txt \(2\), no ending \(1\)"),
        ([], None, "no images; it is empty"),
    ],
)
def test_an_error_about_no_images_lists_the_endings_that_are_there(spark, tmp_path, files, glob, message):
    root = tree(tmp_path, dict.fromkeys(files, b"1"))

    with pytest.raises(IngestError, match=message):
        raise no_images(spark, root, glob)
