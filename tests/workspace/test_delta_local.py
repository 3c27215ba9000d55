"""Tables in directories of this machine, with delta-rs."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from dataeval_spark.tables.images import IMAGES
from dataeval_spark.tables.runs import DATASET_FINDINGS, SNAPSHOTS
from dataeval_spark.workspace.delta import Writer
from dataeval_spark.workspace.delta_local import LocalAccess, images_here, size_of
from dataeval_spark.workspace.locations import can_open
from dataeval_spark.workspace.workspace import TABLE_PROPERTIES, Workspace
from tests.workspace.pins import pin, writer


@pytest.fixture
def access(spark, tmp_path):
    return LocalAccess(None, str(tmp_path / "snapshots"), str(tmp_path / "staging"))


def test_a_commit_made_while_the_history_is_read_shifts_no_version(access, monkeypatch):
    access.create(SNAPSHOTS, TABLE_PROPERTIES)
    opened_before, open_now = [access._table()], LocalAccess._table
    access.append(SNAPSHOTS, [pin("one")], writer("r1"))
    monkeypatch.setattr(LocalAccess, "_table", lambda self: opened_before.pop() if opened_before else open_now(self))

    commits = access.commits(5)

    assert [(commit.version, commit.made_by.get("run_id")) for commit in commits] == [(1, "r1"), (0, None)]


def test_rows_appended_at_the_same_time_are_all_there(access):
    access.create(SNAPSHOTS, TABLE_PROPERTIES)
    threads = [
        threading.Thread(target=access.append, args=(SNAPSHOTS, [pin(f"s{i}")], writer(f"r{i}"))) for i in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(row["snapshot"] for row in access.rows(("snapshot",), {})) == [f"s{i}" for i in range(8)]


def test_a_new_table_has_a_checksum_that_says_it_is_empty(access, tmp_path):
    access.create(SNAPSHOTS, TABLE_PROPERTIES)

    checksum = json.loads((tmp_path / "snapshots" / "_delta_log" / f"{0:020}.crc").read_text())

    assert (checksum["numFiles"], checksum["tableSizeBytes"], checksum["allFiles"]) == (0, 0, [])
    assert checksum["metadata"]["id"] == access.identity()


def test_rows_files_and_columns_are_told_without_reading_the_data(access, tmp_path):
    assert (size_of(str(tmp_path / "snapshots")), access.columns()) == ((0, 0), {})
    access.create(SNAPSHOTS, TABLE_PROPERTIES)
    access.append(SNAPSHOTS, [pin("one"), pin("two")], writer("r1"))
    access.append(SNAPSHOTS, [pin("three")], writer("r2"))

    assert (size_of(str(tmp_path / "snapshots"))[0], access.files()[0]) == (3, 2)
    assert access.columns() == {column.name: column.nullable for column in SNAPSHOTS.columns}
    assert sorted(access.dataset().to_table(columns=["snapshot"])["snapshot"].to_pylist()) == ["one", "three", "two"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/data/a b", True), ("/data/100%", True), ("/data/a#b", False), ("/data/a?b", False), ("/data/a%20b", False)],
)
def test_delta_rs_takes_some_characters_for_parts_of_a_uri(path, expected):
    assert can_open(path) is expected


def test_images_of_a_workspace_are_counted_before_there_is_a_session(spark, tmp_path):
    place = str(tmp_path / "audit")
    assert images_here(place) == (0, 0)
    workspace = Workspace(spark, place)
    frame = spark.createDataFrame([("a", "d", "s")], "image_id string, dataset string, source string")
    others = [f"CAST(NULL AS {c.type}) AS {c.name}" for c in IMAGES.columns if c.name not in (*frame.columns, "run_id")]
    rows = frame.selectExpr("*", *others)
    workspace.write(IMAGES, rows, Writer("r", "ingest", "w", "0"))
    assert images_here(place)[0] == 1
    assert images_here("catalog.schema") == images_here("s3://bucket/audit") == (0, 0)


def test_a_broken_table_is_no_reason_not_to_start(tmp_path):
    log = tmp_path / "audit" / "images" / "_delta_log"
    log.mkdir(parents=True)
    (log / f"{0:020}.json").write_text("no json")
    assert images_here(str(tmp_path / "audit")) == (0, 0)


def finding(frame, step, rule):
    return frame(DATASET_FINDINGS, [(step, rule, "x", 1.0, None, "info", "m", "r")])


def writer_of(step, name):
    return Writer("r", step, f"work of {step}, {name}", "0")


def rules(workspace):
    return sorted((row["step"], row["rule"]) for row in workspace.read(DATASET_FINDINGS).collect())


def test_rows_of_a_scope_are_replaced_in_one_commit_also_in_a_file_that_holds_several(spark, tmp_path, frame):
    workspace = Workspace(spark, str(tmp_path))
    for step in ("a", "b"):
        workspace.write(DATASET_FINDINGS, finding(frame, step, "first"), Writer("r", step, step, "0"), scope=step)
    workspace._access(DATASET_FINDINGS).compact()
    before = workspace.state(DATASET_FINDINGS).version

    state = workspace.write(DATASET_FINDINGS, finding(frame, "a", "second"), Writer("r", "a", "w", "0"), scope="a")

    assert state.version == before + 1
    assert rules(workspace) == [("a", "second"), ("b", "first")]


def test_twelve_steps_that_write_their_scopes_at_once_all_have_their_rows(spark, tmp_path, frame):
    workspace = Workspace(spark, str(tmp_path))
    workspace.create([DATASET_FINDINGS])
    steps = [f"step {number:02}" for number in range(12)]
    for name in ("first", "second"):
        rows = {step: finding(frame, step, name) for step in steps}
        with ThreadPoolExecutor(12) as pool:
            jobs = [
                pool.submit(workspace.write, DATASET_FINDINGS, rows[step], writer_of(step, name), scope=step)
                for step in steps
            ]
            assert all(job.result() for job in jobs)

    assert rules(workspace) == [(step, "second") for step in steps]
