"""Errors of engines, storage and files in words: what was being done, in which table and file, why it failed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pyarrow as pa
from deltalake.exceptions import DeltaError
from pyspark.errors import AnalysisException

from dataeval_spark.errors import (
    DataEvalError,
    DiskFullError,
    EngineEndedError,
    ReadOnlyError,
    StepFailedError,
    WorkspaceError,
    first_line,
    is_no_space,
    is_read_only,
)
from dataeval_spark.session.liveness import ended
from dataeval_spark.session.machine import fullest_disk
from dataeval_spark.tables import ALL_TABLES
from dataeval_spark.tables.contract import Table
from dataeval_spark.workspace.damage import damage
from dataeval_spark.workspace.delta_spark import engine_message, hint_for, is_of_engine
from dataeval_spark.workspace.locations import is_catalog_name, is_local, local_path, unwritable


def is_foreign(error: BaseException) -> bool:
    """Whether an error is that of an engine, of its storage or of a file, and not one of ours."""
    is_of_library = is_of_engine(error) or isinstance(error, DeltaError | pa.ArrowException | OSError)
    return (is_of_library or is_panic(error)) and not isinstance(error, DataEvalError)


def is_panic(error: BaseException) -> bool:
    """Whether an error is that of native code which gave up; it is no `Exception`."""
    return type(error).__name__ == "PanicException"


def explained(error: BaseException, verb: str, location: str | None) -> DataEvalError:
    """Our error for one that is not: it names the damaged file of the workspace where there is one, else the verb.

    Parameters
    ----------
    error : BaseException
        Error of an engine, of storage or of a file.
    verb : str
        What was being done.
    location : str or None
        Workspace, whose files are looked at where it is a directory of this machine.
    """
    known = None if location is None else known_cause(error, f"finish {verb}", location)
    if known is not None:
        return known
    place = "" if location is None else f" on workspace {location}"
    return StepFailedError(
        f"{verb} failed{place}: {first_line(error)[:500]}\nHint: run again with --verbose to see the whole error."
    )


@contextmanager
def failures_of(verb: str, location: str) -> Iterator[None]:
    """Turn errors that are not ours into ours, which say what a verb met on a workspace."""
    try:
        yield
    except BaseException as error:  # native code that gives up raises no Exception
        if not is_foreign(error):
            raise
        raise explained(error, verb, location) from error


def known_cause(
    error: BaseException, action: str, location: str, tables: Iterable[Table] = ALL_TABLES, also: str | None = None
) -> DataEvalError | None:
    """Our error where the cause is a full or read-only disk, an engine that ended, or a damaged file of these tables.

    Parameters
    ----------
    error : BaseException
        Error of an engine, of storage or of a file.
    action : str
        What was being done, such as ``"write outliers"``.
    location : str
        Workspace.
    tables : iterable of Table
        Tables that were read.
    also : str, optional
        Another place that was written, such as a folder for temporary files.
    """
    if is_no_space(error):
        return DiskFullError.of(action, location, fullest_disk(_places(location, also, _folder_in(error))))
    engine = ended(error)
    if engine is not None:
        return EngineEndedError.of(engine, action, location)
    if is_read_only(error):
        reason = unwritable(location)
        if reason is not None:
            return ReadOnlyError.of(action, location, reason)
        return ReadOnlyError.of_output(action, location, _folder_in(error) or also)
    return damage(location, tables)


def _places(*given: str | None) -> list[str]:
    """Folders of this machine among those given, and that of temporary files."""
    places = [place for place in given if place and not is_catalog_name(place) and is_local(place)]
    return [*(str(local_path(place)) for place in places), tempfile.gettempdir()]


def _folder_in(error: BaseException) -> str | None:
    """Folder of the file that an error of the system is about."""
    name = getattr(error, "filename", None)
    return os.path.dirname(name) or "." if isinstance(name, str) else None


def engine_error(error: BaseException, action: str, location: str) -> DataEvalError:
    """Our error for an engine's: the action that failed in a workspace, and a hint."""
    known = known_cause(error, action, location)
    if known is not None:
        return known
    hint = hint_for(str(error), location if is_catalog_name(location) else None)
    return WorkspaceError(f"Could not {action} in workspace {location}: {engine_message(error)}\nHint: {hint}")


@contextmanager
def errors_of_engines(action: str, location: str) -> Iterator[None]:
    """Turn errors of the engines into ours."""
    try:
        yield
    except Exception as error:
        if not is_foreign(error):
            raise
        raise engine_error(error, action, location) from error


@contextmanager
def errors_of_writing(action: str, location: str) -> Iterator[None]:
    """Turn errors about a table, or its disk, into ours; all others are those of the step that made the rows."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, AnalysisException) and not is_no_space(error) and not is_read_only(error):
            raise
        raise engine_error(error, action, location) from error
