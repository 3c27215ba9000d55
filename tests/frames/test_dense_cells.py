"""Cells of crossed factors against SQL, for any partitions."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.dense_cells import dense_cell_sums, dense_cells
from dataeval_spark.session.queries import counted_queries

ROWS = "a int, b int, c int, error double, size double"
FACTORS = {"a": 2, "b": 3, "c": 4}
MEASURES = {"error": 0.5, "size": 0.0}
CODE = st.one_of(st.none(), st.integers(-1, 4))
VALUE = st.one_of(st.none(), st.just(float("nan")), st.just(float("inf")), st.integers(-8, 8).map(lambda n: n / 4))
ROW = st.tuples(CODE, CODE, CODE, st.integers(0, 4).map(lambda n: n / 4), VALUE)


def expected_of(rows):
    """Cells by a loop over the rows; quarters are added exactly."""
    found = {}
    for *codes, error, size in rows:
        if size is None or not np.isfinite(size):
            continue
        for order in (1, 2, 3):
            for names in combinations(FACTORS, order):
                key = tuple(codes[list(FACTORS).index(name)] for name in names)
                if all(code is not None and 0 <= code < FACTORS[name] for name, code in zip(names, key, strict=True)):
                    cell = found.setdefault((names, key), [0, 0.0, 0.0, 0.0, 0.0])
                    added = (1, error - 0.5, (error - 0.5) ** 2, size, size**2)
                    found[names, key] = [sum(pair) for pair in zip(cell, added, strict=True)]
    return found


@pytest.mark.parametrize("partitions", [1, 2, 7, 64])
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROW, max_size=60))
def test_cells_are_those_of_a_loop_over_the_rows(frame, partitions, rows):
    found = dense_cells(frame(ROWS, rows).repartition(partitions), FACTORS, MEASURES)

    assert found.columns == ["factors", "codes", "n", "sum_error", "squares_error", "sum_size", "squares_size"]
    cells = {(tuple(row[0]), tuple(row[1])): list(row[2:]) for row in found.collect()}
    assert cells == expected_of(rows)


def test_arrays_hold_the_same_sums_in_the_order_of_the_codes(frame):
    rows = [(0, 1, None, 1.0, 0.0), (1, 2, 3, 0.0, 1.0), (1, 2, 3, 1.0, 1.0)]

    sums = dense_cell_sums(frame(ROWS, rows), FACTORS, {"error": 0.0}, order=2)

    assert sums.counts[0, 1].reshape(2, 3).tolist() == [[0, 1, 0], [0, 0, 2]]
    assert sums.sums[0, 1][0].reshape(2, 3).tolist() == [[0, 1, 0], [0, 0, 1]]
    assert (0, 1, 2) not in sums.counts


def test_without_measures_rows_are_counted(frame):
    found = dense_cells(frame(ROWS, [(0, 1, 2, None, None)]), {"a": 2}, order=1)

    assert [tuple(row) for row in found.collect()] == [(["a"], [0], 1)]


def test_queries_do_not_grow_with_the_factors(spark, frame):
    data = frame(ROWS, [(0, 1, 2, 0.0, 0.0)])
    counts = []
    for factors in ({"a": 2}, FACTORS):
        with counted_queries(spark) as queries:
            dense_cells(data.repartition(4), factors, MEASURES, order=1).collect()
        counts.append(queries.count)

    assert counts[0] == counts[1]


def test_more_cells_than_a_task_holds_are_refused_before_anything_runs(spark, frame):
    data = frame("a int", [])
    with (
        counted_queries(spark) as queries,
        pytest.raises(OptionError, match=r"400,080,001 cells[\s\S]*Hint: cross fewer"),
    ):
        dense_cells(data, {"a": 20_000, "b": 20_000, "c": 1}, order=2)
    with pytest.raises(OptionError, match=r"order is 4"):
        dense_cells(data, {"a": 2}, order=4)

    assert queries.count == 0


def test_sums_of_a_null_measure_are_those_of_rows_with_one(frame):
    found = dense_cells(frame("a int, x double", [(0, 1.0), (0, None)]), {"a": 1}, {"x": 0.0})

    assert [tuple(row[2:]) for row in found.orderBy(F.col("n")).collect()] == [(1, 1.0, 1.0)]
