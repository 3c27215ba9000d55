"""Metadata of one image as typed text."""

from __future__ import annotations

import numpy as np

from dataeval_spark.kernels.formats.factor_values import factor_values


def test_every_single_value_has_its_type_and_lists_are_left_out():
    found = factor_values(
        {"b": True, "i": -3, "f": 2.5, "s": "007", "none": None, "list": [1], "n": np.float32(0.5), "big": 2**70, "": 1}
    )

    assert [(name, value["type"], value["text"]) for name, value in found] == [
        ("b", "boolean", "true"),
        ("i", "bigint", "-3"),
        ("f", "double", "2.5"),
        ("s", "string", "007"),
        ("n", "double", "0.5"),
        ("big", "string", str(2**70)),
    ]


def test_inner_dictionaries_are_joined_by_name_and_a_name_counts_once():
    found = factor_values({"a": {"b": 1, "c": {"d": "x"}}, "a_b": 2, "id": 5}, without=("id",))

    assert [(name, value["text"]) for name, value in found] == [("a_b", "2"), ("a_c_d", "x")]


def test_numbers_without_a_decimal_form_are_written_as_spark_reads_them():
    found = factor_values({"x": float("nan"), "y": float("-inf"), "z": 1e300})

    assert [value["text"] for _, value in found] == ["NaN", "-Infinity", "1e+300"]
