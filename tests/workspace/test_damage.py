"""Damage of a workspace directory: each lost or damaged file is named with its table and the repair."""

from __future__ import annotations

import os
import shutil

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from dataeval_spark.tables.images import IMAGES, TARGETS
from dataeval_spark.workspace import damage as looking
from dataeval_spark.workspace.damage import MOST_FILES, damage, tables_in


@pytest.fixture
def place(tmp_path):
    """A directory with two tables of a file each."""
    for table in (IMAGES, TARGETS):
        write_deltalake(str(tmp_path / table.name), pa.table({"image_id": ["a", "b"]}))
    return tmp_path


def faults(location, **how):
    """Faults of the tables but that of runs, which these workspaces do not have."""
    return [fault for fault in looking.faults(location, **how) if fault.table != "runs"]


def file_of(place, table="images"):
    return next((place / table).glob("*.parquet"))


def test_a_workspace_whose_files_have_their_ends_is_whole(place):
    assert damage(str(place)) is None
    assert damage("catalog.schema") is None
    assert faults(str(place)) == faults(str(place), read_rows=True) == []
    assert tables_in(str(place)) == ["images", "targets"]


def test_a_file_that_is_cut_or_gone_is_named_with_its_table_and_the_repair(place):
    file = file_of(place)
    size = file.stat().st_size

    file.write_bytes(file.read_bytes()[:50])
    cut = str(damage(str(place)))
    file.unlink()
    gone = str(damage(str(place), [IMAGES]))

    assert f"Table images of workspace {place} cannot be read: its file {file} has 50 of {size} bytes.\n" in cut
    assert f"rm -r {place}/images {place}/targets && dataeval-spark ingest --workspace {place} SOURCE" in cut
    assert f"its file {file} is gone." in gone
    assert damage(str(place), [TARGETS]) is None


def test_a_file_of_its_size_without_its_end_is_damaged(place):
    file = file_of(place)
    file.write_bytes(b"x" * file.stat().st_size)

    (fault,) = faults(str(place))

    assert (fault.table, fault.file, fault.reason, fault.is_past) == ("images", str(file), "is damaged", False)


def test_a_page_that_is_damaged_is_found_by_reading_all_rows(tmp_path):
    ids = [f"image {number:05}" for number in range(5000)]
    write_deltalake(str(tmp_path / "images"), pa.table({"image_id": ids}))
    file = file_of(tmp_path)
    content = bytearray(file.read_bytes())
    content[20:2000] = os.urandom(1980)
    file.write_bytes(content)

    assert faults(str(tmp_path)) == []
    assert [fault.reason for fault in faults(str(tmp_path), read_rows=True)] == ["is damaged"]


def test_a_file_with_other_rows_than_its_log_says_is_damaged(place):
    entry = next((place / "images" / "_delta_log").glob("*.json"))
    entry.write_text(entry.read_text().replace(r"\"numRecords\":2", r"\"numRecords\":3"))

    assert [fault.reason for fault in faults(str(place))] == ["has 2 rows; its log says 3"]


def test_a_log_that_is_no_log_is_named(place):
    entry = next((place / "images" / "_delta_log").glob("*.json"))
    entry.write_text("{broken")

    assert f"its file {entry} is damaged: it ends early, or is no JSON." in str(damage(str(place)))


def test_many_files_that_are_gone_are_counted(tmp_path):
    for number in range(MOST_FILES + 5):
        write_deltalake(str(tmp_path / "images"), pa.table({"image_id": [str(number)]}), mode="append")
    for file in (tmp_path / "images").glob("*.parquet"):
        file.unlink()

    found = faults(str(tmp_path))

    assert len(found) == MOST_FILES
    assert found[-1].reason == "is gone, as 5 more files"


def test_a_past_that_lacks_entries_is_no_damage(tmp_path):
    path = str(tmp_path / "images")
    for number in range(4):
        write_deltalake(path, pa.table({"image_id": [str(number)]}), mode="append")
    DeltaTable(path).create_checkpoint()
    os.unlink(f"{path}/_delta_log/{1:020}.json")

    (fault,) = faults(str(tmp_path))

    assert (fault.is_past, fault.reason) == (True, "is gone: versions 1 to 2 cannot be read, the newest can")
    assert damage(str(tmp_path)) is None


def test_a_workspace_without_runs_is_whole_and_has_lost_its_history(place):
    (fault,) = looking.faults(str(place))

    assert (fault.table, fault.file, fault.is_past) == ("runs", f"{place}/runs", True)


def test_a_table_without_a_log_is_damaged_and_a_missing_one_is_not_there(place):
    shutil.rmtree(place / "images" / "_delta_log")
    shutil.rmtree(place / "targets")

    assert f"{place}/images/_delta_log is gone" in str(damage(str(place)))
    assert tables_in(str(place)) == []
