"""COCO annotation files: every image and annotation as a row, every element that cannot be taken as a finding.

Format: https://cocodataset.org/#format-data. Boxes are [x, y, width, height] in pixels.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from dataeval_spark.kernels.annotations import Row, attributes, box, box_findings, finding, numbers

# What every annotation has; all else that one says (segmentation, keypoints, score ...) is kept as it is written.
OWN_KEYS = ("id", "image_id", "category_id", "bbox", "area", "iscrowd")


def parse_coco(data: bytes) -> Iterator[Row]:
    """Yield one row per image, annotation and finding.

    Parameters
    ----------
    data : bytes
        The file.

    Yields
    ------
    dict
        ``element`` is ``image`` (name, captured_at), ``target`` (name, target_index, class_name, box,
        is_crowd, attributes, location) or ``finding`` (location, name, target_index, kind, message, found,
        expected). Targets are numbered per image in file order; one that cannot be taken leaves a gap.

    Raises
    ------
    ValueError
        The file is no JSON, or not an object with a list ``images``.

    Examples
    --------
    >>> [row["element"] for row in parse_coco(b'{"images": [{"id": 1, "file_name": "a.jpg"}]}')]
    ['image']
    """
    document = json.loads(data)
    if not isinstance(document, dict) or not isinstance(document.get("images"), list):
        raise ValueError("expected a JSON object with a list 'images'")
    images: dict[Any, Mapping[str, Any]] = {}
    yield from _images(document["images"], images)
    categories = {
        c.get("id"): str(c.get("name"))
        for c in _list(document, "categories")
        if isinstance(c, dict) and _is_key(c.get("id")) and c.get("name") is not None
    }
    count: dict[Any, int] = {}
    for position, annotation in enumerate(_list(document, "annotations")):
        location = f"annotations[{position}]"
        if not isinstance(annotation, dict):
            yield finding(location, "broken_element", "Annotation is no object", annotation, "an object")
            continue
        key = annotation.get("image_id")
        image = images.get(key) if _is_key(key) else None
        if image is None:
            yield finding(location, "unknown_image", "No image has this image_id", key, "an id listed in images")
            continue
        index = count.get(key, 0)
        count[key] = index + 1
        yield from _annotation(annotation, image, index, location, categories)


def _images(found: list[Any], images: dict[Any, Mapping[str, Any]]) -> Iterator[Row]:
    names: set[str] = set()
    for position, image in enumerate(found):
        location = f"images[{position}]"
        if not isinstance(image, dict) or not isinstance(image.get("file_name"), str) or not _is_key(image.get("id")):
            yield finding(location, "broken_element", "Image lacks an id or file_name", image, "id and file_name")
            continue
        name = image["file_name"]
        path = posixpath.normpath(name)
        if image["id"] in images or path in names:
            yield finding(location, "duplicate_image", "Image is listed twice", name, "one entry", name)
            continue
        names.add(path)
        images[image["id"]] = image
        yield {"element": "image", "name": name, "captured_at": _text(image.get("date_captured")), "location": location}


def _annotation(
    annotation: Mapping[str, Any],
    image: Mapping[str, Any],
    index: int,
    location: str,
    categories: Mapping[Any, str],
) -> Iterator[Row]:
    name = image["file_name"]
    category = annotation.get("category_id")
    class_name = categories.get(category) if _is_key(category) else None
    if class_name is None:
        yield finding(
            location, "unknown_class", "No category has this id", category, "an id listed in categories", name, index
        )
    written = annotation.get("bbox")
    values = numbers(written)
    if written is not None and values is None:
        yield finding(
            location, "not_numeric_box", "Box is not four numbers", written, "[x, y, width, height]", name, index
        )
        return
    corners = None
    if values is not None:
        x, y, width, height = values
        corners = (x, y, x + width, y + height)
        size = numbers([image.get("width"), image.get("height")], 2)
        yield from box_findings(corners, size, location, found=list(values), name=name, target_index=index)
    yield {
        "element": "target",
        "name": name,
        "target_index": index,
        "class_name": class_name,
        "box": None if corners is None else box(corners),
        "is_crowd": bool(annotation.get("iscrowd", 0)),
        "attributes": attributes(_others(annotation)),
        "location": location,
    }


def _others(annotation: Mapping[str, Any]) -> dict[str, Any]:
    others = {key: value for key, value in annotation.items() if key not in OWN_KEYS}
    # Of a box the area is known; of a segmentation only the file says it.
    return others | {"area": annotation["area"]} if others.get("segmentation") and "area" in annotation else others


def _list(document: Mapping[str, Any], key: str) -> list[Any]:
    value = document.get(key)
    return value if isinstance(value, list) else []


def _is_key(value: Any) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
