"""Arrow schemas of columns that are declared as a text in Spark SQL, so that no schema is written down twice."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

import pyarrow as pa

from dataeval_spark.errors import SchemaError

_SIMPLE = {
    "string": pa.string(),
    "binary": pa.binary(),
    "boolean": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "timestamp_ntz": pa.timestamp("us"),
}
_NAMES = {type_: name for name, type_ in _SIMPLE.items()}
Rows = TypeVar("Rows", pa.RecordBatch, pa.Table)
Row = Mapping[str, Any]
ROWS_PER_BATCH = 256
_TOKEN = re.compile(r"`(?:[^`]|``)*`|\w+|[<>,:()]")


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


def sql_type(type_: pa.DataType) -> str:
    """Type of Spark SQL that holds the values of an Arrow type; ``string`` where there is none.

    Examples
    --------
    >>> sql_type(pa.large_list(pa.dictionary(pa.int8(), pa.string())))
    'array<string>'
    >>> sql_type(pa.uint16()), sql_type(pa.timestamp("ns", tz="Europe/Paris"))
    ('int', 'timestamp')
    """
    is_a = pa.types
    if type_ in _NAMES:
        return _NAMES[type_]
    if isinstance(type_, pa.BaseExtensionType):
        return sql_type(type_.storage_type)
    if is_a.is_dictionary(type_):
        return sql_type(type_.value_type)
    if is_a.is_struct(type_):
        fields = (f"{_quoted(field.name)}: {sql_type(field.type)}" for field in type_)
        return f"struct<{', '.join(fields)}>"
    if is_a.is_map(type_):
        return f"map<{sql_type(type_.key_type)}, {sql_type(type_.item_type)}>"
    if any(is_list(type_) for is_list in (is_a.is_list, is_a.is_large_list, is_a.is_fixed_size_list)):
        return f"array<{sql_type(type_.value_type)}>"
    if is_a.is_decimal(type_) and type_.precision <= 38:
        return f"decimal({type_.precision}, {type_.scale})"
    if is_a.is_timestamp(type_):
        return "timestamp" if type_.tz else "timestamp_ntz"
    # Of an unsigned number the next larger one has room.
    wider = {pa.uint8(): "smallint", pa.uint16(): "int", pa.uint32(): "bigint", pa.uint64(): "decimal(20, 0)"}
    wider |= {pa.float16(): "float", pa.date64(): "date"}
    wider |= dict.fromkeys(map(pa.duration, ("s", "ms", "us", "ns")), "bigint")
    wider |= dict.fromkeys((pa.large_binary(), pa.binary_view()), "binary")
    return wider.get(type_, "binary" if is_a.is_fixed_size_binary(type_) else "string")


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def rows_of(batches: Iterable[pa.RecordBatch]) -> Iterator[Row]:
    """Rows of batches, as dicts.

    Examples
    --------
    >>> list(rows_of([pa.RecordBatch.from_pydict({"n": [1, 2]})]))
    [{'n': 1}, {'n': 2}]
    """
    for batch in batches:
        # Slices of 64: to_pylist of a whole batch would hold every image's bytes twice.
        for start in range(0, batch.num_rows, 64):
            yield from batch.slice(start, 64).to_pylist()


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
    if name == "decimal":
        _, precision, _, scale, _ = (tokens.pop() for _ in range(5))
        return pa.decimal128(int(precision), int(scale))
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
