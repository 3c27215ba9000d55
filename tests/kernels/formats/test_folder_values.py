"""Values in names of folders, and their types."""

from __future__ import annotations

import pytest

from dataeval_spark.kernels.formats.folder_values import folder_types, folder_values


def test_names_and_values_are_without_escapes_and_the_default_is_null():
    assert folder_values("a%20b=x%3D1/c=__HIVE_DEFAULT_PARTITION__/plain/d=1.parquet") == {"a b": "x=1", "c": None}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "-20", None], "int"),
        (["1", str(2**40)], "bigint"),
        (["1", "2.5", "nan"], "double"),
        (["2024-05-01"], "date"),
        (["2024-05-01", "1"], "string"),
        (["1_000"], "string"),
        (["20240501T"], "string"),
        ([None], "string"),
    ],
)
def test_a_column_has_the_narrowest_type(values, expected):
    assert folder_types([{"a": value} for value in values]) == {"a": expected}
