"""The frame of all benchmarks: run commands, watch the memory of their process trees, print and write rows."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ENGINES = ("embedded", "spark")
RESULTS = Path(__file__).parent / "results"


@dataclass
class Row:
    """One figure. ``measure`` is what the goal is about; ``met`` follows from value, direction and goal.

    ``value`` is None where it was not measured; ``note`` says why.
    """

    name: str
    data: str
    n: int
    measure: str
    value: float | None
    unit: str
    direction: str = "<="
    goal: float | None = None
    ours_seconds: float | None = None
    peer: str | None = None
    peer_version: str | None = None
    peer_seconds: float | None = None
    ratio: float | None = None
    peak_mb: float | None = None
    samples: dict[str, list[float]] = field(default_factory=dict)
    note: str = ""

    @property
    def met(self) -> bool | None:
        if self.goal is None or self.value is None:
            return None
        return self.value >= self.goal if self.direction == ">=" else self.value <= self.goal


@dataclass(frozen=True)
class Measured:
    """A finished command: seconds, peak memory of its process tree in MB, and what it printed."""

    seconds: float
    peak_mb: float
    output: str


def run(command: Sequence[str], *, cwd: Path | None = None) -> Measured:
    """Run a command to its end and measure it.

    Raises
    ------
    RuntimeError
        It failed; the message holds the end of what it printed.
    """
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    peak = [0.0]
    watcher = threading.Thread(target=_watch, args=(process, peak), daemon=True)
    watcher.start()
    output, _ = process.communicate()
    seconds = time.perf_counter() - started
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} exited {process.returncode}:\n{output[-2000:]}")
    return Measured(seconds, peak[0], output)


def _watch(process: subprocess.Popen[str], peak: list[float]) -> None:
    while process.poll() is None:
        peak[0] = max(peak[0], tree_mb(process.pid))
        time.sleep(2)  # reading the memory map of a JVM more often would slow what is measured


def tree_mb(root: int) -> float:
    """Resident memory of a process and all its descendants, shared pages counted by share (PSS), in MB."""
    return sum(map(_pss_mb, tree(root)))


def tree(root: int) -> set[int]:
    """A process and all its descendants."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                parents[int(entry)] = int(Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
    found, frontier = {root}, {root}
    while frontier:
        frontier = {pid for pid, parent in parents.items() if parent in frontier} - found
        found |= frontier
    return found


def _pss_mb(pid: int) -> float:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


class Rounds:
    """Seconds of each round in this process, and the largest memory of its tree above that when idle, in MB."""

    def __init__(self, idle_mb: float) -> None:
        self.seconds: list[float] = []
        self.peak_mb = 0.0
        self._idle = idle_mb

    @contextmanager
    def round(self) -> Iterator[None]:
        stop = threading.Event()

        def watch() -> None:
            while not stop.wait(0.5):
                self.peak_mb = max(self.peak_mb, tree_mb(os.getpid()) - self._idle)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        started = time.perf_counter()
        yield
        self.seconds.append(time.perf_counter() - started)
        stop.set()
        watcher.join()


class MemoryWatch:
    """Watches this process and those below it while a block runs: the largest of each kind."""

    def __init__(self, every: float = 0.5) -> None:
        self._every = every
        self._peaks: dict[str, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def peak_mb(self, kind: str) -> float:
        """Peak memory (PSS, MB) of the largest process whose command line holds a text."""
        return max((peak for command, peak in self._peaks.items() if kind in command), default=0.0)

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            for pid in tree(os.getpid()):
                try:
                    command = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
                except OSError:
                    continue
                self._peaks[command] = max(self._peaks.get(command, 0.0), _pss_mb(pid))


def report(name: str, rows: Sequence[Row], folder: Path = RESULTS) -> None:
    """Print the rows as a table and write them to ``results/NAME.json``, or to another folder."""
    print(f"\n{'name':<34} {'n':>6} {'measure':>9} {'value':>10} {'unit':<8} {'goal':>8}  met")
    for row in rows:
        goal = "" if row.goal is None else f"{row.direction} {row.goal:g}"
        met = "" if row.met is None else "yes" if row.met else "NO"
        value = "not run" if row.value is None else f"{row.value:.2f}"
        print(f"{row.name:<34} {row.n:>6} {row.measure:>9} {value:>10} {row.unit:<8} {goal:>8}  {met}")
    write(name, rows, folder)


def write(name: str, rows: Sequence[Row], folder: Path = RESULTS) -> None:
    """Write the rows to ``NAME.json`` of a folder."""
    folder.mkdir(exist_ok=True, parents=True)
    written = [{**asdict(row), "met": row.met} for row in rows]
    (folder / f"{name}.json").write_text(json.dumps(written, indent=1) + "\n")


def add_engine(parser: argparse.ArgumentParser) -> None:
    """Let the caller choose the engine that ours runs on; it stands at the start of each row's data."""
    parser.add_argument("--engine", choices=ENGINES, default=ENGINES[0])


def session(engine: str, *, cores: int = 2, memory: str | None = None, images: int = 0) -> Any:
    """A session of the engine on this machine; memory and images are told to Spark, which has settings for them."""
    from dataeval_spark.session import embedded, engines

    if engine == "embedded":
        return embedded.embedded(cores=cores)
    return engines.local("benchmark", cores=cores, memory=memory, images=images)


def python() -> str:
    return sys.executable
