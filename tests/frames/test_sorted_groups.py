"""Groups come whole and in order to a kernel."""

from __future__ import annotations

import pyarrow as pa
from pyspark.sql import functions as F

from dataeval_spark.frames.batches import map_batches
from dataeval_spark.frames.sorted_groups import sorted_groups


def runs(batches):
    """The groups that a task sees, each time that another begins, with whether its numbers rise."""
    seen = []
    for batch in batches:
        for row in batch.to_pylist():
            if not seen or seen[-1]["of"] != row["of"]:
                seen.append({"of": row["of"], "numbers": []})
            seen[-1]["numbers"].append(row["id"])
    rises = [run["numbers"] == sorted(run["numbers"]) for run in seen]
    columns = [[run["of"] for run in seen], rises, [len(run["numbers"]) for run in seen]]
    yield pa.RecordBatch.from_arrays(
        [pa.array(columns[0], pa.int64()), pa.array(rises, pa.bool_()), pa.array(columns[2], pa.int64())],
        names=["of", "rises", "n"],
    )


def test_a_kernel_sees_each_group_once_and_its_rows_in_order(spark):
    rows = spark.range(0, 6_000, 1, 3).select((F.col("id") % 7).alias("of"), ((F.col("id") * 37) % 6_000).alias("id"))

    found = map_batches(sorted_groups(rows, 3, ["of"], ["id"]), runs, "of bigint, rises boolean, n bigint").collect()

    assert sorted(row["of"] for row in found) == list(range(7))
    assert all(row["rises"] for row in found)
    assert sum(row["n"] for row in found) == 6_000
