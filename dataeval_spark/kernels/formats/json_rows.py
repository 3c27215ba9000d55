"""Rows of JSON text: objects, the types of their values, and the values as these types."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

LARGEST = 2**63
# A type is a name, the type of the elements in a list, or the types of fields by name; None is that of null.
Type = Any


def json_objects(file: TextIO, *, is_whole: bool) -> Iterator[dict[str, Any] | str]:
    """Objects of a text file, one a line or one array of them over the whole file; text that is none, as it is.

    Examples
    --------
    >>> list(json_objects(io.StringIO('{"a": 1}\\n{"a": \\n'), is_whole=False))
    [{'a': 1}, '{"a": ']
    """
    for text in [file.read()] if is_whole else (line.rstrip("\r\n") for line in file):
        if not text.strip():
            continue
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            yield text
            continue
        for each in found if isinstance(found, list) else [found]:
            yield each if isinstance(each, dict) else text


def type_of(value: Any) -> Type:
    """Type of a JSON value.

    Examples
    --------
    >>> type_of({"a": [1, 2.5], "b": None})
    {'a': ['double'], 'b': None}
    """
    if value is None:
        return None
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "bigint" if -LARGEST <= value < LARGEST else "double"
    if isinstance(value, float):
        return "double"
    if isinstance(value, list):
        element: Type = None
        for each in value:
            element = common_type(element, type_of(each))
        return [element]
    if isinstance(value, dict):
        return {name: type_of(each) for name, each in value.items()}
    return "string"


def common_type(one: Type, other: Type) -> Type:
    """Type that holds the values of both: text, where they have nothing in common.

    Examples
    --------
    >>> common_type({"a": "bigint"}, {"a": "double", "b": "string"})
    {'a': 'double', 'b': 'string'}
    """
    if one is None or other is None or one == other:
        return other if one is None else one
    if isinstance(one, list) and isinstance(other, list):
        return [common_type(one[0], other[0])]
    if isinstance(one, dict) and isinstance(other, dict):
        return {name: common_type(one.get(name), other.get(name)) for name in {**one, **other}}
    return "double" if {str(one), str(other)} == {"bigint", "double"} else "string"


def ddl_of(type: Type) -> str | None:
    """A type in SQL, with the fields by name; that of nulls is text, and an object without fields has none.

    Examples
    --------
    >>> ddl_of({"b": ["double"], "a": None})
    'struct<`a`: string, `b`: array<double>>'
    """
    if type is None:
        return "string"
    if isinstance(type, list):
        element = ddl_of(type[0])
        return None if element is None else f"array<{element}>"
    if isinstance(type, dict):
        fields = {name: ddl_of(each) for name, each in sorted(type.items())}
        parts = [f"`{name.replace('`', '``')}`: {ddl}" for name, ddl in fields.items() if ddl is not None]
        return f"struct<{', '.join(parts)}>" if parts else None
    return str(type)


def as_type(value: Any, type: Type) -> Any:
    """A value as a type that `common_type` found for it.

    Examples
    --------
    >>> as_type({"a": 1, "b": {"c": 2}}, {"a": "double", "b": "string"})
    {'a': 1.0, 'b': '{"c":2}'}
    """
    if value is None:
        return None
    if isinstance(type, list):
        return [as_type(each, type[0]) for each in value]
    if isinstance(type, Mapping):
        return {name: as_type(value.get(name), each) for name, each in type.items()}
    if type == "double":
        # Not float(value), which refuses integers beyond the largest double.
        return float(str(value))
    if type in (None, "string"):
        text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        # Halves of surrogate pairs are no text.
        return text if text.isascii() else text.encode("utf-8", "replace").decode()
    return value
