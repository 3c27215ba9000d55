"""Objects of JSON, and the types that all of them fit."""

from __future__ import annotations

import io
from functools import reduce

import pytest

from dataeval_spark.kernels.formats.json_rows import as_type, common_type, ddl_of, json_objects, type_of


@pytest.mark.parametrize(
    ("values", "ddl", "converted"),
    [
        ([1, None, 2], "bigint", [1, None, 2]),
        ([1, 2.5], "double", [1.0, 2.5]),
        ([2**63, 1], "double", [2.0**63, 1.0]),
        ([10**400], "double", [float("inf")]),
        ([True, False], "boolean", [True, False]),
        ([True, 1], "string", ["true", "1"]),
        (["a", 1.5, None, {"b": 1}, [1, "é"]], "string", ["a", "1.5", None, '{"b":1}', '[1,"é"]']),
        ([None], "string", [None]),
        (["\ud800"], "string", ["?"]),
        ([[1], [None, 2.5], []], "array<double>", [[1.0], [None, 2.5], []]),
        ([[]], "array<string>", [[]]),
        ([{"b": 1}, {"a": "x", "b": 2}], "struct<`a`: string, `b`: bigint>", [{"b": 1, "a": None}, {"a": "x", "b": 2}]),
        ([{}], None, [{}]),
        ([[{}]], None, [[{}]]),
    ],
)
def test_values_become_of_the_one_type_that_holds_all(values, ddl, converted):
    type = reduce(common_type, map(type_of, values))

    assert ddl_of(type) == ddl
    assert [as_type(value, type) for value in values] == converted


def test_a_line_is_an_object_or_an_array_of_some_and_all_else_stays_text():
    text = '{"a": 1}\r\n\n[{"a": 2}, {"a": 3}]\n{"a":\n5\n'

    found = list(json_objects(io.StringIO(text), is_whole=False))

    assert found == [{"a": 1}, {"a": 2}, {"a": 3}, '{"a":', "5"]


def test_a_file_may_be_one_array():
    assert list(json_objects(io.StringIO('[{"a":\n1},\n{"a": 2}]'), is_whole=True)) == [{"a": 1}, {"a": 2}]


def test_what_is_nested_too_deeply_is_no_object():
    assert list(json_objects(io.StringIO("[" * 100_000), is_whole=False)) == ["[" * 100_000]
