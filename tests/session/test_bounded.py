"""Rows that come to the driver: all of them, or an error that names their bound."""

from __future__ import annotations

import pytest
from pyspark.sql import functions as F

from dataeval_spark.errors import TooManyRowsError
from dataeval_spark.session.bounded import bounded, bounded_arrow, one_row, streamed


def test_as_many_rows_as_are_expected_come(spark):
    assert [row["id"] for row in bounded(spark.range(3), "three rows", at_most=3)] == [0, 1, 2]
    assert bounded_arrow(spark.range(3), "three rows", at_most=3).to_pydict() == {"id": [0, 1, 2]}
    assert [row["id"] for row in streamed(spark.range(3))] == [0, 1, 2]


def test_an_aggregate_is_one_row(spark):
    assert one_row(spark.range(3), F.sum("id").alias("total")).asDict() == {"total": 3}
    assert one_row(spark.range(1)).asDict() == {"id": 0}


def test_more_rows_than_the_bound_are_refused_by_its_name(spark):
    with pytest.raises(TooManyRowsError, match="3 rows came to the driver; expected one row per factor, at most 2"):
        bounded(spark.range(3), "one row per factor", at_most=2)
    with pytest.raises(TooManyRowsError, match="expected units x parts, at most 2"):
        bounded_arrow(spark.range(3), "units x parts", at_most=2)
