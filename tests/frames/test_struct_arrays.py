"""Arrays of structs whose fields are literals here and columns there, on every engine."""

from __future__ import annotations

from pyspark.sql import functions as F

from dataeval_spark.frames.struct_arrays import struct_array

ROWS = [("a", 1.0), ("b", None)]


def entries():
    # What an engine simplifies to a literal only when it runs the query is the hard case.
    simplified = F.nullif(F.lit("low"), F.lit("other"))
    return struct_array(
        {"side": F.lit("value"), "n": F.col("value"), "whole": F.lit(1)},
        {"side": simplified, "n": F.lit(0.5), "whole": F.lit(None).cast("int")},
        {"side": F.when(F.col("value") > 0, "positive"), "n": -F.col("value"), "whole": F.lit(3)},
    )


def test_each_entry_is_a_row_with_the_names_of_its_fields(frame):
    found = frame("id string, value double", ROWS).select("id", F.inline(entries()))

    assert found.columns == ["id", "side", "n", "whole"]
    assert sorted(map(tuple, found.collect()), key=str) == sorted(
        [
            ("a", "value", 1.0, 1),
            ("a", "low", 0.5, None),
            ("a", "positive", -1.0, 3),
            ("b", "value", None, 1),
            ("b", "low", 0.5, None),
            ("b", None, None, 3),
        ],
        key=str,
    )


def test_fields_are_found_by_name_after_explode(frame):
    found = frame("id string, value double", ROWS).select("id", F.explode(entries()).alias("e")).where("e.side = 'low'")

    assert [tuple(row) for row in found.select("e.n", "e.whole").collect()] == [(0.5, None), (0.5, None)]


def test_one_entry_makes_one_row(frame):
    made = struct_array({"side": F.lit("x"), "n": F.col("value")})

    assert frame("id string, value double", ROWS).select(F.inline(made)).where("n IS NULL").collect() == [("x", None)]
