"""Repairs of damaged tables of a workspace directory: the commands that bring back what a table had."""

from __future__ import annotations

import os
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from dataeval_spark.errors import filling_command
from dataeval_spark.tables.images import FACTORS, IMAGES, INGEST_FINDINGS, SOURCE_FILES, TARGETS
from dataeval_spark.tables.runs import RUNS, SNAPSHOTS
from dataeval_spark.workspace.table_log import Flaw, TableLog, flaw_of_size

# `ingest` compares what it reads with these tables, so that one of them alone would not be filled again.
FILLED_TOGETHER = {
    IMAGES.name: (IMAGES, TARGETS, FACTORS, INGEST_FINDINGS, SOURCE_FILES),
    **{table.name: (table, SOURCE_FILES) for table in (TARGETS, FACTORS, INGEST_FINDINGS)},
}


def unreadable(location: str, table: str, flaw: Flaw) -> str:
    """Message about a table that cannot be read: its file, what is wrong with it, and the repair."""
    return (
        f"Table {table} of workspace {location} cannot be read: its file {flaw.file} {flaw.reason}.\n"
        f"Hint: bring it back from a copy, or: {repair(location, table, flaw)}"
    )


def repair(location: str, table: str, flaw: Flaw) -> str:
    """Command that repairs a table: one that loses nothing, else what fills it again, and a snapshot that has it."""
    if flaw.mending is not None:
        return flaw.mending
    removal = _removal(location, table)
    if table == RUNS.name:
        return f"{removal}, after which each step is computed again (the history of the runs is lost)"
    each = " for each source" if table in FILLED_TOGETHER else ""
    again = " && ".join(filter(None, [removal, f"{filling_command(table, location)}{each}"]))
    snapshot = _restoring_snapshot(location, table)
    if snapshot is None:
        return again
    return f"{again}, or all tables: dataeval-spark snapshot --workspace {location} restore {snapshot}"


def _removal(location: str, table: str) -> str:
    """Command that removes a table, and those that are filled together with it, as far as they are there."""
    names = [each.name for each in FILLED_TOGETHER.get(table, ())] or [table]
    there = [f"{location}/{name}" for name in names if os.path.isdir(f"{location}/{name}")]
    return f"rm -r {' '.join(there)}" if there else ""


def _restoring_snapshot(location: str, table: str) -> str | None:
    """The newest snapshot that pins a version of a table all of whose files are there, where it can be restored."""
    place = f"{location}/{table}"
    log = TableLog.of(place)
    if table in (RUNS.name, SNAPSHOTS.name) or log is None or log.damage() is not None:
        return None
    try:
        pins = DeltaTable(f"{location}/{SNAPSHOTS.name}").to_pyarrow_dataset().to_table().to_pylist()
        identity = str(DeltaTable(place).metadata().id)
        rows = [row for row in pins if row["table_name"] == table and row["table_id"] == identity]
        for row in sorted(rows, key=lambda row: row["created_at"], reverse=True):
            if log.reaches(row["version"]) and _has_files(place, row["version"]):
                return str(row["snapshot"])
    except (DeltaError, pa.ArrowException, OSError):
        return None
    return None


def _has_files(place: str, version: int) -> bool:
    files = pa.table(DeltaTable(place, version=version).get_add_actions()).to_pylist()
    return not any(flaw_of_size(f"{place}/{unquote(file['path'])}", file["size_bytes"]) for file in files)
