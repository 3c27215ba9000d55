"""Errors that are not ours, in words: the damaged file, the disk or the engine that was the cause, else the verb."""

from __future__ import annotations

import errno
import os

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from deltalake.exceptions import DeltaError
from pyspark.errors import AnalysisException

from dataeval_spark.errors import (
    DiskFullError,
    EngineEndedError,
    ReadOnlyError,
    StepFailedError,
    WorkspaceError,
)
from dataeval_spark.workspace.failures import (
    errors_of_engines,
    errors_of_writing,
    explained,
    failures_of,
    is_foreign,
    known_cause,
)


class PanicException(BaseException):
    """What native code raises that gives up."""


@pytest.fixture
def place(tmp_path):
    write_deltalake(str(tmp_path / "images"), pa.table({"image_id": ["a", "b"]}))
    return tmp_path


def system_error(number):
    return OSError(number, os.strerror(number))


def test_an_error_of_an_engine_names_the_verb_and_the_workspace(place):
    error = AnalysisException(
        "An error occurred while calling o55.load.\n: java.io.IOException: No space left\n\tat org"
    )

    ours = explained(error, "profile", str(place))

    assert isinstance(ours, StepFailedError)
    assert str(ours).splitlines() == [
        f"profile failed on workspace {place}: No space left",
        "Hint: run again with --verbose to see the whole error.",
    ]
    assert str(explained(error, "doctor", None)).startswith("doctor failed: No space left")


def test_a_full_disk_is_told_with_the_room_that_is_left(place):
    ours = known_cause(system_error(errno.ENOSPC), "write images", str(place))

    assert isinstance(ours, DiskFullError)
    assert str(ours).startswith(f"Could not write images in workspace {place}: no space left on the disk (")
    assert " MB free on /" in str(ours)


def test_a_disk_that_is_read_only_is_told_with_what_only_reads(place, monkeypatch):
    monkeypatch.setattr("dataeval_spark.workspace.failures.unwritable", lambda location: "its disk is read-only")

    ours = known_cause(system_error(errno.EROFS), "write images", str(place))

    assert isinstance(ours, ReadOnlyError)
    assert str(ours).startswith(f"Could not write images in workspace {place}: its disk is read-only.\nHint: ")
    assert f"cp -r {place} COPY" in str(ours)


def test_another_place_that_is_read_only_is_named(place):
    error = OSError(errno.EROFS, os.strerror(errno.EROFS), "/mnt/out/.writing-x")

    named, unnamed = (known_cause(each, "finish export", str(place)) for each in (error, system_error(errno.EROFS)))

    assert f"in workspace {place}: /mnt/out is on a disk that is read-only.\nHint: name another" in str(named)
    assert f"in workspace {place}: a folder that it writes to is on a disk that is read-only." in str(unnamed)


def test_an_engine_that_ended_is_told(place, monkeypatch):
    words = "Spark's Java process was killed (SIGKILL)"
    monkeypatch.setattr("dataeval_spark.workspace.failures.ended", lambda error: words)

    ours = known_cause(ConnectionRefusedError(), "finish profile", str(place))

    assert isinstance(ours, EngineEndedError)
    assert str(ours).startswith(f"Could not finish profile in workspace {place}: {words}. Tables are as they were")


def test_a_damaged_file_is_the_cause_where_there_is_one(place):
    file = next((place / "images").glob("*.parquet"))
    assert known_cause(AnalysisException("x"), "write outliers", str(place)) is None

    file.write_bytes(b"")

    assert f"its file {file} has 0 of" in str(known_cause(AnalysisException("x"), "write outliers", str(place)))


def test_ours_and_mistakes_in_the_code_are_not_foreign():
    assert is_foreign(AnalysisException("x"))
    assert is_foreign(DeltaError("x"))
    assert is_foreign(pa.ArrowInvalid("x"))
    assert is_foreign(OSError("x"))
    assert is_foreign(PanicException("x"))
    assert not is_foreign(WorkspaceError("x"))
    assert not is_foreign(KeyError("x"))
    assert not is_foreign(KeyboardInterrupt())


def test_native_code_that_gives_up_ends_a_verb_with_an_error_of_ours(place):
    told = pytest.raises(StepFailedError, match=r"report failed on workspace .*: index out of bounds")
    with told, failures_of("report", str(place)):
        raise PanicException("index out of bounds")
    with pytest.raises(KeyError), failures_of("report", str(place)):
        raise KeyError("ours")


def test_an_error_of_an_engine_names_action_and_workspace_and_others_pass():
    with (
        pytest.raises(WorkspaceError, match=r"(?s)Could not read images in workspace /data: gone.*Hint: ") as error,
        errors_of_engines("read images", "/data"),
    ):
        raise AnalysisException("gone")
    assert isinstance(error.value.__cause__, AnalysisException)

    with pytest.raises(KeyError), errors_of_engines("read images", "/data"):
        raise KeyError("ours")


def test_of_writing_only_errors_about_the_table_and_its_disk_are_the_workspace_s():
    with pytest.raises(DiskFullError), errors_of_writing("write images", "/data"):
        raise system_error(errno.ENOSPC)
    with pytest.raises(ZeroDivisionError), errors_of_writing("write images", "/data"):
        raise ZeroDivisionError
