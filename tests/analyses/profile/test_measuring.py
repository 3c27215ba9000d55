"""Measuring in this process and in a child gives the same staged rows, and files are read where that is worth it."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest

from dataeval_spark.analyses.profile import measuring
from dataeval_spark.analyses.profile.measuring import Gathered, Measuring, content_of, lost_image, measured_in_child
from dataeval_spark.kernels.encoders.thumbnail import Thumbnail
from dataeval_spark.kernels.images.decoding.decode import UnreadableImage
from dataeval_spark.kernels.images.decoding.limits import Limits
from dataeval_spark.kernels.images.hashes import file_hash
from dataeval_spark.kernels.images.profile import Measures

DATA = b"P5 2 2 255 " + bytes([10, 20, 30, 40])
BOX = {"target_index": 3, "box": {"x0": 0.0, "y0": 0.0, "x1": 1.0, "y1": 2.0}}
MEASURING = Measuring(Measures(keep_pixels=True), Limits(), True, Thumbnail().prepare, "thumbnail@1: ")


def row(name="a", **values):
    nothing = dict.fromkeys(("uri", "content", "file_hash", "boxes"))
    return {"image_id": name, "content_length": 15, "fingerprint": "f", **nothing, **values}


def test_a_child_measures_what_it_is_given_and_what_it_reads(tmp_path):
    file = tmp_path / "a.pgm"
    file.write_bytes(DATA)
    items = [(row("a", uri=str(file)), None), (row("b", content=DATA, boxes=[BOX]), None), (row("c"), DATA)]

    count, packed = MEASURING(items)
    found = measured_in_child(packed)

    assert count == 3
    assert [(r["image_id"], r["target_index"], r["stats"]["mean"]) for r in found.batch.to_pylist()] == [
        ("a", None, 25.0),
        ("b", None, 25.0),
        ("b", 3, 20.0),
        ("c", None, 25.0),
    ]
    assert [index for index, _ in found.prepared] == [0, 1, 2, 3]
    assert all(array.shape == (8, 8, 3) for array in found.arrays())


def test_what_is_unreadable_is_a_row_without_an_input():
    missing = UnreadableImage("read", "OSError", "gone")
    _, packed = MEASURING([(row("a", content=b"text"), None), (row("b"), missing), (row("c", content=DATA), None)])
    found = measured_in_child(packed)

    errors = [r["error"] and (r["error"]["stage"], r["error"]["error_class"]) for r in found.batch.to_pylist()]
    assert errors == [("header", "PlainText"), ("read", "OSError"), None]
    assert [index for index, _ in found.prepared] == [2]
    assert found.batch["error"][0]["content_length"].as_py() == 15


def test_a_list_whose_inputs_take_much_memory_is_measured_in_parts(monkeypatch):
    monkeypatch.setattr(measuring, "PREPARED_BYTES", 2 * 8 * 8 * 3)
    items = [(row(name, content=DATA), None) for name in "abc"]

    count, packed = MEASURING(items)

    assert (count, measured_in_child(packed).batch.num_rows) == (2, 2)


def test_a_lost_image_is_a_row_with_its_error():
    found = measured_in_child(lost_image((row("a"), None), UnreadableImage("decode", "DecoderCrashed", "died")))

    (lost,) = found.batch.to_pylist()
    assert (lost["image_id"], lost["fingerprint"], lost["error"]["error_class"]) == ("a", "f", "DecoderCrashed")
    assert found.prepared == []


def test_an_error_of_another_kind_is_raised():
    with pytest.raises(ZeroDivisionError):
        MEASURING.image(row(), ZeroDivisionError(), nullcontext())


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({}, "read: ValueError: table images has neither its bytes nor its path"),
        ({"uri": "/nowhere/a.png"}, "read: FileNotFoundError: No such file or directory"),
        ({"uri": __file__, "file_hash": "other"}, "read: FileChangedError: the file has changed since it was ingested"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(values, error):
    assert str(content_of(row(**values))).startswith(error)


def test_a_file_is_read_when_its_hash_is_the_one_of_the_table(tmp_path):
    (tmp_path / "a").write_bytes(DATA)

    assert content_of(row(uri=str(tmp_path / "a"), file_hash=file_hash(DATA))) == DATA


def test_a_process_without_limits_takes_no_image_that_needs_more_memory():
    small = Measuring(Measures(max_pixels=1000), Limits(memory=64 * 500)).in_own_process()

    assert small.measures.max_pixels == 500
    assert Measuring(Measures(max_pixels=100), Limits()).in_own_process().measures.max_pixels == 100


def test_what_was_taken_is_gathered_no_more():
    gathered = Gathered()
    gathered.add([{"image_id": "a"}, {"image_id": "a"}], [(1, np.zeros(3))])
    gathered.add([{"image_id": "b"}], [(0, np.zeros(3))])

    assert [index for index, _ in gathered.take().prepared] == [1, 2]
    assert (gathered.images, gathered.take().batch.num_rows) == (0, 0)
