"""YOLO label files, read and written: a text file per image, a line per object, coordinates as fractions of its size.

A line is ``class x_center y_center width height``, with an optional confidence after it; or ``class x1 y1 x2 y2 ...``
with three corners or more (segments, oriented boxes), whose box is the smallest that holds them and whose polygon is
kept; or, where the data set file gives the shape of its keypoints, a box and the keypoints.

Format: https://docs.ultralytics.com/datasets/ (detect, segment, pose, obb). Fractions are of the upright image.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from dataeval_spark.kernels.formats.annotations import (
    LARGEST_NUMBER,
    Corners,
    Row,
    box_findings,
    decoded_finding,
    finding,
    target_row,
)
from dataeval_spark.kernels.formats.annotations import numbers as numbers_of
from dataeval_spark.kernels.formats.export_boxes import clipped_polygon
from dataeval_spark.kernels.formats.text import decode_text

# Attributes that a line can hold.
HELD = ("polygon",)
# Readers' names of splits by the names that people use.
SPLIT_KEYS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}

# Other keys of the data set file.
_OWN_KEYS = ("names", "nc", "path", "kpt_shape", "download")

LINE = "class x_center y_center width height, or class and three corners or more"


@dataclass(frozen=True)
class YoloData:
    """Contents of a data set file: class names by id, the place of each split's images, the shape of keypoints.

    ``names`` is None where the file names no classes. ``splits`` maps a split to paths of folders or of lists of
    files, as they are written; ``path`` is the folder that they are relative to, where one is given.
    """

    names: Mapping[int, str] | None
    splits: Mapping[str, Sequence[str]]
    path: str | None = None
    keypoints: tuple[int, int] | None = None


def parse_data_file(data: bytes) -> YoloData:
    """Read a ``data.yaml``.

    Raises
    ------
    ValueError
        The file is no YAML mapping, or ``names`` is neither a list nor a mapping from ids.

    Examples
    --------
    >>> parse_data_file(b"names: [cat, dog]").names[1]
    'dog'
    """
    try:
        # Every scalar as it is written: with YAML's own types a class "no" would be False.
        document = yaml.load(decode_text(data)[0], Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ValueError(f"not YAML: {' '.join(str(error).split())[:300]}") from None
    if not isinstance(document, dict):
        raise ValueError("expected a mapping with 'names'")
    path = document.get("path")
    return YoloData(
        _names(document.get("names")),
        {SPLIT_KEYS[key]: _paths(document[key]) for key in ("train", "val", "valid", "test") if document.get(key)},
        path if isinstance(path, str) else None,
        _keypoints(document.get("kpt_shape")),
    )


def parse_class_list(data: bytes) -> dict[int, str]:
    """Class names of a ``classes.txt``: one per line, from 0."""
    lines = decode_text(data)[0].rstrip().splitlines()
    return {number: line.strip() for number, line in enumerate(lines)}


def parse_yolo(
    data: bytes,
    *,
    width: int,
    height: int,
    names: Mapping[int, str] | None = None,
    keypoints: tuple[int, int] | None = None,
) -> Iterator[Row]:
    """Yield the rows of one label file.

    Parameters
    ----------
    data : bytes
        The file. An empty one is an image without objects.
    width, height : int
        Size of the upright image, pixels.
    names : mapping, optional
        Class names by id; without them the id is the class name.
    keypoints : tuple of int, optional
        Number of keypoints, and of values of each (2 or 3).

    Yields
    ------
    dict
        Targets and findings as in :mod:`dataeval_spark.kernels.formats.annotations`; ``location`` is the line. Polygons
        (pixels), keypoints (pixels; visibility as it is) and confidence are in ``attributes``.

    Raises
    ------
    ValueError
        The file is no text.

    Examples
    --------
    >>> [row["box"] for row in parse_yolo(b"0 0.5 0.5 0.5 1", width=100, height=50)]
    [{'x0': 25.0, 'y0': 0.0, 'x1': 75.0, 'y1': 50.0}]
    """
    if b"\0" in data and not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ValueError("not text: it has bytes of value 0")
    text, encoding = decode_text(data)
    if encoding is not None:
        yield decoded_finding(encoding)
    index = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield from _line(line, index, f"line {number}", (width, height), names, keypoints)
            index += 1


def _line(
    line: str,
    index: int,
    location: str,
    size: tuple[int, int],
    names: Mapping[int, str] | None,
    keypoints: tuple[int, int] | None,
) -> Iterator[Row]:
    line_text = line.strip()
    values = [_number(word) for word in line_text.split()]
    fractions = [value for value in values[1:] if value is not None]
    if len(fractions) != len(values) - 1 or not fractions:
        message = "Line is not a class followed by numbers"
        yield finding(location, "not_numeric_box", message, line_text, LINE, target_index=index)
        return
    shape = _shape(fractions, size, keypoints)
    if shape is None:
        message = f"Line has {len(values)} values"
        yield finding(location, "not_numeric_box", message, line_text, LINE, target_index=index)
        return
    class_name, corners, extras = _class_name(values[0], names), *shape
    if class_name is None:
        expected = "a whole number from 0" if names is None else "an id with a name in the data set file"
        class_id = line_text.split()[0]
        yield finding(location, "unknown_class", "No class has this id", class_id, expected, target_index=index)
    yield from box_findings(corners, size, location, value=line_text, target_index=index)
    yield target_row(index, class_name, corners, extras, location)


def _shape(
    fractions: Sequence[float], size: tuple[int, int], keypoints: tuple[int, int] | None
) -> tuple[Corners, dict[str, Any]] | None:
    """Corners in pixels and the attributes of a line; None when no form has so many values."""
    width, height = size
    extras: dict[str, Any] = {}
    count = len(fractions)
    if keypoints is not None and count == 4 + keypoints[0] * keypoints[1]:
        extras["keypoints"] = _points(fractions[4:], keypoints[1], size)
    elif count == 5:
        extras["score"] = fractions[4]
    elif count >= 6 and count % 2 == 0:
        points = _points(fractions, 2, size)
        extras["polygon"] = points
        xs, ys = points[0::2], points[1::2]
        return (min(xs), min(ys), max(xs), max(ys)), extras
    elif count != 4:
        return None
    x, y, w, h = fractions[:4]
    return ((x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height), extras


def _points(fractions: Sequence[float], values: int, size: tuple[int, int]) -> list[float]:
    scales = (*size, 1)
    return [fraction * scales[position % values] for position, fraction in enumerate(fractions)]


def _class_name(value: float | None, names: Mapping[int, str] | None) -> str | None:
    if value is None or value < 0 or value != int(value):
        return None
    return str(int(value)) if names is None else names.get(int(value))


def _number(word: str) -> float | None:
    try:
        value = float(word)
    except ValueError:
        return None
    # The comparison is false for NaN.
    return value if abs(value) <= LARGEST_NUMBER and "_" not in word else None


def _names(entry: Any) -> dict[int, str] | None:
    if entry is None or entry == "":
        return None
    if isinstance(entry, list):
        return {number: str(name) for number, name in enumerate(entry)}
    if isinstance(entry, dict):
        try:
            return {int(number): str(name) for number, name in entry.items()}
        except (TypeError, ValueError):
            pass
    raise ValueError("expected 'names' as a list, or a mapping from ids to names")


def _paths(entry: Any) -> tuple[str, ...]:
    return tuple(str(path) for path in (entry if isinstance(entry, list) else [entry]))


def _keypoints(entry: Any) -> tuple[int, int] | None:
    if not isinstance(entry, list) or len(entry) != 2 or not all(str(value).isdecimal() for value in entry):
        return None
    count, values = int(entry[0]), int(entry[1])
    return (count, values) if count > 0 and values in (2, 3) else None


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
    '3 0.25 0.25 0.5 0.5\\n'
    """
    boxes = [target for target in targets if target["box"] is not None and target["class_name"] in classes]
    polygons = [_polygon(target["attributes"], size) for target in boxes]
    lines = []
    for target, polygon in zip(boxes, polygons, strict=True):
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
    """Middle and length, in ten digits, of an interval within [0, 1]: read again, it is within [0, 1] too."""
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
        Classes in the order of their numbers.
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
    paths_by_key: dict[str, list[str]] = {}
    for split, folder in sorted(folders.items(), key=lambda each: each[1]):
        key = "train" if split is None else SPLIT_KEYS.get(split.lower(), split)
        key = f"{key}_images" if key in _OWN_KEYS else key
        paths_by_key.setdefault(key, []).append(folder)
    if "train" in paths_by_key:
        paths_by_key.setdefault("val", paths_by_key["train"])
    document: dict[str, Any] = {"names": dict(enumerate(classes))}
    document |= {key: paths[0] if len(paths) == 1 else paths for key, paths in sorted(paths_by_key.items())}
    return str(yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False))


class _Dumper(yaml.SafeDumper):
    """Dumper that writes repeated lists out: readers of YAML in other languages know no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True
