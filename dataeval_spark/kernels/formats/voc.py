"""Pascal VOC annotation files, read and written: one XML file per image, with its boxes in pixels.

Format: M. Everingham et al., The Pascal Visual Object Classes Challenge, development kits 2007 to 2012. There,
coordinates are those of pixels, counted from 1: ``one_based`` turns such boxes into half-open ones counted from 0,
[xmin - 1, xmax) x [ymin - 1, ymax). Many tools write files that count from 0; theirs are taken as they are,
and files are written so, with decimals.

The files may be hostile: entities are refused, so nothing is expanded and nothing else is opened.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat
from xml.sax.saxutils import escape

from dataeval_spark.kernels.formats.annotations import (
    LARGEST_NUMBER,
    Row,
    box_findings,
    decoded_finding,
    finding,
    numbers,
    target_row,
)
from dataeval_spark.kernels.formats.source_ids import flag
from dataeval_spark.kernels.formats.text import declared_by_xml, decode_text

CORNERS = ("xmin", "ymin", "xmax", "ymax")
# Parts of a person have a name and a box of their own; nothing in the format is nested deeper.
ATTRIBUTE_DEPTH = 3
# Elements that an export writes for data without a name in the format: a crowd, and attributes as JSON.
CROWD, OTHERS = "iscrowd", "attributes"
_NAME = re.compile(r"(?!(?i:xml))[A-Za-z_][A-Za-z0-9_.-]*\Z")
_NO_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Elements of an object that have a meaning of their own.
_TAKEN = ("name", "bndbox", CROWD, OTHERS)


def parse_voc(data: bytes, *, one_based: bool = False) -> Iterator[Row]:
    """Yield the rows of one annotation file.

    Parameters
    ----------
    data : bytes
        The file.
    one_based : bool
        Whether coordinates are counted from 1: 1 is subtracted from xmin and ymin.

    Yields
    ------
    dict
        First ``element`` ``image`` with ``name``, the file name of the image or None, and the size that the file
        declares (``width``, ``height``, None where it says none); then targets and findings as
        in :mod:`dataeval_spark.kernels.formats.annotations`. What an object says besides name and box (difficult,
        truncated, pose, ...) is in ``attributes``.

    Raises
    ------
    ValueError
        The file is no XML, declares entities, or its root is not ``annotation``.

    Examples
    --------
    >>> list(parse_voc(b"<annotation><filename>a.jpg</filename></annotation>"))
    [{'element': 'image', 'name': 'a.jpg', 'width': None, 'height': None}]
    """
    try:
        text, encoding = decode_text(data, declared=declared_by_xml(data))
    except ValueError as error:
        raise ValueError(f"not well-formed XML: {error}") from None
    root = _tree(text)
    if root.tag != "annotation":
        raise ValueError(f"expected a root element 'annotation', found {root.tag[:100]!r}")
    size = root.find("size")
    bounds = None if size is None else numbers([_number(size.find(name)) for name in ("width", "height")], 2)
    width, height = (None, None) if bounds is None or min(bounds) <= 0 else map(int, bounds)
    yield {"element": "image", "name": _text(root.find("filename")), "width": width, "height": height}
    if encoding is not None:
        yield decoded_finding(encoding)
    for index, element in enumerate(root.findall("object")):
        yield from _object(element, index, bounds, one_based=one_based)


def _object(element: Element, index: int, bounds: tuple[float, ...] | None, *, one_based: bool) -> Iterator[Row]:
    location = f"object[{index}]"
    class_name = _text(element.find("name"))
    if class_name is None:
        message = "Object has no name"
        yield finding(location, "unknown_class", message, None, "a class in <name>", target_index=index)
    corners = element.find("bndbox")
    corner_texts = None if corners is None else [_text(corners.find(name)) for name in CORNERS]
    values = None if corners is None else numbers([_number(corners.find(name)) for name in CORNERS])
    if values is None:
        expected = "numbers in <bndbox>: xmin, ymin, xmax, ymax"
        yield finding(
            location, "not_numeric_box", "Box is not four numbers", corner_texts, expected, target_index=index
        )
        return
    shift = 1.0 if one_based else 0.0
    x0, y0, x1, y1 = values[0] - shift, values[1] - shift, values[2], values[3]
    yield from box_findings((x0, y0, x1, y1), bounds, location, value=list(values), target_index=index)
    details = _children(element, without=("name", "bndbox", CROWD))
    is_crowd = flag(_text(element.find(CROWD)))
    yield target_row(index, class_name, (x0, y0, x1, y1), _with_others(details), location, is_crowd=is_crowd)


def _tree(text: str) -> Element:
    builder = TreeBuilder()
    # The text is decoded already: the declaration of its encoding no longer holds.
    parser = expat.ParserCreate(encoding="utf-8")
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(text.encode("utf-8", errors="surrogatepass"), True)
        return builder.close()
    except (expat.ExpatError, LookupError, AssertionError) as error:
        raise ValueError(f"not well-formed XML: {error}") from None


def _refuse(name: str, *_: Any) -> None:
    raise ValueError(f"the file declares the entity {name[:100]!r}; entities are refused")


def _text(element: Element | None) -> str | None:
    return ((element.text or "").strip() or None) if element is not None else None


def _number(element: Element | None) -> float | None:
    text = _text(element)
    try:
        return None if text is None or "_" in text else float(text)
    except ValueError:
        return None


def _children(element: Element, *, without: tuple[str, ...] = (), depth: int = ATTRIBUTE_DEPTH) -> dict[str, Any]:
    values_by_tag: dict[str, list[Any]] = {}
    for child in element:
        if child.tag not in without:
            values_by_tag.setdefault(child.tag, []).append(_value(child, depth - 1))
    return {tag: values[0] if len(values) == 1 else values for tag, values in values_by_tag.items()}


def _with_others(details: dict[str, Any]) -> dict[str, Any]:
    """Attributes, with those that one of them holds as JSON."""
    try:
        extras = json.loads(details[OTHERS])
    except (KeyError, TypeError, ValueError, RecursionError):
        return details
    plain_details = {key: value for key, value in details.items() if key != OTHERS}
    return plain_details | extras if isinstance(extras, dict) else details


def _value(element: Element, depth: int) -> Any:
    if len(element) and depth > 0:
        return _children(element, depth=depth)
    text = _text(element)
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 16 else text


def annotation_text(path: str, size: tuple[int, int], targets: Iterable[Mapping[str, Any]]) -> str:
    """The file of an image.

    What a target says besides class and box is written in elements where the reader makes the same of them, else as
    JSON in one element, so that nothing is lost.

    Parameters
    ----------
    path : str
        Path of the image below its folder.
    size : tuple of int
        Width and height of the upright image, pixels.
    targets : iterable of mappings
        ``class_name``, ``box`` (x0, y0, x1, y1; pixels, in the image), ``is_crowd`` and ``attributes`` (JSON). A target
        without a box is left out.

    Examples
    --------
    >>> print(annotation_text("a.jpg", (4, 3), []), end="")
    <annotation>
      <folder>JPEGImages</folder>
      <filename>a.jpg</filename>
      <size><width>4</width><height>3</height></size>
    </annotation>
    """
    width, height = size
    objects = "".join(_object_text(target) for target in targets if target["box"] is not None)
    return (
        f"<annotation>\n  <folder>JPEGImages</folder>\n  <filename>{_escaped(path)}</filename>\n"
        f"  <size><width>{width}</width><height>{height}</height></size>\n{objects}</annotation>\n"
    )


def _object_text(target: Mapping[str, Any]) -> str:
    details = json.loads(target["attributes"]) if target["attributes"] else {}
    elements = {
        key: value for key, value in details.items() if _is_held(key, value, ATTRIBUTE_DEPTH) and key not in _TAKEN
    }
    extras = {key: value for key, value in details.items() if key not in elements}
    box = target["box"]
    corners = {"xmin": box["x0"], "ymin": box["y0"], "xmax": box["x1"], "ymax": box["y1"]}
    parts = [
        f"<name>{_escaped(target['class_name'])}</name>",
        *(_element(key, value) for key, value in elements.items()),
        *([f"<{CROWD}>1</{CROWD}>"] if target["is_crowd"] else []),
        *([f"<{OTHERS}>{_escaped(json.dumps(extras))}</{OTHERS}>"] if extras else []),
        f"<bndbox>{''.join(f'<{tag}>{_number_text(value)}</{tag}>' for tag, value in corners.items())}</bndbox>",
    ]
    return f"  <object>{''.join(parts)}</object>\n"


def _is_held(key: str, value: Any, depth: int) -> bool:
    """Whether the reader gets the same value from the element that is written for it."""
    if not _NAME.match(key) or depth < 1:
        return False
    if isinstance(value, dict):
        return bool(value) and all(_is_held(name, each, depth - 1) for name, each in value.items())
    if isinstance(value, list):
        return len(value) > 1 and all(not isinstance(each, list) and _is_held(key, each, depth) for each in value)
    if isinstance(value, str):
        is_number = value.isascii() and value.isdigit()
        return value.strip() == value != "" and not is_number and not _NO_XML.search(value)
    return value is None or (type(value) is int and 0 <= value < LARGEST_NUMBER)


def _element(key: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_element(key, each) for each in value)
    if isinstance(value, dict):
        return f"<{key}>{''.join(_element(name, each) for name, each in value.items())}</{key}>"
    return f"<{key}>{'' if value is None else _escaped(str(value))}</{key}>"


def _number_text(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))


def _escaped(text: str) -> str:
    return escape(_NO_XML.sub("\ufffd", text))
