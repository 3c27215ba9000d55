"""MAITE data sets in, chunk by chunk, and what of them cannot be taken."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from dataeval_spark.errors import IngestError
from dataeval_spark.verbs.ingest.readers import maite
from dataeval_spark.verbs.ingest.readers.maite import read_maite
from dataeval_spark.verbs.ingest.readers.source import FINDINGS_DDL, LISTING_DDL, TARGETS_DDL
from tests.verbs.ingest.readers.pictures import captured, classes, findings, ids


class Items:
    """A data set of items, some of which raise."""

    metadata: ClassVar = {"id": "items", "index2label": {0: "cat", 1: "dog"}}

    def __init__(self, *items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        if isinstance(self.items[index], Exception):
            raise self.items[index]
        return self.items[index]


IMAGE = np.zeros((1, 3, 4), np.uint8)


def test_items_become_images_targets_and_factors_whatever_the_size_of_chunks(spark, checkpoint, monkeypatch):
    monkeypatch.setattr(maite, "ROWS_PER_CHUNK", 2)
    monkeypatch.setattr(maite, "CHUNKS_TOGETHER", 2)
    monkeypatch.setattr(maite, "IMAGES_AT_ONCE", 3)
    time = {"captured_at": "2024-05-01T12:00:00Z", "split": "val", "lens": {"f": 2}}
    data = Items(
        (IMAGE, [0, 1], {"id": 7, **time}),
        (IMAGE, [1, 0], {"id": "b", "gain": 1.5}),
        RuntimeError("disk"),
        (IMAGE, [0, 0], {"id": "c"}),
        (IMAGE, [0, 1], {"id": "b"}),
        (IMAGE, 5, {"id": "d"}),
        (IMAGE, 0, {}),
        (IMAGE, "?", {"id": "e"}),
        (IMAGE[0, 0], 0, {"id": "f"}),
        (IMAGE, 1, {"id": "g"}),
    )

    source = read_maite(spark, data, dataset="d", checkpoint=checkpoint, split="rest")

    for frame, ddl in ((source.images, LISTING_DDL), (source.targets, TARGETS_DDL), (source.findings, FINDINGS_DDL)):
        assert sorted(frame.dtypes) == sorted(spark.createDataFrame([], ddl).dtypes)
    assert ids(source.images) == [f"d/{name}" for name in "7bcdeg"]
    assert classes(source) == {"d/7": "dog", "d/b": "cat", "d/d": None, "d/g": "dog"}
    assert {row["image_id"]: (row["lens_f"], row["gain"]) for row in source.factors.collect()} == {
        "d/7": (2, None),
        "d/b": (None, 1.5),
    }
    assert captured(source)["d/7"] == 1_714_564_800
    assert {row["split"] for row in source.images.where("image_id <> 'd/7'").collect()} == {"rest"}
    assert [(kind, location, image) for kind, location, image, *_ in findings(source)] == [
        ("broken_element", "[2]", None),
        ("broken_element", "[6]", None),
        ("broken_element", "[7].target", "d/e"),
        ("broken_element", "[8]", None),
        ("duplicate_image", "[4]", None),
        ("unknown_class", "[5].target[0]", "d/d"),
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (Items(), "it has no items"),
        (Items(ValueError("no disk")), "ValueError: no disk"),
        (Items((1, 2)), "ValueError"),
    ],
)
def test_a_data_set_of_which_nothing_can_be_read_is_an_error(spark, checkpoint, data, message):
    with pytest.raises(IngestError, match=rf"No item of the MAITE data set d can be read: .*{message}"):
        read_maite(spark, data, dataset="d", checkpoint=checkpoint)
