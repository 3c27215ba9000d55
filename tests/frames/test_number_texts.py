"""Texts of numbers against Python's."""

from __future__ import annotations

import numpy as np
import pytest
from pyspark.sql import functions as F

from dataeval_spark.frames.number_texts import fixed, significant

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
