"""Files and folders are found on object storage as on a disk."""

from __future__ import annotations

import pytest

from dataeval_spark.kernels.storage.places import entries_of, exists, is_file, is_folder, joined
from tests.kernels.s3_server import ENVIRONMENT, serve
from tests.verbs.ingest.readers.pictures import tree

FILES = {"a/1.png": 1, "a/b/2.png": 2, "top.txt": b"x"}


@pytest.fixture(params=["disk", "storage"])
def root(request, tmp_path, monkeypatch):
    tree(tmp_path / "server" / "places" / "set", FILES)
    if request.param == "disk":
        yield str(tmp_path / "server" / "places" / "set")
        return
    with serve(tmp_path / "server") as running:
        for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": running.endpoint}.items():
            monkeypatch.setenv(name, value)
        yield "s3://places/set"


def test_what_is_there_is_a_file_or_a_folder(root):
    found = {
        name: (is_file(f"{root}/{name}"), is_folder(f"{root}/{name}")) for name in ("a", "a/", "a/1.png", "a/2.png")
    }

    assert found == {"a": (False, True), "a/": (False, True), "a/1.png": (True, False), "a/2.png": (False, False)}
    assert [exists(f"{root}/{name}") for name in ("a/b", "top.txt", "to")] == [True, True, False]
    assert is_folder(root)


def test_a_folder_holds_files_and_folders(root):
    files, folders = entries_of(root, 100)

    assert (sorted(files), sorted(folders)) == (["top.txt"], ["a"])
    assert sum(map(len, entries_of(root, 1))) == 1
    assert entries_of(f"{root}/none", 100) == ([], [])


def test_storage_that_cannot_be_looked_at_holds_nothing():
    assert not exists("unheard-of://box/a")
    assert entries_of("unheard-of://box/a", 10) == ([], [])


@pytest.mark.parametrize(
    ("folder", "path", "expected"),
    [
        ("s3://box/set", "images/train", "s3://box/set/images/train"),
        ("s3://box/set", "./images/", "s3://box/set/images"),
        ("s3://box/set", "../images", "s3://box/images"),
        ("s3://box", "../../images", "s3://box/images"),
        ("s3://box/set", ".", "s3://box/set"),
        ("s3://box/set", "/data/images", "/data/images"),
        ("s3://box/set", "s3://other/images", "s3://other/images"),
        ("/data/set", "../images", "/data/images"),
        ("/data/set", "s3://box/images", "s3://box/images"),
    ],
)
def test_a_path_in_a_folder_is_plain(folder, path, expected):
    assert joined(folder, path) == expected
