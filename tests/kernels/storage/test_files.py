"""Files below a folder: which there are, which are images, and what a glob matches."""

from __future__ import annotations

import os
import re

import pytest

from dataeval_spark.kernels.storage.files import glob_pattern, is_image, read_file, walk

PNG = b"\x89PNG\r\n\x1a\n"


def tree(root, files):
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return str(root)


@pytest.mark.parametrize(
    ("pattern", "matches", "others"),
    [
        ("*.jpg", ["a.jpg", ".jpg"], ["a/b.jpg", "a.jpeg", "axjpg", "a.jpg.txt"]),
        ("**/*.jpg", ["a.jpg", "a/b.jpg", "a/b/c.jpg"], ["a/b.png"]),
        ("**/*", ["a", "a/b", "a/b/c.txt"], []),
        ("**", ["a", "a/b"], []),
        ("a/**", ["a/b", "a/b/c"], ["a", "b/a"]),
        ("a/**/z.png", ["a/z.png", "a/b/c/z.png"], ["a/bz.png", "z.png"]),
        ("img?.png", ["img1.png", "img+.png"], ["img.png", "img12.png", "img/.png"]),
        ("[a-c]*.png", ["b.png", "cat.png"], ["d.png"]),
        ("[!a-c]*.png", ["d.png"], ["b.png"]),
        ("a+b (1).png", ["a+b (1).png"], ["aab (1).png", "a+b 1.png"]),
        ("a[.png", ["a[.png"], ["a.png"]),
        ("x|y", ["x|y"], ["x", "y"]),
    ],
)
def test_a_glob_matches_relative_paths_folder_by_folder(pattern, matches, others):
    found = re.compile(glob_pattern(pattern))

    assert [path for path in matches if not found.fullmatch(path)] == []
    assert [path for path in others if found.fullmatch(path)] == []


def test_files_come_in_sorted_order_with_size_time_and_kind(tmp_path):
    root = tree(tmp_path, {"b/2.png": b"xy", "b/1.JPG": b"", "a.txt": b"abc", "c": PNG})
    os.utime(tmp_path / "a.txt", ns=(0, 1_714_564_800_123_456_789))

    found = list(walk(root))

    assert [(file.path, file.size, file.is_image) for file in found] == [
        ("a.txt", 3, False),
        ("b/1.JPG", 0, True),
        ("b/2.png", 2, True),
        ("c", 8, True),
    ]
    assert found[0].modified_us == 1_714_564_800_123_456


def test_a_start_folder_and_no_recursion_limit_what_is_listed(tmp_path):
    root = tree(tmp_path, {"top.png": b"", "a/one.png": b"", "a/b/two.png": b""})

    assert [file.path for file in walk(root, recursive=False)] == ["top.png"]
    assert [file.path for file in walk(root, "a")] == ["a/b/two.png", "a/one.png"]
    assert [file.path for file in walk(root, "a", recursive=False)] == ["a/one.png"]


def test_hidden_files_and_files_in_hidden_folders_are_no_images(tmp_path):
    root = tree(tmp_path, {".a.png": PNG, ".cache/b.png": PNG, "c/.d/e.png": PNG, "f.png": PNG})

    assert {file.path for file in walk(root) if file.is_image} == {"f.png"}


def test_links_are_followed_but_for_those_to_nothing_and_to_a_folder_above(tmp_path):
    root = tree(tmp_path, {"real/a.png": PNG})
    (tmp_path / "link.png").symlink_to(tmp_path / "real" / "a.png")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "dangling.png").symlink_to(tmp_path / "nothing.png")

    assert [(file.path, file.reason) for file in walk(root)] == [
        ("dangling.png", "broken_link"),
        ("link.png", None),
        ("loop", "link_cycle"),
        ("real/a.png", None),
    ]


def test_a_name_that_is_no_utf8_is_listed_readably_and_is_no_image(tmp_path):
    with open(os.fsencode(tmp_path) + b"/caf\xe9.png", "wb") as file:
        file.write(PNG)

    (found,) = walk(str(tmp_path))

    assert (found.path, found.is_image) == ("caf\\xe9.png", False)


@pytest.mark.parametrize(
    ("start", "image"),
    [
        (PNG, True),
        (b"\xff\xd8\xff\xe0", True),
        (b"GIF89a", True),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", True),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", False),
        (b"<svg>", False),
        (b"", False),
    ],
)
def test_a_file_whose_name_does_not_tell_is_known_by_its_first_bytes(tmp_path, start, image):
    (tmp_path / "file").write_bytes(start)

    assert is_image(str(tmp_path / "file")) is image


def test_a_missing_file_is_no_image_and_cannot_be_read(tmp_path):
    assert not is_image(str(tmp_path / "nothing"))
    with pytest.raises(FileNotFoundError):
        read_file(str(tmp_path / "nothing"))


@pytest.mark.parametrize("prefix", ["", "file:", "file://"])
def test_a_file_is_read_by_path_or_file_uri(tmp_path, prefix):
    (tmp_path / "a").write_bytes(b"data")

    assert read_file(f"{prefix}{tmp_path}/a") == b"data"
