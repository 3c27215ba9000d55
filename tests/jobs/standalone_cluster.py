"""A standalone cluster of two one-core workers on this machine, and scripts submitted to it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyspark

from dataeval_spark.session import jars
from dataeval_spark.session.java import require_java

ROOT = Path(__file__).resolve().parents[2]
SPARK_HOME = Path(pyspark.__file__).parent
WORKERS = 2
START_SECONDS = 120
JOB_SECONDS = 900
# What a session of the tests, or of their caller, would pass on to the cluster.
OF_OTHER_SESSIONS = ("SPARK_REMOTE", "SPARK_CONNECT_MODE_ENABLED", "PYSPARK_GATEWAY_PORT", "PYSPARK_GATEWAY_SECRET")


@dataclass(frozen=True)
class Submitted:
    """A script that has ended: its name, its exit code, what it wrote, and the seconds from start to end."""

    name: str
    exit_code: int
    output: str
    seconds: float


@dataclass(frozen=True)
class Cluster:
    """A running cluster: its URL, and the environment of its processes."""

    url: str
    environment: dict[str, str]

    def submit(self, script: Path, *arguments: str, settings: Sequence[str] = ()) -> Submitted:
        """Run a script by spark-submit with Delta's jars, without a setting that suits small tables."""
        command = [str(SPARK_HOME / "bin" / "spark-submit"), "--master", self.url]
        command += ["--jars", ",".join(map(str, jars.resolve(require_java())))]
        command += [word for setting in settings for word in ("--conf", setting)]
        started = time.perf_counter()
        done = subprocess.run(
            [*command, str(script), *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=JOB_SECONDS,
        )
        return Submitted(script.name, done.returncode, done.stdout, time.perf_counter() - started)


@contextmanager
def standalone_cluster(place: Path) -> Iterator[Cluster]:
    """A master and two workers of one core and 1 GB each, on the loopback interface; they end with the block.

    Parameters
    ----------
    place : Path
        Folder for logs and the workers' files.
    """
    environment = {key: value for key, value in os.environ.items() if key not in OF_OTHER_SESSIONS}
    environment |= {
        "SPARK_HOME": str(SPARK_HOME),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": str(ROOT),
        "DATAEVAL_SPARK_ENGINE": "auto",
    }
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str, deploys: str, *arguments: str) -> Path:
        log = place / f"{name}.log"
        command = [str(SPARK_HOME / "bin" / "spark-class"), f"org.apache.spark.deploy.{deploys}", *arguments]
        command += ["--host", "127.0.0.1", "--port", "0", "--webui-port", "0"]
        with log.open("wb") as file:
            # A session of its own, so that its executors end with it.
            process = subprocess.Popen(
                command, env=environment, stdout=file, stderr=file, stdin=subprocess.DEVNULL, start_new_session=True
            )
        started.append(process)
        return log

    try:
        url = _found(start("master", "master.Master"), r"Starting Spark master at (spark://\S+)")
        logs = [
            start(
                f"worker{n}", "worker.Worker", url, "--cores", "1", "--memory", "1g", "--work-dir", f"{place}/work{n}"
            )
            for n in range(WORKERS)
        ]
        for log in logs:
            _found(log, r"Successfully registered with master (\S+)")
        yield Cluster(url, environment)
    finally:
        for process in reversed(started):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _found(log: Path, pattern: str) -> str:
    """The first group of a pattern, once a log has it."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if match := re.search(pattern, log.read_text(errors="replace")):
            return match[1]
        time.sleep(0.1)
    raise TimeoutError(f"{log} has no {pattern!r}:\n{log.read_text(errors='replace')[-3000:]}")
