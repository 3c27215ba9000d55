"""YOLO label files and their data set file, written; `yolo` reads them.

Format: https://docs.ultralytics.com/datasets/ (detect, segment).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

# Attributes that a line can hold.
HELD = ("polygon", "score")
_KEYS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


def label_text(targets: Iterable[Mapping[str, Any]], size: tuple[int, int], classes: Mapping[str, int]) -> str:
    """The lines of a label file: a box, with a confidence where there is one, or a polygon.

    Parameters
    ----------
    targets : iterable of mappings
        ``class_name``, ``box`` (x0, y0, x1, y1; pixels) and ``attributes`` (JSON). A target without a box, or without
        a class that has a number, is left out.
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
    lines = []
    for target in targets:
        if target["box"] is None or target["class_name"] not in classes:
            continue
        more = json.loads(target["attributes"]) if target["attributes"] else {}
        numbers = _numbers(target["box"], more, size)
        # Ten digits: a ten-thousandth of a pixel in the largest images there are.
        lines.append(" ".join([str(classes[target["class_name"]]), *(f"{number:.10g}" for number in numbers)]))
    return "".join(f"{line}\n" for line in lines)


def _numbers(box: Mapping[str, float], more: Mapping[str, Any], size: tuple[int, int]) -> list[float]:
    polygon = more.get("polygon")
    if isinstance(polygon, list) and len(polygon) >= 6:
        return [value / size[place % 2] for place, value in enumerate(polygon)]
    (x0, x1), (y0, y1) = ((box[f"{axis}0"] / n, box[f"{axis}1"] / n) for axis, n in zip("xy", size, strict=True))
    found = [(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0]
    return [*found, float(more["score"])] if isinstance(more.get("score"), int | float) else found


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
        key = "train" if split is None else _KEYS.get(split.lower(), split)
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
