"""COCO annotation files, read (a row per image and annotation, a finding per unusable element) and written.

Format: https://cocodataset.org/#format-data. Boxes are [x, y, width, height] in pixels.
Every label is written as an annotation, one without a box too, which COCO's own tools pass over; other attributes of a
source keep their names.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from dataeval_spark.kernels.formats.annotations import (
    Row,
    box_findings,
    corners_of,
    counted_finding,
    finding,
    numbers,
    target_row,
)
from dataeval_spark.kernels.formats.export_boxes import sized
from dataeval_spark.kernels.formats.segmentations import segmentation_box
from dataeval_spark.kernels.formats.source_ids import NamesById, flag, id_key
from dataeval_spark.kernels.formats.text import decode_text

# Keys that every annotation has; all others (segmentation, keypoints, score ...) are kept as written.
OWN_KEYS = ("id", "image_id", "category_id", "bbox", "area", "iscrowd")


def parse_coco(data: bytes) -> Iterator[Row]:
    """Yield one row per image, annotation and finding.

    Ids are those of pycocotools however they are written: 1, 1.0 and "1" are one id. An annotation with a
    segmentation and no box has the box around it.

    Parameters
    ----------
    data : bytes
        The file.

    Yields
    ------
    dict
        ``element`` is ``image`` (name, captured_at, width, height), ``target`` (name, target_index, class_name, box,
        is_crowd, attributes, location), ``finding`` (location, name, target_index, kind, message, found, expected,
        and n where it stands for several) or ``count`` (location, kind, n: entries of a list and what they became).
        Targets are numbered per image in file order; one that cannot be used leaves a gap.

    Raises
    ------
    ValueError
        The file is no JSON, or not an object with a list ``images``.

    Examples
    --------
    >>> [row["element"] for row in parse_coco(b'{"images": [{"id": 1, "file_name": "a.jpg"}]}')]
    ['image', 'count']
    """
    document = json.loads(decode_text(data)[0])
    if not isinstance(document, dict) or not isinstance(document.get("images"), list):
        raise ValueError("expected a JSON object with a list 'images'")
    images: dict[str, Mapping[str, Any]] = {}
    yield from _images(document["images"], images)
    annotations = _list(document, "annotations")
    names, of_list = _categories(document, annotations)
    yield from of_list
    count: dict[str, int] = {}
    other_kind: list[str] = []
    segmented: list[str] = []
    for position, annotation in enumerate(annotations):
        location = f"annotations[{position}]"
        if not isinstance(annotation, dict):
            yield finding(location, "broken_element", "Annotation is no object", annotation, "an object")
            continue
        key = id_key(annotation.get("image_id"))
        image = images.get(key) if key is not None else None
        if key is None or image is None:
            image_id = annotation.get("image_id")
            yield finding(location, "unknown_image", "No image has this image_id", image_id, "an id listed in images")
            continue
        if isinstance(annotation["image_id"], str) != isinstance(image["id"], str):
            other_kind.append(location)
        index = count.get(key, 0)
        count[key] = index + 1
        yield from _annotation(annotation, image, index, location, names, segmented)
    if other_kind:
        message = "The image_id is text and the image's id a number, or the other way round; they were taken for one id"
        yield counted_finding("annotations", "matched_ids", message, other_kind, "ids of one kind")
    if segmented:
        message = "Annotations have a segmentation and no box; the box around it was taken"
        yield counted_finding(
            "annotations", "box_from_segmentation", message, segmented, "[x, y, width, height] in bbox"
        )
    yield {"element": "count", "location": "annotations", "n": len(annotations)}


def _images(entries: list[Any], images: dict[str, Mapping[str, Any]]) -> Iterator[Row]:
    names: set[str] = set()
    for position, image in enumerate(entries):
        location = f"images[{position}]"
        key = id_key(image.get("id")) if isinstance(image, dict) else None
        if key is None or not isinstance(image.get("file_name"), str):
            yield finding(location, "broken_element", "Image lacks an id or file_name", image, "id and file_name")
            continue
        name = image["file_name"]
        path = posixpath.normpath(name)
        if key in images or path in names:
            yield finding(location, "duplicate_image", "Image is listed twice", name, "one entry", name)
            continue
        names.add(path)
        images[key] = image
        size, captured_at = numbers([image.get("width"), image.get("height")], 2), image.get("date_captured")
        yield {
            "element": "image",
            "name": name,
            "captured_at": captured_at if isinstance(captured_at, str) else None,
            "width": None if size is None else int(size[0]),
            "height": None if size is None else int(size[1]),
            "location": location,
        }


def _categories(document: Mapping[str, Any], annotations: list[Any]) -> tuple[NamesById | None, list[Row]]:
    """Names of the classes; None where the file lists none, and each number is its own name."""
    categories = _list(document, "categories")
    names = {
        c["id"]: str(c.get("name"))
        for c in categories
        if isinstance(c, dict) and id_key(c.get("id")) is not None and c.get("name") is not None
    }
    if names or not any(isinstance(a, dict) and id_key(a.get("category_id")) is not None for a in annotations):
        return NamesById(names), []
    numbers_used = [str(a["category_id"]) for a in annotations if isinstance(a, dict) and "category_id" in a]
    message = "The file names no classes; the numbers stand for the names"
    row = counted_finding("categories", "class_ids_for_names", message, numbers_used, "a list 'categories'")
    return None, [row]


def _annotation(
    annotation: Mapping[str, Any],
    image: Mapping[str, Any],
    index: int,
    location: str,
    names: NamesById | None,
    segmented: list[str],
) -> Iterator[Row]:
    name = image["file_name"]
    category = annotation.get("category_id")
    class_name = id_key(category) if names is None else names.get(category)
    if class_name is None:
        yield finding(
            location, "unknown_class", "No category has this id", category, "an id listed in categories", name, index
        )
    box_value = annotation.get("bbox")
    values = numbers(box_value)
    if not box_value and (around := segmentation_box(annotation.get("segmentation"))) is not None:
        values = around
        segmented.append(location)
    elif box_value is not None and values is None:
        yield finding(
            location, "not_numeric_box", "Box is not four numbers", box_value, "[x, y, width, height]", name, index
        )
        return
    corners = None
    if values is not None:
        corners = corners_of(*values)
        size = numbers([image.get("width"), image.get("height")], 2)
        yield from box_findings(corners, size, location, value=list(values), name=name, target_index=index)
    is_crowd = flag(annotation.get("iscrowd", 0))
    if is_crowd is None:
        message, crowd_flag = "iscrowd is neither yes nor no; it was taken for no", annotation.get("iscrowd")
        yield finding(location, "broken_element", message, crowd_flag, "0 or 1", name, index)
    row = target_row(index, class_name, corners, _others(annotation), location, is_crowd=bool(is_crowd))
    yield {**row, "name": name}


def _others(annotation: Mapping[str, Any]) -> dict[str, Any]:
    extras = {key: value for key, value in annotation.items() if key not in OWN_KEYS}
    # The area of a box is known; that of a segmentation stands only in the file.
    return extras | {"area": annotation["area"]} if extras.get("segmentation") and "area" in annotation else extras


def _list(document: Mapping[str, Any], key: str) -> list[Any]:
    value = document.get(key)
    return value if isinstance(value, list) else []


def image_text(number: int, path: str, size: tuple[int, int], captured_at: datetime | None = None) -> str:
    """The entry of an image.

    Parameters
    ----------
    number : int
        Id of the image in the file.
    path : str
        Path of the file, relative to the folder of images.
    size : tuple of int
        Width and height of the upright image, pixels.
    captured_at : datetime, optional
        Time of capture, with its time zone.

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
            bbox = sized(target["box"])
            entry |= {"bbox": bbox, "area": bbox[2] * bbox[3]}
        entry["iscrowd"] = int(bool(target["is_crowd"]))
        extras = json.loads(target["attributes"]) if target["attributes"] else {}
        # An area in the attributes is that of the segmentation.
        entry |= {key: value for key, value in extras.items() if key == "area" or key not in OWN_KEYS}
        texts.append(json.dumps(entry))
    return texts


def head_text(description: str) -> str:
    """The beginning of a file, up to the first image."""
    return '{"info": ' + json.dumps({"description": description}) + ',\n"images": [\n'


def between_text() -> str:
    """The text between the last image and the first annotation."""
    return '\n],\n"annotations": [\n'


def tail_text(classes: Sequence[str]) -> str:
    """The end of a file, after the last annotation: classes, numbered from 1."""
    entries = [{"id": number, "name": name} for number, name in enumerate(classes, start=1)]
    return '\n],\n"categories": ' + json.dumps(entries) + "}\n"
