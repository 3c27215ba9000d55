"""Quotients of any numbers, null where there is none."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from pyspark.sql import functions as F

from dataeval_spark.frames.ratios import ratio

NAN, INFINITE = float("nan"), float("inf")


def quotient(frame, kind, a, b):
    (row,) = frame(f"a {kind}, b {kind}", [(a, b)]).select(ratio("a", F.col("b")).alias("q")).collect()
    return row["q"]


@pytest.mark.parametrize(
    ("kind", "a", "b", "expected"),
    [
        ("int", 1, 3, 1 / 3),
        ("bigint", 2**53 + 1, 1, float(2**53)),
        ("int", 7, 0, None),
        ("int", 0, 0, None),
        ("int", -7, 2, -3.5),
        ("int", None, 2, None),
        ("int", 2, None, None),
        ("double", 1.0, 3.0, 1 / 3),
        ("double", 1.0, 0.0, None),
        ("double", 1.0, -0.0, None),
        ("double", 0.0, 0.0, None),
        ("double", 1.0, INFINITE, 0.0),
        ("double", INFINITE, 2.0, INFINITE),
        ("double", 1e-308, 1e10, 1e-318),
        ("double", 1e308, 1e-10, INFINITE),
        ("double", None, 0.0, None),
        ("float", 1.0, 3.0, 1 / 3),
        ("decimal(10,2)", Decimal("1.00"), Decimal("3.00"), 1 / 3),
        ("decimal(10,2)", Decimal("1.00"), Decimal("0.00"), None),
        ("decimal(10,2)", None, Decimal("2.00"), None),
    ],
)
def test_the_quotient_is_that_of_doubles_and_null_over_zero(frame, kind, a, b, expected):
    assert quotient(frame, kind, a, b) == expected


@pytest.mark.parametrize(("a", "b"), [(NAN, 1.0), (1.0, NAN), (NAN, NAN), (INFINITE, INFINITE)])
def test_nan_stays_nan(frame, a, b):
    assert math.isnan(quotient(frame, "double", a, b))


@pytest.mark.parametrize(("a", "b", "sign"), [(0.0, 2.0, 1.0), (-0.0, 2.0, -1.0), (0.0, -2.0, -1.0)])
def test_zero_keeps_its_sign(frame, a, b, sign):
    found = quotient(frame, "double", a, b)

    assert (found, math.copysign(1.0, found)) == (0.0, sign)


def test_nan_over_zero_is_null(frame):
    assert quotient(frame, "double", NAN, 0.0) is None


def test_types_may_differ_and_literals_do(frame):
    rows = frame("a int, b decimal(5,1)", [(1, Decimal("4.0"))])

    assert rows.select(ratio("a", "b").alias("q"), ratio(F.lit(3), "a").alias("r")).collect() == [(0.25, 3.0)]
