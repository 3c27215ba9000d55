"""Runs: written down however they end."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dataeval_spark.errors import ReadOnlyError
from dataeval_spark.tables.labels import LABEL_STATS
from dataeval_spark.tables.runs import RUNS
from dataeval_spark.workspace import runs
from dataeval_spark.workspace.delta import TableState
from dataeval_spark.workspace.runs import Success, is_up_to_date, work_id
from dataeval_spark.workspace.workspace import Workspace

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def workspace(spark, tmp_path):
    return Workspace(spark, str(tmp_path / "audit"))


def statuses(workspace):
    return {row["run_id"]: row["status"] for row in workspace.read(RUNS).where("step IS NULL").collect()}


def interrupted(workspace, steps, done=None):
    """A run that the user stops within these steps, the last of them the innermost; what it raises."""
    with pytest.raises(KeyboardInterrupt) as caught:
        stop_in_steps(workspace, steps, done)
    return caught.value


def stop_in_steps(workspace, steps, done):
    with runs.start(workspace, "analyze", {}) as run:
        if done:
            run.finish(done, "done", run.started_at)
        with ExitStack() as open_steps:
            for step in steps:
                open_steps.enter_context(run.step(step, {"k": 5}))
            raise KeyboardInterrupt


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


def test_a_run_that_is_cancelled_says_what_it_keeps_and_how_to_go_on(workspace):
    stop = interrupted(workspace, ["neighbors"], done="outliers")

    said = (
        "1 step is done and kept; stopped: neighbors; every table is whole. "
        "Run the same command again: it does only what is missing"
    )
    assert str(stop) == said
    rows = workspace.rows(RUNS, ("step", "status", "message", "options"))
    assert sorted((row["step"] or "", row["status"], row["message"]) for row in rows) == [
        ("", "cancelled", said),
        ("neighbors", "cancelled", runs.CANCELLED),
        ("outliers", "done", ""),
    ]
    assert [row["options"] for row in rows if row["step"] == "neighbors"] == ['{"k": 5}']


def test_the_rows_of_all_stopped_steps_are_one_commit(workspace):
    interrupted(workspace, ["neighbors", "clusters"])

    # The table, the run's begin, the steps, and the run's end.
    assert [commit.version for commit in workspace.commits(RUNS)] == [3, 2, 1, 0]


def test_a_step_that_fails_is_not_one_that_was_stopped(workspace):
    with (
        pytest.raises(ValueError, match="no luck"),
        runs.start(workspace, "profile", {}) as run,
        run.step("profile", {}),
    ):
        raise ValueError("no luck")

    assert [(row["step"], row["status"]) for row in workspace.rows(RUNS, ("step", "status"))] == [(None, "failed")]


def test_a_run_whose_process_is_about_to_end_is_recorded_with_its_open_steps(workspace):
    with runs.start(workspace, "analyze", {}) as run, run.step("neighbors", {}):
        run.checkpoint(workspace.spark.range(1), "left")
        stop = KeyboardInterrupt()
        run.give_up(stop)
        found = {row["step"]: row["status"] for row in workspace.rows(RUNS, ("step", "status"))}
        left = list((Path(workspace.scratch_root)).glob("*"))

    assert found == {None: "cancelled", "neighbors": "cancelled"}
    assert "stopped: neighbors" in str(stop)
    assert left == []


def state(version, written=None):
    return TableState(version, version if written is None else written, NOW, None)


def test_work_differs_with_version_options_and_inputs():
    base = work_id("outliers", 1, {"method": "iqr"}, {"image_stats": state(3)})

    assert base == work_id("outliers", 1, {"method": "iqr"}, {"image_stats": state(3)})
    assert base != work_id("outliers", 2, {"method": "iqr"}, {"image_stats": state(3)})
    assert base != work_id("outliers", 1, {}, {"image_stats": state(3)})
    assert base != work_id("outliers", 1, {"method": "iqr"}, {"image_stats": state(4)})


def test_compaction_of_an_input_is_no_change():
    assert work_id("a", 1, {}, {"t": state(4, written=3)}) == work_id("a", 1, {}, {"t": state(3)})


@pytest.mark.parametrize(
    ("work", "states", "expected"),
    [
        ("w", {"label_stats": state(5)}, True),
        ("w", {"label_stats": state(6, written=5)}, True),
        ("w", {"label_stats": state(6)}, False),
        ("w", {}, False),
        ("other", {"label_stats": state(5)}, False),
    ],
    ids=["unchanged", "compacted", "written since", "dropped", "other work"],
)
def test_a_step_is_up_to_date_while_its_tables_are_as_it_left_them(work, states, expected):
    last = Success("w", {"label_stats": 5}, 1.0, 1)

    assert is_up_to_date(work, [LABEL_STATS], states, last) is expected
