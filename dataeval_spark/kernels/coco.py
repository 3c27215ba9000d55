"""COCO annotation files: every image and annotation as a row, every element that cannot be taken as a finding.

Format: https://cocodataset.org/#format-data. Boxes are [x, y, width, height] in pixels.
"""

from __future__ import annotations

import json
import math
import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

# A box that leaves the image by less is rounding, not an error.
OUTSIDE_TOLERANCE = 1.0

Row = dict[str, Any]


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
        is_crowd, location) or ``finding`` (location, name, target_index, kind, message, found,
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
            yield _finding(location, "broken_element", "Annotation is no object", annotation, "an object")
            continue
        key = annotation.get("image_id")
        image = images.get(key) if _is_key(key) else None
        if image is None:
            yield _finding(location, "unknown_image", "No image has this image_id", key, "an id listed in images")
            continue
        index = count.get(key, 0)
        count[key] = index + 1
        yield from _annotation(annotation, image, index, location, categories)


def _images(found: list[Any], images: dict[Any, Mapping[str, Any]]) -> Iterator[Row]:
    names: set[str] = set()
    for position, image in enumerate(found):
        location = f"images[{position}]"
        if not isinstance(image, dict) or not isinstance(image.get("file_name"), str) or not _is_key(image.get("id")):
            yield _finding(location, "broken_element", "Image lacks an id or file_name", image, "id and file_name")
            continue
        name = image["file_name"]
        path = posixpath.normpath(name)
        if image["id"] in images or path in names:
            yield _finding(location, "duplicate_image", "Image is listed twice", name, "one entry", name)
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
        yield _finding(
            location, "unknown_class", "No category has this id", category, "an id listed in categories", name, index
        )
    box = annotation.get("bbox")
    values = _numbers(box)
    if box is not None and values is None:
        yield _finding(
            location, "not_numeric_box", "Box is not four numbers", box, "[x, y, width, height]", name, index
        )
        return
    if values is not None:
        yield from _box_findings(values, image, location, name, index)
    yield {
        "element": "target",
        "name": name,
        "target_index": index,
        "class_name": class_name,
        "box": None if values is None else _corners(*values),
        "is_crowd": bool(annotation.get("iscrowd", 0)),
        "location": location,
    }


def _box_findings(
    values: tuple[float, float, float, float], image: Mapping[str, Any], location: str, name: str, index: int
) -> Iterator[Row]:
    x, y, width, height = values
    if width <= 0 or height <= 0:
        yield _finding(
            location, "inverted_box", "Box has no area", list(values), "width and height above 0", name, index
        )
        return
    size = _numbers([image.get("width"), image.get("height"), 0, 0])
    if size is None or size[0] <= 0 or size[1] <= 0:
        return
    beyond = max(-x, -y, x + width - size[0], y + height - size[1])
    if beyond > OUTSIDE_TOLERANCE:
        expected = f"inside 0, 0, {size[0]:g}, {size[1]:g}"
        message = f"Box leaves the image by {beyond:g} pixels"
        yield _finding(location, "outside_box", message, list(values), expected, name, index)


def _finding(
    location: str,
    kind: str,
    message: str,
    found: Any,
    expected: str,
    name: str | None = None,
    target_index: int | None = None,
) -> Row:
    return {
        "element": "finding",
        "location": location,
        "kind": kind,
        "message": message,
        "found": json.dumps(found)[:300],
        "expected": expected,
        "name": name,
        "target_index": target_index,
    }


def _list(document: Mapping[str, Any], key: str) -> list[Any]:
    value = document.get(key)
    return value if isinstance(value, list) else []


def _is_key(value: Any) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _numbers(box: Any) -> tuple[float, float, float, float] | None:
    if not isinstance(box, list) or len(box) != 4:
        return None
    if any(isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) for value in box):
        return None
    x, y, width, height = map(float, box)
    return x, y, width, height


def _corners(x: float, y: float, width: float, height: float) -> dict[str, float]:
    return {"x0": x, "y0": y, "x1": x + width, "y1": y + height}
