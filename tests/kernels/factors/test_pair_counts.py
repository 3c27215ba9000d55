"""Counts of value pairs equal those of a loop, however the rows are batched."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics.cluster import contingency_matrix

from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.factors import pair_counts as module
from dataeval_spark.kernels.factors.factor_codes import as_maps
from dataeval_spark.kernels.factors.pair_counts import effect_of, pair_counts, table_of

R = np.random.default_rng(5)
CLASSES = R.choice(["cat", "dog", "ant"], 300)
CODES = {"z": R.integers(-1, 4, 300), "a": R.integers(0, 2, 300)}


def batches(size):
    maps = as_maps(CODES, 300, pa.int32())
    batch = pa.RecordBatch.from_arrays([pa.array(CLASSES), maps], names=["class_name", "bins"])
    return (batch.slice(start, size) for start in range(0, 300, size))


def counted(size):
    cells = Counter()
    for batch in pair_counts(batches(size)):
        for row in batch.to_pylist():
            cells[row["factor_a"], row["value_a"], row["factor_b"], row["value_b"]] += row["n"]
    return cells


@pytest.mark.parametrize("size", [7, 300])
@pytest.mark.parametrize("rows_at_once", [50, 1000])
def test_all_pairs_are_counted_once_with_each_factor_and_the_label(size, rows_at_once, monkeypatch):
    monkeypatch.setattr(module, "ROWS_AT_ONCE", rows_at_once)
    columns = {**{name: codes.astype(str) for name, codes in CODES.items()}, "class_name": CLASSES}
    expected = Counter()
    for first in columns:
        for second in columns:
            if first <= second:
                expected.update((first, x, second, y) for x, y in zip(columns[first], columns[second], strict=True))

    assert counted(size) == expected


def test_pairs_with_many_values_are_counted_without_a_table(monkeypatch):
    expected = counted(300)
    monkeypatch.setattr(module, "_DENSE_CELLS_PER_ROW", 0)
    monkeypatch.setattr(module, "_SMALL_TABLE", 0)

    assert counted(300) == expected


def test_no_rows_count_nothing():
    assert list(pair_counts(iter(()))) == []


def test_cells_become_a_table():
    rows, columns, table = table_of(["b", "a", "b"], ["x", "x", "y"], [1, 2, 3])

    assert (rows, columns) == (["a", "b"], ["x", "y"])
    assert table.tolist() == [[2, 0], [1, 3]]
    assert (
        table_of(CLASSES, CODES["z"].astype(str), np.ones(300, int))[2].tolist()
        == contingency_matrix(CLASSES, CODES["z"].astype(str)).tolist()
    )


def test_the_effect_of_a_table_is_the_mean_of_its_classes():
    classes, n = ["cat", "dog", "cat", "dog"], [10, 20, 30, 40]

    assert effect_of(classes, n, [2.0, 5.0, 2.0, 5.0]) == pytest.approx(0.6 * 2 + 0.4 * 5)
    assert effect_of(None, n, [3.0] * 4) == 3.0
    with pytest.raises(OptionError, match=r"earlier version(.|\n)*analyze contingency"):
        effect_of(classes, n, [None] * 4)
