"""State between operations: which images and labels are left, and numbers that are drawn from hashes."""

from __future__ import annotations

import pytest
from pyspark.sql import functions as F
from scipy.stats import kstest

from dataeval_spark.errors import OptionError
from dataeval_spark.verbs.select.state import Selection, hashed, uniform


def members(selection):
    return sorted(row["image_id"] for row in selection.members.collect())


def test_everything_is_each_live_image_once_with_all_its_labels(tables):
    selection = Selection.of_everything(tables)

    assert members(selection) == ["a0", "a1", "a2", "a3", "a4", "b0", "b1", "b2", "b3", "b4"]
    assert {(row["copy"], row["order_key"]) for row in selection.members.collect()} == {(0, 0)}
    assert selection.labels.count() == 11


def test_images_are_taken_or_left_out_and_labels_stay(tables, frame):
    selection = Selection.of_everything(tables)
    some = frame("image_id string, note string", [("a1", "x"), ("b2", "y"), ("unknown", "z")])

    assert members(selection.among(some)) == ["a1", "b2"]
    assert members(selection.without(some)) == ["a0", "a2", "a3", "a4", "b0", "b1", "b3", "b4"]
    assert selection.without(some).labels.count() == 11


def test_images_that_are_left_out_have_one_reason_each(tables, frame):
    rows = frame("image_id string, note string", [("a1", "y"), ("a1", "x"), ("b2", "y")])

    rest = Selection.of_everything(tables).without(rows, F.min("note"))

    assert sorted(tuple(row) for row in rest.reasons.collect()) == [("a1", "x"), ("b2", "y")]


def test_each_class_of_an_image_counts_once(tables):
    rows = Selection.of_everything(tables).classes().where("image_id IN ('a1', 'a4', 'b2')").collect()

    assert sorted(tuple(row) for row in rows) == [("a1", "cat"), ("a1", "dog"), ("b2", "cat")]


def test_a_table_that_has_not_been_filled_is_named_with_the_command_that_fills_it(tables):
    few = Selection.of_everything({name: tables[name] for name in ("images", "targets")})

    with pytest.raises(
        OptionError,
        match=r"drop_outliers needs table outliers, which has not been filled\.\nHint: dataeval-spark analyze",
    ):
        few.table("outliers", "drop_outliers")


def test_drawn_numbers_are_uniform_above_zero_and_the_same_for_any_partitions(spark):
    ids = spark.range(20_000).select(F.col("id").cast("string").alias("image_id"))
    drawn = [
        ids.repartition(parts)
        .select("image_id", uniform(7, "image_id").alias("u"))
        .toPandas()
        .set_index("image_id")["u"]
        for parts in (1, 7)
    ]

    assert drawn[0].sort_index().equals(drawn[1].sort_index())
    assert drawn[0].min() > 0
    assert drawn[0].max() <= 1
    assert kstest(drawn[0], "uniform").pvalue > 0.01


def test_another_seed_gives_another_hash(spark):
    row = spark.sql("SELECT 'a' AS x").select(hashed(1, "x").alias("one"), hashed(2, "x").alias("two")).first()

    assert row["one"] != row["two"]
