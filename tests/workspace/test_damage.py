"""Errors that are not ours, in words: the damaged file of a workspace, else what the engine says."""

from __future__ import annotations

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from deltalake.exceptions import DeltaError
from pyspark.errors import AnalysisException

from dataeval_spark.errors import DiskFullError, StepFailedError, WorkspaceError
from dataeval_spark.tables.images import IMAGES, TARGETS
from dataeval_spark.workspace.damage import damage, explained, is_foreign


@pytest.fixture
def place(tmp_path):
    """A directory with two tables of a file each."""
    for table in (IMAGES, TARGETS):
        write_deltalake(str(tmp_path / table.name), pa.table({"image_id": ["a", "b"]}))
    return tmp_path


def test_a_workspace_whose_files_have_their_ends_is_whole(place):
    assert damage(str(place)) is None
    assert damage("catalog.schema") is None


def test_a_file_that_is_cut_or_gone_is_named_with_its_table_and_what_fills_it(place):
    (file,) = (place / "images").glob("*.parquet")

    file.write_bytes(file.read_bytes()[:50])
    cut = str(damage(str(place)))
    file.unlink()
    gone = str(damage(str(place), [IMAGES]))

    assert f"Table images of workspace {place} cannot be read: its file {file} is damaged." in cut
    assert f"remove {place}/images and run dataeval-spark ingest --workspace {place} SOURCE" in cut
    assert f"its file {file} is gone." in gone
    assert damage(str(place), [TARGETS]) is None


def test_a_log_that_is_no_log_is_named(place):
    next((place / "images" / "_delta_log").glob("*.json")).write_text("{broken")

    assert f"its file {place}/images/_delta_log is damaged" in str(damage(str(place)))


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


def test_a_full_disk_is_told_as_one(place):
    assert isinstance(explained(OSError(28, "No space left on device"), "export", str(place)), DiskFullError)


def test_ours_and_mistakes_in_the_code_are_not_foreign():
    assert is_foreign(AnalysisException("x"))
    assert is_foreign(DeltaError("x"))
    assert is_foreign(pa.ArrowInvalid("x"))
    assert is_foreign(OSError("x"))
    assert not is_foreign(WorkspaceError("x"))
    assert not is_foreign(KeyError("x"))
