"""Codes and maps of a batch of rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from dataeval_spark.kernels.factors.binning import Bins
from dataeval_spark.kernels.factors.factor_codes import as_maps, codes_of, from_maps

BATCH = pa.RecordBatch.from_arrays(
    [
        pa.array([{"age": 3.0, "size": 1.0}, {"age": None, "size": 9.0}]),
        pa.array([{"weather": "rain"}, {"weather": None}]),
    ],
    names=["numbers", "texts"],
)
BINS = {
    "age": Bins("given", edges=(0.0, 5.0)),
    "weather": Bins("categorical", levels=("rain", "sun")),
    "gone": Bins("discrete", levels=(1.0,)),
}


def test_each_factor_is_coded_and_a_factor_that_is_not_there_is_missing():
    codes = codes_of(BATCH, BINS)

    assert {name: values.tolist() for name, values in codes.items()} == {
        "age": [1, 3],
        "weather": [0, 2],
        "gone": [1, 1],
    }


def test_a_text_that_is_no_level_is_unseen():
    assert codes_of(BATCH, {"weather": Bins("categorical", levels=("snow",))})["weather"].tolist() == [-1, 1]


def test_maps_come_back_sorted_by_key_with_missing_values_left_out():
    maps = as_maps({"b": np.array([1.0, np.nan]), "a": np.array([3.0, 4.0])}, 2, pa.float64())

    assert maps.to_pylist() == [[("b", 1.0), ("a", 3.0)], [("a", 4.0)]]
    names, values = from_maps(maps)
    assert names == ["a", "b"]
    np.testing.assert_array_equal(values, [[3.0, 1.0], [4.0, np.nan]])


def test_a_slice_of_maps_is_read_as_its_own_rows():
    maps = as_maps({"a": np.arange(5.0), "b": np.arange(5.0) * 10}, 5, pa.float64())

    np.testing.assert_array_equal(from_maps(maps.slice(3))[1], [[3.0, 30.0], [4.0, 40.0]])


def test_no_factors_are_empty_maps():
    assert as_maps({}, 2, pa.int32()).to_pylist() == [[], []]
    names, values = from_maps(as_maps({}, 2, pa.int32()))
    assert (names, values.shape) == ([], (2, 0))
