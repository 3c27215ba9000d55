"""Statistics from the counts of the values 0..255."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dataeval_spark.kernels.images.compiled.moments import moments, value_at


def counts_of(*channels: list[int]) -> np.ndarray:
    return np.stack([np.bincount(values, minlength=256) for values in channels]).astype(np.int64)


def test_the_statistics_of_two_values_are_those_of_the_definition():
    (row,) = moments(counts_of([0, 0, 4, 4]), 4).tolist()

    # mean, std, var, skew, kurtosis, entropy, missing, zeros; percentiles 0, 25, 50, 75, 100
    assert row == pytest.approx([2, 2, 4, 0, -2, math.log(2), 0.5, 0.25, 0, 0, 2, 4, 4], abs=1e-15)


def test_all_channels_together_come_first():
    table = moments(counts_of([10, 10], [20, 20], [60, 60]), 0)

    assert table[:, 0].tolist() == [30.0, 10.0, 20.0, 60.0]
    assert table[1:, 1:6].tolist() == [[0.0] * 5] * 3


def test_values_are_counted_off_in_their_order():
    counts = counts_of([7, 7, 9])[0]

    assert [value_at(counts, rank) for rank in range(4)] == [7, 7, 9, 256]
