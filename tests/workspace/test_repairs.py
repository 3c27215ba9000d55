"""Repairs: the command that brings back what a damaged table had."""

from __future__ import annotations

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from dataeval_spark.tables import ALL_TABLES
from dataeval_spark.tables.runs import SNAPSHOTS
from dataeval_spark.workspace.repairs import repair, unreadable
from dataeval_spark.workspace.table_log import Flaw
from tests.workspace.pins import pin

FLAW = Flaw("/ws/t/part.parquet", "is damaged")


@pytest.fixture
def workspace(tmp_path):
    """A directory with all tables of `ingest`, and `outliers` in two versions."""
    for name in ("images", "targets", "factors", "ingest_findings", "source_files", "outliers"):
        write_deltalake(str(tmp_path / name), pa.table({"image_id": ["a"]}))
    write_deltalake(str(tmp_path / "outliers"), pa.table({"image_id": ["b"]}), mode="overwrite")
    return tmp_path


def snapshot(workspace, name, table, version):
    row = pin(name) | {"table_name": table, "version": version}
    row |= {"table_id": str(DeltaTable(str(workspace / table)).metadata().id)}
    rows = pa.Table.from_pylist([row], schema=SNAPSHOTS.arrow_schema)
    write_deltalake(str(workspace / SNAPSHOTS.name), rows, mode="append")


def test_what_loses_nothing_comes_first(workspace):
    flaw = Flaw("/ws/t/_delta_log/_last_checkpoint", "names nothing", "rm /ws/t/_delta_log/_last_checkpoint")

    assert repair(str(workspace), "outliers", flaw) == "rm /ws/t/_delta_log/_last_checkpoint"


def test_a_snapshot_whose_files_are_there_is_named_too(workspace):
    snapshot(workspace, "first", "outliers", 0)

    assert repair(str(workspace), "outliers", FLAW) == (
        f"rm -r {workspace}/outliers && dataeval-spark analyze --workspace {workspace}, or all tables: "
        f"dataeval-spark snapshot --workspace {workspace} restore first"
    )


def test_a_snapshot_that_lost_the_file_too_is_not_named(workspace):
    snapshot(workspace, "first", "outliers", 0)
    for file in (workspace / "outliers").glob("*.parquet"):
        file.unlink()

    assert repair(str(workspace), "outliers", FLAW) == (
        f"rm -r {workspace}/outliers && dataeval-spark analyze --workspace {workspace}"
    )


def test_a_table_that_ingest_compares_with_goes_with_those_that_it_would_not_fill_again(workspace):
    images = repair(str(workspace), "images", FLAW)
    targets = repair(str(workspace), "targets", FLAW)

    names = ("images", "targets", "factors", "ingest_findings", "source_files")
    removed = " ".join(f"{workspace}/{name}" for name in names)
    assert images == f"rm -r {removed} && dataeval-spark ingest --workspace {workspace} SOURCE for each source"
    assert targets.startswith(f"rm -r {workspace}/targets {workspace}/source_files && dataeval-spark ingest")


def test_a_table_whose_folder_is_gone_is_filled_at_once(workspace):
    assert repair(str(workspace), "balance", FLAW) == f"dataeval-spark analyze --workspace {workspace}"


def test_every_table_has_a_command_that_fills_it(workspace):
    repairs = {table.name: repair(str(workspace), table.name, FLAW) for table in ALL_TABLES}

    assert "the history of the runs is lost" in repairs["runs"]
    verbs = {name: text.partition("dataeval-spark ")[2].partition(" ")[0] for name, text in repairs.items()}
    assert verbs["drift_metrics"] == verbs["null_model"] == "compare"
    assert verbs["selection_members"] == "select"
    assert verbs["background_stats"] == "profile"
    assert verbs["splits"] == "split"
    assert verbs["predictions"] == "ingest"
    assert verbs["snapshots"] == "snapshot"
    assert verbs["outliers"] == "analyze"


def test_the_message_names_table_file_reason_and_repair():
    assert unreadable("/ws", "outliers", FLAW).splitlines() == [
        "Table outliers of workspace /ws cannot be read: its file /ws/t/part.parquet is damaged.",
        "Hint: bring it back from a copy, or: dataeval-spark analyze --workspace /ws",
    ]
