"""Rows of JSON lines and of one JSON array: their types by the rules of Spark, and their values in Arrow batches."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TextIO

import pyarrow as pa

from dataeval_spark.kernels.formats.delimited import (
    CHARACTERS_KEPT,
    CHARACTERS_PER_BATCH,
    EXTRA,
    ROWS_PER_BATCH,
    safe_names,
)
from dataeval_spark.kernels.formats.json_types import Type, arrow_type_of, finished, merged, type_of
from dataeval_spark.kernels.formats.text import open_text

# Characters to read at once of an array, and the longest element that is waited for.
CHUNK = 2**20
LONGEST_ELEMENT = 2**26


@dataclass(frozen=True)
class JsonSchema:
    """Columns of a JSON file: name in the frame, name in the file and type; and the number of lines without one.

    ``is_mixed`` says that values of several types stand in one column, which is then one of texts.
    """

    columns: tuple[tuple[str, str, Type], ...]
    broken: int
    is_mixed: bool

    def to_text(self) -> str:
        """The schema as JSON, to be read by :meth:`of_text`."""
        return json.dumps([self.columns, self.broken, self.is_mixed])

    @classmethod
    def of_text(cls, text: str) -> JsonSchema:
        """The schema that :meth:`to_text` wrote."""
        columns, broken, is_mixed = json.loads(text)
        return cls(tuple((name, key, type_) for name, key, type_ in columns), broken, is_mixed)


@dataclass
class _Broken:
    """Text that is no JSON object."""

    text: str


@dataclass
class _Rows:
    """Values and broken texts that become one batch."""

    values: list[Mapping[str, Any]] = field(default_factory=list)
    broken: list[str | None] = field(default_factory=list)
    size: int = 0


def infer_schema(uri: str, *, encoding: str | None, is_array: bool) -> JsonSchema:
    """Names and types of all values of a file, which is read to its end.

    Null and any type is that type; bigint and double are double; an integer of more than 64 bits is a decimal, of
    more than 38 digits a double. The fields of objects and the elements of arrays are put together likewise. Other
    types of one column make it a string. A column of nulls or empty texts is a string, an object without fields is no
    column.

    Parameters
    ----------
    uri : str
        File or object.
    encoding : str or None
        Encoding of the text; None for UTF-8.
    is_array : bool
        Whether the file holds one array of objects; else each line holds an object.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    found: dict[str, Type] = {}
    broken = 0
    mixed: list[bool] = []
    for value, _ in _values(uri, encoding, is_array=is_array, keeps_numbers=False):
        if isinstance(value, _Broken):
            broken += 1
            continue
        for key, each in value.items():
            type_ = type_of(each, mixed)
            known = found.get(key)
            if known != type_:
                found[key] = type_ if known is None else merged(known, type_, mixed)
    types = {key: known for key in sorted(found) if (known := finished(found[key])) is not None}
    columns = zip(safe_names(list(types)), types, types.values(), strict=True)
    return JsonSchema(tuple(columns), broken, bool(mixed))


def json_batches(uri: str, schema: JsonSchema, *, encoding: str | None, is_array: bool) -> Iterator[pa.RecordBatch]:
    """Rows in the columns of the schema, ``_corrupt_record`` and ``_position``.

    A value in a column of strings that is none is the JSON of it. Of a line that is no object, or of the place where
    an array breaks off, nothing but the first part of its text is known.

    Parameters
    ----------
    uri : str
        File or object.
    schema : JsonSchema
        Types of the values: see `infer_schema`.
    encoding : str or None
        Encoding of the text; None for UTF-8.
    is_array : bool
        As in `infer_schema`.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    rows, position = _Rows(), 0
    for value, size in _values(uri, encoding, is_array=is_array, keeps_numbers=schema.is_mixed):
        is_broken = isinstance(value, _Broken)
        rows.values.append({} if is_broken else value)
        rows.broken.append(_clean(value.text[:CHARACTERS_KEPT].rstrip()) if is_broken else None)
        rows.size += size
        if len(rows.values) >= ROWS_PER_BATCH or rows.size >= CHARACTERS_PER_BATCH:
            yield _batch(rows, schema, position)
            position += len(rows.values)
            rows = _Rows()
    if rows.values:
        yield _batch(rows, schema, position)


def is_json_array(uri: str, encoding: str | None) -> bool:
    """Whether a file begins with the bracket of an array."""
    with open_text(uri, encoding) as text:
        return text.read(1024).lstrip().startswith("[")


class _Number(float):
    """A number with a point or an exponent, and how it is written."""

    text = ""

    def __new__(cls, text: str) -> _Number:
        number = super().__new__(cls, text)
        number.text = text
        return number


def _values(uri: str, encoding: str | None, *, is_array: bool, keeps_numbers: bool) -> Iterator[tuple[Any, int]]:
    """Objects and `_Broken` texts of a file, each with about the number of its characters."""
    decoder = json.JSONDecoder(parse_float=_Number) if keeps_numbers else json.JSONDecoder()
    with open_text(uri, encoding) as text:
        for value, written in (_elements if is_array else _lines)(text, decoder):
            # A line may hold an array of objects.
            parts = value if isinstance(value, list) and value and not is_array else [value]
            for part in parts:
                is_known = isinstance(part, dict | _Broken)
                yield part if is_known else _Broken(written or json.dumps(part)), len(written)


def _lines(text: TextIO, decoder: json.JSONDecoder) -> Iterator[tuple[Any, str]]:
    for line in text:
        if not line.strip():
            continue
        try:
            # One element of an array a line, each with its comma, is read too.
            yield decoder.decode(line.rstrip().removesuffix(",")), line
        except (ValueError, RecursionError):
            yield _Broken(line), line


def _elements(text: TextIO, decoder: json.JSONDecoder) -> Iterator[tuple[Any, str]]:
    """Elements of an array, read piece by piece: the whole of it need not fit in memory."""
    buffer, start, chunk = text.read(CHUNK).lstrip()[1:], 0, CHUNK
    is_end = False
    while True:
        while start < len(buffer) and buffer[start] in " \t\r\n,":
            start += 1
        if start < len(buffer) and buffer[start] == "]":
            return
        try:
            value, stop = decoder.raw_decode(buffer, start)
        except RecursionError:
            value, stop, is_end = _Broken(buffer[start:]), len(buffer), True
        except ValueError:
            # Either the element goes on, or it is none.
            value, stop = _Broken(buffer[start:]), len(buffer)
        # A number at the end of what was read may have more digits.
        if stop == len(buffer) and not is_end and stop - start < LONGEST_ELEMENT:
            more = text.read(chunk)
            buffer, start, chunk, is_end = buffer[start:] + more, 0, 2 * chunk, not more
            continue
        yield value, buffer[start:stop][:CHARACTERS_PER_BATCH]
        if isinstance(value, _Broken):
            return
        start, chunk = stop, CHUNK


def _batch(rows: _Rows, schema: JsonSchema, position: int) -> pa.RecordBatch:
    arrays = []
    for _, key, type_ in schema.columns:
        convert = _converter(type_)
        values = [None if (value := row.get(key)) is None else convert(value) for row in rows.values]
        arrays.append(_array(values, arrow_type_of(type_)))
    arrays.append(pa.array(rows.broken, pa.string()))
    arrays.append(pa.array(range(position, position + len(rows.values)), pa.int64()))
    return pa.RecordBatch.from_arrays(arrays, names=[*(name for name, _, _ in schema.columns), *EXTRA])


def _array(values: list[Any], type_: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, type_)
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can write and UTF-8 cannot
        return pa.array([_clean(value) for value in values], type_)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", errors="replace").decode()
    if isinstance(value, list):
        return [_clean(each) for each in value]
    return {key: _clean(each) for key, each in value.items()} if isinstance(value, dict) else value


def _converter(type_: Type) -> Callable[[Any], Any]:
    """What makes a value that is not null one of a type; an empty text where none belongs is null."""
    if isinstance(type_, str):
        kind = type_.partition("(")[0]
        return {"string": _text, "double": _double, "decimal": _decimal}.get(kind, _plain)
    if "array" in type_:
        convert = _converter(type_["array"])
        return lambda value: (
            value and [None if each is None else convert(each) for each in value] if value != "" else None
        )
    fields = {key: _converter(each) for key, each in type_["struct"].items()}

    def to_struct(value: Any) -> Any:
        if value == "":
            return None
        return {key: None if (each := value.get(key)) is None else convert(each) for key, convert in fields.items()}

    return to_struct


def _plain(value: Any) -> Any:
    return None if value == "" else value


def _decimal(value: Any) -> Decimal | None:
    return None if value == "" else Decimal(value)


def _double(value: Any) -> float | None:
    if value == "":
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return value.text if isinstance(value, _Number) else json.dumps(value, ensure_ascii=False)
