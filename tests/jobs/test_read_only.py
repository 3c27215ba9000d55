"""A workspace on a disk that is read-only: what only reads it works, what writes it is refused in one line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from dataeval_spark.audit import Audit
from tests.cli.hostile import insides_in
from tests.jobs.conftest import without_progress

COMMAND = [sys.executable, "-m", "dataeval_spark.cli"]
# In a mount namespace of its own, so that nothing of it stays: chmod does not stop the superuser.
READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
READING = {
    "doctor": (),
    "report": ("--out", "{out}/report.html"),
    "views": (),
    "search": ("{photos}/night/0.png",),
    "snapshot list": (),
    "snapshot verify": ("one",),
    "snapshot export": ("one", "--out", "{out}/copy"),
    "export": ("--to", "{out}/dataset", "--format", "folder"),
    "analyze": ("--dry-run",),
}
WRITING = {
    "ingest": ("{photos}",),
    "profile": (),
    "analyze": (),
    "split": ("--name", "main"),
    "select": ("--name", "few", "--operation", "limit", "n=2"),
    "snapshot create": ("two",),
    "snapshot restore": ("one",),
}


@pytest.fixture
def read_only(spark, photos, tmp_path):
    """``read_only(verb, *words)``: a command on a workspace that is read-only for it."""
    if shutil.which("unshare") is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("a read-only mount needs the superuser of Linux")
    place, out = str(tmp_path / "audit"), tmp_path / "out"
    out.mkdir()
    audit = Audit(place, spark, echo=lambda line: None)
    audit.ingest(str(photos)).profile(encoder="thumbnail").analyze("image_findings").snapshot("one")

    def run(verb, *words):
        words = [word.format(out=out, photos=photos) for word in words]
        name, *action = verb.split()
        command = [*COMMAND, name, "--workspace", place, *action, *words]
        mounted = ["unshare", "-m", "sh", "-c", READ_ONLY, place, *command]
        return subprocess.run(mounted, capture_output=True, text=True, timeout=200)

    trial = subprocess.run(["unshare", "-m", "sh", "-c", READ_ONLY, place, "true"], capture_output=True, text=True)
    if trial.returncode:
        pytest.skip(f"a read-only mount cannot be made here: {trial.stderr.strip()}")
    return run


def test_what_only_reads_works_and_what_writes_is_refused_in_one_line(read_only, tmp_path):
    for verb, words in READING.items():
        done = read_only(verb, *words)
        assert (done.returncode, without_progress(done.stderr)) == (0, ""), (verb, done.stdout, done.stderr)
        if verb == "export":
            assert "not recorded in the table runs: the workspace is on a disk that is read-only" in done.stdout
    assert len(list((tmp_path / "out" / "dataset").rglob("*.png"))) == 5  # of six, one is truncated
    assert (tmp_path / "out" / "copy" / "images" / "_delta_log").is_dir()

    for verb, words in WRITING.items():
        refused = read_only(verb, *words)
        message, hint = without_progress(refused.stderr).strip().splitlines()
        assert refused.returncode == 1, verb
        assert message == (
            f"error: Could not run {verb.split()[0]} in workspace {tmp_path}/audit: the workspace is on a disk that is "
            "read-only."
        )
        assert hint.startswith(f"Hint: make it writable, or work on a copy: cp -r {tmp_path}/audit COPY. ")
        assert not insides_in(refused.stdout + refused.stderr)


def test_outputs_on_a_disk_that_is_read_only_are_named(read_only, tmp_path):
    for verb, words in {
        "export": ("--to", f"{tmp_path}/audit/dataset", "--format", "folder"),
        "report": ("--out", f"{tmp_path}/audit/report.html"),
        "snapshot export": ("one", "--out", f"{tmp_path}/audit/copy"),
    }.items():
        refused = read_only(verb, *words)
        lines = without_progress(refused.stderr).strip().splitlines()
        assert refused.returncode in (1, 2), verb
        assert len(lines) <= 2, lines
        assert "read-only" in lines[0].lower(), lines
        assert not insides_in(refused.stdout + refused.stderr)
