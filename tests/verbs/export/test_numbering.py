"""Numbers in order, however the rows are spread."""

from __future__ import annotations

import pytest

from dataeval_spark.verbs.export.numbering import numbered


@pytest.mark.parametrize("partitions", [1, 2, 7])
def test_rows_are_numbered_in_order_with_sums_of_what_came_before(spark, frame, tmp_path, partitions):
    def checkpoint(rows, name):
        rows.write.mode("overwrite").parquet(str(tmp_path / name))
        return spark.read.parquet(str(tmp_path / name))

    rows = [(f"i{(n * 37) % 100:03d}", n % 4) for n in range(100)]
    spread = frame("id string, size int", rows).repartition(partitions)

    found = numbered(spread, ["id"], checkpoint, weight="size").orderBy("number").collect()

    ordered = sorted(rows)
    assert [row["id"] for row in found] == [name for name, _ in ordered]
    assert [row["number"] for row in found] == list(range(100))
    assert [row["weight_before"] for row in found] == [sum(size for _, size in ordered[:n]) for n in range(100)]


def test_no_rows_have_no_numbers(spark, frame):
    found = numbered(frame("id string", []), ["id"], lambda rows, name: rows)

    assert found.collect() == []
    assert found.columns == ["id", "number", "weight_before"]
