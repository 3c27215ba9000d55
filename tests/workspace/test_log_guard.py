"""Tables that lost the end of their log are refused, not read as they once were."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from dataeval_spark.errors import WorkspaceError
from dataeval_spark.tables.runs import RUNS
from dataeval_spark.workspace.log_guard import LogGuard, Record, lost_end, records_of
from dataeval_spark.workspace.table_log import TableLog


def write(place, *numbers):
    for number in numbers:
        write_deltalake(str(place), pa.table({"image_id": [str(number)]}), mode="append")


def record(workspace, table, version, *, status="done", run_id="r1"):
    """A row of the table of runs that says which version of a table was written."""
    row = dict.fromkeys(RUNS.column_names)
    row |= {"run_id": run_id, "job": "analyze", "status": status, "finished_at": datetime.now(UTC)}
    row |= {"started_at": row["finished_at"], "options": "{}", "work_id": "", "code_version": "", "host": "", "pid": 1}
    row |= {"process_started": 0.0, "inputs": [], "outputs": [{"table_name": table, "version": version}]}
    rows = pa.Table.from_pylist([row], schema=RUNS.arrow_schema)
    write_deltalake(str(workspace / RUNS.name), rows, mode="append")


@pytest.fixture
def workspace(tmp_path):
    """A directory with a table of three versions, as its runs recorded."""
    write(tmp_path / "outliers", 0, 1, 2)
    record(tmp_path, "outliers", 1, run_id="r1")
    record(tmp_path, "outliers", 2, run_id="r2")
    return tmp_path


def entry(workspace, version):
    return workspace / "outliers" / "_delta_log" / f"{version:020}.json"


def test_a_table_with_all_that_runs_recorded_passes(workspace):
    LogGuard(str(workspace)).require("outliers")
    LogGuard(str(workspace)).require("never_filled")


def test_a_table_whose_newest_entry_is_gone_is_refused_with_the_run_that_wrote_it(workspace):
    os.unlink(entry(workspace, 2))

    with pytest.raises(WorkspaceError) as error:
        LogGuard(str(workspace)).require("outliers")

    message, hint = str(error.value).splitlines()
    assert message == (
        f"Table outliers of workspace {workspace} cannot be read: its file {entry(workspace, 2)} is gone: run r2 "
        "recorded version 2, and the log ends with version 1."
    )
    assert hint.endswith(f"rm -r {workspace}/outliers && dataeval-spark analyze --workspace {workspace}")


def test_what_a_run_that_failed_recorded_counts_not(workspace):
    record(workspace, "outliers", 7, status="failed")

    LogGuard(str(workspace)).require("outliers")


def test_a_table_that_was_made_anew_since_passes(workspace):
    shutil.rmtree(workspace / "outliers")
    LogGuard(str(workspace)).require("outliers")

    write(workspace / "outliers", 0)

    LogGuard(str(workspace)).require("outliers")


@pytest.mark.parametrize("version", [1, 2])
def test_an_entry_without_content_is_refused(workspace, version):
    entry(workspace, version).write_bytes(b"")

    with pytest.raises(WorkspaceError, match=rf"{version:020}\.json is empty \(0 bytes\)"):
        LogGuard(str(workspace)).require("outliers")


def test_a_table_with_data_and_no_log_is_refused_and_an_empty_directory_is_no_table(workspace):
    shutil.rmtree(workspace / "outliers" / "_delta_log")
    (workspace / "balance").mkdir()

    LogGuard(str(workspace)).require("balance")
    with pytest.raises(WorkspaceError, match="outliers/_delta_log is gone"):
        LogGuard(str(workspace)).require("outliers")


def test_a_log_is_looked_at_again_once_it_changed(workspace):
    guard = LogGuard(str(workspace))
    guard.require("outliers")
    os.unlink(entry(workspace, 1))

    with pytest.raises(WorkspaceError, match="is gone"):
        guard.require("outliers")


def test_the_furthest_record_that_is_younger_than_the_log_counts(workspace):
    log = TableLog.of(str(workspace / "outliers"))
    written = log.committed_at(log.newest)
    earlier, later = written - timedelta(hours=1), written + timedelta(hours=1)

    assert lost_end(log, ()) is None
    assert lost_end(log, [Record(9, "before", earlier)]) is None
    flaw = lost_end(log, [Record(9, "before", earlier), Record(4, "after", later)])
    assert flaw.reason == "is gone: run after recorded version 4, and the log ends with version 2"


def test_without_a_table_of_runs_there_are_no_records(tmp_path):
    assert dict(records_of(str(tmp_path))) == {}
