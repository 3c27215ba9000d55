"""Ctrl-C and SIGTERM stop a verb: its steps are cancelled, and one line says what was kept and how to go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from deltalake import DeltaTable

from dataeval_spark.audit import Audit
from tests.jobs.conftest import without_progress

COMMAND = [sys.executable, "-m", "dataeval_spark.cli"]
GO_ON = "Run the same command again: it does only what is missing."


@pytest.fixture
def place(spark, photos, tmp_path):
    """A workspace with the images, not measured yet."""
    place = tmp_path / "audit"
    Audit(str(place), spark, echo=lambda line: None).ingest(str(photos))
    return place


def interrupted(words: list[str], number: int, when: Callable[[], bool]) -> tuple[int, list[str], float]:
    """Signal a verb once a condition holds, as a terminal does: its exit code, its last lines, and its seconds."""
    process = subprocess.Popen(
        [*COMMAND, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    for _ in range(3600):
        if when():
            break
        assert process.poll() is None, "the verb ended before it could be interrupted"
        time.sleep(0.02)
    begun = time.monotonic()
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    return process.returncode, without_progress(errors).strip().splitlines(), time.monotonic() - begun


def runs_of(place: Path) -> tuple[dict, list[dict]]:
    """The row of the newest run, and those of its steps."""
    rows = DeltaTable(str(place / "runs")).to_pyarrow_table().to_pylist()
    newest = max((row for row in rows if row["step"] is None), key=lambda row: row["started_at"])
    return newest, [row for row in rows if row["run_id"] == newest["run_id"] and row["step"] is not None]


def has_commits(table: Path) -> bool:
    return len(list(table.glob("_delta_log/*.json"))) > 1


def test_ctrl_c_in_analyze_stops_its_steps_and_the_next_one_goes_on(spark, place, record_property):
    audit = Audit(str(place), spark, echo=lambda line: None).profile(encoder="thumbnail")

    code, errors, seconds = interrupted(
        ["analyze", "--workspace", str(place)], signal.SIGINT, lambda: has_commits(place / "image_findings")
    )

    record_property("figures", f"analyze ended {seconds:.1f} s after Ctrl-C")
    run, steps = runs_of(place)
    assert (code, run["status"]) == (130, "cancelled")
    assert len(errors) == 1
    assert errors[0].startswith("cancelled: ")
    assert errors[0].endswith(f"every table is whole. {GO_ON}")
    assert {row["status"] for row in steps} <= {"done", "skipped", "cancelled"}
    assert {row["step"] for row in steps if row["status"] == "cancelled"}
    assert not any((place / "_scratch").glob("*"))
    assert not any((place / "runs" / "_heartbeats").glob("*"))
    kept = {row["step"] for row in steps if row["status"] == "done"}
    audit.analyze()
    again = {row["step"] for row in runs_of(place)[1] if row["status"] == "done"}
    assert again
    assert not kept & again


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"])
def test_a_profile_that_is_stopped_is_cancelled_and_its_temporary_files_go(place, number, code):
    found, errors, _ = interrupted(
        ["profile", "--workspace", str(place)], number, lambda: any((place / "_scratch").glob("*/pending"))
    )

    run, steps = runs_of(place)
    assert (found, run["status"]) == (code, "cancelled")
    assert errors == [f"cancelled: stopped: profile; every table is whole. {GO_ON}"]
    assert [(row["step"], row["status"]) for row in steps] == [("profile", "cancelled")]
    assert not any((place / "_scratch").glob("*"))
