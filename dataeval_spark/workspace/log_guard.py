"""A guard against tables that have lost the end of their log: they would be read as they once were.

What the runs of a workspace recorded tells how far each log went.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from dataeval_spark.errors import WorkspaceError
from dataeval_spark.tables import CURRENT_NAMES
from dataeval_spark.tables.runs import RUNS
from dataeval_spark.workspace.repairs import unreadable
from dataeval_spark.workspace.table_log import FOLDER, Flaw, TableLog


class Record(NamedTuple):
    """A version of a table that a run recorded after it had written it."""

    version: int
    run_id: str
    at: datetime


Records = Mapping[str, Sequence[Record]]


def records_of(location: str) -> Records:
    """Records of each table of a workspace directory; none where the table of runs is missing or damaged."""
    records: dict[str, list[Record]] = defaultdict(list)
    try:
        runs = DeltaTable(f"{location}/{RUNS.name}").to_pyarrow_dataset()
        rows = runs.to_table(columns=["run_id", "finished_at", "outputs"], filter=pc.field("status") == "done")
    except (DeltaError, pa.ArrowException, OSError):
        return records  # what is wrong with it is said where it is read
    for row in rows.to_pylist():
        for output in row["outputs"] or ():
            name = CURRENT_NAMES.get(output["table_name"], output["table_name"])
            records[name].append(Record(output["version"], row["run_id"], row["finished_at"]))
    return records


def lost_end(log: TableLog, records: Sequence[Record]) -> Flaw | None:
    """The first entry that a log lost at its end; None where it has all that runs recorded.

    A table that was made anew since has fewer versions, but its newest commit is younger than the record.
    """
    furthest = max(records, default=None)
    if furthest is None or furthest.version <= log.newest:
        return None
    written = log.committed_at(log.newest)
    lost = [record for record in records if record.version > log.newest and (written is None or record.at > written)]
    if not lost:
        return None
    record = max(lost)
    return Flaw(
        log.entry(log.newest + 1),
        f"is gone: run {record.run_id} recorded version {record.version}, and the log ends with version {log.newest}",
    )


def has_data(place: str) -> bool:
    """Whether a directory has data files, as that of a table that was written has."""
    try:
        return any(file.name.endswith(".parquet") for file in os.scandir(place))
    except (FileNotFoundError, NotADirectoryError):
        return False


class LogGuard:
    """Refuses tables whose log has lost entries.

    Parameters
    ----------
    location : str
        Directory of the workspace.
    """

    def __init__(self, location: str) -> None:
        self._location = location
        self._seen: dict[str, int] = {}

    @cached_property
    def _records(self) -> Records:
        return records_of(self._location)

    def require(self, table: str) -> None:
        """Refuse a table that would be read as it once was.

        Raises
        ------
        WorkspaceError
            Its log is gone, or has an entry that is gone or empty.
        """
        place = f"{self._location}/{table}"
        try:
            changed_at = os.stat(f"{place}/{FOLDER}").st_mtime_ns
        except OSError:
            changed_at = 0
        if self._seen.get(table) == changed_at:
            return
        flaw = self._flaw(place, table)
        if flaw is not None:
            raise WorkspaceError(unreadable(self._location, CURRENT_NAMES.get(table, table), flaw))
        self._seen[table] = changed_at

    def _flaw(self, place: str, table: str) -> Flaw | None:
        # Before the log: what another process records meanwhile must not seem to be lacking in it.
        records = self._records.get(CURRENT_NAMES.get(table, table), ())
        log = TableLog.of(place)
        if log is None or log.newest < 0:
            return Flaw(f"{place}/{FOLDER}", "is gone") if has_data(place) else None
        return log.flaw() or lost_end(log, records)
