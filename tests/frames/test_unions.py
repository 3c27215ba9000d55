"""Unions of frames that do not have the same columns."""

from __future__ import annotations

from dataeval_spark.frames.unions import union_of_all_columns

BOX = "struct<x0:double,x1:double>"


def test_a_column_that_one_frame_lacks_is_null_in_its_rows_and_has_the_type_of_the_other(frame):
    ids = frame("image_id string, n int", [("a", 1)])
    boxes = frame(f"box {BOX}, image_id string", [((0.0, 2.0), "b"), (None, "c")])

    both = union_of_all_columns(ids, boxes)

    assert both.dtypes == [("image_id", "string"), ("n", "int"), ("box", BOX)]
    assert sorted(tuple(row) for row in both.select("image_id", "n", "box.x1").collect()) == [
        ("a", 1, None),
        ("b", None, 2.0),
        ("c", None, None),
    ]


def test_frames_with_the_same_columns_are_joined_by_name(frame):
    one, other = frame("a int, b string", [(1, "x")]), frame("b string, a int", [("y", 2)])

    assert [tuple(row) for row in union_of_all_columns(one, other).orderBy("a").collect()] == [(1, "x"), (2, "y")]
