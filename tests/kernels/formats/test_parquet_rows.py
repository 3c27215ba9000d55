"""Rows of parquet files: bounded batches, types of Spark, and the place of each row."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataeval_spark.kernels.formats import parquet_rows
from dataeval_spark.kernels.formats.parquet_rows import (
    FILE_COLUMNS,
    RowGroup,
    column_types,
    row_batches,
    rows_of_groups,
)


def group_of(path, group=0, first_row=0, constants=None):
    return RowGroup(str(path), 1_700_000_000_123_456, group, first_row, 100 + first_row, constants or {})


def test_a_row_knows_its_file_its_number_there_and_in_all_files_and_the_time_in_milliseconds(tmp_path):
    pq.write_table(pa.table({"a": [1, 2, 3, 4, 5]}), tmp_path / "train.parquet", row_group_size=3)
    assert rows_of_groups(str(tmp_path / "train.parquet")) == [3, 2]

    (batch,) = row_batches(group_of(tmp_path / "train.parquet", 1, 3), {"a": "bigint", **FILE_COLUMNS})

    time = datetime.datetime.fromtimestamp(1_700_000_000, datetime.UTC).replace(microsecond=123_000)
    assert [tuple(row.values()) for row in batch.to_pylist()] == [
        (4, "train.parquet", 3, time, 103),
        (5, "train.parquet", 4, time, 104),
    ]


def test_columns_about_the_place_alone_are_rows_too(tmp_path):
    pq.write_table(pa.table({"a": [1, 2]}), tmp_path / "a.parquet")

    (batch,) = row_batches(group_of(tmp_path / "a.parquet"), {"_row_index": "bigint"})

    assert batch.to_pydict() == {"_row_index": [0, 1]}


def test_a_column_that_the_file_does_not_have_is_that_of_its_folder_or_null(tmp_path):
    pq.write_table(pa.table({"a": [1]}), tmp_path / "a.parquet")
    group = group_of(tmp_path / "a.parquet", constants={"day": "7", "at": None})

    (batch,) = row_batches(group, {"day": "int", "at": "date", "b": "array<string>"})

    assert batch.to_pydict() == {"day": [7], "at": [None], "b": [None]}


def test_types_are_those_of_spark(tmp_path):
    texts = pa.array(["x"])
    table = pa.table(
        {
            "small": pa.array([1], pa.uint8()),
            "large": pa.array([2**64 - 1], pa.uint64()),
            "half": pa.array([1.5], pa.float32()).cast(pa.float16()),
            "nanoseconds": pa.array([1001], pa.timestamp("ns", "Asia/Tokyo")),
            "local": pa.array([1], pa.timestamp("ms")),
            "classes": texts.dictionary_encode(),
            "lists": pa.array([["x"]], pa.large_list(pa.large_string())),
            "fixed": pa.array([[1, 2]], pa.list_(pa.int16(), 2)),
            "price": pa.array([Decimal("1.20")], pa.decimal128(5, 2)),
            "none": pa.nulls(1),
            "pairs": pa.array([[("x", 1)]], pa.map_(pa.string(), pa.int8())),
            "objects": pa.array([{"a": [{"b": None}]}]),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    types = column_types(str(tmp_path / "a.parquet"))

    (batch,) = row_batches(group_of(tmp_path / "a.parquet"), types)

    assert types == {
        "small": "smallint",
        "large": "decimal(20, 0)",
        "half": "float",
        "nanoseconds": "timestamp",
        "local": "timestamp_ntz",
        "classes": "string",
        "lists": "array<string>",
        "fixed": "array<smallint>",
        "price": "decimal(5, 2)",
        "none": "string",
        "pairs": "map<string, tinyint>",
        "objects": "struct<`a`: array<struct<`b`: string>>>",
    }
    (row,) = batch.to_pylist()
    assert row["nanoseconds"] == datetime.datetime(1970, 1, 1, 0, 0, 0, 1, datetime.UTC)
    assert (row["large"], row["half"], row["classes"], row["lists"]) == (Decimal(2**64 - 1), 1.5, "x", ["x"])
    assert (row["fixed"], row["price"], row["none"], row["pairs"]) == ([1, 2], Decimal("1.20"), None, [("x", 1)])
    assert row["objects"] == {"a": [{"b": None}]}


def test_times_in_the_older_form_are_instants_as_spark_writes_them(tmp_path):
    noon = datetime.datetime(3024, 5, 1, 12)
    table = pa.table({"at": pa.array([noon], pa.timestamp("us")), "o": pa.array([{"at": [noon], "n": 1}])})
    pq.write_table(table, tmp_path / "a.parquet", use_deprecated_int96_timestamps=True)
    types = column_types(str(tmp_path / "a.parquet"))

    (batch,) = row_batches(group_of(tmp_path / "a.parquet"), types)

    assert types == {"at": "timestamp", "o": "struct<`at`: array<timestamp>, `n`: bigint>"}
    instant = noon.replace(tzinfo=datetime.UTC)
    assert batch.to_pylist() == [{"at": instant, "o": {"at": [instant], "n": 1}}]


def test_batches_with_images_are_bounded_in_rows_and_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_rows, "BYTES_PER_BATCH", 50_000)
    images = [bytes(3000)] * 300 + [bytes(60_000)] * 2
    pq.write_table(pa.table({"image": [{"bytes": image, "path": None} for image in images]}), tmp_path / "a.parquet")
    types = {"image": "struct<bytes: binary, path: string>"}

    batches = list(row_batches(group_of(tmp_path / "a.parquet"), types))

    read = [image["bytes"] for batch in batches for image in batch.column("image").to_pylist()]
    assert read == images
    assert max(sum(len(image["bytes"]) for image in batch.column(0).to_pylist()) for batch in batches) <= 60_000
    assert max(batch.num_rows for batch in batches) <= 64


def test_rows_without_long_values_come_in_large_batches(tmp_path):
    pq.write_table(pa.table({"a": range(5000), "image": [bytes(3000)] * 5000}), tmp_path / "a.parquet")

    assert [b.num_rows for b in row_batches(group_of(tmp_path / "a.parquet"), {"a": "bigint"})] == [4096, 904]


def test_what_is_no_parquet_is_an_error(tmp_path):
    (tmp_path / "a.parquet").write_text("a,b\n" * 9)

    with pytest.raises(pa.ArrowInvalid, match="Parquet magic bytes not found"):
        rows_of_groups(str(tmp_path / "a.parquet"))
    with pytest.raises(FileNotFoundError):
        rows_of_groups(str(tmp_path / "none.parquet"))
