"""Types of JSON values by the rules of Spark."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataeval_spark.kernels.formats.json_types import arrow_type_of, finished, merged, sql_type_of, type_of

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([None, 1], "bigint"),
        (["", True], "boolean"),
        ([1, 2.5, None], "double"),
        ([True, 1], "string"),
        (["a", 1], "string"),
        ([2**63], "decimal(19, 0)"),
        ([2**63, 1], "decimal(20, 0)"),
        ([10**24, 2**63], "decimal(25, 0)"),
        ([10**24, 0.5], "double"),
        ([10**38], "double"),
        ([None, ""], "string"),
        ([[], [None]], "array<string>"),
        ([[1], [2.5, ""]], "array<double>"),
        ([[1], {"a": 1}], "string"),
        ([{"b": 1}, {"a": [True]}, {"b": 1.5}], "struct<`a`: array<boolean>, `b`: double>"),
        ([{"a": {}, "b": 1}], "struct<`b`: bigint>"),
    ],
)
def test_the_type_of_a_column_holds_all_its_values(values, expected):
    type_ = "null"
    for value in values:
        type_ = merged(type_, type_of(value, []), [])

    assert sql_type_of(finished(type_)) == expected


@pytest.mark.parametrize("value", [{}, [{}], {"a": {}, "": 1}])
def test_an_object_without_fields_is_no_column(value):
    assert finished(type_of(value, [])) is None


def test_a_string_of_several_types_is_noted():
    mixed: list[bool] = []

    assert type_of([1, "a"], mixed) == {"array": "string"}
    assert mixed == [True]


@given(VALUES, VALUES, VALUES)
def test_the_order_of_the_values_does_not_matter(a, b, c):
    types = [type_of(value, []) for value in (a, b, c)]
    left = finished(merged(merged(types[0], types[1], []), types[2], []))
    right = finished(merged(types[0], merged(types[2], types[1], []), []))

    assert left == right
    if left is not None:
        assert arrow_type_of(left) is not None
