"""Texts of numbers against Python's."""

from __future__ import annotations

import numpy as np
import pytest
from pyspark.sql import functions as F

from dataeval_spark.frames.number_texts import fixed, id_text, shown, significant, with_text

RNG = np.random.default_rng(0)
# Ties are of binary numbers: 0.125 is one, 1.005 is a little below its text.
PLAIN = [0.0, 0.4, 0.125, 0.375, 1.005, 2.5, 3.5, 999.96, 9999.4, 12345.678, -2.5, -0.51, 1234567.5, 4.0, 10.0, 100.0]
RANDOM = [*RNG.normal(0, 1, 50).tolist(), *(10.0 ** RNG.uniform(-12, 12, 50)).tolist()]
FAR = [9999.5, 12346.0, 99999.0, 1e10, 1e-5, 1.5e-7, 9.9996e-5, 9.9994e-5, -1e-9, -99999.0, 1e300, 1e-300, 123456789.0]


def texts(frame, values, column):
    rows = list(enumerate(values))
    return [row["t"] for row in frame("n int, x double", rows).orderBy("n").select(column.alias("t")).collect()]


@pytest.mark.parametrize("places", [0, 1, 2])
def test_fixed_has_pythons_digits(frame, places):
    values = [*PLAIN, *(value for value in RANDOM if abs(value) < 1e9)]

    assert texts(frame, values, fixed(F.col("x"), places)) == [f"{value:.{places}f}" for value in values]


def test_significant_digits_are_pythons_with_their_zeros(frame):
    values = [*PLAIN, *RANDOM, *FAR]
    found = texts(frame, values, significant(F.col("x"), 4))

    assert found == [f"{value:#.4g}".removesuffix(".") for value in values]


def test_null_has_no_text_and_what_is_no_number_has_a_name(frame):
    values = [None, float("nan"), float("inf"), -float("inf")]

    assert texts(frame, values, significant(F.col("x"), 4)) == [None, "NaN", "Infinity", "-Infinity"]
    assert texts(frame, [None], fixed(F.col("x"), 2)) == [None]


def test_a_number_is_shown_as_it_is_where_each_engine_writes_it_so(frame):
    expected = {0.001: "0.001", 0.25: "0.25", -1.5: "-1.5", 0.1 + 0.2: "0.30000000000000004", -0.0: "0.0"}
    expected |= {
        1e7: "10000000",
        -2.5e-5: "-0.000025",
        123456789012345.7: "123456789012346",
        1e300: "10^15 or more",
        1234567.5: "1234567.5",
    }
    expected |= {float("inf"): "Infinity", -float("inf"): "-Infinity", None: None}

    assert texts(frame, expected, shown(F.col("x"))) == list(expected.values())
    assert texts(frame, [float("nan")], shown(F.col("x"))) == ["NaN"]


def test_ids_that_are_whole_numbers_have_no_exponent(frame):
    values = [1.0, -3.0, 12345678.0, 1.5, 123456789012345.0, None]

    assert texts(frame, values, id_text("x", "double")) == [
        "1.0",
        "-3.0",
        "12345678.0",
        "1.5",
        "123456789012345.0",
        None,
    ]
    assert texts(frame, [1.0], id_text("n", "int")) == ["0"]


@pytest.mark.parametrize("type", ["double", "float"])
def test_a_kernel_writes_any_number_by_its_shortest_digits(frame, type):
    values = [*FAR, *RANDOM, -0.0, None, float("nan"), float("inf"), -float("inf")]
    rows = frame(f"n int, x {type}", list(enumerate(values)))
    numbers = np.array(values, float if type == "double" else np.float32)
    expected = [{"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(str(x), str(x)) for x in numbers + 0]
    expected[values.index(None)] = None

    found = with_text(rows, "n", "x").orderBy("n").collect()

    assert [row["x"] for row in found] == expected


def test_what_is_no_fraction_is_cast(frame):
    assert with_text(frame("n int, x string", [(1, "a"), (2, None)]), "n", "x").orderBy("n").collect() == [
        (1, "a"),
        (2, None),
    ]
