"""Pascal VOC annotation files, written; `voc` reads them.

Format: M. Everingham et al., The Pascal Visual Object Classes Challenge, development kits 2007 to 2012. Boxes are
written as the reader takes them: half-open, counted from 0, with their decimals.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from dataeval_spark.kernels.formats.annotations import LARGEST_NUMBER
from dataeval_spark.kernels.formats.voc import ATTRIBUTE_DEPTH, CROWD, OTHERS

_NAME = re.compile(r"(?!(?i:xml))[A-Za-z_][A-Za-z0-9_.-]*\Z")
_NO_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# What an object says by elements of its own.
_TAKEN = ("name", "bndbox", CROWD, OTHERS)


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
    objects = "".join(_object(target) for target in targets if target["box"] is not None)
    return (
        f"<annotation>\n  <folder>JPEGImages</folder>\n  <filename>{_text(path)}</filename>\n"
        f"  <size><width>{width}</width><height>{height}</height></size>\n{objects}</annotation>\n"
    )


def _object(target: Mapping[str, Any]) -> str:
    said = json.loads(target["attributes"]) if target["attributes"] else {}
    held = {key: value for key, value in said.items() if _is_held(key, value, ATTRIBUTE_DEPTH) and key not in _TAKEN}
    others = {key: value for key, value in said.items() if key not in held}
    box = target["box"]
    corners = {"xmin": box["x0"], "ymin": box["y0"], "xmax": box["x1"], "ymax": box["y1"]}
    parts = [
        f"<name>{_text(target['class_name'])}</name>",
        *(_element(key, value) for key, value in held.items()),
        *([f"<{CROWD}>1</{CROWD}>"] if target["is_crowd"] else []),
        *([f"<{OTHERS}>{_text(json.dumps(others))}</{OTHERS}>"] if others else []),
        f"<bndbox>{''.join(f'<{tag}>{_number(value)}</{tag}>' for tag, value in corners.items())}</bndbox>",
    ]
    return f"  <object>{''.join(parts)}</object>\n"


def _is_held(key: str, value: Any, depth: int) -> bool:
    """Whether the reader makes the same value of an element that is written for it."""
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
    return f"<{key}>{'' if value is None else _text(str(value))}</{key}>"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))


def _text(text: str) -> str:
    return escape(_NO_XML.sub("\ufffd", text))
