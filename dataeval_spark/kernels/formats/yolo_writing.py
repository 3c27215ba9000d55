"""YOLO label files and their data set file, written; `yolo` reads them.

Format: https://docs.ultralytics.com/datasets/ (detect, segment).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from dataeval_spark.kernels.formats.annotations import numbers as numbers_of
from dataeval_spark.kernels.formats.export_boxes import clipped_polygon

# Attributes that a line can hold.
HELD = ("polygon",)
# What readers call a split that people call so.
SPLIT_KEYS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}

# What the data set file says besides.
_OWN_KEYS = ("names", "nc", "path", "kpt_shape", "download")


def label_text(targets: Iterable[Mapping[str, Any]], size: tuple[int, int], classes: Mapping[str, int]) -> str:
    """The lines of a label file: a box each; in a file that has a polygon, boxes are polygons of four corners too.

    Trainers take a file as a whole for one of boxes or one of polygons, and boxes with a sixth number not at all.

    Parameters
    ----------
    targets : iterable of mappings
        ``class_name``, ``box`` (x0, y0, x1, y1; pixels, in the image) and ``attributes`` (JSON). A target
        without a box, or without a class that has a number, is left out.
    size : tuple of int
        Width and height of the upright image, pixels.
    classes : mapping of str to int
        Number of each class.

    Examples
    --------
    >>> box = {"x0": 0.0, "y0": 0.0, "x1": 50.0, "y1": 25.0}
    >>> label_text([{"class_name": "cat", "box": box, "attributes": None}], (100, 50), {"cat": 3})
    '3 0.25 0.25 0.5 0.5\n'
    """
    kept = [target for target in targets if target["box"] is not None and target["class_name"] in classes]
    polygons = [_polygon(target["attributes"], size) for target in kept]
    lines = []
    for target, polygon in zip(kept, polygons, strict=True):
        box = target["box"]
        if any(polygons):
            points = polygon or [box[key] for key in ("x0", "y0", "x1", "y0", "x1", "y1", "x0", "y1")]
            numbers = [value / size[place % 2] for place, value in enumerate(points)]
        else:
            (x, width), (y, height) = (
                _centred(box[f"{axis}0"] / n, box[f"{axis}1"] / n) for axis, n in zip("xy", size, strict=True)
            )
            numbers = [x, y, width, height]
        # Ten digits: a ten-thousandth of a pixel in the largest images there are.
        lines.append(" ".join([str(classes[target["class_name"]]), *(f"{number:.10g}" for number in numbers)]))
    return "".join(f"{line}\n" for line in lines)


def _centred(start: float, end: float) -> tuple[float, float]:
    """Middle and length, in ten digits, of what begins and ends in [0, 1]: read again, it does so too."""
    middle = round((start + end) / 2, 10)
    steps = round((end - start) * 1e10)
    while steps > 1 and (middle - steps / 2e10 < 0 or middle + steps / 2e10 > 1):
        steps -= 1
    return middle, steps / 1e10


def _polygon(text: str | None, size: tuple[int, int]) -> list[float] | None:
    """The polygon of a target's attributes within the image: x and y of corners, pixels; None where there is none."""
    points = json.loads(text).get("polygon") if text else None
    if not isinstance(points, list) or len(points) < 6 or len(points) % 2:
        return None
    return clipped_polygon(points, size) if numbers_of(points, len(points)) is not None else None


def data_text(classes: Sequence[str], folders: Mapping[str | None, str]) -> str:
    """The data set file: folders of each split, and classes numbered from 0.

    Parameters
    ----------
    classes : sequence of str
        In the order of their numbers.
    folders : mapping of str or None to str
        Folder of each split's images. Images without a split are for training, and training images for validation
        too where there is nothing else: the trainer asks for both.

    Examples
    --------
    >>> print(data_text(["cat"], {"train": "images/train", "validation": "images/validation"}), end="")
    names:
      0: cat
    train: images/train
    val: images/validation
    """
    found: dict[str, list[str]] = {}
    for split, folder in sorted(folders.items(), key=lambda each: each[1]):
        key = "train" if split is None else SPLIT_KEYS.get(split.lower(), split)
        key = f"{key}_images" if key in _OWN_KEYS else key
        found.setdefault(key, []).append(folder)
    if "train" in found:
        found.setdefault("val", found["train"])
    document: dict[str, Any] = {"names": dict(enumerate(classes))}
    document |= {key: paths[0] if len(paths) == 1 else paths for key, paths in sorted(found.items())}
    return str(yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False))


class _Dumper(yaml.SafeDumper):
    """Lists written out where they stand again: readers of YAML in other languages know no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True
