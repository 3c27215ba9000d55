"""An engine that ends in the middle of a verb: one line says which and how, and the same command completes the work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dataeval_spark.audit import Audit
from dataeval_spark.session.java import java_program
from dataeval_spark.session.machine import descendants
from dataeval_spark.session.packages import has_jvm
from tests.cli.hostile import insides_in
from tests.jobs.test_kill import statuses

COMMAND = [sys.executable, "-m", "dataeval_spark.cli"]
# Without what the session of the tests has set for its own children.
ENVIRONMENT = {name: value for name, value in os.environ.items() if "SPARK_" not in name}
# Runs a verb, and stops the server of this process once the verb has begun its work.
STOPPING = """
import pathlib, sys, threading, time
from dataeval_spark.cli.main import command
from dataeval_spark.session import embedded

def stop():
    while not any(pathlib.Path(sys.argv[-1]).glob("_scratch/*/pending")):
        time.sleep(0.005)
    embedded._SERVERS[0].stop()

threading.Thread(target=stop, daemon=True).start()
command()
"""


@pytest.fixture
def place(spark, photos, tmp_path):
    """A workspace with images that nobody has measured."""
    Audit(str(tmp_path / "audit"), spark, echo=lambda line: None).ingest(str(photos))
    return tmp_path / "audit"


def java_of(process):
    """The Java process that a process of ours has started; None until there is one."""
    for pid in descendants(process.pid):
        try:
            if Path(f"/proc/{pid}/comm").read_text().strip() == "java":
                return pid
        except OSError:
            continue
    return None


def assert_told(done, place, words):
    # On a busy machine lines come first that say what takes long.
    said = done.stderr[done.stderr.find("error: ") :].strip().splitlines()
    assert (done.returncode, len(said)) == (1, 2), (done.stdout, done.stderr)
    message, hint = said
    assert message == f"error: Could not finish profile in workspace {place}: {words}. Tables are as they were before."
    assert hint.startswith("Hint: run the same command again")
    assert not insides_in((done.stdout + done.stderr).replace("Java process", ""))


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.skipif(not has_jvm() or java_program() is None, reason="needs Spark and Java")
def test_a_java_process_that_is_killed_ends_the_verb_in_one_line(spark, place):
    words = ["profile", "--workspace", str(place), "--engine", "spark"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": ENVIRONMENT}
    process = subprocess.Popen([*COMMAND, *words], text=True, **pipes)
    deadline = time.monotonic() + 120
    while not any(place.glob("_scratch/*/pending")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(java_of(process), signal.SIGKILL)

    out, err = process.communicate(timeout=120)

    assert_told(
        subprocess.CompletedProcess(words, process.returncode, out, err),
        place,
        "Spark's Java process was killed (SIGKILL)",
    )
    assert statuses(spark, str(place))[-1] == "failed"
    assert not any(place.glob("_scratch/*"))


def test_an_embedded_engine_that_stops_ends_the_verb_in_one_line(spark, place):
    words = ["profile", "--engine", "embedded", "--workspace", str(place)]

    how = {"capture_output": True, "text": True, "timeout": 120, "env": ENVIRONMENT}
    stopped = subprocess.run([sys.executable, "-c", STOPPING, *words], **how)
    again = subprocess.run([*COMMAND, *words], **how)

    assert_told(stopped, place, "the embedded engine has ended")
    assert statuses(spark, str(place))[-2:] == ["failed", "done"]
    assert (again.returncode, again.stderr) == (0, "")
    assert not any(place.glob("_scratch/*"))
