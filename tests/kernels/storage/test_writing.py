"""Files are written whole or not at all, on a disk and in object storage."""

from __future__ import annotations

import os

import pytest

from dataeval_spark.kernels.storage.files import read_file
from dataeval_spark.kernels.storage.writing import clear, is_vacant, open_for_writing, write_bytes
from tests.kernels.storage.test_objects import box, environment, server  # noqa: F401  fixtures


def fail_half_way(uri):
    with open_for_writing(uri) as file:
        file.write(b"half")
        raise RuntimeError("half-way")


def test_folders_above_a_file_are_made(tmp_path):
    write_bytes(f"{tmp_path}/a/b/c.txt", b"text")

    assert (tmp_path / "a" / "b" / "c.txt").read_bytes() == b"text"
    assert os.listdir(tmp_path / "a" / "b") == ["c.txt"]


def test_what_failed_leaves_what_was_there_before(tmp_path):
    write_bytes(f"{tmp_path}/c.txt", b"before")

    with pytest.raises(RuntimeError, match="half-way"):
        fail_half_way(f"{tmp_path}/c.txt")

    assert os.listdir(tmp_path) == ["c.txt"]
    assert (tmp_path / "c.txt").read_bytes() == b"before"


def test_a_written_file_has_the_rights_of_any_new_file(tmp_path):
    write_bytes(f"{tmp_path}/a", b"")
    (tmp_path / "b").write_bytes(b"")

    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_a_folder_is_vacant_until_something_is_in_it(tmp_path):
    assert is_vacant(f"{tmp_path}/none")
    assert is_vacant(str(tmp_path))
    write_bytes(f"{tmp_path}/a/b", b"")
    assert not is_vacant(str(tmp_path))
    clear(str(tmp_path))
    assert is_vacant(str(tmp_path))


def test_what_a_killed_process_was_writing_is_nothing(tmp_path):
    (tmp_path / ".writing-abc").write_bytes(b"half")

    assert is_vacant(str(tmp_path))


def test_one_file_may_stay_where_all_others_go(tmp_path):
    for name in ("mark.json", "a.txt", "sub/mark.json"):
        write_bytes(f"{tmp_path}/{name}", b"")

    clear(str(tmp_path), keep="mark.json")

    assert os.listdir(tmp_path) == ["mark.json"]


def test_one_object_may_stay_where_all_others_go(box):  # noqa: F811
    for name in ("mark.json", "a.txt", "sub/mark.json"):
        write_bytes(f"s3://box/kept/{name}", b"text")

    clear("s3://box/kept", keep="mark.json")

    assert read_file("s3://box/kept/mark.json") == b"text"
    for name in ("a.txt", "sub/mark.json"):
        with pytest.raises(FileNotFoundError):
            read_file(f"s3://box/kept/{name}")


def test_objects_are_written_and_cleared(box):  # noqa: F811
    uri = "s3://box/export/a b/1.txt"
    write_bytes(uri, b"text")

    assert read_file(uri) == b"text"
    assert not is_vacant("s3://box/export")
    clear("s3://box/export")
    assert is_vacant("s3://box/export")


def test_an_object_whose_writing_failed_is_not_there(box):  # noqa: F811
    with pytest.raises(OSError, match="half-way"):
        fail_half_way("s3://box/half.txt")

    with pytest.raises(FileNotFoundError):
        read_file("s3://box/half.txt")


def test_a_bucket_that_is_not_there_is_an_error_without_a_trace_of_keys(box):  # noqa: F811
    with pytest.raises(OSError, match="none") as caught:
        write_bytes("s3://none/a.txt", b"")

    assert "secret" not in str(caught.value).lower()
