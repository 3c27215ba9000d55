"""Parquet files of a local table: taken over with their statistics, and written again without the rows that go."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from dataeval_spark.errors import SchemaError
from dataeval_spark.workspace.local_files import Keep, adopt, any_goes, constants, rewritten, rows_of

NOT_A = Keep("id", lambda values: pc.not_equal(values, "a"))


@pytest.fixture
def folders(tmp_path):
    staged, table = tmp_path / "staged", tmp_path / "table"
    staged.mkdir()
    table.mkdir()
    return staged, table


def test_files_with_rows_are_moved_and_their_statistics_told(folders):
    staged, table = folders
    pq.write_table(pa.table({"id": ["a", "b", None], "long": ["x" * 40] * 3, "n": [3, 1, 2]}), staged / "1.parquet")
    pq.write_table(pa.table({"id": pa.array([], pa.string())}), staged / "2.parquet")

    (action,) = adopt(staged, table, ["n"])

    assert rows_of([action]) == 3
    assert [path.name for path in table.iterdir()] == [action.path]
    assert json.loads(action.stats) == {
        "numRecords": 3,
        "minValues": {"id": "a", "n": 1},
        "maxValues": {"id": "b", "n": 3},
        "nullCount": {"id": 1, "long": 0, "n": 0},
    }


def test_a_null_in_a_required_column_is_refused_before_anything_is_moved(folders):
    staged, table = folders
    pq.write_table(pa.table({"id": ["a", None]}), staged / "1.parquet")

    with pytest.raises(SchemaError, match="Column id of the new rows is null in 1 of 2"):
        adopt(staged, table, ["id"])

    assert list(table.iterdir()) == []


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (["r1", "r1"], ["r2"], {"r1", "r2"}),
        (["r1"], ["r2", "r3"], None),
        (["r1"], ["r2", None], None),
        (["r1"], ["r" * 40], None),
        ([], ["r2"], {"r2"}),
    ],
)
def test_texts_that_each_file_has_throughout_are_told_by_its_footer(tmp_path, first, second, told):
    for number, texts in enumerate((first, second)):
        pq.write_table(
            pa.table({"n": range(len(texts)), "run_id": pa.array(texts, pa.string())}), tmp_path / str(number)
        )

    assert constants(sorted(tmp_path.iterdir()), "run_id") == told
    assert constants(sorted(tmp_path.iterdir()), "another") is None


def test_a_file_is_written_again_without_the_rows_that_go(tmp_path):
    path = tmp_path / "1.parquet"
    pq.write_table(pa.table({"id": ["a", "b", "a"], "n": [1, 2, 3]}), path)

    action = rewritten(path, NOT_A)

    assert any_goes(path, NOT_A)
    assert pq.read_table(tmp_path / action.path).to_pylist() == [{"id": "b", "n": 2}]
    assert pq.read_table(path).num_rows == 3  # older versions still read it


def test_of_a_file_of_which_all_rows_go_nothing_is_written(tmp_path):
    path = tmp_path / "1.parquet"
    pq.write_table(pa.table({"id": ["a"]}), path)

    assert rewritten(path, NOT_A) is None
    assert [file.name for file in tmp_path.iterdir()] == ["1.parquet"]


def test_times_in_the_oldest_form_of_parquet_are_instants_afterwards(tmp_path):
    path, noon = tmp_path / "1.parquet", datetime(2026, 1, 1, 12, tzinfo=UTC)
    times = pa.array([noon, noon], pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"id": ["a", "b"], "at": times}), path, use_deprecated_int96_timestamps=True)

    action = rewritten(path, NOT_A)

    assert pq.read_table(tmp_path / action.path).to_pylist() == [{"id": "b", "at": noon}]
