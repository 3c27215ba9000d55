"""Delta tables: their state, history and columns, the rows that a workspace keeps about itself, and commits.

There are two ways to a table: Spark, wherever a session can reach (`delta_spark.py`), and for directories of this
machine delta-rs (`delta_local.py`), in a millisecond where Spark plans and runs a job of a third of a second. The
engine, whichever it is, computes the rows and writes them to files; here they become a version of the table.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar

from deltalake.exceptions import CommitFailedError, TableNotFoundError
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame
from pyspark.sql.types import StructField

from dataeval_spark.tables.contract import Table

# Commits that change no row: compaction, clean-up, properties.
NO_WRITES = ("OPTIMIZE", "VACUUM START", "VACUUM END", "SET TBLPROPERTIES", "UNSET TBLPROPERTIES", "COMPUTE STATS")
CONFLICT = re.compile(r"DELTA_CONCURRENT|Concurrent\w+Exception|ProtocolChanged")
MISSING = re.compile(
    r"TABLE_OR_VIEW_NOT_FOUND|PATH_NOT_FOUND|DELTA_TABLE_NOT_FOUND|DELTA_MISSING_DELTA_TABLE"
    r"|is not a Delta table|doesn't exist|PATH_DOES_NOT_EXIST|SCHEMA_NOT_FOUND|No commit files found"
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
        rows = write.metrics.get("numOutputRows", write.made_by.get("rows"))
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


@dataclass(frozen=True)
class Target:
    """A table to write, the work that writes it, and its state before.

    ``before`` is None where nothing can have been committed by the same work: the table was just made, or has no
    rows of the images.
    """

    table: Table
    writer: Writer
    before: TableState | None

    @property
    def app(self) -> str:
        """Id by which, with a number, Delta recognises a commit that is sent again because its answer was lost."""
        return f"dataeval_spark:{self.writer.work_id}:{self.table.name}"

    @property
    def app_version(self) -> int | None:
        """The number that goes with it; rows of the same work are added once to a table that grows."""
        if self.before is None:
            return None
        return 1 if self.table.write == "append" else self.before.version


class TableAccess(Protocol):
    """Access to a table, as far as the workspace needs it."""

    def commits(self, limit: int) -> list[Commit]:
        """The newest commits, newest first; none when there is no such table."""

    def create(self, table: Table, properties: Mapping[str, str]) -> None:
        """Make the table where it does not exist, with the types and comments of its contract."""

    def identity(self) -> str:
        """Delta's own id: a dropped and recreated table has another."""

    def constants(self, column: str) -> set[str] | None:
        """Texts of a column that is the same throughout each file; None where that takes reading it."""

    def files(self) -> tuple[int, int]:
        """Number of files of the newest version, and their size in bytes."""

    def columns(self) -> dict[str, bool]:
        """The stored columns, and whether each may be null; none when there is no such table."""

    def read(self, version: int | None) -> DataFrame:
        """The rows, at a version or the newest; an error of the engine when there is no such table."""

    def rows(self, columns: Sequence[str], equal: Mapping[str, Any]) -> list[Row]:
        """Rows with the given values; null is a value. For tables that do not grow with the data."""

    def append(self, table: Table, rows: Sequence[Row], writer: Writer) -> None:
        """Add rows in one commit."""

    def replace(self, table: Table, rows: Sequence[Row], equal: Mapping[str, Any], writer: Writer) -> None:
        """Replace the rows with the given values, in one commit; null is a value."""

    def write(self, target: Target, rows: DataFrame, mode: Literal["append", "overwrite"], scope: str | None) -> None:
        """Add rows, or replace all (those of a ``scope``, where one is given), in one commit."""

    def replace_images(self, target: Target, rows: DataFrame, images: DataFrame) -> None:
        """Replace the rows of the given images, in one commit."""

    def change_columns(self, added: Sequence[StructField], freed: Sequence[str]) -> None:
        """Add columns to a table, and let others be null."""

    def rename_columns(self, names: Mapping[str, str], writer: Writer) -> None:
        """Give columns other names in one commit, which writes the table again."""

    def separate(self, column: str, value: str, writer: Writer) -> None:
        """Remove the rows with a value, and then the column, in one commit, which writes the table again."""

    def compact(self) -> None:
        """Merge small files."""

    def restore(self, version: int | None) -> None:
        """Bring back an older version; None removes all rows."""


def condition_of(equal: Mapping[str, Any], quoted: Callable[[str], str]) -> str:
    """The condition in SQL that columns have the given values, with texts as an engine quotes them."""
    return " AND ".join(
        f"{name} IS NULL" if value is None else f"{name} = {quoted(value) if isinstance(value, str) else value}"
        for name, value in equal.items()
    )


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
