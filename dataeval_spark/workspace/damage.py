"""Damage of a workspace directory: files of its tables and their logs that are lost or cannot be read.

Of data files only sizes and ends are looked at, which say where their columns are; all rows are read when asked for.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from dataeval_spark.errors import WorkspaceError, first_line
from dataeval_spark.tables import ALL_TABLES
from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.runs import RUNS
from dataeval_spark.workspace.locations import absolute, is_directory_here
from dataeval_spark.workspace.log_guard import Record, has_data, lost_end, records_of
from dataeval_spark.workspace.repairs import repair, unreadable
from dataeval_spark.workspace.table_log import FOLDER, Flaw, TableLog, flaw_of_size

TABLES_AT_ONCE = 8
# Files that are named for each table; of the others the number is given.
MOST_FILES = 20


@dataclass(frozen=True)
class Fault:
    """A file of a table that is lost or damaged, and the command that repairs the table.

    ``is_past`` says that only the past cannot be read: old versions of a table, or the table of runs.
    """

    table: str
    file: str
    reason: str
    repair: str
    is_past: bool = False


def damage(location: str, tables: Iterable[Table] = ALL_TABLES) -> WorkspaceError | None:
    """The error of the first lost or damaged file of these tables; None where all have their ends.

    It is asked for after a failure.
    """
    if not is_directory_here(location):
        return None
    place = absolute(location)
    records = records_of(place)
    for table in tables:
        for flaw in _flaws(f"{place}/{_stored(place, table)}", records.get(table.name, ())):
            return WorkspaceError(unreadable(place, table.name, flaw))
    return None


def faults(location: str, *, read_rows: bool = False) -> list[Fault]:
    """All faults of the tables of a workspace directory.

    Parameters
    ----------
    location : str
        Directory of this machine.
    read_rows : bool
        Read all rows; by default only the ends of the files.
    """
    place = absolute(location)
    records = records_of(place)

    def of_table(table: Table) -> list[Fault]:
        folder, recorded = f"{place}/{_stored(place, table)}", records.get(table.name, ())
        flaws = list(_flaws(folder, recorded, read_rows=read_rows))
        if not flaws and recorded and not os.path.isdir(folder):
            flaws = [Flaw(folder, f"is gone: run {max(recorded).run_id} filled it")]
        found = [Fault(table.name, flaw.file, flaw.reason, repair(place, table.name, flaw)) for flaw in flaws]
        if len(found) > MOST_FILES:
            last = found[MOST_FILES - 1]
            reason = f"{last.reason}, as {len(found) - MOST_FILES:,} more files"
            found = [*found[: MOST_FILES - 1], Fault(table.name, last.file, reason, last.repair)]
        return found or _faults_of_past(table.name, folder)

    with ThreadPoolExecutor(TABLES_AT_ONCE) as pool:
        found = list(chain.from_iterable(pool.map(of_table, ALL_TABLES)))
    if tables_in(place) and not os.path.isdir(f"{place}/{RUNS.name}"):
        again = "none is needed: the next verb makes it, and each step is computed again"
        found.append(Fault(RUNS.name, f"{place}/{RUNS.name}", "is gone", again, is_past=True))
    return found


def tables_in(location: str) -> list[str]:
    """Names of the tables that a workspace directory has."""
    place = absolute(location)
    return [table.name for table in ALL_TABLES if os.path.isdir(f"{place}/{_stored(place, table)}/{FOLDER}")]


def _stored(place: str, table: Table) -> str:
    """Name of the directory of a table: an older one until it is renamed."""
    older = table.formerly
    is_older = older is not None and not Path(place, table.name).exists() and Path(place, older).exists()
    return str(older) if is_older else table.name


def _flaws(place: str, records: Sequence[Record], *, read_rows: bool = False) -> Iterator[Flaw]:
    """What is wrong with a table: its log, or else each of its files."""
    log = TableLog.of(place)
    if log is None or log.newest < 0:
        if has_data(place):
            yield Flaw(f"{place}/{FOLDER}", "is gone")
        return
    flaw = log.damage() or lost_end(log, records)
    if flaw is not None:
        yield flaw
        return
    try:
        files = pa.table(DeltaTable(place).get_add_actions(flatten=True)).to_pylist()
    except (DeltaError, pa.ArrowException, OSError) as error:
        yield Flaw(log.folder, f"is damaged ({first_line(error)[:200]})")
        return
    for file in files:
        path = f"{place}/{unquote(file['path'])}"
        flaw = flaw_of_size(path, file["size_bytes"])
        reason = None if flaw else _fault_of_content(path, file.get("num_records"), read_rows=read_rows)
        if flaw or reason:
            yield flaw or Flaw(path, str(reason))


def _fault_of_content(path: str, expected: int | None, *, read_rows: bool) -> str | None:
    """What is wrong with the end of a data file, or with its rows; ``expected`` is their number by the log."""
    try:
        with pq.ParquetFile(path) as file:
            rows = file.metadata.num_rows
            if expected is not None and rows != expected:
                return f"has {rows:,} rows; its log says {expected:,}"
            if read_rows:
                for _ in file.iter_batches():
                    pass
    except (pa.ArrowException, OSError) as error:
        return f"cannot be read: {error.strerror}" if getattr(error, "strerror", None) else "is damaged"
    return None


def _faults_of_past(table: str, place: str) -> list[Fault]:
    """Entries of a log that are gone below its newest checkpoint: the table is whole, its past is not."""
    log = TableLog.of(place)
    lacking = log.lacking() if log is not None else []
    if log is None or not lacking:
        return []
    reason = f"is gone: versions {lacking[0]} to {log.base - 1} cannot be read, the newest can"
    return [Fault(table, log.entry(lacking[0]), reason, "none is needed, but for snapshots of them", is_past=True)]
