"""Parquet files of a table: which there are, the columns that they have, and rows that know their place."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataeval_spark.errors import IngestError
from dataeval_spark.verbs.ingest.readers.parquet_files import find_parquet


def write(path, values, **columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"a": values, **columns}), path, row_group_size=2)


def rows(frame):
    return sorted(tuple(row) for row in frame.collect())


def test_rows_know_their_file_and_number_whatever_the_order_of_the_tasks(spark, tmp_path, monkeypatch):
    monkeypatch.setattr("dataeval_spark.verbs.ingest.readers.parquet_files.BYTES_PER_TASK", 100)
    write(tmp_path / "b.parquet", [3, 4, 5])
    write(tmp_path / "a.parquet", [0, 1, 2])

    files = find_parquet(spark, str(tmp_path))

    assert files.types == {"a": "bigint"}
    assert rows(files.rows("_position", "_file_name", "_row_index", "a")) == [
        *((n, "a.parquet", n, n) for n in range(3)),
        *((n, "b.parquet", n - 3, n) for n in range(3, 6)),
    ]


def test_folders_with_values_are_columns_unless_the_folders_have_a_meaning_of_their_own(spark, tmp_path):
    write(tmp_path / "day=7" / "x.parquet", [1])
    write(tmp_path / "day=8" / "x.parquet", [2])

    files, nested = find_parquet(spark, str(tmp_path)), find_parquet(spark, str(tmp_path), is_nested=True)

    assert files.types == {"a": "bigint", "day": "int"}
    assert rows(files.rows("day", "a")) == [(7, 1), (8, 2)]
    assert nested.types == {"a": "bigint"}


def test_hidden_files_and_files_beside_parquet_do_not_count(spark, tmp_path):
    write(tmp_path / "data" / "train.parquet", [1])
    for name in ("_SUCCESS", ".x.parquet", "README.md", "_temporary/y.parquet"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("?")

    assert rows(find_parquet(spark, str(tmp_path)).rows("a")) == [(1,)]


def test_one_file_of_any_name_is_a_table_and_later_files_may_lack_a_column(spark, tmp_path):
    write(tmp_path / "one", [1], b=["x"])
    write(tmp_path / "t" / "0.parquet", [1], b=["x"])
    write(tmp_path / "t" / "1.parquet", [2])

    assert rows(find_parquet(spark, str(tmp_path / "one")).rows("a", "b")) == [(1, "x")]
    assert rows(find_parquet(spark, str(tmp_path / "t")).rows("a", "b")) == [(1, "x"), (2, None)]


def test_types_of_other_writers_are_read(spark, tmp_path):
    times = pa.array([1001], pa.timestamp("ns", "UTC"))
    write(
        tmp_path / "a.parquet", [1], at=times, kind=pa.array(["cat"]).dictionary_encode(), n=pa.array([1], pa.uint64())
    )

    files = find_parquet(spark, str(tmp_path / "a.parquet"))

    frame = files.rows("at", "kind", "n")
    assert frame.dtypes == [("at", "timestamp"), ("kind", "string"), ("n", "decimal(20,0)")]
    assert frame.where("unix_micros(at) = 1 AND kind = 'cat' AND n = 1").count() == 1


def test_no_file_is_none_and_one_that_is_no_parquet_is_named(spark, tmp_path):
    (tmp_path / "t").mkdir()
    assert find_parquet(spark, str(tmp_path / "t")) is None
    assert find_parquet(spark, str(tmp_path / "none")) is None
    (tmp_path / "t" / "a.parquet").write_text("a,b\n" * 9)

    with pytest.raises(IngestError, match=r"t cannot be read: a\.parquet: .*magic bytes.*\n.*Hint: a parquet or Delta"):
        find_parquet(spark, str(tmp_path / "t"))
