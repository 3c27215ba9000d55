"""Augmentations of torchvision and albumentations as transforms of MAITE items: (image, target, metadata) to the same.

Neither library is needed here: their transforms are called as their documentation says. Boxes that a transform drops
take their labels and scores with them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import is_dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Transform = Callable[[NDArray[Any], Any, dict[str, Any]], tuple[Any, Any, dict[str, Any]]]


class TorchvisionTransform:
    """A transform of ``torchvision.transforms.v2``, for images and boxes together.

    Parameters
    ----------
    transform : callable
        Function of an image, or of an image and a dictionary with ``boxes`` and ``labels``.

    Notes
    -----
    The image becomes a ``tv_tensors.Image`` of shape (channels, height, width); the transform's result is handed on.
    Targets stay numpy arrays; scores per class are left as they are.

    Examples
    --------
    >>> crop = v2.Compose([v2.RandomCrop(96), v2.SanitizeBoundingBoxes()])  # doctest: +SKIP
    >>> data = audit.maite(transform=TorchvisionTransform(crop))  # doctest: +SKIP
    """

    def __init__(self, transform: Callable[..., Any]) -> None:
        self._transform = transform

    def __call__(self, image: NDArray[Any], target: Any, metadata: dict[str, Any]) -> tuple[Any, Any, dict[str, Any]]:
        import torch
        from torchvision import tv_tensors

        pixels = tv_tensors.Image(torch.from_numpy(np.ascontiguousarray(image)))
        if not _has_boxes(target):
            return self._transform(pixels), target, metadata
        boxes = tv_tensors.BoundingBoxes(
            torch.from_numpy(np.asarray(target.boxes)), format="XYXY", canvas_size=image.shape[-2:]
        )
        # Positions stand for labels and scores: those that come back tell which boxes are left.
        positions = torch.arange(len(boxes))
        new_image, new_target = self._transform(pixels, {"boxes": boxes, "labels": positions})
        return new_image, _subset(target, new_target["boxes"], new_target["labels"]), metadata


class AlbumentationsTransform:
    """A transform of albumentations, for images and boxes together.

    Parameters
    ----------
    transform : callable
        Transform made with ``BboxParams(format="pascal_voc", label_fields=["labels"])`` where there are boxes.

    Notes
    -----
    The transform gets the image as (height, width, channels); the array that it gives comes out as (channels, height,
    width), and a tensor (of ``ToTensorV2``) as it is.

    Examples
    --------
    >>> params = A.BboxParams(format="pascal_voc", label_fields=["labels"])  # doctest: +SKIP
    >>> flip = A.Compose([A.HorizontalFlip()], bbox_params=params)  # doctest: +SKIP
    >>> data = audit.maite(transform=AlbumentationsTransform(flip))  # doctest: +SKIP
    """

    def __init__(self, transform: Callable[..., Any]) -> None:
        self._transform = transform

    def __call__(self, image: NDArray[Any], target: Any, metadata: dict[str, Any]) -> tuple[Any, Any, dict[str, Any]]:
        pixels = np.ascontiguousarray(image.transpose(1, 2, 0))
        if not _has_boxes(target):
            return _channels_first(self._transform(image=pixels)["image"]), target, metadata
        boxes = np.asarray(target.boxes)
        result = self._transform(image=pixels, bboxes=boxes, labels=np.arange(len(boxes)))
        return _channels_first(result["image"]), _subset(target, result["bboxes"], result["labels"]), metadata


def _has_boxes(target: Any) -> bool:
    return hasattr(target, "boxes") and is_dataclass(target)


def _subset(target: Any, boxes: Any, positions: Any) -> Any:
    indices = np.asarray(positions, np.int64).reshape(-1)
    corners = np.asarray(boxes, np.float64).reshape(-1, 4)
    return replace(target, boxes=corners, labels=target.labels[indices], scores=target.scores[indices])


def _channels_first(image: Any) -> Any:
    return np.ascontiguousarray(image.transpose(2, 0, 1)) if isinstance(image, np.ndarray) else image
