"""Liveness of runs: whether the process of one is there, its heartbeat, and the release of one that is gone.

On the machine of a run the system tells whether its process is there. From anywhere else only its heartbeat does:
where the driver sees the workspace as a folder, a file that is written again every few seconds; elsewhere its row of
the table `runs`, which is committed again where the run has committed nothing for minutes. See docs/adr/0005.
"""

from __future__ import annotations

import logging
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dataeval_spark.errors import WorkspaceBusyError, WorkspaceError, first_line
from dataeval_spark.session import cancellation
from dataeval_spark.session.machine import process_started
from dataeval_spark.tables.runs import RUNS
from dataeval_spark.workspace.delta import Row, Writer
from dataeval_spark.workspace.locations import is_local, local_path, remove_directory
from dataeval_spark.workspace.version import __version__
from dataeval_spark.workspace.workspace import Workspace

logger = logging.getLogger("dataeval_spark")

FOLDER = "_heartbeats"
FILE, COMMIT = "file", "commit"
# Time between two signs of life, and the time without one after which a run may be released.
INTERVAL_SECONDS = {FILE: 15.0, COMMIT: 300.0}
SILENT_SECONDS = {FILE: 120.0, COMMIT: 900.0}
COLUMNS = ("run_id", "job", "status", "pid", "process_started", "host", "started_at", "finished_at", "heartbeat")

# Runs of this process that have not ended; what the table says of others of its runs is out of date.
ACTIVE: set[str] = set()


class Heartbeat:
    """Signs of life that a run gives.

    Parameters
    ----------
    workspace : Workspace
        Workspace that the run works on.
    run_id : str
        The run.
    """

    def __init__(self, workspace: Workspace, run_id: str) -> None:
        self._workspace = workspace
        self._run_id = run_id
        self._file = _file_of(workspace, run_id)
        self.kind = COMMIT if self._file is None else FILE
        self._shown_at = time.monotonic()

    def shown(self) -> None:
        """Note that the run has just committed to the table of runs: where there is no file, that is a sign of life."""
        if self._file is None:
            self._shown_at = time.monotonic()

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Give signs of life during the block; stop the work if the run is released meanwhile."""
        over = threading.Event()
        has_file = self._file is not None and _written(self._file)
        sign: Callable[[], bool] = self._commit
        if self._file is not None:
            sign = self._write if has_file else lambda: True

        def beat() -> None:
            while not over.wait(self._rest()):
                if self._rest() > 0:  # the run has committed meanwhile
                    continue
                self._shown_at = time.monotonic()
                try:
                    is_running = sign()
                except Exception as error:  # the work goes on without
                    logger.info("no sign of life of run %s: %s", self._run_id, first_line(error))
                    continue
                if not is_running:
                    cancellation.stop(_released(self._run_id, self._workspace.location))
                    return

        thread = threading.Thread(target=beat, name="dataeval_spark heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()  # a commit that is under way would say of an ended run that it is running
            _remove_file(self._workspace, self._run_id)

    def _rest(self) -> float:
        """Seconds until the next sign of life is due."""
        return max(0.0, self._shown_at + INTERVAL_SECONDS[self.kind] - time.monotonic())

    def _write(self) -> bool:
        """Write the file again; return whether it was still there, as it is until the run is released."""
        assert self._file is not None
        return self._file.exists() and _written(self._file)

    def _commit(self) -> bool:
        """Commit the row of the run again; return whether it still says that the run is running."""
        rows = self._workspace.rows(RUNS, RUNS.column_names, run_id=self._run_id, step=None, status="running")
        if rows:
            writer = Writer(self._run_id, "run", "", __version__)
            self._workspace.replace_rows(RUNS, rows, writer, run_id=self._run_id, step=None)
        return bool(rows)


@dataclass(frozen=True)
class Sign:
    """The last sign of life of a run: its age, None where it cannot be seen from here, and the age of an old one."""

    seconds: float | None
    limit: float

    @property
    def is_fresh(self) -> bool:
        return self.seconds is None or self.seconds <= self.limit

    def __str__(self) -> str:
        if self.seconds is None:
            return "its signs of life cannot be seen from here"
        return f"its last sign of life was {duration(self.seconds)} ago"


def duration(seconds: float) -> str:
    """Time in the unit in which it is easily read.

    Examples
    --------
    >>> duration(42), duration(900), duration(30000)
    ('42 s', '15 min', '8 h')
    """
    for unit, size, least in (("days", 86400, 2 * 86400), ("h", 3600, 2 * 3600), ("min", 60, 120)):
        if seconds >= least:
            return f"{round(seconds / size):,} {unit}"
    return f"{max(0, round(seconds))} s"


def last_sign(workspace: Workspace, row: Row) -> Sign:
    """The last sign of life of a run that the table of runs says is running."""
    kind = row["heartbeat"] or COMMIT
    if kind == FILE:
        file = _file_of(workspace, row["run_id"])
        if file is None:
            return Sign(None, SILENT_SECONDS[FILE])
        with suppress(OSError):
            written = file.stat().st_mtime
            return Sign(max(0.0, _clock_of(file.parent) - written), SILENT_SECONDS[FILE])
    commits = workspace.commits(RUNS)
    own = [commit.timestamp for commit in commits if commit.made_by.get("run_id") == row["run_id"]]
    # Of a run too old to be listed its commits came before all of these.
    newest = max(own) if own else min((commit.timestamp for commit in commits), default=row["started_at"])
    return Sign(max(0.0, (datetime.now(UTC) - newest).total_seconds()), SILENT_SECONDS[COMMIT])


def require_alone(workspace: Workspace, run_id: str) -> None:
    """Mark the runs whose process is gone; withdraw where one that began earlier may be alive.

    Raises
    ------
    WorkspaceBusyError
        Such a run is working on the workspace; the message names it and its last sign of life.
    """
    running = workspace.rows(RUNS, COLUMNS, status="running", step=None)  # few: every run marks the dead ones it meets
    began: dict[str, int] = {}
    for other in running:
        if other["run_id"] == run_id:
            continue
        if _is_gone(other):
            _mark_died(workspace, other["run_id"], "the process was gone")
            continue
        if not began:
            commits = workspace.commits(RUNS)  # newest first, so that the earliest of a run stays
            began = {c.made_by["run_id"]: c.version for c in commits if c.made_by.get("step") == "run"}
        # A commit too old to be listed came first.
        if began.get(other["run_id"], -1) < began[run_id]:
            raise WorkspaceBusyError(
                f"{_words(other)} is working on workspace {workspace.location}; {last_sign(workspace, other)}.\n"
                f"Hint: {_ending_of(other)}; if that process is gone: "
                f"dataeval-spark doctor --workspace {workspace.location} --release {other['run_id']}"
            )


def release(workspace: Workspace, run_id: str) -> str:
    """Mark a run as `died` that is gone without having recorded its end, so that others may work on the workspace.

    Returns
    -------
    str
        What was found and done.

    Raises
    ------
    WorkspaceBusyError
        The run is alive: its process is on this machine, or its last sign of life is fresh.
    WorkspaceError
        There is no such run.
    """
    rows = workspace.rows(RUNS, COLUMNS, run_id=run_id, step=None)
    if not rows:
        running = [row["run_id"] for row in workspace.rows(RUNS, ("run_id",), status="running", step=None)]
        raise WorkspaceError(
            f"There is no run {run_id!r} in workspace {workspace.location}; running: {', '.join(running) or 'none'}.\n"
            "Hint: take the name from the message that refused your command, or from table runs"
        )
    row = rows[0]
    if row["status"] != "running":
        return f"{_words(row)} has ended already ({row['status']}, {row['finished_at']:%Y-%m-%d %H:%M:%S})."
    is_here, sign = row["host"] == socket.gethostname(), last_sign(workspace, row)
    if is_here and not _is_gone(row):
        raise _alive(row, f"its process is there, and {sign}")
    if not is_here and sign.is_fresh:
        text = f"{sign}; it may be released after {duration(sign.limit)} without one"
        raise _alive(row, text)
    reason = "its process is gone" if is_here else str(sign)
    _mark_died(workspace, run_id, f"released by dataeval-spark doctor on {socket.gethostname()}: {reason}")
    return (
        f"{_words(row)} is released: {reason}. Table runs says died, its temporary files are removed; "
        "all tables are as its last commit left them."
    )


def _alive(row: Row, sign: str) -> WorkspaceBusyError:
    """Refusal to release a run."""
    return WorkspaceBusyError(f"{_words(row)} is alive: {sign}.\nHint: {_ending_of(row)}")


def _released(run_id: str, location: str) -> WorkspaceBusyError:
    """End of a run that was released while it was working."""
    return WorkspaceBusyError(
        f"Run {run_id} was released by `doctor --release` while it worked on workspace {location}, and stops.\n"
        "Hint: what it has committed is kept; run the same command again once no other run is working"
    )


def _words(row: Row) -> str:
    started = f"{row['started_at']:%Y-%m-%d %H:%M:%S}"
    return f"Run {row['run_id']} ({row['job']}, process {row['pid']} on {row['host']}, started {started})"


def _ending_of(row: Row) -> str:
    """Words for how to end a run that is alive."""
    where = "" if row["host"] == socket.gethostname() else f" on {row['host']}"
    return f"wait for it, or stop it{where}: kill {row['pid']}"


def _is_gone(row: Row) -> bool:
    """Whether a run's process is gone, known only for this machine; a run of this process is over once ended here."""
    if row["host"] != socket.gethostname():
        return False
    if row["pid"] == os.getpid() and row["process_started"] == process_started(os.getpid()):
        return row["run_id"] not in ACTIVE
    return process_started(row["pid"]) != row["process_started"]


def _mark_died(workspace: Workspace, run_id: str, message: str) -> None:
    """Mark a run as `died` and remove its temporary files."""
    rows = workspace.rows(RUNS, RUNS.column_names, run_id=run_id, step=None)
    end = {"status": "died", "finished_at": datetime.now(UTC), "message": message}
    writer = Writer(run_id, "run", "", __version__)
    workspace.replace_rows(RUNS, [row | end for row in rows], writer, run_id=run_id, step=None)
    remove_temporary(workspace, run_id)


def remove_temporary(workspace: Workspace, run_id: str) -> None:
    """Remove the temporary files of a run, and its heartbeat."""
    _remove_file(workspace, run_id)
    if workspace.scratch_root:
        remove_directory(f"{workspace.scratch_root}/{run_id}")


def _file_of(workspace: Workspace, run_id: str) -> Path | None:
    """File that a run writes again and again; None where the driver does not see the workspace as a folder."""
    if workspace.is_catalog or not is_local(workspace.location):
        return None
    table = local_path(workspace.path(RUNS))
    # Delta passes over folders whose name begins with an underscore.
    return table / FOLDER / run_id if (table / "_delta_log").is_dir() else None


def _written(file: Path) -> bool:
    """Write a heartbeat, rather than touch it: mounted storage may know no times but those of writing."""
    try:
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"process {os.getpid()} on {socket.gethostname()}\n")
    except OSError as error:
        logger.info("heartbeat %s cannot be written: %s", file, error.strerror)
        return file.exists()
    return True


def _remove_file(workspace: Workspace, run_id: str) -> None:
    file = _file_of(workspace, run_id)
    if file is not None:
        with suppress(OSError):
            file.unlink(missing_ok=True)


def _clock_of(folder: Path) -> float:
    """Time by the clock that stamps files of a folder, which may be that of a file server."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".clock-") as file:
            return os.stat(file.name).st_mtime
    except OSError:
        return time.time()
