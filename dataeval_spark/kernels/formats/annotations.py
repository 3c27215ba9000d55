"""Common parts of all annotation formats: rows of targets and findings, boxes, and attributes as JSON.

A parser yields dicts. ``element`` is ``target`` (target_index, class_name, box, is_crowd, attributes, location) or
``finding`` (location, target_index, kind, message, found, expected), with ``name`` where one file tells of several
images. Targets are numbered per image in file order; one that cannot be used leaves a gap.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# A box that leaves the image by less is rounding, not an error; pixels.
OUTSIDE_TOLERANCE = 1.0
# Larger numbers are no coordinates, and sums of them no numbers.
LARGEST_NUMBER = 1e15
# An annotation file is parsed as a whole, so its size is bounded; bytes.
MAX_ANNOTATION_BYTES = 64 * 2**20

Row = dict[str, Any]
Corners = tuple[float, float, float, float]


def finding(
    location: str,
    kind: str,
    message: str,
    value: Any,
    expected: str,
    name: str | None = None,
    target_index: int | None = None,
) -> Row:
    """Row for an element that cannot be used as written; ``value`` is shown as JSON, cut to 300 characters."""
    return {
        "element": "finding",
        "location": location,
        "kind": kind,
        "message": message,
        "found": json.dumps(value, default=str)[:300],
        "expected": expected,
        "name": name,
        "target_index": target_index,
    }


def counted_finding(location: str, kind: str, message: str, examples: Sequence[str], expected: str) -> Row:
    """Row for a finding that many elements of a file share; three of them are shown."""
    sample = ", ".join(dict.fromkeys(examples[:3]))
    return {**finding(location, kind, message, sample, expected), "found": sample[:300], "n": len(examples)}


def numbers(values: Any, count: int = 4) -> tuple[float, ...] | None:
    """Tuple of a list of ``count`` numbers of at most `LARGEST_NUMBER`; None for anything else.

    Examples
    --------
    >>> numbers([1, 2.5, 3, 4])
    (1.0, 2.5, 3.0, 4.0)
    >>> numbers([1, 2, 3, True]) is None
    True
    """
    if not isinstance(values, list) or len(values) != count:
        return None
    for value in values:
        # The comparison is false for NaN.
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST_NUMBER:
            return None
    return tuple(map(float, values))


def target_row(
    index: int,
    class_name: str | None,
    corners: Corners | None,
    others: Mapping[str, Any],
    location: str,
    *,
    is_crowd: bool | None = None,
) -> Row:
    """Row for an element that is a target; ``others`` are its attributes besides class and box."""
    return {
        "element": "target",
        "target_index": index,
        "class_name": class_name,
        "box": None if corners is None else dict(zip(("x0", "y0", "x1", "y1"), corners, strict=True)),
        "is_crowd": is_crowd,
        "attributes": attributes(others),
        "location": location,
    }


def decoded_finding(encoding: str) -> Row:
    """Row for a file whose text is in an encoding other than UTF-8."""
    return {**finding("file", "decoded_text", "The text is not UTF-8", None, "UTF-8"), "found": encoding}


def corners_of(x: float, y: float, width: float, height: float) -> Corners:
    """Corners of a box that is given by its top left corner and its size."""
    return x, y, x + width, y + height


def box_findings(
    corners: Corners,
    size: tuple[float, ...] | None,
    location: str,
    *,
    value: Any,
    name: str | None = None,
    target_index: int | None = None,
) -> Iterator[Row]:
    """Yield a finding when a box has no area or leaves the image.

    Parameters
    ----------
    corners : tuple of float
        Corners x0, y0, x1, y1, pixels, half-open.
    size : tuple of float or None
        Width and height of the image, pixels; None or not above 0 when unknown.
    location : str
        Line or element of the file.
    value : object
        The box as it is written in the file.
    name, target_index
        The image and the target, where they are known.
    """
    x0, y0, x1, y1 = corners
    if x1 <= x0 or y1 <= y0:
        yield finding(
            location, "inverted_box", "Box has no area", value, "width and height above 0", name, target_index
        )
        return
    if size is None or size[0] <= 0 or size[1] <= 0:
        return
    beyond = max(-x0, -y0, x1 - size[0], y1 - size[1])
    if beyond > OUTSIDE_TOLERANCE:
        message = f"Box leaves the image by {beyond:g} pixels"
        expected = f"inside 0, 0, {size[0]:g}, {size[1]:g}"
        yield finding(location, "outside_box", message, value, expected, name, target_index)


def attributes(values: Mapping[str, Any]) -> str | None:
    """Attributes of a target besides class and box, as a JSON object; None where the source has none.

    Numbers that JSON does not know (NaN, infinity) become null.

    Examples
    --------
    >>> attributes({"difficult": 1, "pose": None})
    '{"difficult": 1}'
    """
    entries = {key: value for key, value in values.items() if value is not None}
    if not entries:
        return None
    try:
        return json.dumps(entries, allow_nan=False, sort_keys=True)
    except ValueError:
        finite = json.loads(json.dumps(entries), parse_constant=lambda _: None)
        return json.dumps(finite, sort_keys=True)
