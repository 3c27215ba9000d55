"""Queries sent to the engine are counted on each."""

from __future__ import annotations

from dataeval_spark.session.queries import counted_queries


def test_each_query_is_counted_and_none_for_a_plan_alone(spark):
    with counted_queries(spark) as queries:
        frame = spark.range(10).where("id > 3")
        frame.collect()
        frame.collect()

    assert queries.count == 2


def test_nothing_is_counted_after_the_block(spark):
    with counted_queries(spark) as queries:
        spark.range(1).collect()
    spark.range(1).collect()

    assert queries.count == 1
