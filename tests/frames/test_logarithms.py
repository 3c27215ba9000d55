"""The logarithm of one and a little more against the C library's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pyspark.sql import functions as F

from dataeval_spark.frames.logarithms import log_of_one_and

RNG = np.random.default_rng(0)
VALUES = [
    *(0.0, 1e-300, 5e-17, 1e-10, 1e-6, 0.1, 0.49999999, 0.5, 0.50000001, 1.0, 12.0, 1e10, 1e17, 1e308),
    *(-1e-300, -1e-17, -1e-6, -0.1, -0.49999999, -0.5, -0.75, -0.999, -1 + 2**-52),
    *(10.0 ** RNG.uniform(-20, 20, 200)).tolist(),
    *(-(10.0 ** RNG.uniform(-20, 0, 200))).tolist(),
    *RNG.uniform(-1, 2, 200).tolist(),
]


def logs(frame, values):
    rows = frame("n int, x double", list(enumerate(values))).orderBy("n")
    return [row["y"] for row in rows.select(log_of_one_and(F.col("x")).alias("y")).collect()]


def test_it_is_exact_to_a_few_units_of_the_last_place(frame):
    assert logs(frame, VALUES) == pytest.approx([math.log1p(x) for x in VALUES], rel=1e-15, abs=0.0)


def test_it_has_no_value_up_to_minus_one_and_none_of_null(frame):
    assert logs(frame, [None, -1.0, -2.0, -3.5]) == [None] * 4
    assert logs(frame, [float("inf")]) == [math.inf]
    assert math.isnan(logs(frame, [float("nan")])[0])
