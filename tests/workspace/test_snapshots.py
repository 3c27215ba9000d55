"""Snapshots: pinned, compared, verified, restored and copied."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import pytest

from dataeval_spark.errors import SnapshotError, TableMissingError, WorkspaceError
from dataeval_spark.tables.images import IMAGES, SOURCE_FILES
from dataeval_spark.tables.profile import EMBEDDINGS, UNREADABLE_IMAGES
from dataeval_spark.workspace import runs, snapshots
from dataeval_spark.workspace.delta import Writer
from dataeval_spark.workspace.snapshots import TableDiff
from dataeval_spark.workspace.workspace import Workspace

ROW = "image_id string, stage string, error_class string, message string, content_length bigint, fingerprint string"


@pytest.fixture(scope="module")
def workspace(spark, frame, tmp_path_factory):
    """Snapshot `one` has images a and b; `two` has a changed, b gone and c new."""
    made = Workspace(spark, str(tmp_path_factory.mktemp("snapshots") / "audit"))

    def write(names, work):
        rows = frame(ROW, [(name, "decode", "OSError", message, 1, "f") for name, message in names])
        covered = frame("image_id string", [(name,) for name in "abc"])
        made.write(UNREADABLE_IMAGES, rows, Writer(work, "profile", work, "0"), images=covered)

    with runs.start(made, "test", {}) as run:
        write([("a", "old"), ("b", "old")], "w1")
        snapshots.create(run, "one", "before")
        write([("a", "new"), ("c", "new")], "w2")
        snapshots.create(run, "two")
    return made


def ids(frame):
    return sorted(row["image_id"] for row in frame.select("image_id").collect())


def test_a_workspace_at_a_snapshot_reads_the_pinned_versions(workspace):
    assert ids(snapshots.at(workspace, "one").read(UNREADABLE_IMAGES)) == ["a", "b"]
    assert ids(snapshots.at(workspace, "two").read(UNREADABLE_IMAGES)) == ["a", "c"]


def test_a_workspace_at_a_snapshot_cannot_be_written(workspace):
    with pytest.raises(WorkspaceError, match="cannot be written"):
        snapshots.at(workspace, "one").create([UNREADABLE_IMAGES])


def test_a_table_that_was_not_pinned_is_missing(workspace):
    with pytest.raises(TableMissingError, match="snapshot was made before it was filled"):
        snapshots.at(workspace, "one").read(EMBEDDINGS)


def test_the_list_shows_newest_first(workspace):
    assert [(listed.name, listed.note) for listed in snapshots.listing(workspace)] == [
        ("two", None),
        ("one", "before"),
    ]


def test_show_prints_sql_that_reads_the_pinned_version(workspace, spark):
    (statement,) = snapshots.statements(workspace, "one")

    assert ids(spark.sql(statement.rstrip(";"))) == ["a", "b"]


def test_diff_counts_added_removed_and_changed_rows(workspace):
    (diff,) = snapshots.diff(workspace, "one", "two")

    assert diff == TableDiff("unreadable_images", diff.version_a, diff.version_b, 2, 2, added=1, removed=1, changed=1)


def test_names_cannot_be_taken_twice_or_look_like_a_dataset(workspace):
    with runs.start(workspace, "test", {}) as run:
        with pytest.raises(SnapshotError, match="exists already"):
            snapshots.create(run, "one")
        with pytest.raises(SnapshotError, match="cannot be called"):
            snapshots.create(run, "dataset=x")


def test_an_unknown_snapshot_names_those_there_are(workspace):
    with pytest.raises(SnapshotError, match=r"no snapshot 'three'.*there are two, one"):
        snapshots.pinned_versions(workspace, "three")


def test_verify_reads_every_pinned_version(workspace):
    assert snapshots.verify(workspace, "one") == {}


def test_an_export_is_a_copy_that_survives_the_workspace(workspace, spark, tmp_path):
    copied = snapshots.export(workspace, "one", str(tmp_path / "copy"))

    assert copied == {"unreadable_images": 2}
    assert ids(spark.read.format("delta").load(str(tmp_path / "copy" / "unreadable_images"))) == ["a", "b"]
    with pytest.raises(SnapshotError, match="not empty"):
        snapshots.export(workspace, "one", str(tmp_path / "copy"))


def test_restore_brings_the_rows_back_as_a_new_version(workspace):
    before = workspace.state(UNREADABLE_IMAGES).version

    assert snapshots.restore(workspace, "one") == {"unreadable_images": before + 1}
    assert ids(workspace.read(UNREADABLE_IMAGES)) == ["a", "b"]


def test_restore_of_the_newest_version_changes_nothing(workspace):
    with runs.start(workspace, "test", {}) as run:
        snapshots.create(run, "newest")
    before = workspace.state(UNREADABLE_IMAGES)

    assert snapshots.restore(workspace, "newest")["unreadable_images"] == before.version
    assert workspace.state(UNREADABLE_IMAGES) == before


def test_restore_empties_what_was_filled_after_the_snapshot(workspace, frame):
    files = frame("dataset string, path string, image_id string, fingerprint string", [("d", "a.txt", "a", "f")])
    workspace.write(SOURCE_FILES, files, Writer("r", "ingest", "w3", "0"), scope="d")

    restored = snapshots.restore(workspace, "one")

    assert set(restored) == {"unreadable_images", "source_files"}
    assert workspace.read(SOURCE_FILES).isEmpty()


def test_verify_names_the_table_and_version_that_a_forced_clean_up_destroyed(workspace, spark, tmp_path):
    place = tmp_path / "audit"
    shutil.copytree(workspace.location, place)
    copy = Workspace(spark, str(place))
    for file in (place / "unreadable_images").glob("*.parquet"):
        file.unlink()

    lost = snapshots.verify(copy, "one")

    assert list(lost) == ["unreadable_images"]
    assert "unreadable_images@v" in lost["unreadable_images"]
    with pytest.raises(SnapshotError, match="cannot be restored"):
        snapshots.restore(copy, "one")


def test_diff_counts_an_image_that_is_marked_as_deleted_as_removed_and_one_that_returns_as_added(
    spark, frame, tmp_path
):
    made = Workspace(spark, str(tmp_path / "audit"))
    columns = IMAGES.result_names

    def write(deleted, work):
        rows = [
            {
                "image_id": name,
                "uri": name,
                "dataset": "d",
                "source": "s",
                "deleted_at": now if name in deleted else None,
            }
            for name in "abc"
        ]
        types = ", ".join(f"{c.name} {c.type}" for c in IMAGES.result_columns)
        covered = frame("image_id string", [(name,) for name in "abc"])
        table = frame(types, [tuple(row.get(name) for name in columns) for row in rows])
        made.write(IMAGES, table, Writer(work, "ingest", work, "0"), images=covered)

    now = datetime(2024, 1, 1, tzinfo=UTC)
    with runs.start(made, "test", {}) as run:
        for number, deleted in enumerate(["c", "ab", ""]):
            write(deleted, f"w{number}")
            snapshots.create(run, f"s{number}")

    def counts(a, b):
        (found,) = snapshots.diff(made, a, b)
        return found.rows_a, found.rows_b, found.added, found.removed, found.changed

    assert counts("s0", "s1") == (2, 1, 1, 2, 0)
    assert counts("s1", "s2") == (1, 3, 2, 0, 0)
    assert counts("s0", "s0") == (2, 2, 0, 0, 0)
