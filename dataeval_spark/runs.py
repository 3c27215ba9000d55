"""Runs: who is working on a workspace, what each step read and wrote, and whether it is up to date.

One run at a time works on a workspace. Each run appends a `running` row to `runs` and then reads the
table: Delta orders the two appends of two runs that start together, and the later one withdraws.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark import __version__
from dataeval_spark.errors import WorkspaceBusyError
from dataeval_spark.tables import RUNS, Table
from dataeval_spark.tables.contract import sql_string
from dataeval_spark.workspace import TableState, Workspace, Writer, remove_directory

Status = Literal["running", "done", "skipped", "failed", "cancelled", "died"]


@dataclass(frozen=True)
class StepRun:
    """What happened to one step of a run."""

    step: str
    status: Status
    seconds: float
    message: str
    outputs: Mapping[str, int] = field(default_factory=dict)
    rows: int | None = None

    def __str__(self) -> str:
        rows = "" if self.rows is None else f"{self.rows:,} rows"
        where = ", ".join(f"{table}@v{version}" for table, version in sorted(self.outputs.items()))
        text = f"{self.step:<18} {self.status:<8} {self.seconds:6.1f} s  {rows:>12}"
        return f"{text}  {self.message or where}".rstrip()


class Run:
    """One attempt at some work on a workspace. Made by :func:`start`."""

    def __init__(self, workspace: Workspace, job: str, options: Mapping[str, Any]) -> None:
        self.workspace = workspace
        self.job = job
        self.options = options
        self.run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid4().hex[:8]}"
        self.started_at = datetime.now(UTC)
        self._started = time.monotonic()

    def writer(self, step: str, work: str) -> Writer:
        return Writer(self.run_id, step, work, __version__)

    def record(
        self,
        step: str | None,
        status: Status,
        started_at: datetime,
        *,
        options: Mapping[str, Any] | None = None,
        work: str = "",
        inputs: Mapping[str, int] | None = None,
        outputs: Mapping[str, int] | None = None,
        rows: int | None = None,
        message: str = "",
    ) -> None:
        """Write the row of a step (or, with step None, of the run itself)."""
        now = datetime.now(UTC)
        finished = None if status == "running" else now
        row = (
            self.run_id,
            step,
            self.job,
            status,
            started_at,
            finished,
            None if finished is None else (now - started_at).total_seconds(),
            json.dumps(self.options if options is None else options, sort_keys=True, default=str),
            work,
            __version__,
            sorted((inputs or {}).items()),
            sorted((outputs or {}).items()),
            rows,
            message,
            socket.gethostname(),
            os.getpid(),
            process_started(os.getpid()) or 0.0,
        )
        frame = self.workspace.spark.createDataFrame([row], RUNS.ddl(comments=False))
        writer = self.writer(step or "run", work)
        if step is None and status != "running":
            condition = f"run_id = {sql_string(self.run_id)} AND step IS NULL"
            self.workspace.replace_where(RUNS, frame, condition, writer)
        else:
            self.workspace.append(RUNS, frame, writer)

    def last_success(self, step: str, work: str | None = None) -> dict[str, Any] | None:
        """The newest `done` row of a step, of the given work only where one is given."""
        done = self.workspace.read(RUNS).where((F.col("step") == step) & (F.col("status") == "done"))
        if work is not None:
            done = done.where(F.col("work_id") == work)
        rows = done.orderBy(F.desc("finished_at")).limit(1).collect()
        return rows[0].asDict(recursive=True) if rows else None


@contextmanager
def start(workspace: Workspace, job: str, options: Mapping[str, Any]) -> Iterator[Run]:
    """Work on a workspace as its only run, and write down how it ended.

    Raises
    ------
    WorkspaceBusyError
        Another run is working on the workspace; the message names it.
    """
    workspace.open()
    workspace.create([RUNS])
    mark_dead_runs(workspace)
    run = Run(workspace, job, options)
    run.record(None, "running", run.started_at)
    try:
        _require_alone(workspace, run)
        yield run
    except BaseException as error:
        status: Status = "cancelled" if isinstance(error, (KeyboardInterrupt, SystemExit)) else "failed"
        message = (str(error).strip().splitlines() or [type(error).__name__])[0]
        # The first error is the one to show; a second one while recording it must not hide it.
        with suppress(Exception):
            run.record(None, status, run.started_at, message=message[:1000])
        raise
    run.record(None, "done", run.started_at)


def _require_alone(workspace: Workspace, run: Run) -> None:
    others = _running(workspace).where(F.col("run_id") != run.run_id).limit(20).collect()  # bounded: live runs
    if not others:
        return
    began = workspace.commit_versions(RUNS, step="run")
    for other in others:
        # A commit too old to be listed came first.
        if began.get(other["run_id"], -1) < began[run.run_id]:
            raise WorkspaceBusyError(
                f"Run {other['run_id']} ({other['job']}, process {other['pid']} on {other['host']}, started "
                f"{other['started_at']:%Y-%m-%d %H:%M:%S}) is working on workspace {workspace.location}.\n"
                "Hint: wait for it. If that machine is gone: UPDATE "
                f"{workspace.name(RUNS)} SET status = 'died' WHERE run_id = '{other['run_id']}'"
            )


def mark_dead_runs(workspace: Workspace) -> None:
    """Mark runs of this machine that are `running` although their process is gone, and remove their scratch."""
    # Bounded: more than a handful of runs that died unmarked would mean nobody started one since.
    for row in _running(workspace).limit(100).collect():
        if row["host"] != socket.gethostname() or process_started(row["pid"]) == row["process_started"]:
            continue
        workspace.spark.sql(
            f"UPDATE {workspace.name(RUNS)} SET status = 'died', finished_at = current_timestamp(), "
            f"message = 'the process was gone' WHERE run_id = {sql_string(row['run_id'])} AND status = 'running'"
        )
        if workspace.scratch_root:
            remove_directory(f"{workspace.scratch_root}/{row['run_id']}")


def _running(workspace: Workspace) -> DataFrame:
    return workspace.read(RUNS).where("status = 'running' AND step IS NULL")


def process_started(pid: int) -> float | None:
    """When a process of this machine started, in the system's own clock; None when there is no such process.

    Tells a process from a later one that was given the same number.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return float(stat.read().rpartition(")")[2].split()[19])
    except OSError:
        return 0.0  # no /proc (macOS): the number alone must do


def work_id(step: str, version: int, options: Mapping[str, Any], inputs: Mapping[str, TableState]) -> str:
    """Hash of all that a step's result depends on."""
    parts = {
        "step": step,
        "version": version,
        "options": options,
        "inputs": {name: state.identity for name, state in sorted(inputs.items())},
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


def is_up_to_date(
    run: Run, step: str, work: str, writes: Sequence[Table], state: Callable[[Table], TableState | None]
) -> bool:
    """Whether the last success of a step did this very work and its tables are still as it left them.

    Rows of an `append` table stay, so there any earlier success of the same work counts.
    """
    appends = all(table.write == "append" for table in writes)
    last = run.last_success(step, work if appends else None)
    if last is None or last["work_id"] != work:
        return False
    for table in writes:
        now = state(table)
        if now is None:
            return False
        if table.write == "replace" and table.scope is None and now.work_id != work:
            return False
    return True
