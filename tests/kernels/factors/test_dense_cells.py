"""Sums of cells against a loop over rows."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from dataeval_spark.kernels.factors import dense_cells
from dataeval_spark.kernels.factors.dense_cells import CellSums, cell_count, codes_of_cells, crossings

SIZES = (2, 3, 4)


def made(rows, seed=0):
    random = np.random.default_rng(seed)
    codes = np.column_stack([random.integers(-1, size + 1, rows) for size in SIZES])
    return codes, random.normal(size=(rows, 1))


def test_every_row_is_in_its_cell_of_every_crossing_of_factors_that_it_has(monkeypatch):
    monkeypatch.setattr(dense_cells, "ROWS_AT_ONCE", 64)
    codes, values = made(300)
    sums = CellSums.empty(SIZES, 3, 1)

    sums.add(codes, values)

    expected, totals, squares = Counter(), Counter(), Counter()
    for row, (value,) in zip(codes.tolist(), values.tolist(), strict=True):
        for size in (1, 2, 3):
            for crossing in combinations(range(3), size):
                if all(0 <= row[at] < SIZES[at] for at in crossing):
                    cell = (crossing, tuple(row[at] for at in crossing))
                    expected[cell] += 1
                    totals[cell] += value
                    squares[cell] += value * value
    found = {}
    for crossing, counts in sums.counts.items():
        for place, key in enumerate(codes_of_cells(crossing, SIZES, np.arange(counts.size)).tolist()):
            if counts[place]:
                found[crossing, tuple(key)] = (counts[place], *sums.sums[crossing][:, place])
    assert {cell: each[0] for cell, each in found.items()} == dict(expected)
    for cell, each in found.items():
        assert each[1:] == pytest.approx((totals[cell], squares[cell]), rel=1e-12, abs=1e-12)


def test_parts_are_merged_to_the_sums_of_all():
    whole, first, second = (CellSums.empty(SIZES, 2, 1) for _ in range(3))
    codes, values = made(100)
    whole.add(codes, values)
    first.add(codes[:40], values[:40])
    second.add(codes[40:], values[40:])

    first.merge(second)

    for crossing in crossings(3, 2):
        assert first.counts[crossing].tolist() == whole.counts[crossing].tolist()
        assert first.sums[crossing] == pytest.approx(whole.sums[crossing], abs=1e-12)


def test_cells_are_counted_without_listing_them():
    assert cell_count([2, 3, 4], 2) == 2 + 3 + 4 + 6 + 8 + 12
    assert cell_count([2, 3, 4], 3) == sum(each.size for each in CellSums.empty(SIZES, 3, 0).counts.values())
