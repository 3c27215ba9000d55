"""Fewer partitions: no row is lost, no query waits for ever."""

from __future__ import annotations

from pyspark.sql import functions as F

from dataeval_spark.session.partitions import merged_partitions
from dataeval_spark.session.settings import COALESCE


def partitions_of(frame):
    return frame.select(F.spark_partition_id().alias("partition"), "id").agg(
        F.count_distinct("partition").alias("partitions"), F.sum("id").alias("sum")
    )


def test_after_a_shuffle_the_query_ends_with_all_rows(spark):
    rows = spark.range(0, 100_000, 1, 2).repartition(5)

    assert partitions_of(merged_partitions(rows, 3)).collect()[0]["sum"] == sum(range(100_000))


def test_one_partition_is_one_on_every_engine(spark):
    assert partitions_of(merged_partitions(spark.range(0, 10, 1, 4), 1)).collect()[0]["partitions"] == 1


def test_where_it_is_not_safe_the_partitions_stay(spark):
    before = spark.conf.get(COALESCE, None)
    rows = spark.range(0, 10, 1, 4)
    try:
        spark.conf.set(COALESCE, "false")
        assert partitions_of(merged_partitions(rows, 2)).collect()[0]["partitions"] == 4
        spark.conf.set(COALESCE, "true")
        assert partitions_of(merged_partitions(rows, 2)).collect()[0]["partitions"] == 2
    finally:
        spark.conf.unset(COALESCE) if before is None else spark.conf.set(COALESCE, before)
