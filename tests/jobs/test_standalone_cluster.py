"""Every script of jobs/, by spark-submit on a cluster of two workers: it ends well, and its tables are the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from deltalake import DeltaTable

from dataeval_spark.demo import make_demo_images
from scripts.compare_workspaces import SKIPPED_COLUMNS, differences
from tests.conftest import SHARED
from tests.jobs.standalone_cluster import ROOT, standalone_cluster

pytestmark = [pytest.mark.cluster, pytest.mark.spark_only]
IMAGES = 128
# Times at which the runs began are not of the data.
SKIPPED = (*SKIPPED_COLUMNS, "window")
EMBEDDED = [sys.executable, "-m", "dataeval_spark.cli.main"]
# Verbs whose tables the embedded engine makes too, in this order.
COMPARED = ("ingest", "profile", "split", "analyze", "compare")


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> list[str]:
    """Arguments of ingest for 128 images: photographs with boxes where the shared data are, else the demo's."""
    photographs = SHARED / "data" / "coco128"
    if photographs.is_dir():
        return [str(photographs / "images"), "--annotations", str(photographs / "instances.json")]
    files = make_demo_images(tmp_path_factory.mktemp("made"), count=IMAGES, processes=2)
    return [str(files.source), "--annotations", str(files.annotations), "--limit", str(IMAGES)]


@pytest.fixture(scope="module")
def verbs(source, tmp_path_factory) -> dict[str, list[str]]:
    """Arguments of each script, in the order in which they are run."""
    out = tmp_path_factory.mktemp("out")
    return {
        "ingest": [*source, "--dataset", "photos"],
        "profile": ["--encoder", "thumbnail"],
        "split": ["--name", "parts"],
        "analyze": [],
        "compare": ["--reference", "assigned=parts/train", "--current", "assigned=parts/test"],
        "select": ["--name", "few", "--operation", "drop_duplicates", "--operation", "limit", "n=20"],
        "search": [first_image(source)],
        "export": ["--to", str(out / "exported"), "--selection", "few", "--format", "yolo"],
        "snapshot": ["create", "first"],
        "views": [],
        "report": ["--out", str(out / "report.html")],
    }


def first_image(source: list[str]) -> str:
    return str(min(path for path in Path(source[0]).rglob("*") if path.suffix in (".jpg", ".png")))


@pytest.fixture(scope="module")
def workspaces(tmp_path_factory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("workspaces")
    return {name: place / name for name in ("cluster", "embedded")}


@pytest.fixture(scope="module")
def submitted(verbs, workspaces, tmp_path_factory):
    """What became of each script, by the name of its verb; nothing is run after one that failed."""
    done = {}
    # The driver knows of no folder that it shares with the workers but the one that it is given.
    places = ["--workspace", str(workspaces["cluster"]), "--scratch", str(tmp_path_factory.mktemp("scratch"))]
    with standalone_cluster(tmp_path_factory.mktemp("processes")) as cluster:
        for verb, arguments in verbs.items():
            script = ROOT / "jobs" / f"{verb}.py"
            done[verb] = cluster.submit(script, *places, *arguments)
            if done[verb].exit_code:
                break
    return done


def test_every_script_runs_on_a_cluster(submitted, verbs, record_property):
    seconds = ", ".join(f"{verb} {job.seconds:.0f} s" for verb, job in submitted.items())
    record_property("figures", f"{IMAGES} images on a cluster of two one-core workers: {seconds}")

    last = list(submitted.values())[-1]
    assert last.exit_code == 0, f"{last.name}:\n{last.output[-6000:]}"
    assert set(verbs) == {path.stem for path in (ROOT / "jobs").glob("*.py")}


def test_the_tables_are_those_of_the_embedded_engine(submitted, verbs, workspaces):
    environment = os.environ | {"DATAEVAL_SPARK_ENGINE": "embedded", "PYTHONPATH": str(ROOT)}
    for verb in COMPARED:
        command = [*EMBEDDED, verb, "--workspace", str(workspaces["embedded"]), *verbs[verb]]
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)

    found = differences(workspaces["embedded"], workspaces["cluster"], replacements=(), skipped=SKIPPED, digits=12)

    # What the later scripts made is on one side alone.
    compared = {table.table: table for table in found if table.rows_a >= 0}
    assert compared["image_stats"].rows_b >= IMAGES
    assert [str(table) for table in compared.values() if not table.is_equal] == []


def test_a_selection_an_export_and_a_report_were_made(submitted, verbs, workspaces):
    selected = DeltaTable(str(workspaces["cluster"] / "selection_members")).to_pyarrow_dataset().count_rows()
    exported = Path(verbs["export"][1])

    assert selected == 20
    assert len([path for path in exported.rglob("*") if path.suffix in (".jpg", ".png")]) == 20
    assert "<html" in Path(verbs["report"][1]).read_text()[:200]
    assert first_image(verbs["ingest"]) in submitted["search"].output


def test_no_stage_has_the_many_tasks_that_a_cluster_has_by_default(submitted):
    """By default there are 50 for a table's list of files and 200 for a shuffle, of whatever size."""
    stages = [line for line in submitted["analyze"].output.splitlines() if " missing tasks from " in line]
    tasks = [int(line.split("Submitting ")[1].split()[0]) for line in stages]

    assert tasks
    assert max(tasks) <= 10
