"""What is known of a Delta table without reading its data, and the rows that a workspace keeps about itself.

The same questions are answered in two ways: by Spark, wherever a session can reach, and for directories of this
machine by delta-rs, in a millisecond where Spark plans and runs a job of a third of a second. Data always go
through Spark.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Protocol, cast

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Schema, write_deltalake
from deltalake.exceptions import CommitFailedError, TableNotFoundError
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from dataeval_spark.tables import Table
from dataeval_spark.tables.contract import sql_string

# Commits that change no row: compaction, clean-up, properties.
NO_WRITES = ("OPTIMIZE", "VACUUM START", "VACUUM END", "SET TBLPROPERTIES", "UNSET TBLPROPERTIES", "COMPUTE STATS")
CONFLICT = re.compile(r"DELTA_CONCURRENT|Concurrent\w+Exception|ProtocolChanged")
MISSING = re.compile(
    r"TABLE_OR_VIEW_NOT_FOUND|PATH_NOT_FOUND|DELTA_TABLE_NOT_FOUND|DELTA_MISSING_DELTA_TABLE"
    r"|is not a Delta table|doesn't exist|PATH_DOES_NOT_EXIST|SCHEMA_NOT_FOUND"
)

Row = dict[str, Any]


@dataclass(frozen=True)
class Commit:
    """One entry of a table's history. ``made_by`` is what a :class:`Writer` put there."""

    version: int
    timestamp: datetime
    operation: str
    metrics: Mapping[str, str] = field(default_factory=dict)
    made_by: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TableState:
    """Where a table stands: its Delta version, and the last commit that changed rows (compaction does not)."""

    version: int
    written_version: int
    written_at: datetime
    work_id: str | None
    rows_written: int | None = None

    @property
    def identity(self) -> str:
        """Differs between a table and another that was dropped and recreated up to the same version."""
        return f"{self.written_version}@{self.written_at.timestamp():.3f}"

    @classmethod
    def of(cls, commits: Sequence[Commit]) -> TableState:
        """The state after the first of these commits, newest first."""
        write = next((commit for commit in commits if commit.operation not in NO_WRITES), commits[-1])
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
    """Who writes: goes into each commit, so that a table's history tells what made it."""

    run_id: str
    step: str
    work_id: str
    code_version: str

    @property
    def metadata(self) -> str:
        return json.dumps(vars(self), sort_keys=True)


class TableAccess(Protocol):
    """What the workspace asks of a table."""

    def commits(self, limit: int) -> list[Commit]:
        """The newest commits, newest first; none when there is no such table."""

    def create(self, table: Table, properties: Mapping[str, str]) -> None:
        """Make the table where it does not exist, with the types and comments of its contract."""

    def identity(self) -> str:
        """Delta's own id: a dropped and recreated table has another."""

    def files(self) -> tuple[int, int]:
        """How many files the newest version has, and their size in bytes."""

    def rows(self, columns: Sequence[str], equal: Mapping[str, Any]) -> list[Row]:
        """Rows with the given values; null is a value. For tables that do not grow with the data."""

    def append(self, table: Table, rows: Sequence[Row], writer: Writer) -> None:
        """Add rows in one commit."""

    def replace(self, table: Table, rows: Sequence[Row], condition: str, writer: Writer) -> None:
        """Put rows in the place of those that meet a condition, in one commit."""


class SparkAccess:
    """Through Spark SQL: a catalog, or a directory wherever the session can reach.

    Parameters
    ----------
    spark : SparkSession
        Session with Delta.
    name : str
        The table in SQL.
    path : str or None
        Its directory; None in a catalog.
    location : str or None
        Where a table of a catalog is to be made, when not where the catalog would.
    """

    def __init__(self, spark: SparkSession, name: str, path: str | None, location: str | None = None) -> None:
        self._spark = spark
        self._name = name
        self._path = path
        self._location = location

    def commits(self, limit: int) -> list[Commit]:
        try:
            # Bounded: the caller's limit.
            rows = self._spark.sql(f"DESCRIBE HISTORY {self._name} LIMIT {limit}").collect()
        except AnalysisException as error:
            if is_missing(error):
                return []
            raise
        return [
            Commit(
                row["version"],
                row["timestamp"].astimezone(UTC),
                row["operation"],
                row["operationMetrics"] or {},
                _made_by(row["userMetadata"]),
            )
            for row in rows
        ]

    def create(self, table: Table, properties: Mapping[str, str]) -> None:
        assignments = ", ".join(f"'{key}' = '{value}'" for key, value in properties.items())
        location = f" LOCATION {sql_string(self._location)}" if self._location else ""
        statement = (
            f"CREATE TABLE IF NOT EXISTS {self._name} ({table.ddl()}) USING DELTA{location} "
            f"COMMENT {sql_string(table.doc)} TBLPROPERTIES ({assignments})"
        )
        retrying(lambda: self._spark.sql(statement))

    def identity(self) -> str:
        return str(self._spark.sql(f"DESCRIBE DETAIL {self._name}").select("id").collect()[0]["id"])

    def files(self) -> tuple[int, int]:
        detail = self._spark.sql(f"DESCRIBE DETAIL {self._name}").select("numFiles", "sizeInBytes").collect()[0]
        return detail["numFiles"], detail["sizeInBytes"]

    def rows(self, columns: Sequence[str], equal: Mapping[str, Any]) -> list[Row]:
        reader = self._spark.read.format("delta")
        frame = reader.load(self._path) if self._path else reader.table(self._name)
        for column, value in equal.items():
            frame = frame.where(F.col(column).eqNullSafe(F.lit(value)))
        return [_in_utc(row.asDict(recursive=True)) for row in frame.select(*columns).collect()]

    def append(self, table: Table, rows: Sequence[Row], writer: Writer) -> None:
        self._save(self._frame(table, rows), writer, "append", {})

    def replace(self, table: Table, rows: Sequence[Row], condition: str, writer: Writer) -> None:
        self._save(self._frame(table, rows), writer, "overwrite", {"replaceWhere": condition})

    def _frame(self, table: Table, rows: Sequence[Row]) -> DataFrame:
        values = [tuple(row[name] for name in table.column_names) for row in rows]
        return self._spark.createDataFrame(values, table.ddl(comments=False))

    def _save(self, frame: DataFrame, writer: Writer, mode: str, options: Mapping[str, str]) -> None:
        save = frame.coalesce(1).write.format("delta").mode(mode)
        save = save.option("userMetadata", writer.metadata).options(**options)
        retrying(lambda: save.save(self._path) if self._path else save.saveAsTable(self._name))


class LocalAccess:
    """With delta-rs: a directory of this machine.

    Parameters
    ----------
    path : str
        Directory of the table.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def commits(self, limit: int) -> list[Commit]:
        try:
            history = self._table().history(limit)
        except TableNotFoundError:
            return []
        return [
            Commit(
                entry["version"],
                self._committed_at(entry["version"]),
                entry.get("operation", ""),
                entry.get("operationMetrics") or {},
                _made_by(entry.get("userMetadata")),
            )
            for entry in history
        ]

    def create(self, table: Table, properties: Mapping[str, str]) -> None:
        if self._exists():
            return
        try:
            DeltaTable.create(
                self._path, _schema(table), mode="ignore", description=table.doc, configuration=dict(properties)
            )
        except CommitFailedError:
            if not self._exists():  # else another process made it at the same time
                raise
            return
        self._write_checksum()

    def _write_checksum(self) -> None:
        """Write the version checksum of the Delta protocol, so that Spark need not compute what an empty table has."""
        first = Path(self._path) / "_delta_log" / f"{0:020}.json"
        actions: Row = {}
        for line in first.read_text().splitlines():
            actions |= json.loads(line)
        checksum = {
            "tableSizeBytes": 0,
            "numFiles": 0,
            "numMetadata": 1,
            "numProtocol": 1,
            "setTransactions": [],
            "domainMetadata": [],
            "metadata": actions["metaData"],
            "protocol": actions["protocol"],
            "allFiles": [],
        }
        part = first.with_suffix(".crc.part")
        part.write_text(json.dumps(checksum))
        part.replace(first.with_suffix(".crc"))

    def identity(self) -> str:
        return str(self._table().metadata().id)

    def files(self) -> tuple[int, int]:
        sizes = pa.table(DeltaTable(self._path).get_add_actions(flatten=True))["size_bytes"]
        return len(sizes), pc.sum(sizes).as_py() or 0

    def rows(self, columns: Sequence[str], equal: Mapping[str, Any]) -> list[Row]:
        wanted = pc.scalar(True)
        for column, value in equal.items():
            wanted &= pc.field(column).is_null() if value is None else pc.field(column) == value
        found = DeltaTable(self._path).to_pyarrow_dataset().to_table(columns=list(columns), filter=wanted)
        return cast(list[Row], found.to_pylist())

    def append(self, table: Table, rows: Sequence[Row], writer: Writer) -> None:
        self._write(table, rows, writer, mode="append")

    def replace(self, table: Table, rows: Sequence[Row], condition: str, writer: Writer) -> None:
        self._write(table, rows, writer, mode="overwrite", predicate=condition)

    def _write(self, table: Table, rows: Sequence[Row], writer: Writer, **how: Any) -> None:
        data = pa.Table.from_pylist(list(rows), schema=pa.schema(_schema(table).to_arrow()))
        commit = CommitProperties(custom_metadata={"userMetadata": writer.metadata})
        retrying(lambda: write_deltalake(self._path, data, commit_properties=commit, **how))

    def _table(self) -> DeltaTable:
        return DeltaTable(self._path)

    def _exists(self) -> bool:
        return DeltaTable.is_deltatable(self._path)

    def _committed_at(self, version: int) -> datetime:
        # What DESCRIBE HISTORY shows: both kinds of access must give a state the same identity.
        status = (Path(self._path) / "_delta_log" / f"{version:020}.json").stat()
        return datetime.fromtimestamp(status.st_mtime_ns // 1_000_000 / 1000, UTC)


def retrying(commit: Callable[[], object], attempts: int = 5) -> None:
    """Commit; where another commit came between, try again a bounded number of times."""
    for attempt in range(1, attempts + 1):
        try:
            commit()
            return
        except Exception as error:
            if attempt == attempts or not (isinstance(error, CommitFailedError) or CONFLICT.search(str(error))):
                raise
            time.sleep(0.2 * attempt)


def is_missing(error: Exception) -> bool:
    """Whether an error of Spark says that there is no such table."""
    return MISSING.search(str(error)) is not None


@cache
def _schema(table: Table) -> Schema:
    # Delta writes a schema down as Spark does.
    return Schema.from_json(StructType.fromDDL(table.ddl()).json())


def _in_utc(row: Row) -> Row:
    """Collected timestamps are naive and in the zone of this process; rows carry their zone, as delta-rs gives it."""
    return {name: value.astimezone(UTC) if isinstance(value, datetime) else value for name, value in row.items()}


def _made_by(metadata: str | None) -> dict[str, str]:
    try:
        found = json.loads(metadata or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
