"""Arrow schemas of columns that are declared as a text in Spark SQL, so that no schema is written down twice."""

from __future__ import annotations

import re

import pyarrow as pa

from dataeval_spark.errors import SchemaError

_SIMPLE = {
    "string": pa.string(),
    "binary": pa.binary(),
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}
_TOKEN = re.compile(r"`(?:[^`]|``)*`|\w+|[<>,:]")


def arrow_schema(ddl: str) -> pa.Schema:
    """Arrow schema of columns declared in Spark SQL, as Spark's own conversion gives it.

    Parameters
    ----------
    ddl : str
        Columns without comments.

    Raises
    ------
    SchemaError
        A type is not one that the package uses.

    Examples
    --------
    >>> arrow_schema("image_id string NOT NULL, losses array<bigint>")
    image_id: string not null
    losses: list<element: int64>
      child 0, element: int64
    """
    tokens = _TOKEN.findall(ddl)[::-1]
    return pa.schema(_fields(tokens) if tokens else [])


def arrow_type(text: str) -> pa.DataType:
    """Arrow type of a type of Spark SQL: see `arrow_schema`.

    Examples
    --------
    >>> arrow_type("map<string, int>")
    MapType(map<string, int32>)
    """
    return _type(_TOKEN.findall(text)[::-1])


def _fields(tokens: list[str]) -> list[pa.Field]:
    """Read the fields at the end of reversed tokens, up to the bracket that closes their struct, if any."""
    fields = []
    while True:
        name = tokens.pop()
        name = name[1:-1].replace("``", "`") if name.startswith("`") else name
        if tokens[-1] == ":":
            tokens.pop()
        type_of_field, is_nullable = _type(tokens), True
        if tokens and tokens[-1].upper() == "NOT":
            del tokens[-2:]
            is_nullable = False
        fields.append(pa.field(name, type_of_field, is_nullable))
        if not tokens or tokens.pop() == ">":
            return fields


def _type(tokens: list[str]) -> pa.DataType:
    name = tokens.pop().lower()
    if name in _SIMPLE:
        return _SIMPLE[name]
    if name not in ("array", "map", "struct"):
        raise SchemaError(f"Type {name} has no Arrow type here; expected one of {', '.join(_SIMPLE)}, or a nested one.")
    tokens.pop()
    if name == "struct":
        return pa.struct(_fields(tokens))
    if name == "array":
        arrow_type = pa.list_(pa.field("element", _type(tokens)))
    else:
        key = _type(tokens)
        tokens.pop()
        arrow_type = pa.map_(key, _type(tokens))
    tokens.pop()
    return arrow_type
