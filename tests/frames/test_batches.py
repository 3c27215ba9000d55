"""Kernels on rows: types as declared, partitions of any size, batches bounded by rows and bytes."""

from __future__ import annotations

import pyarrow as pa

from dataeval_spark.frames.batches import BYTES_PER_BATCH, ROWS_PER_BATCH, _groups, map_batches, map_rows
from dataeval_spark.tables.arrow import arrow_schema

NESTED = "id bigint, box struct<x: int, name: string>, boxes array<struct<x: int>>, of map<string, struct<x: int>>"


def test_values_get_the_declared_types_and_what_a_row_lacks_is_null(frame):
    def kernel(rows):
        for row in rows:
            yield {"half": row["n"], "items": [{"name": "x"}]} if row["n"] else {}

    found = map_rows(frame("n bigint", [(2,), (0,)]), kernel, "half double, items array<struct<name: string, of: int>>")

    assert found.dtypes == [("half", "double"), ("items", "array<struct<name:string,of:int>>")]
    assert sorted(found.collect(), key=lambda row: row["half"] is None) == [(2.0, [("x", None)]), (None, None)]


def test_partitions_without_rows_and_rows_without_result_give_nothing(frame):
    rows = frame("n bigint", [(1,), (2,)]).repartition(7)

    found = map_rows(rows, lambda rows: ({"n": row["n"]} for row in rows if row["n"] > 1), "n bigint")

    assert [row["n"] for row in found.collect()] == [2]


def test_a_partition_is_one_stream_longer_than_any_batch(frame, spark):
    rows = spark.range(0, 3 * ROWS_PER_BATCH + 1, numPartitions=1)

    def running_sum(rows):
        total = 0
        for row in rows:
            total += row["id"]
            yield {"total": total}

    totals = [row["total"] for row in map_rows(rows, running_sum, "total bigint").collect()]

    last = 3 * ROWS_PER_BATCH
    assert (len(totals), max(totals)) == (last + 1, last * (last + 1) // 2)


def test_a_batch_is_cut_by_rows_and_by_bytes():
    blob = bytes(BYTES_PER_BATCH // 2)

    by_bytes = [len(group) for group in _groups({"content": blob} for _ in range(5))]
    by_rows = [len(group) for group in _groups({"content": None} for _ in range(ROWS_PER_BATCH + 1))]

    assert by_bytes == [2, 2, 1]
    assert by_rows == [ROWS_PER_BATCH, 1]


def test_a_full_batch_is_handed_on_before_the_next_row_is_read():
    read = []

    def rows():
        for n in range(3):
            read.append(n)
            yield {"content": bytes(BYTES_PER_BATCH)}

    next(_groups(rows()))

    assert read == [0]


def nested_batches(batches):
    """Structs of which every second one is null, and holds values all the same; empty batches and slices between."""
    schema = arrow_schema(NESTED)
    for batch in batches:
        ids = batch["id"].to_pylist()
        rows = [
            {"id": n, "box": {"x": n, "name": str(n)}, "boxes": [{"x": n}, None], "of": {"a": {"x": n}, "b": None}}
            for n in ids
        ]
        whole = pa.RecordBatch.from_pylist([*rows, *rows], schema=schema)
        box = whole["box"]
        mask = pa.array([n % 2 == 1 for n in [*ids, *ids]], pa.bool_())
        box = pa.StructArray.from_arrays([box.field(0), box.field(1)], fields=list(box.type), mask=mask)
        arrays = [whole["id"], box, whole["boxes"], whole["of"]]
        whole = pa.RecordBatch.from_arrays(arrays, schema=schema)
        yield whole.slice(0, 0)
        yield whole.slice(len(ids))
        yield whole.slice(0, 0)


def test_fields_of_null_structs_are_null_in_slices_lists_and_maps(spark):
    found = map_batches(spark.range(0, 6, 1, 2), nested_batches, NESTED).selectExpr(
        "id", "box IS NULL AS none", "box.x", "box.name", "boxes[0].x AS first", "boxes[1].x AS second",
        "of['a'].x AS a", "of['b'].x AS b",
    )  # fmt: skip

    assert sorted(map(tuple, found.collect())) == [
        (n, n % 2 == 1, None if n % 2 else n, None if n % 2 else str(n), n, None, n, None) for n in range(6)
    ]


def test_rows_where_a_field_of_a_null_struct_is_null_are_found_by_a_condition(spark):
    found = map_batches(spark.range(0, 6, 1, 2), nested_batches, NESTED)

    assert found.where("box.name IS NULL").count() == 3
    assert found.where("box.x >= 0").count() == 3


def test_a_frame_without_rows_has_its_columns(spark):
    found = map_batches(spark.range(0), nested_batches, NESTED)

    assert found.collect() == []
    assert found.columns == ["id", "box", "boxes", "of"]
