"""Delta tables without reading their data (state, history, columns), and the rows that a workspace keeps about itself.

The same questions are answered in two ways: by Spark, wherever a session can reach (`delta_spark.py`), and for
directories of this machine by delta-rs (`delta_local.py`), in a millisecond where Spark plans and runs a job of a
third of a second. Data always go through Spark.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from deltalake.exceptions import CommitFailedError, TableNotFoundError
from pyspark.errors import AnalysisException

from dataeval_spark.tables.contract import Table

# Commits that change no row: compaction, clean-up, properties.
NO_WRITES = ("OPTIMIZE", "VACUUM START", "VACUUM END", "SET TBLPROPERTIES", "UNSET TBLPROPERTIES", "COMPUTE STATS")
CONFLICT = re.compile(r"DELTA_CONCURRENT|Concurrent\w+Exception|ProtocolChanged")
MISSING = re.compile(
    r"TABLE_OR_VIEW_NOT_FOUND|PATH_NOT_FOUND|DELTA_TABLE_NOT_FOUND|DELTA_MISSING_DELTA_TABLE"
    r"|is not a Delta table|doesn't exist|PATH_DOES_NOT_EXIST|SCHEMA_NOT_FOUND"
)
# Step of the commits that give columns their present names: no value changes, so nothing need be computed anew.
MIGRATION = "migrate"
ATTEMPTS = 5
Row = dict[str, Any]
Item = TypeVar("Item")


@dataclass(frozen=True)
class Commit:
    """One entry of a table's history. ``made_by`` holds the entries of a :class:`Writer`."""

    version: int
    timestamp: datetime
    operation: str
    metrics: Mapping[str, str] = field(default_factory=dict)
    made_by: Mapping[str, str] = field(default_factory=dict)

    @property
    def changes_rows(self) -> bool:
        return self.operation not in NO_WRITES and self.made_by.get("step") != MIGRATION


@dataclass(frozen=True)
class TableState:
    """State of a table: its Delta version, and the last commit that changed rows (compaction does not)."""

    version: int
    written_version: int
    written_at: datetime
    work_id: str | None
    rows_written: int | None = None

    @property
    def identity(self) -> str:
        """Identity of the state: it differs for a table that was dropped and recreated up to the same version."""
        return f"{self.written_version}@{self.written_at.timestamp():.3f}"

    @classmethod
    def from_commits(cls, commits: Sequence[Commit]) -> TableState:
        """The state after the first of these commits, newest first."""
        write = next((commit for commit in commits if commit.changes_rows), commits[-1])
        rows = write.metrics.get("numOutputRows")
        return cls(
            version=commits[0].version,
            written_version=write.version,
            written_at=write.timestamp,
            work_id=write.made_by.get("work_id"),
            rows_written=None if rows is None else int(rows),
        )


@dataclass(frozen=True)
class Writer:
    """The writer of a commit, named in each commit, so that a table's history tells which work made it."""

    run_id: str
    step: str
    work_id: str
    code_version: str

    @property
    def metadata(self) -> str:
        return json.dumps(vars(self), sort_keys=True)


class TableAccess(Protocol):
    """Access to a table, as far as the workspace needs it."""

    def commits(self, limit: int) -> list[Commit]:
        """The newest commits, newest first; none when there is no such table."""

    def create(self, table: Table, properties: Mapping[str, str]) -> None:
        """Make the table where it does not exist, with the types and comments of its contract."""

    def identity(self) -> str:
        """Delta's own id: a dropped and recreated table has another."""

    def files(self) -> tuple[int, int]:
        """Number of files of the newest version, and their size in bytes."""

    def columns(self) -> list[str]:
        """Names of the stored columns; none when there is no such table."""

    def rows(self, columns: Sequence[str], equal: Mapping[str, Any]) -> list[Row]:
        """Rows with the given values; null is a value. For tables that do not grow with the data."""

    def append(self, table: Table, rows: Sequence[Row], writer: Writer) -> None:
        """Add rows in one commit."""

    def replace(self, table: Table, rows: Sequence[Row], condition: str, writer: Writer) -> None:
        """Replace the rows that meet a condition, in one commit."""


def retrying(commit: Callable[[], object]) -> None:
    """Commit; when another commit came first, try again a bounded number of times."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            commit()
            return
        except Exception as error:
            if attempt == ATTEMPTS or not (isinstance(error, CommitFailedError) or CONFLICT.search(str(error))):
                raise
            time.sleep(0.2 * attempt)


def is_missing(error: Exception) -> bool:
    """Whether an error says that there is no such table."""
    return isinstance(error, TableNotFoundError) or MISSING.search(str(error)) is not None


def none_if_missing(read: Callable[[], list[Item]]) -> list[Item]:
    """The items that are read of a table; none when there is no such table."""
    try:
        return read()
    except (AnalysisException, TableNotFoundError) as error:
        if is_missing(error):
            return []
        raise


def made_by(metadata: str | None) -> dict[str, str]:
    try:
        writer = json.loads(metadata or "{}")
    except ValueError:
        return {}
    return writer if isinstance(writer, dict) else {}
