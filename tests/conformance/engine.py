"""Results of the cases on a session: many expressions in a query, as plain values that JSON can hold."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from tests.conformance.cases_frames import FRAMES, ORDERED
from tests.conformance.cases_groups import GROUPS, WINDOWS
from tests.conformance.cases_nested import NESTED
from tests.conformance.cases_numbers import NUMBERS
from tests.conformance.cases_portable import PORTABLE, PORTABLE_GROUPS
from tests.conformance.cases_sql import ERRORS, QUERIES, TEXTS
from tests.conformance.cases_text import TEXT
from tests.conformance.cases_times import TIMES

LONGEST = 200
Cases = dict[str, Callable[[], list[Column]]]
ROWS: dict[str, Cases] = {
    "numbers": NUMBERS,
    "text": TEXT,
    "times": TIMES,
    "nested": NESTED,
    "windows": WINDOWS,
    "portable": PORTABLE,
    "sql": {name: (lambda texts=texts: [F.expr(text) for text in texts]) for name, texts in TEXTS.items()},
}
AGGREGATES: dict[str, Cases] = {"groups": GROUPS, "portable_groups": PORTABLE_GROUPS}
SUBJECTS = (*ROWS, *AGGREGATES, "frames", "queries", "errors")
Made = dict[str, Any]


def names(subject: str) -> list[str]:
    """Names of the functions that a subject has cases of."""
    every = {**ROWS, **AGGREGATES, "frames": FRAMES, "queries": QUERIES, "errors": ERRORS}
    return list(every[subject])


def results(spark: SparkSession, path: str, subject: str) -> dict[str, Made]:
    """The type and the values of each case of a subject, or its error, by "name index"."""
    data = spark.read.parquet(path)
    if subject in ROWS:
        made = _columns(ROWS[subject])
        return _bisected(list(made), lambda part: _of_rows(data, {name: made[name] for name in part}))
    if subject in AGGREGATES:
        made = _columns(AGGREGATES[subject])
        return _bisected(list(made), lambda part: _of_groups(data, {name: made[name] for name in part}))
    if subject == "errors":
        return {
            f"{name} {at}": _of_error(data, text) for name, texts in ERRORS.items() for at, text in enumerate(texts)
        }
    if subject == "queries":
        queries = {f"{name} {at}": text for name, texts in QUERIES.items() for at, text in enumerate(texts)}
        return {name: _of_frame(lambda text=text: spark.sql(text, data=data), name) for name, text in queries.items()}
    frames = {f"{name} {at}": frame for name, make in FRAMES.items() for at, frame in enumerate(make(data))}
    return {name: _of_frame(lambda frame=frame: frame, name) for name, frame in frames.items()}


def _columns(cases: Cases) -> dict[str, Column]:
    return {f"{name} {at}": column for name, make in cases.items() for at, column in enumerate(make())}


def _bisected(cases: Sequence[str], run: Callable[[Sequence[str]], dict[str, Made]]) -> dict[str, Made]:
    """Run the cases in one query; where it fails, in two halves, down to those that fail alone."""
    try:
        return run(cases)
    except Exception as error:
        if len(cases) == 1:
            return {cases[0]: {"error": _first_line(error)}}
        middle = len(cases) // 2
        return _bisected(cases[:middle], run) | _bisected(cases[middle:], run)


def _of_rows(data: DataFrame, columns: dict[str, Column]) -> dict[str, Made]:
    frame = data.select("id", *(column.alias(f"c{at}") for at, column in enumerate(columns.values())))
    table = frame.toArrow().sort_by("id")
    types = frame.schema.fields[1:]
    return {
        name: {"type": types[at].dataType.simpleString(), "values": _plain(table[f"c{at}"])}
        for at, name in enumerate(columns)
    }


def _of_groups(data: DataFrame, columns: dict[str, Column]) -> dict[str, Made]:
    aggregates = [column.alias(f"c{at}") for at, column in enumerate(columns.values())]
    # Three partitions: partial results are merged.
    frame = data.repartition(3).groupBy("g").agg(*aggregates)
    table = frame.toArrow().sort_by("g")
    none = data.repartition(3).where("id < 0").agg(*aggregates).toArrow()
    types = frame.schema.fields[1:]
    return {
        name: {"type": types[at].dataType.simpleString(), "values": _plain(table[f"c{at}"]) + _plain(none[f"c{at}"])}
        for at, name in enumerate(columns)
    }


def _of_frame(make: Callable[[], DataFrame], name: str) -> Made:
    try:
        frame = make()
        columns = [_plain(column) for column in frame.toArrow().columns]
        rows = [list(row) for row in zip(*columns, strict=True)]
        if name.rpartition(" ")[0] not in ORDERED:
            rows.sort(key=repr)
        return {"type": frame.schema.simpleString(), "values": rows}
    except Exception as error:
        return {"error": _first_line(error)}


def _of_error(data: DataFrame, text: str) -> Made:
    """Whether the session refuses what it must refuse; the message is its own."""
    try:
        made = data.where("id < 5").select(F.expr(text).alias("c")).toArrow()["c"].to_pylist()
        return {"type": "answer", "values": [repr(each) for each in made]}
    except Exception:
        return {"type": "error", "values": []}


def _first_line(error: Exception) -> str:
    return (
        f"{type(error).__name__}: {str(error).strip().splitlines()[0][:160]}"
        if str(error).strip()
        else type(error).__name__
    )


def _plain(column: pa.ChunkedArray) -> list[Any]:
    """Values that JSON holds: times as microseconds or days, bytes in hexadecimal, long texts by their hash."""
    return [_value(each, column.type) for chunk in column.chunks for each in chunk]


def _value(scalar: pa.Scalar, type: pa.DataType) -> Any:
    if not scalar.is_valid:
        return None
    if pa.types.is_timestamp(type) or pa.types.is_date(type):
        return scalar.value
    if pa.types.is_map(type):
        pairs = scalar.values
        keys, items = pairs.field(0), pairs.field(1)
        made = [[_value(k, type.key_type), _value(v, type.item_type)] for k, v in zip(keys, items, strict=True)]
        return sorted(made, key=repr)  # a map has no order
    if pa.types.is_list(type) or pa.types.is_large_list(type):
        return [_value(each, type.value_type) for each in scalar.values]
    if pa.types.is_struct(type):
        return {field.name: _value(scalar[at], field.type) for at, field in enumerate(type)}
    return _plain_value(scalar.as_py())


def _plain_value(value: Any) -> Any:
    if isinstance(value, bytes):
        value = value.hex()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, str) and len(value) > LONGEST:
        return f"{value[:20]}... {len(value)} {hashlib.md5(value.encode()).hexdigest()}"
    return value


def equal(a: Any, b: Any, *, relative: float = 0.0) -> bool:
    """Whether two plain values are the same: NaN is NaN, and 0.0 is not -0.0."""
    if isinstance(a, float) and isinstance(b, float):
        if math.isnan(a) or math.isnan(b):
            return math.isnan(a) and math.isnan(b)
        if a == b:
            return math.copysign(1, a) == math.copysign(1, b)
        return relative > 0 and math.isclose(a, b, rel_tol=relative, abs_tol=0)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(equal(x, y, relative=relative) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(equal(a[key], b[key], relative=relative) for key in a)
    return type(a) is type(b) and a == b
