"""Types of the values of JSON, put together by the rules of Spark."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa

from dataeval_spark.tables.arrow import arrow_type
from dataeval_spark.tables.contract import identifier

# A name of Spark SQL or "null"; or {"array": type}; or {"struct": {name: type}}.
Type = str | dict[str, Any]
MOST_DIGITS = 38
# Digits of the largest bigint, as decimals of Spark count them.
BIGINT_DIGITS = 20


def type_of(value: Any, mixed: list[bool]) -> Type:
    """Type of one value as Python reads it from JSON; an empty text may be of any type.

    Parameters
    ----------
    value : object
        None, bool, int, float, str, list or dict.
    mixed : list of bool
        Gets an element where values of several types meet in an array.

    Examples
    --------
    >>> type_of({"a": [1, 2.5]}, [])
    {'struct': {'a': {'array': 'double'}}}
    """
    if value is None or value == "":
        return "null"
    if isinstance(value, str):
        return "string"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return _type_of_integer(value)
    if isinstance(value, float):
        return "double"
    if isinstance(value, dict):
        return {"struct": {key: type_of(each, mixed) for key, each in value.items()}}
    element: Type = "null"
    for each in value:
        type_ = type_of(each, mixed)
        if type_ != element:
            element = merged(element, type_, mixed)
    return {"array": element}


def merged(a: Type, b: Type, mixed: list[bool]) -> Type:
    """The type that holds values of both types; a string where none does.

    Parameters
    ----------
    a, b : str or dict
        Types.
    mixed : list of bool
        Gets an element where the type is a string for that reason.

    Examples
    --------
    >>> merged({"array": "null"}, {"array": "boolean"}, [])
    {'array': 'boolean'}
    >>> merged("bigint", "double", []), merged("bigint", "boolean", [])
    ('double', 'string')
    """
    if a == b or b == "null":
        return a
    if a == "null":
        return b
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        if "array" in a:
            return {"array": merged(a["array"], b["array"], mixed)}
        x, y = a["struct"], b["struct"]
        return {"struct": {key: merged(x.get(key, "null"), y.get(key, "null"), mixed) for key in {**x, **y}}}
    if isinstance(a, str) and isinstance(b, str) and _is_number(a) and _is_number(b):
        return _merged_numbers(a, b)
    mixed.append(True)
    return "string"


def finished(type_: Type) -> Type | None:
    """The type of a column: a string where all is null, fields sorted by name; None where an object has no field.

    Examples
    --------
    >>> finished({"struct": {"b": "null", "a": "bigint", "c": {"struct": {}}}})
    {'struct': {'a': 'bigint', 'b': 'string'}}
    """
    if isinstance(type_, str):
        return "string" if type_ == "null" else type_
    if "array" in type_:
        element = finished(type_["array"])
        return None if element is None else {"array": element}
    parts = type_["struct"]
    # A field without a name cannot be written in SQL.
    fields = {key: part for key in sorted(parts) if key and (part := finished(parts[key])) is not None}
    return {"struct": fields} if fields else None


def sql_type_of(type_: Type) -> str:
    """A finished type in Spark SQL.

    Examples
    --------
    >>> sql_type_of({"array": {"struct": {"a b": "bigint"}}})
    'array<struct<`a b`: bigint>>'
    """
    if isinstance(type_, str):
        return type_
    if "array" in type_:
        return f"array<{sql_type_of(type_['array'])}>"
    fields = (f"{identifier(key)}: {sql_type_of(each)}" for key, each in type_["struct"].items())
    return f"struct<{', '.join(fields)}>"


def arrow_type_of(type_: Type) -> pa.DataType:
    """A finished type in Arrow."""
    return arrow_type(sql_type_of(type_))


def _type_of_integer(value: int) -> str:
    if -(2**63) <= value < 2**63:
        return "bigint"
    digits = len(str(abs(value)))
    return f"decimal({digits}, 0)" if digits <= MOST_DIGITS else "double"


def _is_number(type_: str) -> bool:
    return type_ in ("bigint", "double") or type_.startswith("decimal")


def _merged_numbers(a: str, b: str) -> str:
    if "double" in (a, b):
        return "double"
    return f"decimal({max(_digits(a), _digits(b))}, 0)"


def _digits(type_: str) -> int:
    found = re.search(r"\d+", type_)
    return int(found[0]) if found else BIGINT_DIGITS
