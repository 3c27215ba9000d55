"""Annotation files of any bytes give rows, or the one error that readers turn into a finding; nothing else."""

from __future__ import annotations

import io
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataeval_spark.kernels.formats.coco import parse_coco
from dataeval_spark.kernels.formats.voc import parse_voc
from dataeval_spark.kernels.formats.webdataset import read_shard
from dataeval_spark.kernels.formats.yolo import parse_data_file, parse_yolo
from tests.kernels.formats.test_voc import thing
from tests.kernels.formats.test_webdataset import png, shard

VOC = f"<annotation><size><width>9</width><height>9</height></size>{thing(1, 2, 3, 4)}</annotation>".encode()
YOLO = b"0 0.5 0.5 0.25 0.25\n1 0.1 0.1 0.9 0.1 0.9 0.9\n"
YAML = b"path: .\ntrain: images\nnames: {0: cat, 1: dog}\nkpt_shape: [3, 2]\n"
COCO = json.dumps(
    {
        "images": [{"id": 1, "file_name": "a.png", "width": 9, "height": 9}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "keypoints": [1, 2]}],
    }
).encode()
SHARD = shard(
    [("a.png", png()), ("a.json", {"annotations": [{"bbox": [1, 2, 3, 4], "label": "cat"}]}), ("b.png", png())]
)

PARSERS = {
    "voc": (parse_voc, VOC),
    "yolo": (lambda data: parse_yolo(data, width=9, height=9, names={0: "cat"}), YOLO),
    "coco": (parse_coco, COCO),
    "webdataset": (lambda data: read_shard(io.BytesIO(data)), SHARD),
    "yolo data": (lambda data: [vars(parse_data_file(data))], YAML),
}


def mutated(data, seed):
    """Bits flipped, pieces cut out or repeated."""
    rng = np.random.default_rng(seed)
    found = bytearray(data)
    for _ in range(rng.integers(1, 6)):
        at, length = int(rng.integers(0, len(found) + 1)), int(rng.integers(1, 40))
        kind = rng.integers(0, 3)
        if kind == 0 and at < len(found):
            found[at] ^= 1 << int(rng.integers(0, 8))
        elif kind == 1:
            del found[at : at + length]
        else:
            found[at:at] = found[at : at + length]
    return bytes(found)


def check(parse, data):
    """Rows have finite boxes and findings say what was found; else a ValueError."""
    try:
        found = list(parse(data))
    except ValueError:
        return
    for row in (each for sample in found for each in (*sample.get("targets", ()), *sample.get("findings", ()), sample)):
        if row.get("box"):
            assert all(map(math.isfinite, row["box"].values()))
        if row.get("attributes"):
            json.loads(row["attributes"], parse_constant=pytest.fail)
        if row.get("element") == "finding":
            assert row["kind"]
            assert row["expected"]


@pytest.mark.parametrize("name", PARSERS)
def test_mutated_files_give_rows_or_a_value_error(name):
    parse, data = PARSERS[name]
    for seed in range(300):
        check(parse, mutated(data, seed))


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_give_rows_or_a_value_error(name, data):
    check(PARSERS[name][0], data)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("voc", VOC.replace(b">3<", b">1e308<")),
        ("yolo", b"0 1e308 0.5 1e308 1"),
        ("coco", COCO.replace(b"[1, 2, 3, 4]", b"[1e308, 2, 1e308, 4]")),
    ],
)
def test_numbers_that_no_image_has_are_no_box(name, data):
    rows = list(PARSERS[name][0](data))

    assert [row["kind"] for row in rows if row["element"] == "finding"] == ["not_numeric_box"]
    assert [row for row in rows if row["element"] == "target"] == []
