"""Damaged tables at the command line: one line names table, file, reason and repair, and the doctor finds the same."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time

import pytest
from deltalake import DeltaTable, write_deltalake

from dataeval_spark.audit import Audit
from dataeval_spark.cli.main import DONE, main
from dataeval_spark.cli.verbs import FAILED
from dataeval_spark.session.choice import is_given
from dataeval_spark.tables import ALL_TABLES
from dataeval_spark.tables.runs import DATASET_FINDINGS, RUNS, SNAPSHOTS
from dataeval_spark.verbs import doctor
from tests.cli import hostile_storage
from tests.cli.hostile import Hostile, cases_of, insides_in
from tests.cli.hostile_storage import checkpoint_of, cut, file_of, log_of, removed
from tests.jobs.test_kill import rows_of


@pytest.fixture(autouse=True)
def _session_of_this_machine(spark, monkeypatch):
    if is_given(spark):
        pytest.skip("to a session that was made elsewhere paths may be those of a cluster")
    monkeypatch.setattr(doctor, "_kernels", lambda: doctor.Check("kernels", "ok", "ready"))


def run(capsys, *words):
    capsys.readouterr()
    code = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return code, out, err


def contents(folder):
    """Names, sizes and times of all files of a folder, and times of its folders."""
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*")}


@pytest.mark.parametrize("case", cases_of(hostile_storage), ids=lambda case: case.__name__)
def test_the_verb_and_the_doctor_name_the_file_and_the_repair(case, hostile: Hostile, capsys):
    words, file = case(hostile)
    before = contents(hostile.workspace)

    found, out, _ = run(capsys, "doctor", "--workspace", hostile.workspace)
    assert contents(hostile.workspace) == before, "the doctor has written to the workspace"
    code, shown, err = run(capsys, *words)

    assert (found, code) == (FAILED, FAILED)
    (damaged,) = [line for line in out.splitlines() if " DAMAGED " in line]
    assert f" {file} " in damaged
    assert "Repair: " in damaged
    message, hint = err.strip().splitlines()
    table = damaged.split()[0]
    assert message.startswith(f"error: Table {table} of workspace {hostile.workspace} cannot be read: its file {file} ")
    assert hint.endswith(damaged.partition("Repair: ")[2])
    assert not insides_in(damaged + shown + err)


def test_a_whole_workspace_is_ok_and_checked_within_three_seconds(hostile: Hostile, capsys):
    before = contents(hostile.workspace)
    started = time.perf_counter()

    code, out, err = run(capsys, "doctor", "--workspace", hostile.workspace)
    seconds = time.perf_counter() - started
    deep = run(capsys, "doctor", "--workspace", hostile.workspace, "--deep")

    assert (code, deep[0], err) == (DONE, DONE, "")
    assert f"tables in {hostile.workspace}: logs and ends of files are whole" in out
    assert "all rows can be read" in deep[1]
    assert contents(hostile.workspace) == before
    assert seconds < 3


def test_a_page_that_is_damaged_is_found_by_a_deep_look(hostile: Hostile, capsys):
    file = file_of(hostile, "image_stats")
    content = bytearray(file.read_bytes())
    content[4 : len(content) // 3] = os.urandom(len(content) // 3 - 4)
    file.write_bytes(content)

    shallow, _, _ = run(capsys, "doctor", "--workspace", hostile.workspace)
    deep, out, _ = run(capsys, "doctor", "--workspace", hostile.workspace, "--deep")

    assert (shallow, deep) == (DONE, FAILED)
    assert f"image_stats  DAMAGED {file} is damaged. Repair: " in out


def test_the_doctor_finds_what_is_gone_with_its_folder(hostile: Hostile, capsys):
    shutil.rmtree(hostile.workspace / "label_stats")

    code, out, _ = run(capsys, "doctor", "--workspace", hostile.workspace)

    assert code == FAILED
    assert f"label_stats  DAMAGED {hostile.workspace}/label_stats is gone: run " in out


def test_a_past_that_lacks_entries_is_a_warning(hostile: Hostile, capsys):
    checkpoint_of(hostile, "runs")
    lost = removed(log_of(hostile, "runs")[3])

    code, out, _ = run(capsys, "doctor", "--workspace", hostile.workspace)

    assert code == DONE
    assert f"runs         warning {lost} is gone: versions 3 to " in out


def lose_rows_that_came_after_the_snapshot(h):
    place = h.workspace / "image_findings"
    rows = DeltaTable(str(place)).to_pyarrow_table().slice(0, 1)
    before = set(place.glob("*.parquet"))
    write_deltalake(str(place), rows, mode="append")
    (new,) = set(place.glob("*.parquet")) - before
    new.unlink()


REPAIRED = {
    "a snapshot is restored": lose_rows_that_came_after_the_snapshot,
    "a step is computed again": lambda h: removed(log_of(h, "image_findings")[-1]),
    "statistics are measured again": lambda h: cut(log_of(h, "image_stats")[-1]),
    "an analysis is computed again": lambda h: cut(log_of(h, "factor_bins")[0]),
    "labels are read again": lambda h: cut(log_of(h, "targets")[-1], 0),
    "images are read again": lambda h: cut(log_of(h, "images")[-1]),
    "a checkpoint is removed": lambda h: cut(checkpoint_of(h, "images")),
    "a pointer is removed": lambda h: removed(checkpoint_of(h, "images")),
    "findings of several steps are computed again": lambda h: cut(log_of(h, "dataset_findings")[-1]),
}


@pytest.mark.parametrize("fault", REPAIRED.values(), ids=REPAIRED)
def test_the_repair_brings_the_rows_back(fault, hostile: Hostile, capsys, spark, small):
    fault(hostile)
    code, out, _ = run(capsys, "doctor", "--workspace", hostile.workspace)
    assert code == FAILED
    (repair,) = [line.partition("Repair: ")[2] for line in out.splitlines() if "Repair: " in line]

    repair = repair.rpartition(", or all tables: ")[2]
    repair = repair.replace("SOURCE for each source", f"{small}/old --metadata {small}/sites.csv")
    for command in repair.split(" && "):
        words = shlex.split(command)
        if words[0] == "rm":
            subprocess.run(words, check=True)
        else:
            done, shown, err = run(capsys, *words[1:])
            assert done == DONE, (command, shown, err)

    assert run(capsys, "doctor", "--workspace", hostile.workspace)[0] == DONE
    whole, repaired = (Audit(str(place), spark).workspace for place in (small / "audit", hostile.workspace))
    for table in ALL_TABLES:
        expected, found = rows_of(whole, table), rows_of(repaired, table)
        if table is DATASET_FINDINGS:  # the whole `analyze` has more steps than the fixture
            assert set(expected) <= set(found)
        elif table not in (RUNS, SNAPSHOTS) and expected is not None:
            assert found == expected, table.name
