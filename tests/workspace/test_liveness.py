"""Liveness of runs: one run at a time, signs of life, and the release of a run that is gone."""

from __future__ import annotations

import os
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from dataeval_spark.errors import WorkspaceBusyError, WorkspaceError
from dataeval_spark.session.cancellation import Cancellation, interruptible
from dataeval_spark.session.machine import process_started
from dataeval_spark.tables.runs import RUNS
from dataeval_spark.workspace import liveness, runs
from dataeval_spark.workspace.liveness import COMMIT, FILE, duration, last_sign, release
from dataeval_spark.workspace.workspace import Workspace

ELSEWHERE = "another-machine"


@pytest.fixture
def workspace(spark, tmp_path):
    return Workspace(spark, str(tmp_path / "audit"))


@pytest.fixture
def no_folder(monkeypatch):
    """A workspace that the driver does not see as a folder."""
    monkeypatch.setattr(liveness, "_file_of", lambda workspace, run_id: None)


def statuses(workspace):
    return {row["run_id"]: row["status"] for row in workspace.rows(RUNS, ("run_id", "status"), step=None)}


def heartbeat_of(workspace, run_id):
    return Path(workspace.path(RUNS)) / "_heartbeats" / run_id


def other_run(workspace, *, pid=1, started=0.0, host=ELSEWHERE, silent=None):
    """A run as another process would have begun it; ``silent`` are seconds since its last sign of life in a file."""
    workspace.open()
    workspace.create([RUNS])
    run = runs.Run(workspace, "profile", {})
    run.begin()
    (row,) = workspace.rows(RUNS, RUNS.column_names, run_id=run.run_id)
    row |= {"pid": pid, "process_started": started, "host": host, "heartbeat": COMMIT if silent is None else FILE}
    workspace.replace_rows(RUNS, [row], run.writer("run", ""), run_id=run.run_id)
    if silent is not None:
        file = heartbeat_of(workspace, run.run_id)
        file.parent.mkdir(exist_ok=True)
        file.write_text("")
        os.utime(file, (time.time() - silent,) * 2)
    return run.run_id


def refused(workspace):
    with pytest.raises(WorkspaceBusyError) as caught, runs.start(workspace, "analyze", {}):
        pass
    return str(caught.value)


def row_of(workspace, run_id):
    (row,) = workspace.rows(RUNS, RUNS.column_names, run_id=run_id, step=None)
    return row


def test_a_second_run_on_the_machine_of_the_first_stops_and_names_it(workspace):
    parent = os.getppid()
    first = other_run(workspace, pid=parent, started=process_started(parent), host=socket.gethostname())

    said = refused(workspace)

    assert said.startswith(f"Run {first} (profile, process {parent} on {socket.gethostname()}, started ")
    assert f"Hint: wait for it, or stop it: kill {parent}; if that process is gone: " in said
    assert sorted(statuses(workspace).values()) == ["failed", "running"]


def test_a_run_of_another_machine_is_named_with_its_last_sign_of_life_and_the_command_that_releases_it(workspace):
    first = other_run(workspace, pid=17, silent=200)

    error, hint = refused(workspace).splitlines()

    assert f"process 17 on {ELSEWHERE}" in error
    assert error.endswith(f"is working on workspace {workspace.location}; its last sign of life was 3 min ago.")
    assert hint == (
        f"Hint: wait for it, or stop it on {ELSEWHERE}: kill 17; if that process is gone: "
        f"dataeval-spark doctor --workspace {workspace.location} --release {first}"
    )


@pytest.mark.parametrize(("pid", "started"), [(2**22 + 1, 1.0), (os.getpid(), 1.0)], ids=["gone", "number reused"])
def test_a_run_whose_process_is_gone_is_marked_died_and_its_scratch_removed(workspace, tmp_path, pid, started):
    dead = other_run(workspace, pid=pid, started=started, host=socket.gethostname(), silent=0)
    scratch = tmp_path / "audit" / "_scratch" / dead
    scratch.mkdir(parents=True)

    with runs.start(workspace, "analyze", {}) as run:
        pass

    assert statuses(workspace) == {dead: "died", run.run_id: "done"}
    assert not scratch.exists()
    assert not heartbeat_of(workspace, dead).exists()


def test_a_run_in_a_folder_writes_a_file_again_and_again_while_it_works(workspace, monkeypatch):
    monkeypatch.setitem(liveness.INTERVAL_SECONDS, FILE, 0.02)
    with runs.start(workspace, "analyze", {}) as run:
        file = heartbeat_of(workspace, run.run_id)
        os.utime(file, (0, 0))
        before = workspace.state(RUNS).version
        _until(lambda: file.stat().st_mtime > 1)

        assert workspace.state(RUNS).version == before
        assert row_of(workspace, run.run_id)["heartbeat"] == FILE
        assert last_sign(workspace, row_of(workspace, run.run_id)).seconds < 60

    assert not file.exists()


def test_a_run_elsewhere_commits_its_row_again_where_it_has_committed_nothing(workspace, monkeypatch, no_folder):
    monkeypatch.setitem(liveness.INTERVAL_SECONDS, COMMIT, 0.2)
    with runs.start(workspace, "analyze", {}) as run:
        before = workspace.state(RUNS).version
        _until(lambda: workspace.state(RUNS).version >= before + 2)

        assert row_of(workspace, run.run_id)["status"] == "running"
        assert row_of(workspace, run.run_id)["heartbeat"] == COMMIT

    assert statuses(workspace) == {run.run_id: "done"}


def test_commits_of_a_run_put_off_its_next_sign_of_life(workspace, monkeypatch, no_folder):
    monkeypatch.setitem(liveness.INTERVAL_SECONDS, COMMIT, 1.5)
    with runs.start(workspace, "analyze", {}) as run:
        before = workspace.state(RUNS).version
        ends = time.monotonic() + 2.0
        steps = 0
        while time.monotonic() < ends:
            run.finish("outliers", "done", run.started_at)
            steps += 1
            time.sleep(0.1)

        assert workspace.state(RUNS).version == before + steps


@pytest.mark.parametrize("kind", [FILE, COMMIT])
def test_a_run_that_is_released_while_it_works_stops(workspace, monkeypatch, request, kind):
    monkeypatch.setitem(liveness.INTERVAL_SECONDS, kind, 0.1)
    if kind == COMMIT:
        request.getfixturevalue("no_folder")
    cancellation = Cancellation()

    def work():
        with runs.start(workspace, "analyze", {}) as run, cancellation.unwind():
            liveness._mark_died(workspace, run.run_id, "released")
            assert cancellation.requested.wait(30)

    with pytest.raises(WorkspaceBusyError, match=r"was released by `doctor --release` while it worked"):
        interruptible(work, cancellation, lambda: None)

    (row,) = workspace.rows(RUNS, RUNS.column_names, step=None)
    assert row["status"] == "failed"


def test_a_run_of_another_machine_whose_last_sign_of_life_is_fresh_is_not_released(workspace):
    first = other_run(workspace, pid=17, silent=30)

    with pytest.raises(
        WorkspaceBusyError, match=rf"(?s)is alive: .* 30 s ago; .* after 2 min .*stop it on {ELSEWHERE}: kill 17"
    ):
        release(workspace, first)

    assert statuses(workspace) == {first: "running"}


def test_a_silent_run_of_another_machine_is_released_and_the_next_one_works(workspace, tmp_path):
    first = other_run(workspace, silent=1000)
    scratch = tmp_path / "audit" / "_scratch" / first
    scratch.mkdir(parents=True)

    said = release(workspace, first)

    assert f"Run {first} (profile, process 1 on {ELSEWHERE}, started " in said
    assert "is released: its last sign of life was 17 min ago." in said
    assert row_of(workspace, first)["message"] == (
        f"released by dataeval-spark doctor on {socket.gethostname()}: its last sign of life was 17 min ago"
    )
    assert not scratch.exists()
    assert not heartbeat_of(workspace, first).exists()
    with runs.start(workspace, "analyze", {}) as run:
        pass
    assert statuses(workspace) == {first: "died", run.run_id: "done"}


def test_signs_of_life_of_a_run_that_writes_no_file_are_its_commits(workspace, monkeypatch):
    first = other_run(workspace)
    assert last_sign(workspace, row_of(workspace, first)).is_fresh
    with pytest.raises(WorkspaceBusyError, match="is alive"):
        release(workspace, first)
    monkeypatch.setitem(liveness.SILENT_SECONDS, COMMIT, -1.0)

    assert "is released" in release(workspace, first)


def test_a_file_that_cannot_be_seen_from_here_is_no_sign_that_the_run_is_gone(workspace, no_folder):
    first = other_run(workspace, silent=10_000)

    with pytest.raises(WorkspaceBusyError, match="its signs of life cannot be seen from here"):
        release(workspace, first)


def test_a_run_whose_process_is_on_this_machine_is_not_released_however_silent_it_is(workspace):
    parent = os.getppid()
    first = other_run(workspace, pid=parent, started=process_started(parent), host=socket.gethostname(), silent=10_000)

    with pytest.raises(
        WorkspaceBusyError, match=f"(?s)its process is there.*Hint: wait for it, or stop it: kill {parent}$"
    ):
        release(workspace, first)


def test_a_run_whose_process_on_this_machine_is_gone_is_released_at_once(workspace):
    first = other_run(workspace, pid=2**22 + 1, started=1.0, host=socket.gethostname(), silent=0)

    assert "is released: its process is gone." in release(workspace, first)


def test_a_run_of_an_older_version_which_gave_no_sign_is_known_by_its_commits(workspace, monkeypatch):
    older = replace(RUNS, columns=tuple(column for column in RUNS.columns if column.name != "heartbeat"))
    workspace.open()
    workspace._access(RUNS).create(older, {})
    run = runs.Run(workspace, "profile", {})
    row = run._row(None, "running", run.started_at, "") | {"host": ELSEWHERE}
    workspace._access(RUNS).append(older, [{name: row[name] for name in older.column_names}], run.writer("run", ""))
    monkeypatch.setitem(liveness.SILENT_SECONDS, COMMIT, -1.0)

    assert "is released" in release(workspace, run.run_id)
    assert statuses(workspace) == {run.run_id: "died"}


def test_a_run_that_has_ended_is_left_as_it_is(workspace):
    with runs.start(workspace, "analyze", {}) as run:
        pass

    assert "has ended already (done, " in release(workspace, run.run_id)
    assert statuses(workspace) == {run.run_id: "done"}


def test_a_run_that_there_is_not_is_answered_with_those_that_are_running(workspace):
    first = other_run(workspace)

    with pytest.raises(WorkspaceError, match=f"There is no run 'other' in workspace .*; running: {first}"):
        release(workspace, "other")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (119, "119 s"), (120, "2 min"), (7300, "2 h"), (180_000, "2 days")]
)
def test_times_have_the_unit_in_which_they_are_read(seconds, text):
    assert duration(seconds) == text


def _until(condition):
    waiting = threading.Event()
    for _ in range(600):
        if condition():
            return
        waiting.wait(0.05)
    raise AssertionError("it did not happen in half a minute")
