"""COCO annotation files, written: the text of each image and of its annotations; `coco` reads them.

Format: https://cocodataset.org/#format-data. Every label is an annotation, one without a box too, which COCO's own
tools pass over. What a source says besides is kept under its own name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from dataeval_spark.kernels.formats.coco import OWN_KEYS
from dataeval_spark.kernels.formats.export_boxes import extent


def image_text(number: int, path: str, size: tuple[int, int], captured_at: datetime | None = None) -> str:
    """The entry of an image.

    Parameters
    ----------
    number : int
        Its id in the file.
    path : str
        File, relative to the folder of images.
    size : tuple of int
        Width and height of the upright image, pixels.
    captured_at : datetime, optional
        With its time zone.

    Examples
    --------
    >>> image_text(1, "a.jpg", (4, 3))
    '{"id": 1, "file_name": "a.jpg", "width": 4, "height": 3}'
    """
    entry: dict[str, Any] = {"id": number, "file_name": path, "width": size[0], "height": size[1]}
    if captured_at is not None:
        entry["date_captured"] = captured_at.isoformat()
    return json.dumps(entry)


def annotation_texts(
    first: int, image: int, targets: Iterable[Mapping[str, Any]], categories: Mapping[str, int]
) -> list[str]:
    """The entries of an image's annotations.

    Parameters
    ----------
    first : int
        Id of the first annotation.
    image : int
        Id of the image.
    targets : iterable of mappings
        ``class_name``, ``box`` (x0, y0, x1, y1; pixels) or None, ``is_crowd`` and ``attributes`` (JSON).
    categories : mapping of str to int
        Number of each class. A target without a class, or with one that has no number, is left out.

    Examples
    --------
    >>> annotation_texts(7, 1, [{"class_name": "a", "box": None, "is_crowd": None, "attributes": None}], {"a": 2})
    ['{"id": 7, "image_id": 1, "category_id": 2, "iscrowd": 0}']
    """
    texts: list[str] = []
    for target in targets:
        if target["class_name"] not in categories:
            continue
        entry: dict[str, Any] = {
            "id": first + len(texts),
            "image_id": image,
            "category_id": categories[target["class_name"]],
        }
        if target["box"] is not None:
            x0, y0, x1, y1 = (target["box"][key] for key in ("x0", "y0", "x1", "y1"))
            width, height = extent(x0, x1, x1), extent(y0, y1, y1)
            entry |= {"bbox": [x0, y0, width, height], "area": width * height}
        entry["iscrowd"] = int(bool(target["is_crowd"]))
        others = json.loads(target["attributes"]) if target["attributes"] else {}
        # An area in the attributes is that of the segmentation.
        entry |= {key: value for key, value in others.items() if key == "area" or key not in OWN_KEYS}
        texts.append(json.dumps(entry))
    return texts


def head_text(description: str) -> str:
    """The beginning of a file, up to the first image."""
    return '{"info": ' + json.dumps({"description": description}) + ',\n"images": [\n'


def between_text() -> str:
    """What stands between the last image and the first annotation."""
    return '\n],\n"annotations": [\n'


def tail_text(classes: Sequence[str]) -> str:
    """The end of a file, after the last annotation: classes, numbered from 1."""
    entries = [{"id": number, "name": name} for number, name in enumerate(classes, start=1)]
    return '\n],\n"categories": ' + json.dumps(entries) + "}\n"
