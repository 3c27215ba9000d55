"""Paths of exported images: safe to write, with the right extension, and never two names as one."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataeval_spark.kernels.formats.export_paths import MAX_NAME_BYTES, export_path, safe_folder
from dataeval_spark.kernels.storage.files import extension_of

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("name", "content", "path"),
    [
        ("cats/1.jpg", PNG, "cats/1.jpg"),
        ("cats/1", PNG, "cats/1.png"),
        ("1.5", b"RIFF....WEBPVP8", "1.5.webp"),
        ("one", b"nothing known", "one.img"),
    ],
)
def test_a_name_keeps_its_extension_or_gets_that_of_its_bytes(name, content, path):
    assert export_path(name, content) == path


def test_copies_are_told_apart_by_their_number():
    assert [export_path("a.jpg", b"", copy=copy) for copy in range(3)] == ["a.jpg", "a-copy1.jpg", "a-copy2.jpg"]


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "a/../b", "a\\b", "C:x", ".hidden/x", "a\0b", "x" * 300]
)
def test_a_path_that_leads_elsewhere_or_cannot_be_written_is_changed(name):
    path = export_path(name, PNG)

    assert path.endswith(".png")
    assert os.path.normpath(f"/out/{path}").startswith("/out/")
    assert not any(part.startswith(".") or len(part.encode()) > 255 for part in path.split("/"))


@given(st.lists(st.text(min_size=1, max_size=12), min_size=2, max_size=6, unique=True))
def test_changed_names_stay_apart(names):
    # Names that differ by an extension only are told apart by another rule, which is asked for.
    paths = [export_path(name, PNG, distinct=True) for name in names]

    assert len(set(paths)) == len(names)
    assert all(len(part.encode()) <= MAX_NAME_BYTES + 20 for path in paths for part in path.split("/"))


def test_a_format_whose_keys_end_at_a_dot_gets_names_without_dots():
    path = export_path("v1.2/a.b.jpg", b"", dots=False)

    assert path.startswith("v1.2/a_b-")
    assert path.count(".") == 2


def test_a_class_is_one_folder():
    assert safe_folder("golden retriever") == "golden retriever"
    assert "/" not in safe_folder("a/b")
    assert safe_folder("a/b") != safe_folder("a_b")


def test_formats_are_known_by_their_first_bytes():
    assert [extension_of(start) for start in (b"\xff\xd8\xff\xe0", b"BM", b"II*\0")] == [".jpg", ".bmp", ".tif"]
