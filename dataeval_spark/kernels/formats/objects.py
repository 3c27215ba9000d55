"""Labelled objects of one image, as records or as lists, from JSON metadata and parquet columns.

Two shapes are common: a list of objects, ``[{"bbox": [...], "category": "cat"}, ...]``, and an object of lists,
``{"bbox": [[...], ...], "category": ["cat", ...]}`` (Hugging Face datasets).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dataeval_spark.kernels.formats.annotations import (
    Corners,
    Row,
    box_findings,
    corners_of,
    finding,
    numbers,
    target_row,
)
from dataeval_spark.kernels.formats.segmentations import segmentation_box
from dataeval_spark.kernels.formats.source_ids import class_number, flag, id_key
from dataeval_spark.options import BoxFormat

BOX_NAMES = ("bbox", "box", "bboxes", "boxes")
CLASS_NAMES = (
    *("class_name", "category_name", "category", "label", "class", "name", "category_id"),
    *("categories", "labels"),
)
CROWD_NAMES = ("iscrowd", "is_crowd")
# Ids of rows in some other file say nothing about the object.
LEFT_OUT = ("id", "image_id", "bbox_id")


def parse_objects(
    objects: Any,
    *,
    names: Mapping[int, str] | None = None,
    box_format: BoxFormat = "xywh",
    size: tuple[float, ...] | None = None,
    location: str = "objects",
) -> Iterator[Row]:
    """Yield targets and findings of one image's objects.

    Parameters
    ----------
    objects : list of mappings, mapping of lists, or None
        Objects with a box under ``bbox`` (or ``box``, ``bboxes``, ``boxes``) and a class under ``class_name``,
        ``category_name``, ``category``, ``label``, ``class``, ``name`` or ``category_id``.
    names : mapping, optional
        Class names by id; without them an id is its own name.
    box_format : {"xywh", "xyxy"}
        Order of a box's numbers: left, top, width, height (COCO), or the corners; pixels.
    size : tuple of float, optional
        Width and height of the image, pixels.
    location : str
        Name of the objects in findings.

    Yields
    ------
    dict
        As in :mod:`dataeval_spark.kernels.formats.annotations`. An object without a box is a label of the image.

    Examples
    --------
    >>> [row["class_name"] for row in parse_objects({"bbox": [[0, 0, 2, 2]], "category": [1]}, names={1: "cat"})]
    ['cat']
    """
    if objects is None:
        return
    records = _records(objects)
    if records is None:
        expected = "a list of objects, or lists of equal length"
        yield finding(location, "broken_element", "Objects are no list of objects", objects, expected)
        return
    for index, record in enumerate(records):
        place = f"{location}[{index}]"
        if not isinstance(record, Mapping):
            yield finding(place, "broken_element", "Object is no object", record, "an object", target_index=index)
            continue
        yield from _object(record, index, place, names, box_format, size)


def class_name(value: Any, names: Mapping[int, str] | None) -> str | None:
    """Name of a class given as text or id; None when it is neither, or an id without a name."""
    if isinstance(value, str) and (names is None or class_number(value) not in names):
        return value.strip() or None
    if names is None:
        return id_key(value)
    number = class_number(value)
    return None if number is None else names.get(number)


def _object(
    record: Mapping[str, Any],
    index: int,
    place: str,
    names: Mapping[int, str] | None,
    box_format: BoxFormat,
    size: tuple[float, ...] | None,
) -> Iterator[Row]:
    box_key = next((name for name in BOX_NAMES if name in record), None)
    class_key = next((name for name in CLASS_NAMES if record.get(name) is not None), None)
    crowd_key = next((name for name in CROWD_NAMES if name in record), None)
    name = class_name(record.get(class_key), names) if class_key else None
    if name is None:
        class_value = record.get(class_key) if class_key else None
        expected = "a class name" if names is None else "a class name, or an id with a name"
        yield finding(place, "unknown_class", "Object has no known class", class_value, expected, target_index=index)
    box_value = record[box_key] if box_key else None
    corners: Corners | None = None
    if not box_value and (around := segmentation_box(record.get("segmentation"))) is not None:
        corners = corners_of(*around)
        message = "The object has a segmentation and no box; the box around it was taken"
        yield finding(place, "box_from_segmentation", message, box_value, "four numbers", target_index=index)
        yield from box_findings(corners, size, place, value=list(around), target_index=index)
    elif box_value is not None:
        values = numbers(list(box_value) if isinstance(box_value, Sequence) else box_value)
        if values is None:
            message = "Box is not four numbers"
            yield finding(
                place, "not_numeric_box", message, box_value, f"four numbers ({box_format})", target_index=index
            )
            return
        a, b, c, d = values
        corners = corners_of(a, b, c, d) if box_format == "xywh" else (a, b, c, d)
        yield from box_findings(corners, size, place, value=list(values), target_index=index)
    own_keys = {box_key, class_key, crowd_key, *LEFT_OUT}
    extras = {key: value for key, value in record.items() if key not in own_keys}
    is_crowd = flag(record[crowd_key]) if crowd_key else None
    yield target_row(index, name, corners, _unpacked(extras), place, is_crowd=is_crowd)


def _unpacked(extras: dict[str, Any]) -> dict[str, Any]:
    """Attributes that are JSON text, as our own exports write them, in place of that text."""
    text = extras.get("attributes")
    if not isinstance(text, str):
        return extras
    try:
        inner = json.loads(text)
    except (ValueError, RecursionError):
        return extras
    return {**extras, **inner, "attributes": inner.get("attributes")} if isinstance(inner, dict) else extras


def _records(objects: Any) -> Sequence[Any] | None:
    if isinstance(objects, list):
        return objects
    if not isinstance(objects, Mapping):
        return None
    columns = {key: values for key, values in objects.items() if isinstance(values, list)}
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1 or (objects and not columns):
        return None
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
