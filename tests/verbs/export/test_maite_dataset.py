"""MAITE data sets in and out again: the same pixels, targets and metadata."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, get_args

import numpy as np
import pytest
from maite.protocols.object_detection import FieldwiseDataset, ObjectDetectionTarget

from dataeval_spark.audit import Audit
from dataeval_spark.errors import IngestError, OptionError
from dataeval_spark.verbs.export.maite_dataset import MaiteDataset
from tests.verbs.ingest.readers.pictures import tree


@dataclass
class Detections:
    boxes: Any
    labels: Any
    scores: Any


class Scenes:
    """A detection data set of random images of several types and sizes."""

    metadata: ClassVar = {"id": "scenes", "index2label": {0: "dog", 1: "cat"}}

    def __len__(self):
        return 5

    def __getitem__(self, index):
        rng = np.random.default_rng(index)
        shape = (3 if index % 2 else 1, 20 + index, 30)
        image = rng.integers(0, 256, shape, np.uint8) if index else rng.integers(0, 65536, shape, np.uint16)
        boxes = np.sort(rng.integers(0, 20, (index, 2, 2)), axis=1).reshape(-1, 4) + np.array([0, 0, 1, 1])
        labels, scores = rng.integers(0, 2, index), rng.random(index)
        return image, Detections(boxes, labels, scores), {"id": index, "gain": 0.5 * index, "site": "north"}


@pytest.fixture(scope="module")
def audit(spark, tmp_path_factory):
    place = tmp_path_factory.mktemp("maite")
    audit = Audit(str(place / "audit"), spark, echo=lambda line: None)
    with audit.one_run("test", {}):
        audit.ingest_maite(Scenes(), name="scenes", split="train")
        audit.ingest(tree(place / "photos", {"cat/1.png": 1, "dog/2.png": 2, "3.png": 3}))
    return audit


def test_pixels_boxes_scores_and_metadata_come_out_as_they_went_in(audit):
    data, scenes = audit.maite(dataset="scenes"), Scenes()

    assert len(data) == len(scenes)
    names, expected_names = data.metadata["index2label"], scenes.metadata["index2label"]
    for index in (3, 0, 4, 1, 2):
        image, target, metadata = data[index]
        expected_image, expected, expected_metadata = scenes[index]
        assert image.dtype == expected_image.dtype
        np.testing.assert_array_equal(image, expected_image)
        np.testing.assert_array_equal(target.boxes, expected.boxes)
        np.testing.assert_array_equal(target.scores, expected.scores)
        assert [names[label] for label in target.labels] == [expected_names[label] for label in expected.labels]
        assert metadata == {**expected_metadata, "id": f"scenes/{index}", "split": "train"}


def test_classes_are_scores_and_files_are_opened_where_they_are(audit):
    data = audit.maite(dataset="photos")

    assert data.metadata["index2label"] == {0: "cat", 1: "dog"}
    assert [data.get_metadata(index)["id"] for index in range(3)] == [
        "photos/3.png",
        "photos/cat/1.png",
        "photos/dog/2.png",
    ]
    assert [data.get_target(index).tolist() for index in range(-3, 0)] == [[0, 0], [1, 0], [0, 1]]
    assert data.get_input(1).tolist() == np.full((1, 3, 4), 1).tolist()


def test_the_protocol_of_maite_is_met(audit):
    data = audit.maite(dataset="scenes")

    assert isinstance(data, FieldwiseDataset)
    assert isinstance(data[1][1], get_args(ObjectDetectionTarget)[0])  # it is annotated with checks of shapes


def test_too_many_or_no_images_and_a_wrong_index_are_errors(audit):
    with pytest.raises(OptionError, match=r"more than 2 images\.\nHint: choose a dataset or split"):
        MaiteDataset(audit.workspace, max_images=2)
    with pytest.raises(IngestError, match="no image with dataset 'none'"):
        audit.maite(dataset="none")
    with pytest.raises(IndexError, match="index 5 is out of range for a dataset of 5 images"):
        audit.maite(dataset="scenes")[5]
