"""A disk that is full: one line that says so; with room, the same command gives the tables of any other run."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from dataeval_spark.audit import Audit
from dataeval_spark.tables import ALL_TABLES
from dataeval_spark.tables.runs import RUNS, SNAPSHOTS
from tests.jobs.test_kill import STEPS, rows_of

COMMAND = [sys.executable, "-m", "dataeval_spark.cli"]


def command(*words, temporary=None):
    environment = os.environ | ({"TMPDIR": str(temporary)} if temporary else {})
    return subprocess.run([*COMMAND, *words], env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of a size that can be changed: ``small_disk(kilobytes)`` gives its folder."""
    place = tmp_path / "disk"
    place.mkdir()

    def sized(kilobytes):
        options = f"size={kilobytes}k" + (",remount" if os.path.ismount(place) else "")
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True, text=True
        )
        if done.returncode:
            pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
        return place

    yield sized
    if os.path.ismount(place):
        subprocess.run(["umount", "-l", str(place)], check=True)


def used_kilobytes(folder):
    return -(-sum(path.stat().st_blocks for path in folder.rglob("*")) // 2)


@pytest.mark.skipif(sys.platform != "linux" or not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs mounts")
def test_commands_that_run_out_of_space_say_so_and_complete_once_there_is_room(spark, photos, small_disk, tmp_path):
    whole = Audit(str(tmp_path / "whole"), spark, echo=lambda line: None)
    whole.ingest(str(photos)).profile().analyze(*STEPS)
    disk = small_disk(10_000)
    place = str(disk / "audit")
    verbs = {"ingest": [str(photos)], "profile": [], "analyze": [*STEPS]}

    for verb, words in verbs.items():
        small_disk(used_kilobytes(disk) + (40 if verb == "ingest" else 100))
        failed = command(verb, "--workspace", place, *words)
        small_disk(20_000)
        completed = command(verb, "--workspace", place, *words)

        assert failed.returncode == 1, (verb, failed.stdout)
        errors = [line for line in failed.stderr.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1
        assert f"in workspace {place}: no space left on the disk" in errors[0]
        assert "Could not " in errors[0]
        assert "make room" in failed.stderr
        assert "Traceback" not in failed.stderr
        assert "panick" not in failed.stderr
        assert completed.returncode == 0, completed.stderr

    for compared in ALL_TABLES:
        if compared not in (RUNS, SNAPSHOTS):
            assert rows_of(Audit(place, spark).workspace, compared) == rows_of(whole.workspace, compared), compared.name


@pytest.mark.skipif(sys.platform != "linux" or not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs mounts")
def test_a_folder_for_temporary_files_without_room_is_no_fault_of_the_workspace(photos, small_disk, tmp_path):
    full = small_disk(4)
    (full / "filling").write_bytes(bytes(4096))
    place = str(tmp_path / "audit")

    done = command("ingest", "--workspace", place, str(photos), "--engine", "embedded", temporary=full)
    elsewhere = command("ingest", "--workspace", place, str(photos), "--scratch", str(tmp_path / "s"), temporary=full)

    assert "Traceback" not in done.stderr
    assert elsewhere.returncode == 0, elsewhere.stderr
