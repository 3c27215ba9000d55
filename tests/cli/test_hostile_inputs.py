"""Hostile inputs and configurations at the command line: one line says what is wrong, and a hint what to type.

The cases are in `hostile_sources.py` and `hostile_options.py`. What can be read in part is read, and the rest is a
finding: these inputs are below.
"""

from __future__ import annotations

import io
import json
import tarfile

import pytest

from dataeval_spark.audit import Audit
from dataeval_spark.cli.main import DONE, main
from tests.cli import hostile_options, hostile_sources
from tests.cli.hostile import cases_of, ingest, insides_in

REFUSED = (*cases_of(hostile_sources), *cases_of(hostile_options))


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.__name__)
def test_one_line_says_what_is_wrong_and_names_it(case, hostile, capsys):
    words, named = case(hostile)
    capsys.readouterr()

    code = main([str(word) for word in words])
    out, err = capsys.readouterr()

    lines = err.strip().splitlines()
    assert code != DONE, (out, err)
    assert lines[0].startswith("error: "), err
    assert len(lines) == 1 or (len(lines) == 2 and lines[1].startswith("Hint: ")), err
    assert named in err
    assert not insides_in(out + err), err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"path": "a/0.png", "site": "x"}\n{"path": "b/1.p\n{"path": "a/2.png", "site": "y"}\n', "broken element 1"),
        ('{"path": "a/0.png", "site": ["x", "y"], "at": {"lat": 1}}\n', "no column type 2 (at, site)"),
        (b'\xef\xbb\xbf{"path": "a/0.png", "site": "x"}\n', ""),
    ],
    ids=["broken in the middle", "lists and structs", "byte order mark"],
)
def test_json_lines_are_read_as_far_as_they_can_be(content, said, hostile, capsys):
    file = hostile.file("metadata.jsonl", content)

    code = main([str(word) for word in ingest(hostile, hostile.photos, "--metadata", file)])
    out, err = capsys.readouterr()

    assert (code, err) == (DONE, "")
    assert said in out
    assert not insides_in(out)


@pytest.mark.parametrize(
    "content",
    [
        "path,site\na/0.png,K\0ln\n",
        "path,site,site\na/0.png,x,y\n",
        "path,site\na/0.png,K\xf6ln\nb/1.png,Z\xfcrich\n".encode("latin-1"),
        "\ufeffpath,site\na/0.png,K\xf6ln\n",
        "path,site\na/0.png,K\xf6ln\n".encode("utf-16"),
        'path,site\na/0.png,"x\nb/1.png,y\n',
    ],
    ids=["NUL", "names twice", "Latin-1", "byte order mark", "UTF-16", "open quotation mark"],
)
def test_csv_is_read_as_far_as_it_can_be(content, hostile, capsys):
    file = hostile.file("sites.csv", content)

    code = main([str(word) for word in ingest(hostile, hostile.photos, "--metadata", file)])
    out, err = capsys.readouterr()

    assert (code, err) == (DONE, "")
    assert "6 images" in out
    assert not insides_in(out)


COCO = {"images": [{"id": "x", "file_name": "a/0.png"}], "annotations": [], "categories": [{"id": "c", "name": "cat"}]}
BOX = {"id": "one", "image_id": "x", "category_id": "c", "bbox": [1, 1, 5, 5]}


@pytest.mark.parametrize(
    "annotations",
    [
        [BOX],
        [{**BOX, "bbox": ["1", "1", "a", "5"]}],
        [{**BOX, "bbox": None}],
        [{**BOX, "category_id": "none"}, {**BOX, "image_id": 7}, 7, "text", None, []],
        "no list",
    ],
    ids=["ids of text", "boxes of text", "no box", "entries of any kind", "text for a list"],
)
def test_coco_is_read_as_far_as_it_can_be(annotations, hostile, capsys):
    file = hostile.file("coco.json", json.dumps({**COCO, "annotations": annotations}))

    code = main([str(word) for word in ingest(hostile, hostile.photos, "--annotations", file)])
    out, err = capsys.readouterr()

    assert code == DONE or (annotations == "no list" and "coco.json" in err and len(err.strip().splitlines()) <= 2), err
    assert not insides_in(out + err)


def test_boxes_and_shards_that_are_broken_are_findings(hostile, capsys):
    data = (hostile.photos / "a" / "0.png").read_bytes()
    for name in ("yolo/images/0.png", "voc/JPEGImages/0.png"):
        hostile.file(name, data)
    hostile.file("yolo/labels/0.txt", "0 0.5 0.5 0.2 0.2\ncat one two three four\n")
    hostile.file("yolo/data.yaml", "names: [a, b\ntrain: :")
    hostile.file("voc/Annotations/0.xml", "<annotation><object><name>a</name><bndbox>")
    hostile.file("voc/Annotations/1.xml", "<annotation><filename>0.png</filename></annotation>")
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as shard:
        for number in range(3):
            member = tarfile.TarInfo(f"{number}.png")
            member.size = len(data)
            shard.addfile(member, io.BytesIO(data))
    hostile.file("shard.tar", whole.getvalue()[: len(data) + 2000])

    for source in ("yolo", "voc", "shard.tar"):
        words = ("ingest", "--workspace", hostile.files / "new", hostile.files / source)
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        assert (code, err) == (DONE, ""), source
        assert "errors: " in out
        assert not insides_in(out)


# A page of a server saved as a picture, a pointer to a file, and so on: each has its own sentence.
NO_PICTURES = {
    "empty.jpg": (b"", "the file is empty"),
    "zeros.jpg": (bytes(4000), "bytes are zero"),
    "pointer.jpg": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n", "Git LFS pointer"),
    "page.jpg": (b"<!DOCTYPE html><html><title>Sign in</title></html>", "an HTML page titled 'Sign in'"),
    "phone.jpg": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64), "a HEIC or HEIF image"),
    "text.jpg": (b"404 not found", "a text, not an image"),
}


def test_what_is_no_picture_has_a_message_of_its_own(hostile, capsys, spark):
    for name, (content, _) in NO_PICTURES.items():
        hostile.file(f"mixed/{name}", content)
    hostile.file("mixed/good.png", (hostile.photos / "a" / "0.png").read_bytes())
    for words in (ingest(hostile, hostile.files / "mixed"), ("profile", "--workspace", hostile.files / "new")):
        assert main([str(word) for word in words]) == DONE

    rows = Audit(str(hostile.files / "new"), spark).table("unreadable_images").select("image_id", "message").collect()

    messages = {row["image_id"].rpartition("/")[2]: row["message"] for row in rows}
    assert set(messages) == set(NO_PICTURES)
    for name, (_, text) in NO_PICTURES.items():
        assert text in messages[name]


def test_a_hundred_ways_are_tried():
    assert len(REFUSED) >= 100
