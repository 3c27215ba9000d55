"""A kernel sees each group whole and in order."""

from __future__ import annotations

import pyarrow as pa
import pytest

from dataeval_spark.frames.batches import map_batches
from dataeval_spark.frames.sorted_groups import PLACE, sorted_groups


def runs(batches):
    """Group, number of rows and sum of places of each run of rows of one group; whether they are in order."""
    rows = [row for batch in batches for row in batch.to_pylist()]
    starts = [n for n, row in enumerate(rows) if n == 0 or row["shard"] != rows[n - 1]["shard"]]
    found = []
    for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
        numbers = [row["number"] for row in rows[start:end]]
        places = [row[PLACE] for row in rows[start:end]]
        is_sorted = numbers == sorted(numbers) and places == list(range(1, len(places) + 1))
        found.append({"shard": rows[start]["shard"], "n": len(numbers), "is_sorted": is_sorted})
    yield pa.RecordBatch.from_pylist(found, pa.schema([("shard", "int64"), ("n", "int64"), ("is_sorted", "bool")]))


@pytest.mark.parametrize("partitions", [1, 7])
def test_each_group_is_one_run_of_rows_in_order(spark, partitions):
    rows = spark.range(30_000).selectExpr("id * 7919 % 30000 AS number", "id * 7919 % 30000 % 5 AS shard")

    found = map_batches(
        sorted_groups(rows.repartition(partitions), ["shard"], ["number"]),
        runs,
        "shard bigint, n bigint, is_sorted boolean",
    )

    assert sorted(tuple(row) for row in found.collect()) == [(shard, 6000, True) for shard in range(5)]
