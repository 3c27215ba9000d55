"""Runs: one at a time, written down however they end."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dataeval_spark.errors import ReadOnlyError, WorkspaceBusyError
from dataeval_spark.session.machine import process_started
from dataeval_spark.tables.runs import RUNS
from dataeval_spark.workspace import runs
from dataeval_spark.workspace.workspace import Workspace

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def workspace(spark, tmp_path):
    return Workspace(spark, str(tmp_path / "audit"))


def statuses(workspace):
    return {row["run_id"]: row["status"] for row in workspace.read(RUNS).where("step IS NULL").collect()}


def other_run(workspace, *, pid, started, host=None):
    """A run as another process would have begun it."""
    workspace.open()
    workspace.create([RUNS])
    run = runs.Run(workspace, "profile", {})
    run.begin()
    (row,) = workspace.rows(RUNS, RUNS.column_names, run_id=run.run_id)
    row |= {"pid": pid, "process_started": started, "host": host or socket.gethostname()}
    workspace.replace_rows(RUNS, [row], f"run_id = '{run.run_id}'", run.writer("run", ""))
    return run.run_id


def test_a_run_is_written_down_as_done(workspace):
    with runs.start(workspace, "analyze", {"a": 1}) as run:
        assert statuses(workspace) == {run.run_id: "running"}

    assert statuses(workspace) == {run.run_id: "done"}


def test_steps_that_were_up_to_date_are_written_down_in_one_commit(workspace):
    with runs.start(workspace, "analyze", {}) as run:
        for step in ("outliers", "balance"):
            run.finish(step, "skipped", run.started_at, "up to date")
        before = workspace.state(RUNS).version

    rows = workspace.rows(RUNS, ("step", "status"), run_id=run.run_id)
    assert sorted((row["step"] or "", row["status"]) for row in rows) == [
        ("", "done"),
        ("balance", "skipped"),
        ("outliers", "skipped"),
    ]
    assert workspace.state(RUNS).version == before + 2  # the steps, and the end of the run


def test_outcomes_that_may_wait_share_a_commit_until_seconds_have_passed(workspace, monkeypatch):
    with runs.start(workspace, "analyze", {}) as run:
        before = workspace.state(RUNS).version
        for step in ("outliers", "balance"):
            run.finish(step, "done", run.started_at, may_wait=True)
        assert workspace.state(RUNS).version == before
        monkeypatch.setattr(runs, "SECONDS_TOGETHER", 0.0)
        run.finish("parity", "done", run.started_at, may_wait=True)

        assert workspace.state(RUNS).version == before + 1
        assert {row["step"] for row in workspace.rows(RUNS, ("step",), status="done")} == {
            "outliers",
            "balance",
            "parity",
        }


def test_an_outcome_that_may_not_wait_is_there_at_once(workspace):
    with runs.start(workspace, "analyze", {}) as run:
        run.finish("outliers", "done", run.started_at, may_wait=True)
        run.finish("open hold-out main/test", "done", run.started_at)

        assert len(workspace.rows(RUNS, ("step",), status="done")) == 2


def test_what_waits_is_recorded_when_the_run_fails(workspace):
    def fail(run):
        run.finish("outliers", "done", run.started_at, may_wait=True)
        raise ValueError("no luck")

    with pytest.raises(ValueError, match="no luck"), runs.start(workspace, "analyze", {}) as run:
        fail(run)

    assert {(row["step"], row["status"]) for row in workspace.rows(RUNS, ("step", "status"))} == {
        ("outliers", "done"),
        (None, "failed"),
    }


def test_a_run_that_fails_says_why(workspace):
    with pytest.raises(ValueError, match="no luck"), runs.start(workspace, "analyze", {}):
        raise ValueError("no luck")

    (row,) = workspace.read(RUNS).collect()
    assert (row["status"], row["message"]) == ("failed", "no luck")


def test_work_that_only_reads_needs_no_table_of_runs_and_other_work_is_refused(workspace, monkeypatch):
    with runs.start(workspace, "ingest", {}):
        pass
    before = workspace.state(RUNS).version
    monkeypatch.setattr("dataeval_spark.workspace.workspace.unwritable", lambda location: "its disk is read-only")
    read_only = Workspace(workspace.spark, workspace.location)

    with runs.start(read_only, "export", {}, only_reads=True) as run:
        run.finish("export", "done", run.started_at)
        stored = run.checkpoint(workspace.spark.range(3), "numbers").count()
    refused = pytest.raises(ReadOnlyError, match=r"Could not run profile in workspace .*: its disk is read-only")
    with refused, runs.start(read_only, "profile", {}):
        pass

    assert (stored, run.is_recorded) == (3, False)
    assert workspace.state(RUNS).version == before
    assert not list(Path(workspace.location).glob("_scratch/*"))


def test_a_run_that_is_cancelled_says_so(workspace):
    with pytest.raises(KeyboardInterrupt), runs.start(workspace, "analyze", {}):
        raise KeyboardInterrupt

    assert list(statuses(workspace).values()) == ["cancelled"]


def test_a_second_run_stops_and_names_the_first(workspace):
    parent = os.getppid()
    first = other_run(workspace, pid=parent, started=process_started(parent))

    with (
        pytest.raises(WorkspaceBusyError, match=f"(?s)Run {first} .*process {parent}.*Hint: wait for it"),
        runs.start(workspace, "analyze", {}),
    ):
        pass

    assert sorted(statuses(workspace).values()) == ["failed", "running"]


def test_a_run_on_another_machine_counts_as_alive(workspace):
    other_run(workspace, pid=1, started=0.0, host="another-machine")

    with pytest.raises(WorkspaceBusyError, match="another-machine"), runs.start(workspace, "analyze", {}):
        pass


@pytest.mark.parametrize(("pid", "started"), [(2**22 + 1, 1.0), (os.getpid(), 1.0)], ids=["gone", "number reused"])
def test_a_run_whose_process_is_gone_is_marked_died_and_its_scratch_removed(workspace, tmp_path, pid, started):
    dead = other_run(workspace, pid=pid, started=started)
    scratch = tmp_path / "audit" / "_scratch" / dead
    scratch.mkdir(parents=True)

    with runs.start(workspace, "analyze", {}) as run:
        pass

    assert statuses(workspace) == {dead: "died", run.run_id: "done"}
    assert not scratch.exists()
