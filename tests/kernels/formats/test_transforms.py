"""Transforms of other libraries on MAITE items: boxes follow the image, labels and scores follow the boxes."""

from __future__ import annotations

import numpy as np
import pytest

from dataeval_spark.kernels.formats.transforms import AlbumentationsTransform, TorchvisionTransform
from dataeval_spark.verbs.export.maite_dataset import DetectionTarget

IMAGE = np.arange(3 * 20 * 40, dtype=np.uint8).reshape(3, 20, 40)
TARGET = DetectionTarget(
    np.array([[0.0, 0.0, 4.0, 4.0], [30.0, 10.0, 38.0, 18.0]]), np.array([5, 7]), np.array([0.25, 0.75])
)


class Flip:
    """What both libraries' transforms do when called, for a horizontal flip that drops the first box."""

    def __call__(self, image, bboxes=None, labels=None):
        found = {"image": image[:, ::-1]}
        if bboxes is not None:
            flipped = bboxes.copy()
            flipped[:, [0, 2]] = image.shape[1] - bboxes[:, [2, 0]]
            found |= {"bboxes": flipped[1:], "labels": labels[1:]}
        return found


def test_albumentations_boxes_that_are_dropped_take_labels_and_scores_along():
    image, target, metadata = AlbumentationsTransform(Flip())(IMAGE, TARGET, {"id": "a"})

    np.testing.assert_array_equal(image, IMAGE[:, :, ::-1])
    np.testing.assert_array_equal(target.boxes, [[2, 10, 10, 18]])
    assert (target.labels.tolist(), target.scores.tolist(), metadata) == ([7], [0.75], {"id": "a"})


def test_albumentations_leaves_scores_per_class_as_they_are():
    image, target, _ = AlbumentationsTransform(Flip())(IMAGE, np.array([0.0, 1.0]), {})

    assert image.shape == IMAGE.shape
    assert target.tolist() == [0.0, 1.0]


def test_the_library_albumentations_is_called_as_it_expects():
    library = pytest.importorskip("albumentations")
    params = library.BboxParams(format="pascal_voc", label_fields=["labels"])
    crop = library.Compose([library.Crop(20, 0, 40, 20)], bbox_params=params)

    image, target, _ = AlbumentationsTransform(crop)(IMAGE, TARGET, {})

    np.testing.assert_array_equal(image, IMAGE[:, :, 20:])
    np.testing.assert_allclose(target.boxes, [[10, 10, 18, 18]], atol=1e-4)
    assert (target.labels.tolist(), target.scores.tolist()) == ([7], [0.75])


def test_torchvision_boxes_that_are_dropped_take_labels_and_scores_along():
    pytest.importorskip("torch")
    v2 = pytest.importorskip("torchvision.transforms.v2")
    chain = v2.Compose([v2.RandomHorizontalFlip(p=1.0), v2.CenterCrop((20, 20)), v2.SanitizeBoundingBoxes()])
    wide = DetectionTarget(np.array([[12.0, 2.0, 16.0, 9.0], [0.0, 0.0, 3.0, 3.0]]), TARGET.labels, TARGET.scores)

    image, target, _ = TorchvisionTransform(chain)(IMAGE, wide, {})

    assert tuple(image.shape) == (3, 20, 20)
    np.testing.assert_allclose(target.boxes, [[14, 2, 18, 9]])
    assert (target.labels.tolist(), target.scores.tolist()) == ([5], [0.25])


def test_torchvision_leaves_scores_per_class_as_they_are():
    pytest.importorskip("torch")
    v2 = pytest.importorskip("torchvision.transforms.v2")

    image, target, _ = TorchvisionTransform(v2.Resize((10, 20)))(IMAGE, np.array([0.0, 1.0]), {})

    assert tuple(image.shape) == (3, 10, 20)
    assert target.tolist() == [0.0, 1.0]
