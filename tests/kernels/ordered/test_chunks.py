"""Chunks hold the rows of their group, bucket and side in order, and come back as they were."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from dataeval_spark.kernels.ordered import chunks
from dataeval_spark.kernels.ordered.chunks import Layout, group_codes, packed, slices, tables_of, unpacked
from dataeval_spark.tables.arrow import arrow_schema

SCHEMA = arrow_schema(
    "g string, value_name string, _bucket int, _side int, "
    "_values binary, _counts binary, _weights binary, _units binary"
)
BY_SIDE = Layout(("g",), ("x",), ("r", "c"), True)
WEIGHTED = Layout(("g",), ("x",), ("w",), False, "u")


def table(**columns):
    return pa.table(columns)


def test_rows_of_a_side_are_counted_in_order_without_nan_null_and_rows_of_no_side():
    rows = table(
        g=["a"] * 8,
        x=pa.array([2.0, 2.0, 2.0, 1.0, float("nan"), None, 9.0, -0.0], pa.float64()),
        r=[True, True, True, True, True, True, False, False],
        c=[False, False, False, False, False, True, False, True],
    )

    found = {(each.key, each.side): (each.values.tolist(), each.counts) for each in slices(rows, BY_SIDE)}

    assert found[("a",), 1][0] == [1.0, 2.0]
    assert found[("a",), 1][1].tolist() == [1, 3]
    assert found[("a",), 2] == ([0.0], None)
    assert set(found) == {(("a",), 1), (("a",), 2)}


def test_null_is_a_group_and_groups_of_several_columns_are_told_apart():
    rows = table(a=["x", None, "x", None], b=[1, 1, 2, 1])

    codes, keys = group_codes(rows, ["a", "b"])

    assert [keys[code] for code in codes] == [("x", 1), (None, 1), ("x", 2), (None, 1)]


def test_equal_rows_with_weights_and_units_are_counted():
    rows = table(g=["a"] * 4, x=[1.0, 1.0, 1.0, 0.0], w=[0.5, 0.5, 2.0, 0.0], u=[7, 7, 7, 7])

    (found,) = slices(rows, WEIGHTED)

    assert (found.values.tolist(), found.weights.ravel().tolist()) == ([1.0, 1.0], [0.5, 2.0])
    assert (found.counts.tolist(), found.units.tolist()) == ([2, 1], [7, 7])


@pytest.mark.parametrize("layout", [BY_SIDE, WEIGHTED], ids=["by side", "weighted"])
def test_chunks_of_a_bucket_come_back_as_its_rows(layout, monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK", 4)
    random = np.random.default_rng(0)
    x = random.integers(0, 50, 500).astype(float)
    is_current = random.random(500) < 0.3
    weight, unit = random.integers(1, 3, 500).astype(float), random.integers(0, 9, 500)
    rows = table(g=["a"] * 500, x=x, r=~is_current, c=is_current, w=weight, u=unit)
    bounds = {(("a",), "x"): np.array([10.0, 20.0])}

    batch = pa.Table.from_batches([packed(rows, layout, bounds, SCHEMA)])
    inside = batch.filter(pa.compute.equal(batch["_bucket"], 1))
    found = unpacked(inside, layout)

    chosen = (x >= 10) & (x < 20)
    assert inside.num_rows > 2
    assert (np.diff(found.values) >= 0).all()
    columns = [~is_current, is_current] if layout is BY_SIDE else [weight]
    for at, column in enumerate(columns):
        expected = np.bincount(x[chosen].astype(int), column[chosen], 20)
        assert np.bincount(found.values.astype(int), found.weights[:, at], 20).tolist() == expected.tolist()
    if layout is WEIGHTED:
        pairs = set(zip(found.values, found.units, strict=True))
        assert pairs == set(zip(x[chosen], unit[chosen], strict=True))


def test_batches_are_put_together_up_to_a_million_values(monkeypatch):
    monkeypatch.setattr(chunks, "ROWS_AT_ONCE", 10)
    batches = [pa.RecordBatch.from_pydict({"x": [1.0, 2.0]})] * 5

    assert [each.num_rows for each in tables_of(batches, 2)] == [6, 4]
