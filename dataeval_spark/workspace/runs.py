"""Runs: the process that works on a workspace, tables that each step read and wrote, and whether it is up to date.

One run at a time works on a workspace. Each run appends a `running` row to `runs` and then reads the
table: Delta orders the two appends of two runs that start together, and the later one withdraws.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

from dataeval_spark.errors import DataEvalError, ReadOnlyError, first_line, is_no_space
from dataeval_spark.kernels.storage.uris import values_without_credentials, without_credentials
from dataeval_spark.session.cancellation import is_interrupted, last_words
from dataeval_spark.session.machine import process_started
from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.runs import RUNS
from dataeval_spark.workspace.delta import Row, TableState, Writer
from dataeval_spark.workspace.failures import known_cause
from dataeval_spark.workspace.liveness import ACTIVE, Heartbeat, remove_temporary, require_alone
from dataeval_spark.workspace.version import __version__
from dataeval_spark.workspace.workspace import Checkpoint, Workspace

logger = logging.getLogger("dataeval_spark")

CANCELLED = "stopped by the user"
KEPT = "every table is whole. Run the same command again: it does only what is missing"

Status = Literal["running", "done", "skipped", "failed", "cancelled", "died"]


@dataclass(frozen=True)
class StepRun:
    """Outcome of one step of a run."""

    step: str
    status: Status
    seconds: float
    message: str
    outputs: Mapping[str, int] = field(default_factory=dict)
    rows: int | None = None
    details: Sequence[str] = ()

    @classmethod
    def skipped(cls, step: str, reason: str) -> StepRun:
        """Outcome of a step that did not run; the table of runs has no row for it."""
        return cls(step, "skipped", 0.0, reason)

    def __str__(self) -> str:
        rows = "" if self.rows is None else f"{self.rows:,} rows"
        where = ", ".join(f"{table}@v{version}" for table, version in sorted(self.outputs.items()))
        text = f"{self.step:<18} {self.status:<8} {self.seconds:6.1f} s  {rows:>12}"
        return "\n  ".join([f"{text}  {self.message or where}".rstrip(), *self.details])

    def with_details(self, lines: Sequence[str]) -> StepRun:
        """The same outcome with lines that are printed below it, and are not in the table of runs."""
        return replace(self, details=tuple(lines))


@dataclass(frozen=True)
class Success:
    """The newest success of a step, and the versions of its tables after it."""

    work_id: str
    outputs: Mapping[str, int]
    seconds: float
    rows: int


class Run:
    """One execution of work on a workspace, made by :func:`start`.

    Attributes
    ----------
    workspace : Workspace
        Workspace that the run works on.
    checkpoint : callable
        Stores a frame under a name in the temporary files of the run, and reads it back.
    is_recorded : bool
        Whether the run is in the table of runs; one that only reads a workspace which cannot be written is not.
    """

    checkpoint: Checkpoint
    heartbeat: Heartbeat

    def __init__(self, workspace: Workspace, job: str, options: Mapping[str, Any], *, is_recorded: bool = True) -> None:
        self.workspace = workspace
        self.is_recorded = is_recorded
        self.job = job
        self.options = options
        self.run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid4().hex[:8]}"
        self.started_at = datetime.now(UTC)
        self.heartbeat = Heartbeat(workspace, self.run_id)
        # Rows of steps that were up to date. They have changed nothing, so they wait for the next commit.
        self._waiting: list[Row] = []
        # Steps that have begun, and the row that each has if it is stopped; the number of those that are done.
        self._open: dict[str, Callable[[], Row]] = {}
        self._done = 0
        self._lock = threading.Lock()

    def writer(self, step: str, work: str) -> Writer:
        return Writer(self.run_id, step, work, __version__)

    def begin(self) -> None:
        """Record that the run works."""
        self.finish(None, "running", self.started_at)

    def end(self, status: Status, message: str = "") -> None:
        """Record how the run ended."""
        self.finish(None, status, self.started_at, message)

    def give_up(self, error: BaseException) -> None:
        """Record a failure or a cancelling and remove the temporary files, where the process is about to be ended."""
        status = self._stopped(error)
        self.end(status, first_line(error)[:1000])
        remove_temporary(self.workspace, self.run_id)

    @contextmanager
    def step(self, name: str, options: Mapping[str, Any], work: str = "") -> Iterator[None]:
        """A step, which is recorded as cancelled if the user stops it."""
        begun = datetime.now(UTC)
        with self._lock:
            self._open[name] = lambda: self._row(name, "cancelled", begun, CANCELLED, options=options, work=work)
        try:
            yield
        except BaseException as error:
            if not isinstance(error, KeyboardInterrupt) and not is_interrupted():
                self._closed(name)
            raise
        self._closed(name)

    def _closed(self, step: str, *, is_done: bool = False) -> None:
        with self._lock:
            self._open.pop(step, None)
            self._done += is_done

    def _stopped(self, error: BaseException) -> Status:
        """Status of a run that an error ends; an interrupt gets the words for the user, and open steps their rows."""
        if not isinstance(error, (KeyboardInterrupt, SystemExit)):
            return "failed"
        with self._lock:
            stopped, self._open = dict(self._open), {}
            self._waiting += [row() for row in stopped.values()]
        if isinstance(error, KeyboardInterrupt) and not error.args:
            done = f"{self._done} {'step is' if self._done == 1 else 'steps are'} done and kept; " if self._done else ""
            names = f"stopped: {', '.join(stopped)}; " if stopped else ""
            error.args = (f"{done}{names}{KEPT}",)
        return "cancelled"

    def finish(
        self,
        step: str | None,
        status: Status,
        started_at: datetime,
        message: str = "",
        *,
        options: Mapping[str, Any] | None = None,
        work: str = "",
        inputs: Mapping[str, TableState] | None = None,
        outputs: Mapping[str, TableState] | None = None,
        rows: int | None = None,
    ) -> StepRun:
        """Record the outcome of a step; one that was up to date with the next outcome of another, or of the run.

        Parameters
        ----------
        step : str or None
            Name of the step; None for the run itself.
        status : {"running", "done", "skipped", "failed", "cancelled"}
            Outcome.
        started_at : datetime
            Time at which the step began.
        message : str
            Message for people.
        options : mapping, optional
            Options of the step; default those of the run.
        work : str
            Hash of all inputs of its result; see `work_id`.
        inputs, outputs : mapping of str to TableState, optional
            Tables that it read and wrote.
        rows : int, optional
            Number of rows that the step wrote.
        """
        row = self._row(step, status, started_at, message, options, work, inputs, outputs, rows)
        if step is not None:
            self._closed(step, is_done=status == "done")
        self._record(row, step, status)
        written = {name: state.version for name, state in (outputs or {}).items()}
        return StepRun(step or "run", status, row["seconds"] or 0.0, message, written, rows)

    def _record(self, row: Row, step: str | None, status: Status) -> None:
        """Write a row to the table of runs, with those that wait."""
        if not self.is_recorded:
            return
        writer = self.writer(step or "run", row["work_id"])
        if status == "skipped":
            with self._lock:
                self._waiting.append(row)
        elif step is None and status != "running":
            if waiting := self._taken():
                self.workspace.append_rows(RUNS, waiting, writer)
            self.workspace.replace_rows(RUNS, [row], writer, run_id=self.run_id, step=None)
        else:
            self.workspace.append_rows(RUNS, [*self._taken(), row], writer)
            self.heartbeat.shown()

    def _row(
        self,
        step: str | None,
        status: Status,
        started_at: datetime,
        message: str,
        options: Mapping[str, Any] | None = None,
        work: str = "",
        inputs: Mapping[str, TableState] | None = None,
        outputs: Mapping[str, TableState] | None = None,
        rows: int | None = None,
    ) -> Row:
        now = datetime.now(UTC)
        is_running = status == "running"
        seconds = (now - started_at).total_seconds()
        # Cleaned before they are text: in JSON a quote of a password is escaped.
        safe_options = values_without_credentials(self.options if options is None else options)
        return {
            "run_id": self.run_id,
            "step": step,
            "job": self.job,
            "status": status,
            "started_at": started_at,
            "finished_at": None if is_running else now,
            "seconds": None if is_running else seconds,
            "options": without_credentials(json.dumps(safe_options, sort_keys=True, default=str)),
            "work_id": work,
            "code_version": __version__,
            "inputs": _version_rows(inputs),
            "outputs": _version_rows(outputs),
            "rows_written": rows,
            "message": without_credentials(message),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "process_started": process_started(os.getpid()) or 0.0,
            "engine": self.workspace.engine,
            "heartbeat": self.heartbeat.kind,
        }

    def _taken(self) -> list[Row]:
        """The rows that wait, which wait no longer."""
        with self._lock:
            taken, self._waiting = self._waiting, []
        return taken


def _version_rows(tables: Mapping[str, TableState] | None) -> list[Row]:
    return [{"table_name": name, "version": state.version} for name, state in sorted((tables or {}).items())]


def last_successes(workspace: Workspace) -> dict[str, Success]:
    """The newest success of each step; nothing where the workspace has no runs."""
    columns = ("step", "finished_at", "work_id", "outputs", "seconds", "rows_written")
    done = [row for row in workspace.rows(RUNS, columns, status="done") if row["step"] is not None]
    newest = {row["step"]: row for row in sorted(done, key=lambda row: row["finished_at"])}
    return {
        step: Success(
            row["work_id"],
            {output["table_name"]: output["version"] for output in row["outputs"]},
            row["seconds"] or 0.0,
            row["rows_written"] or 0,
        )
        for step, row in newest.items()
    }


def has_done(workspace: Workspace, work: str) -> bool:
    """Whether any run has done this same work: the test for tables that only grow."""
    return bool(workspace.rows(RUNS, ("run_id",), status="done", work_id=work))


@contextmanager
def start(workspace: Workspace, job: str, options: Mapping[str, Any], *, only_reads: bool = False) -> Iterator[Run]:
    """Work on a workspace as its only run, and record how it ended.

    With ``only_reads``, work that writes no table: it is done on a workspace that cannot be written too, beside others
    and without a record.

    Raises
    ------
    WorkspaceBusyError
        Another run is working on the workspace; the message names it.
    ReadOnlyError
        The workspace cannot be written.
    """
    reason = workspace.read_only_reason()
    if reason is not None:
        if not only_reads:
            raise ReadOnlyError.of(f"run {job}", workspace.location, reason)
        run = Run(workspace, job, options, is_recorded=False)
        with workspace.scratch(run.run_id) as run.checkpoint:
            yield run
        return
    workspace.open()
    workspace.create([RUNS])
    run = Run(workspace, job, options)
    try:
        ACTIVE.add(run.run_id)
        run.begin()
        require_alone(workspace, run.run_id)
        with run.heartbeat.beating(), last_words(run.give_up):
            workspace.migrate()
            workspace.compact(RUNS)
            with workspace.scratch(run.run_id) as run.checkpoint:
                yield run
    except BaseException as error:
        if is_no_space(error) and not isinstance(error, DataEvalError):
            action, cause = f"write the temporary files of {job} ({workspace.scratch_root})", error
            error = known_cause(cause, action, workspace.location, also=workspace.scratch_root) or cause
            error.__cause__ = cause
        status, message = run._stopped(error), first_line(error)[:1000]
        # In a thread of its own, which has a connection of its own to the JVM: an interrupt may have broken this one.
        _in_own_thread(lambda: run.end(status, message), error)
        raise error
    finally:
        ACTIVE.discard(run.run_id)
    run.end("done")


def _in_own_thread(record: Callable[[], None], first: BaseException) -> None:
    def target() -> None:
        try:
            record()
        except Exception as error:
            # The first error is the one to show; a second one while recording it must not hide it, nor repeat it.
            level = logging.INFO if type(error) is type(first) else logging.WARNING
            logger.log(level, "the end of the run could not be written to the table runs: %s", first_line(error))
            logger.info("the whole error:", exc_info=True)

    thread = threading.Thread(target=target, name="dataeval_spark record")
    thread.start()
    thread.join()


def work_id(step: str, version: int, options: Mapping[str, Any], inputs: Mapping[str, TableState]) -> str:
    """Hash of all that a step's result depends on."""
    parts = {
        "step": step,
        "version": version,
        "options": options,
        "inputs": {name: state.identity for name, state in sorted(inputs.items())},
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


def is_up_to_date(work: str, writes: Sequence[Table], states: Mapping[str, TableState], last: Success | None) -> bool:
    """Whether the last success of a step did this same work and its tables have not changed since.

    A table with a scope is written by other steps too, so it only has to exist.
    """
    if last is None or last.work_id != work:
        return False
    return all(
        table.name in states
        and (
            table.scope is not None
            or states[table.name].written_version <= last.outputs.get(table.name, -1) <= states[table.name].version
        )
        for table in writes
    )
