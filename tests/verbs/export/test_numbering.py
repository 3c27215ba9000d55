"""Numbers in order, however the rows are spread."""

from __future__ import annotations

import pytest

from dataeval_spark.verbs.export import numbering
from dataeval_spark.verbs.export.numbering import numbered


@pytest.mark.parametrize(("partitions", "drawn"), [(1, 2048), (2, 90), (7, 7), (7, 1)])
def test_rows_are_numbered_in_order_with_sums_of_what_came_before(
    spark, frame, tmp_path, monkeypatch, partitions, drawn
):
    monkeypatch.setattr(numbering, "DRAWN", drawn)

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


def test_rows_of_one_first_key_are_in_the_order_of_the_next(frame, monkeypatch):
    monkeypatch.setattr(numbering, "DRAWN", 50)
    rows = [(n % 3, f"i{(n * 37) % 100:03d}", n % 2) for n in range(200)]
    keys = frame("key bigint, id string, copy int", rows).distinct()

    found = numbered(keys, ["key", "id", "copy"], lambda rows, name: rows).orderBy("number").collect()

    assert [tuple(row)[:3] for row in found] == sorted(set(rows))
    assert [row["number"] for row in found] == list(range(len(set(rows))))


def test_no_rows_have_no_numbers(spark, frame):
    found = numbered(frame("id string", []), ["id"], lambda rows, name: rows)

    assert found.collect() == []
    assert found.columns == ["id", "number", "weight_before"]
