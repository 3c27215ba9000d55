"""Frames that fit the tables: rows of the driver, keys that join, and the time of each image."""

from __future__ import annotations

from datetime import datetime

from pyspark.sql import functions as F

from dataeval_spark.frames.contract import (
    NEIGHBOR_IDS,
    literal_map,
    rows_of,
    rows_of_dicts,
    same_keys,
    with_capture_time,
)
from dataeval_spark.tables.bias import DIVERSITY

IDS = "image_id string, target_index int"


def test_columns_that_a_row_does_not_name_are_null_and_no_run_is_named(frame):
    row = {"factor": "weather", "diversity": 0.5, "method": "simpson", "bins": 4, "filled_bins": 3}
    row |= {"threshold": 0.4, "is_low": False, "n": 10}

    found = rows_of_dicts(frame("n int", []), DIVERSITY, [row])

    assert found.columns == [name for name in DIVERSITY.column_names if name != "run_id"]
    assert [each.asDict() for each in found.collect()] == [{**row, "class_name": None}]


def test_no_rows_have_the_columns_of_the_table(frame):
    found = rows_of(frame("n int", []), DIVERSITY, [])

    assert found.columns == [name for name in DIVERSITY.column_names if name != "run_id"]
    assert found.count() == 0


def test_null_equals_null_in_keys(frame):
    left = frame(IDS, [("a", 1), ("a", None), ("b", None)]).alias("l")
    right = frame(IDS, [("a", None), ("b", 2)]).alias("r")

    found = left.join(right, on=same_keys(["image_id", "target_index"], "l", "r"), how="inner").select("l.*")

    assert [tuple(row) for row in found.collect()] == [("a", None)]


def test_keys_may_have_other_names_on_the_right(frame):
    lists = frame("neighbor_id string, neighbor_target_index int", [("a", None), ("b", 3), ("c", None)]).alias("l")
    right = frame(IDS, [("a", None), ("b", 3), ("c", 1)]).alias("r")

    found = lists.join(right, on=same_keys(NEIGHBOR_IDS, "l", "r"), how="inner").select("r.*")

    assert sorted(tuple(row) for row in found.collect()) == [("a", None), ("b", 3)]


def test_a_literal_map_gives_its_values_by_key(frame):
    names = frame("name string", [("valid",), ("train",)])

    found = names.select("name", F.try_element_at(literal_map({"valid": "val"}), "name").alias("split"))

    assert {tuple(row) for row in found.collect()} == {("valid", "val"), ("train", None)}


def test_a_time_of_the_source_is_kept_and_one_of_the_file_fills_the_gap(frame):
    given, of_file = datetime(2024, 1, 1), datetime(2024, 2, 2)
    images = frame("image_id string, captured_at timestamp", [("a", given), ("b", None), ("c", None)])
    stats = frame(
        "image_id string, target_index int, captured_at timestamp",
        [("a", None, of_file), ("b", None, of_file), ("b", 0, given), ("c", None, None)],
    )

    found = with_capture_time(images, stats)

    assert found.columns == ["image_id", "captured_at"]
    assert {tuple(row) for row in found.collect()} == {("a", given), ("b", of_file), ("c", None)}
    assert with_capture_time(images, None) is images
