"""Names and the files that they mean: exactly, in looser forms, by a common ending; and names that fit two."""

from __future__ import annotations

import pytest

from dataeval_spark.verbs.ingest.readers.file_matching import match_names, matched_findings, resolve_names
from dataeval_spark.verbs.ingest.readers.listing import list_files
from tests.verbs.ingest.readers.pictures import tree


def test_a_name_is_looked_for_under_source_then_beside_the_file_then_by_base_name(spark, checkpoint, tmp_path):
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
        checkpoint,
        "names",
    )

    rows = {row["name"]: row for row in found.collect()}
    assert {name: (row["path"], row["content_length"], row["candidates"]) for name, row in rows.items()} == {
        "a.png": ("a.png", 1, 1),
        "./a.png": ("a.png", 1, 1),
        "b.png": ("deep/b.png", 2, 1),
        "images/b.png": ("deep/b.png", 2, 1),
        "c.png": ("c.png", 6, 1),  # beside the file before x/c.png by base name
        "only/d.png": ("only/d.png", 4, 1),
        "../source/a.png": ("a.png", 1, 1),
        "twice.png": (None, None, 2),
        "no.png": (None, None, 0),
    }
    assert rows["c.png"]["uri"] == f"{tmp_path}/labels/c.png"


def test_where_the_file_lies_among_the_images_a_name_beside_it_is_the_image_under_source(spark, checkpoint, tmp_path):
    root = tree(tmp_path, {"sub/a.png": b"1", "sub/b.png": b"22"})
    names = spark.createDataFrame([("a.png",), ("./b.png",)], "name string")

    found = resolve_names(names, list_files(spark, root), f"{root}/sub", root, checkpoint, "names").collect()

    assert {row["name"]: row["path"] for row in found} == {"a.png": "sub/a.png", "./b.png": "sub/b.png"}


FILES = ["a/x.png", "b/x.png", "images/Cat 1.png", "caf\u00e9.png", "case/UP.png", "case/up.png", "only.png"]


@pytest.mark.parametrize(
    ("name", "path", "how"),
    [
        (r"a\x.png", "a/x.png", "separators"),
        (r"D:\data\b\x.png", "b/x.png", "folder"),
        ("./a//x.png ", "a/x.png", "separators"),
        ("cafe\u0301.png", "caf\u00e9.png", "Unicode form"),
        ("images/Cat%201.png", "images/Cat 1.png", "percent escapes"),
        ("IMAGES/cat%201.PNG", "images/Cat 1.png", "case"),
        ("/home/me/set/images/cat 1.png", "images/Cat 1.png", "folder, case"),
        ("case/UP.png", "case/UP.png", "separators"),
        ("elsewhere/only.png", "only.png", "folder"),
    ],
)
def test_a_name_is_taken_in_the_first_form_in_which_one_file_alone_fits(spark, name, path, how):
    names = spark.createDataFrame([(name,)], "name string")
    files = spark.createDataFrame([(file,) for file in FILES], "path string")

    (row,) = match_names(names, files).collect()

    assert (row["path"], row["how"]) == (path, how)


@pytest.mark.parametrize(
    ("name", "examples"), [("x.png", "a/x.png and b/x.png"), ("case/Up.png", "case/UP.png and case/up.png")]
)
def test_a_name_that_fits_two_files_means_none_and_says_which(spark, name, examples):
    names = spark.createDataFrame([(name,)], "name string")
    files = spark.createDataFrame([(file,) for file in FILES], "path string")

    (row,) = match_names(names, files).collect()

    assert (row["path"], row["candidates"], row["examples"]) == (None, 2, examples)


def test_names_that_differ_from_their_files_are_one_finding_for_each_way(spark):
    rows = [("A.png", "a.png", "case"), ("B.png", "b.png", "case"), ("c.png", "c.png", None)]
    resolved = spark.createDataFrame(rows, "name string, path string, how string")

    (row,) = matched_findings(resolved, "list.txt").collect()

    assert (row["kind"], row["location"], row["n"]) == ("matched_names", "names: case", 2)
    assert row["found"] == "A.png is a.png, B.png is b.png"
