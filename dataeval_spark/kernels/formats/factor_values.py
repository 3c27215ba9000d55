"""Metadata of one image as typed text: values of JSON and Python dictionaries, before column types are known."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

TYPE = "map<string, struct<type: string, text: string>>"
"""Spark type of the result of :func:`factor_values`."""

_LARGEST = 2**63 - 1


def factor_values(document: Mapping[Any, Any], *, without: tuple[str, ...] = ()) -> list[tuple[str, dict[str, str]]]:
    """Every single value of a dictionary, with its type; names of inner dictionaries are joined by ``_``.

    Lists and nulls are left out. A number that no bigint holds is text.

    Returns
    -------
    list of (name, {"type", "text"})
        Type is boolean, bigint, double or string; unique by name.

    Examples
    --------
    >>> factor_values({"gain": 2, "camera": {"name": "A"}})
    [('gain', {'type': 'bigint', 'text': '2'}), ('camera_name', {'type': 'string', 'text': 'A'})]
    """
    return list(dict(_walk(document, "", without, depth=4)).items())


def _walk(
    document: Mapping[Any, Any], prefix: str, without: tuple[str, ...], *, depth: int
) -> Iterator[tuple[str, dict[str, str]]]:
    for key, value in document.items():
        name = f"{prefix}{key}"
        if name in without or not str(key).strip():
            continue
        if isinstance(value, Mapping):
            if depth > 1:
                yield from _walk(value, f"{name}_", without, depth=depth - 1)
            continue
        typed = _typed(value)
        if typed is not None:
            yield name, {"type": typed[0], "text": typed[1]}


def _typed(value: Any) -> tuple[str, str] | None:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return "boolean", str(value).lower()
    if isinstance(value, int):
        return ("bigint" if abs(value) <= _LARGEST else "string"), str(value)
    if isinstance(value, float):
        if math.isinf(value):
            return "double", "Infinity" if value > 0 else "-Infinity"
        return "double", "NaN" if math.isnan(value) else repr(value)
    return ("string", value) if isinstance(value, str) else None
