"""Errors that are not ours in words: the file of the workspace that is lost or damaged, else what the engine says."""

from __future__ import annotations

import os
from collections.abc import Iterable
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from dataeval_spark.errors import (
    DataEvalError,
    DiskFullError,
    StepFailedError,
    WorkspaceError,
    filling_command,
    first_line,
    is_no_space,
)
from dataeval_spark.tables import ALL_TABLES
from dataeval_spark.tables.contract import Table
from dataeval_spark.workspace.delta_local import is_directory_here
from dataeval_spark.workspace.delta_spark import is_of_engine
from dataeval_spark.workspace.locations import absolute


def is_foreign(error: BaseException) -> bool:
    """Whether an error is that of an engine, of its storage or of a file, and not one of ours."""
    is_of_library = is_of_engine(error) or isinstance(error, DeltaError | pa.ArrowException | OSError)
    return is_of_library and not isinstance(error, DataEvalError)


def explained(error: Exception, verb: str, location: str | None) -> DataEvalError:
    """Our error for one that is not: it names the damaged file of the workspace where there is one, else the verb.

    Parameters
    ----------
    error : Exception
        Error of an engine, of storage or of a file.
    verb : str
        What was being done.
    location : str or None
        Workspace, whose files are looked at where it is a directory of this machine.
    """
    if location is not None and is_no_space(error):
        return DiskFullError.of(f"finish {verb}", location)
    damaged = None if location is None else damage(location)
    if damaged is not None:
        return damaged
    place = "" if location is None else f" on workspace {location}"
    return StepFailedError(
        f"{verb} failed{place}: {first_line(error)[:500]}\nHint: run again with --verbose to see the whole error."
    )


def damage(location: str, tables: Iterable[Table] = ALL_TABLES) -> WorkspaceError | None:
    """The error of the first lost or damaged file of these tables; None where all have their ends.

    Only the ends of the files are read, which say where their columns are. It is asked for after a failure.
    """
    if not is_directory_here(location):
        return None
    for table in tables:
        place = f"{absolute(location)}/{table.name}"
        found = _damaged_file(place)
        if found is not None:
            file, reason = found
            return WorkspaceError(
                f"Table {table.name} of workspace {location} cannot be read: its file {file} {reason}.\n"
                f"Hint: bring it back from a copy, or remove {place} and run {filling_command(table.name, location)}"
            )
    return None


def _damaged_file(place: str) -> tuple[str, str] | None:
    """The first file of a table that cannot be opened, and what it is like."""
    try:
        if not DeltaTable.is_deltatable(place):
            return None
        names = pa.table(DeltaTable(place).get_add_actions())["path"].to_pylist()
    except (DeltaError, OSError) as error:
        return f"{place}/_delta_log", f"is damaged ({first_line(error)[:200]})"
    for name in names:
        file = f"{place}/{unquote(name)}"
        if not os.path.exists(file):
            return file, "is gone"
        try:
            pq.read_metadata(file)
        except (pa.ArrowException, OSError):
            return file, "is damaged"
    return None
