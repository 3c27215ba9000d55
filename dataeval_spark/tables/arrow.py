"""Arrow schemas of columns that are declared as a text in Spark SQL, so that no schema is written down twice."""

from __future__ import annotations

import re
from typing import TypeVar

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
Rows = TypeVar("Rows", pa.RecordBatch, pa.Table)
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


def with_validity_of_parents(rows: Rows) -> Rows:
    """The same rows; fields of structs that are null are null, at any depth.

    Arrow gives the fields of a null struct any values, and not every engine looks at the struct when it reads one of
    its fields.

    Examples
    --------
    >>> box = pa.StructArray.from_arrays([pa.array([1, 2])], ["x"], mask=pa.array([False, True]))
    >>> with_validity_of_parents(pa.RecordBatch.from_arrays([box], ["box"]))["box"].field("x").to_pylist()
    [1, None]
    """
    columns = [_valid(column) if _has_struct(column.type) else column for column in rows.columns]
    return type(rows).from_arrays(columns, schema=rows.schema)


def _has_struct(type_: pa.DataType) -> bool:
    return pa.types.is_struct(type_) or any(_has_struct(type_.field(i).type) for i in range(type_.num_fields))


def _valid(array: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    type_ = array.type
    if isinstance(array, pa.ChunkedArray):
        return pa.chunked_array([_valid(chunk) for chunk in array.chunks], type_)
    if not _has_struct(type_):
        return array
    if pa.types.is_struct(type_):
        fields = [_valid(field) for field in array.flatten()]
        return pa.StructArray.from_arrays(fields, fields=list(type_), mask=array.is_null())
    if pa.types.is_map(type_):
        entries = [array.keys, _valid(array.items)]
        child = pa.StructArray.from_arrays(entries, fields=[type_.key_field, type_.item_field])
    else:
        child = _valid(array.values)
    # The same validity and offsets over other values: a list that is null may hold some, of a slice too.
    return pa.Array.from_buffers(type_, len(array), array.buffers()[:2], offset=array.offset, children=[child])


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
