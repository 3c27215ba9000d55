"""Upkeep: small files are merged, old ones removed, and nothing is lost that anybody may still read."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from dataeval_spark.tables.profile import UNREADABLE_IMAGES
from dataeval_spark.tables.runs import DATASET_FINDINGS, RUNS, SNAPSHOTS
from dataeval_spark.workspace import runs, snapshots, upkeep
from dataeval_spark.workspace.delta import Writer
from dataeval_spark.workspace.delta_local import LocalAccess
from dataeval_spark.workspace.delta_spark import SparkAccess
from dataeval_spark.workspace.workspace import Workspace

ROW = "image_id string, stage string, error_class string, message string, content_length bigint, fingerprint string"
DAY = 24 * 3600 * 1000


@pytest.fixture
def workspace(spark, tmp_path):
    return Workspace(spark, str(tmp_path / "audit"))


@pytest.fixture
def add(workspace, frame):
    """``add(number)`` writes the row of one more image."""

    def add(number, message="m"):
        name = f"image-{number:03}"
        rows = frame(ROW, [(name, "decode", "OSError", message, 1, "f")])
        writer = Writer(f"r{number}", "profile", f"w{number}-{message}", "0")
        workspace.write(UNREADABLE_IMAGES, rows, writer, images=frame("image_id string", [(name,)]))

    return add


def folder(workspace):
    return Path(workspace.path(UNREADABLE_IMAGES))


def on_disk(workspace):
    return {path.name for path in folder(workspace).glob("*.parquet")}


def newest(workspace):
    return {Path(uri).name for uri in DeltaTable(str(folder(workspace))).file_uris()}


def rows(frame):
    return sorted(map(tuple, frame.drop("run_id").collect()))


def let_pass(workspace, days):
    """Let files have left the table so many days earlier, by the times in its log."""
    earlier = int(time.time() * 1000) - days * DAY
    for log in (folder(workspace) / "_delta_log").glob("*.json"):
        actions = [json.loads(line) for line in log.read_text().splitlines()]
        for action in actions:
            if "remove" in action:
                action["remove"]["deletionTimestamp"] = earlier
        log.write_text("".join(f"{json.dumps(action)}\n" for action in actions))


def test_a_table_that_grows_by_small_commits_has_few_files(workspace, add):
    for number in range(13):
        add(number)

    assert len(newest(workspace)) <= LocalAccess.MERGED_FILES + 1
    assert [row[0] for row in rows(workspace.read(UNREADABLE_IMAGES))] == [f"image-{n:03}" for n in range(13)]


def test_merging_changes_no_row_and_so_leaves_the_state_what_it_was(workspace, add):
    for number in range(3):
        add(number)
    before = workspace.state(UNREADABLE_IMAGES)
    add(3)  # the fourth version is looked at

    after = workspace.state(UNREADABLE_IMAGES)

    assert (after.version, after.written_version) == (before.version + 2, before.version + 1)
    assert len(newest(workspace)) == 1


def test_a_state_is_found_below_more_upkeep_than_is_looked_at_first(workspace, add):
    add(0)
    before = workspace.state(UNREADABLE_IMAGES)
    for number in range(9):
        DeltaTable(str(folder(workspace))).alter.set_table_properties({"delta.checkpointInterval": str(20 + number)})

    assert workspace.state(UNREADABLE_IMAGES).identity == before.identity


@pytest.mark.parametrize("by", ["delta-rs", pytest.param("spark", marks=pytest.mark.spark_only)])
def test_snapshots_and_open_readers_read_the_same_rows_after_all_upkeep(workspace, add, frame, monkeypatch, by):
    def change(number):
        if by == "delta-rs":
            add(number, "changed")
            return
        name = f"image-{number:03}"
        path = str(folder(workspace))
        changed = frame(UNREADABLE_IMAGES, [(name, "decode", "OSError", "changed", 1, "f", "r")])
        changed.write.format("delta").mode("overwrite").option("replaceWhere", f"image_id = '{name}'").save(path)

    pinned = {}
    with runs.start(workspace, "test", {}) as run:
        for number in range(5):
            add(number)
        for number in range(3):
            change(number)
            snapshots.create(run, f"s{number}")
            pinned[f"s{number}"] = rows(workspace.read(UNREADABLE_IMAGES))
    reader = workspace.read(UNREADABLE_IMAGES, workspace.state(UNREADABLE_IMAGES).version)
    held = rows(reader)
    for number in range(3, 5):
        change(number)
    let_pass(workspace, upkeep.UNNAMED_DAYS - 1)

    workspace.tidy(UNREADABLE_IMAGES)
    assert rows(reader) == held  # whoever opened a version can read it for days

    let_pass(workspace, upkeep.UNNAMED_DAYS + 1)
    before = on_disk(workspace)
    workspace.tidy(UNREADABLE_IMAGES)

    assert len(on_disk(workspace)) < len(before)
    assert {name: rows(snapshots.at(workspace, name).read(UNREADABLE_IMAGES)) for name in pinned} == pinned
    assert snapshots.verify(workspace, "s0") == {}
    assert len(rows(workspace.read(UNREADABLE_IMAGES))) == 5


def test_files_that_left_the_table_long_ago_go_every_so_many_versions(workspace, add, monkeypatch):
    monkeypatch.setattr(upkeep, "TIDY_EVERY", 8)
    for number in range(5):
        add(number)
    let_pass(workspace, upkeep.UNNAMED_DAYS + 1)
    before = on_disk(workspace)

    while workspace.state(UNREADABLE_IMAGES).version < 8:
        add(number := number + 1)

    assert before - on_disk(workspace)
    assert newest(workspace) <= on_disk(workspace)
    assert len(rows(workspace.read(UNREADABLE_IMAGES))) == number + 1


def test_what_a_killed_process_left_goes_when_it_is_old(workspace, add):
    add(0)
    for name in ("part-old.parquet", "part-new.parquet"):
        (folder(workspace) / name).write_bytes(b"x")
    old = time.time() - (upkeep.UNNAMED_DAYS + 1) * 24 * 3600
    os.utime(folder(workspace) / "part-old.parquet", (old, old))

    workspace.tidy(UNREADABLE_IMAGES)

    assert on_disk(workspace) == newest(workspace) | {"part-new.parquet"}


def test_a_table_keeps_old_files_for_as_long_as_somebody_else_set(workspace, add):
    for number in range(5):
        add(number)
    table = DeltaTable(str(folder(workspace)))
    table.alter.set_table_properties({"delta.deletedFileRetentionDuration": "interval 30 days"})
    let_pass(workspace, 29)
    before = on_disk(workspace)

    workspace.tidy(UNREADABLE_IMAGES)
    assert on_disk(workspace) == before
    let_pass(workspace, 31)
    workspace.tidy(UNREADABLE_IMAGES)
    assert on_disk(workspace) == newest(workspace)


def test_nothing_is_removed_where_a_pinned_version_is_lost(workspace, add):
    for number in range(5):
        add(number)
    let_pass(workspace, upkeep.UNNAMED_DAYS + 1)
    access, before = workspace._access(UNREADABLE_IMAGES), on_disk(workspace)

    assert access.remove_old_files([1000], 7, instead_of=upkeep.SNAPSHOT_DAYS) is False
    assert on_disk(workspace) == before
    assert access.remove_old_files([], 7, instead_of=upkeep.SNAPSHOT_DAYS) is True
    version = workspace.state(UNREADABLE_IMAGES).version
    assert access.remove_old_files([], 7, instead_of=upkeep.SNAPSHOT_DAYS) is False  # and makes no commit
    assert workspace.state(UNREADABLE_IMAGES).version == version


def test_a_table_with_features_that_only_its_engine_knows_is_left_to_it(spark, tmp_path):
    path = str(tmp_path / "parts")
    for value in range(3):
        write_deltalake(path, pa.table({"a": [value], "b": [1]}), mode="overwrite", partition_by=["a"])

    access = LocalAccess(spark, path, str(tmp_path))
    assert access.remove_old_files([], 0, instead_of=180) is False
    assert access.small_files(2**20) == 0
    assert len(list(Path(path).rglob("*.parquet"))) == 3


def test_through_spark_removal_is_left_to_the_platform():
    assert SparkAccess(None, "main.audit.images", None).remove_old_files([], 0, instead_of=180) is False


def test_tables_about_the_work_itself_are_kept_for_no_snapshot():
    def days(table):
        return {value for value in upkeep.properties_of(table, 180).values() if value.startswith("interval")}

    assert days(UNREADABLE_IMAGES) == {"interval 180 days"}
    assert days(RUNS) == days(SNAPSHOTS) == {"interval 7 days"}


def test_files_of_scopes_are_merged_where_they_are_many(workspace, frame):
    def write(step):
        rows = frame(DATASET_FINDINGS, [(step, "rule", "x", 1.0, None, "info", "m", "r")])
        return workspace.write(DATASET_FINDINGS, rows, Writer("r", step, f"w {step}", "0"), scope=step)

    def files():
        return len(DeltaTable(workspace.path(DATASET_FINDINGS)).file_uris())

    for number in range(8):
        write(f"step {number}")
    assert files() == 8
    number = 8
    while files() == number:
        write(f"step {number}")
        number += 1

    assert 32 <= number < 36
    assert len({row["step"] for row in workspace.read(DATASET_FINDINGS).collect()}) == number
