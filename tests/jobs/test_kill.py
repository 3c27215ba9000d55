"""A run killed with SIGKILL and run again leaves the same tables as one that was not."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pyspark.sql import functions as F

from dataeval_spark.audit import Audit
from dataeval_spark.tables import ALL_TABLES
from dataeval_spark.tables.runs import RUNS, SNAPSHOTS
from dataeval_spark.workspace.workspace import Workspace

# The window of a comparison is the time of its run where no capture time is known.
NOT_COMPARED = ("run_id", "deleted_at", "created_at", "window")
# Steps with one table and with several, with a table that others write to, one that uses what it wrote, and a chain.
STEPS = ("image_findings", "outliers", "neighbors", "duplicates", "factor_bins", "contingency", "balance")
COMMAND = [sys.executable, "-m", "dataeval_spark.cli.main"]


def rows_of(workspace, table):
    frame = workspace.read_or_none(table)
    if frame is None:
        return None
    columns = sorted(column for column in frame.columns if column not in NOT_COMPARED)
    text = F.to_json(F.struct(*columns), {"ignoreNullFields": "false"})
    return sorted(row["t"] for row in frame.select(text.alias("t")).collect())


def statuses(spark, location):
    runs = Workspace(spark, location).read(RUNS).where("step IS NULL").orderBy("started_at")
    return [row["status"] for row in runs.collect()]


@pytest.fixture
def prepared(spark, photos, tmp_path):
    """Two workspaces with the same images: one for the run that is killed, one for a run that is not."""
    whole, killed = str(tmp_path / "whole"), str(tmp_path / "killed")
    Audit(whole, spark, echo=lambda line: None).ingest(str(photos))
    shutil.copytree(whole, killed)
    return whole, killed


def kill_after(table: Path, verb: list[str]) -> None:
    """Start a verb in a process of its own and kill it once it has committed to a table."""
    before = set(table.glob("_delta_log/*.json"))
    process = subprocess.Popen([*COMMAND, *verb], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(1800):
        if set(table.glob("_delta_log/*.json")) - before:
            break
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize(
    ("verb", "table"), [("profile", "hashes"), ("analyze", "image_findings")], ids=["profile", "analyze"]
)
def test_a_driver_killed_in_the_middle_and_run_again_gives_equal_tables(spark, prepared, verb, table):
    whole, killed = prepared
    audits = [Audit(place, spark, echo=lambda line: None) for place in (whole, killed)]
    if verb == "analyze":
        for audit in audits:
            audit.profile()
    steps = STEPS if verb == "analyze" else ()
    kill_after(Path(killed) / table, [verb, *steps, "--workspace", killed])

    for audit in audits:
        audit.analyze(*steps) if verb == "analyze" else audit.profile()

    assert "died" in statuses(spark, killed)
    assert not any((Path(killed) / "_scratch").glob("*"))
    for compared in ALL_TABLES:
        if compared not in (RUNS, SNAPSHOTS):
            left, right = (rows_of(audit.workspace, compared) for audit in audits)
            assert left == right, compared.name


@pytest.mark.parametrize(
    ("verb", "table"),
    [
        (["split", "--name", "main", "--fractions", "train=0.5", "test=0.5"], "split_assignments"),
        (["select", "--name", "few", "--operation", "limit", "n=3"], "selection_members"),
        (["compare", "--reference", "before", "--current", "dataset=photos"], "drift_metrics"),
    ],
    ids=["split", "select", "compare"],
)
def test_a_verb_killed_after_its_first_table_and_run_again_gives_equal_tables(spark, prepared, verb, table):
    whole, killed = prepared
    for place in prepared:
        Audit(place, spark, echo=lambda line: None).profile().snapshot("before")
    kill_after(Path(killed) / table, [verb[0], "--workspace", killed, *verb[1:]])

    for place in prepared:
        done = subprocess.run([*COMMAND, verb[0], "--workspace", place, *verb[1:]], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    assert "died" in statuses(spark, killed)
    for compared in ALL_TABLES:
        if compared not in (RUNS, SNAPSHOTS):
            left, right = (rows_of(Workspace(spark, place), compared) for place in (whole, killed))
            assert left == right, compared.name


def test_an_export_killed_in_the_middle_and_run_again_gives_equal_files(spark, prepared, tmp_path):
    _, place = prepared
    verb = ["export", "--workspace", place, "--format", "folder", "--to"]
    killed, whole = tmp_path / "of the killed", tmp_path / "left alone"
    process = subprocess.Popen([*COMMAND, *verb, str(killed)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(1800):
        if killed.is_dir() and any(killed.iterdir()):
            break
        assert process.poll() is None, "the export ended before it could be killed"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()

    for to in (killed, whole):
        done = subprocess.run([*COMMAND, *verb, str(to)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    files = [{path.relative_to(to): path for path in to.rglob("*") if path.is_file()} for to in (killed, whole)]
    assert files[0].keys() == files[1].keys()
    for name in files[0]:
        if name.suffix in (".png", ".txt"):
            assert files[0][name].read_bytes() == files[1][name].read_bytes(), name
