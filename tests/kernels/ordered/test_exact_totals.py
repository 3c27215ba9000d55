"""Exact sums against fractions, for any parts and order."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dataeval_spark.kernels.ordered.exact_totals import ExactTotal

FINITE = st.floats(allow_nan=False, allow_infinity=False, width=64)
ROWS = st.lists(st.tuples(FINITE, st.integers(0, 1000)), max_size=20)


def total_of(rows):
    values, counts = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    return ExactTotal.of(values.astype(float), counts.astype(float))


@given(ROWS, ROWS)
def test_parts_add_up_to_the_exact_sum_in_any_order(first, second):
    exact = sum((Fraction(value) * count for value, count in first + second), Fraction(0))

    one, other = total_of(first) + total_of(second), total_of(second[::-1]) + total_of(first)

    assert one == other
    assert Fraction(one.whole) * Fraction(2) ** one.exponent == exact


@given(st.lists(st.floats(0, 1e100), max_size=20))
def test_the_sum_is_rounded_once(values):
    exact = sum(map(Fraction, values), Fraction(0))

    assert float(total_of([(value, 1) for value in values])) == float(exact)


@given(ROWS)
def test_a_text_is_read_as_the_number_that_was_written(rows):
    total = total_of(rows)

    assert ExactTotal.read(total.written()) == total
