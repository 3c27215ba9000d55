"""Logs of tables: entries and checkpoints that are gone, empty or damaged."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from dataeval_spark.workspace.table_log import POINTER, TableLog


@pytest.fixture
def place(tmp_path):
    """A table with eight versions, each of one row, and a checkpoint of version 3."""
    path = str(tmp_path / "table")
    for number in range(8):
        write_deltalake(path, pa.table({"id": [number]}), mode="append")
        if number == 3:
            DeltaTable(path).create_checkpoint()
    return path


def log_of(place):
    log = TableLog.of(place)
    assert log is not None
    return log


def entry(place, version):
    return f"{place}/_delta_log/{version:020}.json"


def write(path, content):
    with open(path, "wb") as file:
        file.write(content)


def test_a_whole_log_has_no_flaw(place):
    log = log_of(place)

    assert (log.newest, log.base, sorted(log.entries)) == (7, 3, list(range(8)))
    assert (log.flaw(), log.damage(), log.lacking()) == (None, None, [])
    assert log.committed_at(7) > log.committed_at(0)


def test_a_directory_without_a_log_has_none(tmp_path):
    assert TableLog.of(str(tmp_path)) is None


@pytest.mark.parametrize(("version", "is_needed"), [(2, False), (5, True)])
def test_an_entry_that_is_empty_or_gone_is_a_flaw_after_the_checkpoint(place, version, is_needed):
    write(entry(place, version), b"")
    empty = log_of(place).flaw()
    os.unlink(entry(place, version))
    gone = log_of(place).flaw()

    reasons = [flaw and (flaw.file, flaw.reason) for flaw in (empty, gone)]
    if is_needed:
        assert reasons == [(entry(place, version), "is empty (0 bytes)"), (entry(place, version), "is gone")]
    else:
        assert reasons == [None, None]


def test_the_past_lacks_what_is_gone_below_the_checkpoint(place):
    os.unlink(entry(place, 2))

    log = log_of(place)

    assert log.lacking() == [2]
    assert [version for version in range(9) if log.reaches(version)] == [0, 1, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    "content", [b'{"add": {"pa', b"\xff\xfe", b"[1, 2]", b"{}"], ids=["cut", "bytes", "list", "empty"]
)
def test_an_entry_that_holds_no_actions_is_damaged(place, content):
    write(entry(place, 6), content)

    flaw = log_of(place).damage()

    assert log_of(place).flaw() is None  # its name and size are those of an entry
    assert (flaw.file, flaw.reason.partition(":")[0], flaw.mending) == (entry(place, 6), "is damaged", None)


def test_a_checkpoint_that_is_damaged_goes_without_loss_where_the_entries_say_the_same(place):
    (checkpoint,) = log_of(place).checkpoints[3]
    write(f"{place}/_delta_log/{checkpoint}", b"PAR1")
    flaw = log_of(place).damage()

    subprocess.run(flaw.mending, shell=True, check=True)

    assert flaw.file.endswith(checkpoint)
    assert log_of(place).damage() is None
    assert DeltaTable(place).to_pyarrow_table().num_rows == 8


def test_a_checkpoint_that_is_damaged_cannot_go_where_entries_lack(place):
    (checkpoint,) = log_of(place).checkpoints[3]
    write(f"{place}/_delta_log/{checkpoint}", b"PAR1")
    os.unlink(entry(place, 0))

    assert log_of(place).damage().mending is None


def test_a_pointer_to_a_checkpoint_that_is_gone_is_removed_without_loss(place):
    write(f"{place}/_delta_log/{POINTER}", json.dumps({"version": 99, "size": 1}).encode())
    flaw = log_of(place).flaw()

    subprocess.run(flaw.mending, shell=True, check=True)

    assert (flaw.file, flaw.reason) == (
        f"{place}/_delta_log/{POINTER}",
        "names the checkpoint of version 99, which is gone",
    )
    assert log_of(place).flaw() is None
    assert DeltaTable(place).version() == 7


def test_a_pointer_that_is_no_json_is_of_no_consequence(place):
    write(f"{place}/_delta_log/{POINTER}", b'{"ver')

    assert log_of(place).damage() is None
    assert DeltaTable(place).version() == 7


def test_a_log_without_entries_says_so(place):
    shutil.rmtree(f"{place}/_delta_log")
    os.mkdir(f"{place}/_delta_log")

    assert log_of(place).flaw().reason == "has no entries"
