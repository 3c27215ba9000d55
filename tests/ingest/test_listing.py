"""Listing a folder by tasks, and finding the file that a name means."""

from __future__ import annotations

import os

import pytest

from dataeval_spark.errors import IngestError
from dataeval_spark.ingest.listing import list_files, resolve_names

from .pictures import tree


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


def test_a_name_is_looked_for_under_source_then_beside_the_file_then_by_base_name(spark, tmp_path):
    root = tree(
        tmp_path / "source",
        {"a.png": b"1", "deep/b.png": b"22", "x/twice.png": b"", "y/twice.png": b"", "x/c.png": b"under"},
    )
    tree(tmp_path / "labels", {"c.png": b"beside", "a.png": b"beside", "only/d.png": b"4444"})
    names = [
        "a.png",
        "./a.png",
        "b.png",
        "images/b.png",
        "c.png",
        "only/d.png",
        "../source/a.png",
        "twice.png",
        "no.png",
    ]

    found = resolve_names(
        spark.createDataFrame([(name,) for name in names], "name string"),
        list_files(spark, root),
        str(tmp_path / "labels"),
        root,
    )

    rows = {row["name"]: row for row in found.collect()}
    assert {name: (row["path"], row["content_length"], row["candidates"]) for name, row in rows.items()} == {
        "a.png": ("a.png", 1, 1),
        "./a.png": ("a.png", 1, 1),
        "b.png": ("deep/b.png", 2, 1),
        "images/b.png": ("deep/b.png", 2, 1),
        "c.png": ("c.png", 6, 1),  # beside the file before x/c.png by base name
        "only/d.png": ("only/d.png", 4, 0),
        "../source/a.png": ("a.png", 1, 1),
        "twice.png": (None, None, 2),
        "no.png": (None, None, 0),
    }
    assert rows["c.png"]["uri"] == f"{tmp_path}/labels/c.png"


def test_where_the_file_lies_among_the_images_a_name_beside_it_is_the_image_under_source(spark, tmp_path):
    root = tree(tmp_path, {"sub/a.png": b"1", "sub/b.png": b"22"})
    names = spark.createDataFrame([("a.png",), ("./b.png",)], "name string")

    found = resolve_names(names, list_files(spark, root), f"{root}/sub", root).collect()

    assert {row["name"]: row["path"] for row in found} == {"a.png": "sub/a.png", "./b.png": "sub/b.png"}
