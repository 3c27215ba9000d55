"""NaN and finite numbers, beside nulls."""

from __future__ import annotations

import pytest
from pyspark.sql import functions as F

from dataeval_spark.frames.finite import is_finite, is_nan

VALUES = [None, 0.0, -0.0, 1e308, float("inf"), -float("inf"), float("nan"), -float("nan")]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (lambda: is_nan("x"), [False] * 6 + [True, True]),
        (lambda: ~is_nan(F.col("x")), [True] * 6 + [False, False]),
        (lambda: is_finite("x"), [False, True, True, True, False, False, False, False]),
    ],
    ids=["nan", "not nan", "finite"],
)
def test_null_is_neither_nan_nor_finite(frame, column, expected):
    rows = frame("n int, x double", list(enumerate(VALUES))).orderBy("n").select(column().alias("found")).collect()

    assert [row["found"] for row in rows] == expected
