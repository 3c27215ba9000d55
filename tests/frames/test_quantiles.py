"""Exact quantiles equal numpy's, whatever the groups, ties and partitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataeval_spark.frames.quantiles import exact_quantiles, unpivot

PROBABILITIES = {"q0": 0.0, "q10": 0.1, "q25": 0.25, "median": 0.5, "q90": 0.9, "q100": 1.0}
TIED = st.sampled_from([-3.0, -0.0, 0.0, 0.1, 7.5])
VALUES = st.lists(TIED | st.floats(-1e3, 1e3), min_size=1, max_size=30)


@settings(max_examples=4, deadline=None)
@given(groups=st.dictionaries(st.sampled_from(["a", "b", None]), VALUES, min_size=1))
@pytest.mark.parametrize("partitions", [1, 7])
@pytest.mark.parametrize("interpolation", ["linear", "midpoint"])
def test_quantiles_equal_numpy_also_of_the_group_without_a_name(frame, interpolation, partitions, groups):
    rows = [(key, value) for key, values in groups.items() for value in values]
    table = frame("key string, value double", rows).repartition(partitions)

    found = exact_quantiles(table, ["key"], "value", PROBABILITIES, interpolation=interpolation).collect()

    assert {row["key"]: row["n"] for row in found} == {key: len(values) for key, values in groups.items()}
    for row in found:
        expected = np.quantile(groups[row["key"]], list(PROBABILITIES.values()), method=interpolation)
        assert [row[name] for name in PROBABILITIES] == pytest.approx(expected.tolist(), rel=1e-12, abs=1e-11)


def test_a_quantile_between_equal_values_is_that_value_without_rounding(frame):
    table = frame("value double", [(0.1,)] * 4)

    (row,) = exact_quantiles(table, [], "value", {"q30": 0.3, "q77": 0.77}).collect()

    assert (row["n"], row["q30"], row["q77"]) == (4, 0.1, 0.1)


def test_no_rows_have_no_quantiles(frame):
    table = frame("key string, value double", [])

    assert exact_quantiles(table, ["key"], "value", {"median": 0.5}).collect() == []


def test_unpivot_gives_a_row_per_key_and_statistic_but_for_null_and_nan(frame):
    table = frame(
        "image_id string, width int, mean double",
        [("a", 4, 0.5), ("b", None, 1.5), ("c", 6, float("nan")), ("d", None, None), ("e", 7, float("inf"))],
    )

    long = unpivot(table, ["image_id"], ["width", "mean"])

    assert long.columns == ["image_id", "statistic", "value"]
    assert sorted(map(tuple, long.collect())) == [
        ("a", "mean", 0.5),
        ("a", "width", 4.0),
        ("b", "mean", 1.5),
        ("c", "width", 6.0),
        ("e", "mean", float("inf")),
        ("e", "width", 7.0),
    ]
