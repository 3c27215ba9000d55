"""Thumbnails are made in children where a task has no process of its own; a file that kills them has a reason."""

from __future__ import annotations

import pyarrow as pa
import pytest

from dataeval_spark.verbs.report import thumbnails
from dataeval_spark.verbs.report.thumbnails import THUMBNAIL_SCHEMA
from tests.verbs.report.literals import jpeg


def crash_at_text(uri, content, size, corners):
    if content == b"crash":
        import ctypes

        ctypes.string_at(0)
    return thumbnails.Thumbnail(content, width=size)


def made(*contents, **crops):
    ids = [str(number) for number in range(len(contents))]
    columns = {"image_id": ids, "uri": pa.nulls(len(ids), pa.string()), "content": pa.array(contents, pa.binary())}
    (batch,) = thumbnails._thumbnail_batches(iter([pa.RecordBatch.from_pydict(columns)]), crops)
    assert batch.schema == THUMBNAIL_SCHEMA
    return batch.to_pylist()


def test_each_image_has_a_picture_or_a_reason():
    small, broken = made(jpeg(800, 400), b"no image")

    assert (small["width"], small["height"], small["full_width"]) == (160, 80, 800)
    assert (broken["image_id"], broken["data"], broken["reason"][:21]) == ("1", None, "UnidentifiedImageErro")


def test_the_part_around_a_box_is_a_picture_beside_the_whole():
    whole, part, other = made(jpeg(800, 400), jpeg(), **{"0": [(7, (100.0, 100.0, 110.0, 110.0))]})

    assert [(row["image_id"], row["target_index"]) for row in (whole, part, other)] == [
        ("0", None),
        ("0", 7),
        ("1", None),
    ]
    assert (part["left"], part["top"], part["full_width"], whole["full_width"]) == (81, 81, 48, 800)


@pytest.mark.parametrize("position", [0, 1])
def test_a_file_that_kills_the_decoder_has_a_reason_and_the_others_have_pictures(monkeypatch, position):
    monkeypatch.setattr(thumbnails, "thumbnail_of", crash_at_text)
    contents = [b"a", b"b"]
    contents.insert(position, b"crash")

    rows = made(*contents)

    assert rows[position]["reason"] == "decode: DecoderCrashed: the decoder died of SIGSEGV"
    assert [row["data"] for row in rows if row["data"]] == [b"a", b"b"]
