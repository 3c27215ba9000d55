"""WebDataset shards: samples out of tar files, damaged and hostile ones too."""

from __future__ import annotations

import io
import json
import tarfile

import pytest
from PIL import Image

from dataeval_spark.kernels.formats.webdataset import key_and_field, read_shard


def png():
    file = io.BytesIO()
    Image.new("L", (40, 30)).save(file, "PNG")
    return file.getvalue()


def shard(files, mode="w"):
    """A tar file: pairs of name and bytes (or a JSON document), in order."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as tar:
        for name, data in files:
            data = data if isinstance(data, bytes) else json.dumps(data).encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return file.getvalue()


def read_all(data, **options):
    return list(read_shard(io.BytesIO(data), **options))


def read(data, **options):
    """The samples, and what was found without one; the account of a whole shard is left out."""
    return [row for row in read_all(data, **options) if row["member"] or row["findings"]]


def account(data, **options):
    (rows,) = [row["account"] for row in read_all(data, **options) if row.get("account") is not None]
    return {row["reason"] or row["role"]: row["n"] for row in rows}


def sample(*files):
    """The one sample of a shard with an image and more files."""
    (row,) = read(shard([("a.png", png()), *files]))
    return row


def kinds(row):
    return [(finding["kind"], finding["location"]) for finding in row["findings"]]


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2"])
def test_members_that_follow_one_another_with_one_key_are_a_sample(mode):
    rows = read(shard([("./x/1.png", b"1"), ("./x/1.cls", b"7\n"), ("x/2.jpg", b"2"), ("y/2.JPG", b"3")], mode))

    assert [(row["member"], row["content"]) for row in rows] == [
        ("x/1.png", b"1"),
        ("x/2.jpg", b"2"),
        ("y/2.JPG", b"3"),
    ]
    assert [[target["class_name"] for target in row["targets"]] for row in rows] == [["7"], [], []]


def test_each_image_of_a_sample_is_an_image_with_its_labels_and_a_mask_is_none():
    data = shard(
        [("1.mask.png", b"mask"), ("1.left.jpg", b"a"), ("1.right.JPG", b"b"), ("1.cls", b"7"), ("1.npy", b"x")]
    )

    assert [(row["member"], row["content"]) for row in read(data)] == [("1.left.jpg", b"a"), ("1.right.JPG", b"b")]
    assert [[target["class_name"] for target in row["targets"]] for row in read(data)] == [["7"], ["7"]]
    assert account(data) == {"images": 2, "annotations": 1, "unknown_member": 2}


@pytest.mark.parametrize(
    ("name", "key", "field"),
    [
        ("a/b.c/1.left.png", "a/b.c/1", "left.png"),
        ("x/__y.jpg", "x/__y", "jpg"),
        ("__meta.jpg", "__meta", "jpg"),
        ("./1.JPG", "1", "jpg"),
    ],
)
def test_keys_are_those_of_the_library(name, key, field):
    assert key_and_field(name) == (key, field)


def test_a_second_member_of_one_field_is_counted_and_said():
    data = shard([("1.jpg", b"a"), ("1.JPG", b"b")])

    assert account(data) == {"images": 1, "repeated": 1}
    assert kinds(read(data)[0]) == [("broken_element", "1.JPG")]


def test_what_is_no_sample_with_an_image_is_left_out():
    data = shard([("__init__.py", b""), ("README", b""), (".hidden.png", b""), ("1.txt", b"cat")])
    assert read(data) == []
    assert account(data) == {"no_image": 2, "no_key": 2}
    assert read(shard([])) == []
    assert account(shard([])) == {}


def test_json_gives_metadata_split_time_and_class():
    row = sample(
        (
            "a.json",
            {"label": "cat", "split": "val", "captured_at": "2024-05-01", "gain": 2, "lens": {"f": 1.4}, "x": []},
        )
    )

    assert (row["split"], row["captured_at"]) == ("val", "2024-05-01")
    assert row["factors"] == [
        ("gain", {"type": "bigint", "text": "2"}),
        ("lens_f", {"type": "double", "text": "1.4"}),
    ]
    assert [(target["class_name"], target["target_index"]) for target in row["targets"]] == [("cat", 0)]


def test_a_text_is_the_class_and_a_long_one_a_finding():
    assert sample(("a.txt", b" dog \n"))["targets"][0]["class_name"] == "dog"
    caption = sample(("a.txt", b"a dog\non the lawn"))

    assert (caption["targets"], kinds(caption)) == ([], [("unknown_class", "a.txt")])


def test_objects_have_boxes_and_their_faults_are_findings():
    row = sample(
        (
            "a.json",
            {
                "annotations": [
                    {"bbox": [1, 2, 3, 4], "category": "cat", "iscrowd": 1, "track": 5},
                    {"bbox": [30, 2, 30, 4], "category_id": 3},
                    {"bbox": "?", "category": "cat"},
                    {"bbox": [1, 2, 0, 4]},
                    3,
                ]
            },
        )
    )

    assert [(t["class_name"], t["box"] and tuple(t["box"].values()), t["is_crowd"]) for t in row["targets"]] == [
        ("cat", (1, 2, 4, 6), True),
        ("3", (30, 2, 60, 6), None),
        (None, (1, 2, 1, 6), None),
    ]
    assert row["targets"][0]["attributes"] == '{"track": 5}'
    assert kinds(row) == [
        ("outside_box", "a.json:annotations[1]"),
        ("not_numeric_box", "a.json:annotations[2]"),
        ("unknown_class", "a.json:annotations[3]"),
        ("inverted_box", "a.json:annotations[3]"),
        ("broken_element", "a.json:annotations[4]"),
    ]


@pytest.mark.parametrize("data", [b"{", b"[1]", b"\xff", b"[" * 100_000])
def test_broken_metadata_cost_the_metadata_only(data):
    row = sample(("a.json", data), ("a.cls", b"cat"))

    assert kinds(row) == [("broken_element", "a.json")]
    assert (row["factors"], row["targets"][0]["class_name"]) == ([], "cat")


def test_a_sample_that_comes_again_is_a_finding():
    rows = read(shard([("a.png", b"1"), ("b.png", b"2"), ("a.png", b"3")]))

    assert [(row["member"], kinds(row)) for row in rows] == [
        ("a.png", []),
        ("b.png", []),
        (None, [("duplicate_image", "a.png")]),
    ]


def test_a_member_beyond_the_bound_is_passed_over():
    rows = read(shard([("a.png", b"12345"), ("b.png", b"1234"), ("b.json", b'{"long": 1}')]), max_bytes=4)

    assert [(row["member"], kinds(row)) for row in rows] == [
        (None, [("broken_element", "a.png")]),
        ("b.png", [("broken_element", "b.json")]),
    ]


def test_links_and_devices_are_never_followed():
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for type in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE):
            entry = tarfile.TarInfo("a.png")
            entry.type, entry.linkname = type, "/etc/passwd"
            tar.addfile(entry)

    assert read(file.getvalue()) == []


@pytest.mark.parametrize("data", [b"", b"no tar file", b"\x1f\x8b\x08" + b"x" * 600, b"a" * 512])
def test_what_is_no_tar_file_is_a_finding(data):
    (row,) = read(data)

    assert (row["member"], kinds(row)) == (None, [("broken_file", "tar")])


def test_samples_before_the_damage_are_taken():
    whole = shard([(name, b"x" * 2000) for name in ("a.png", "b.png", "c.png")])

    in_data, in_header, between = read(whole[:4000]), read(whole[:2700]), read(whole[:2560])
    overwritten = read(whole[:2560] + b"\xff" * 512 + whole[3072:])

    for rows in (in_data, in_header, between, overwritten):
        assert [row["member"] for row in rows] == ["a.png", None]
        assert kinds(rows[-1]) == [("broken_file", "tar")]
