"""The whole demo as a user runs it: session start, each step, the job, and its memory.

python benchmarks/demo.py [--runs 3]
"""

from __future__ import annotations

import argparse
import re
import statistics
import tempfile
from pathlib import Path

from frame import Measured, Row, python, report, run

COUNT = 2300
GOAL_SECONDS = 40.0
DATA = "demo: 2,000 images and 300 later ones, 128 px, 2 cores"
STEP = re.compile(r"^(\w+) +done +([\d.]+) s", re.MULTILINE)
SESSION = (
    "import time; t = time.perf_counter(); from dataeval_spark import session; s = session.local(); "
    "print('started', time.perf_counter() - t); s.range(10).count(); time.sleep(1)"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    idle: list[Measured] = []
    jobs: list[Measured] = []
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(runs):
            idle.append(run([python(), "-c", SESSION]))
            place = Path(scratch) / str(number)
            jobs.append(
                run([python(), "-m", "dataeval_spark.cli.main", "demo", "--workspace", str(place / "workspace")])
            )
            again = run([python(), "-m", "dataeval_spark.cli.main", "demo", "--workspace", str(place / "workspace")])
    starts = [float(re.search(r"started ([\d.]+)", m.output).group(1)) for m in idle]  # type: ignore[union-attr]
    seconds = [job.seconds for job in jobs]
    idle_mb = statistics.median(m.peak_mb for m in idle)
    rows = [
        Row(
            *("demo: whole job", DATA, COUNT, "seconds", statistics.median(seconds), "s", "<=", GOAL_SECONDS),
            ours_seconds=statistics.median(seconds),
            peak_mb=statistics.median(job.peak_mb for job in jobs) - idle_mb,
            samples={"ours": seconds},
            note="images made, session started, all steps, report written",
        ),
        Row("session start", DATA, 0, "seconds", statistics.median(starts), "s", samples={"ours": starts}),
        Row("demo: run again, nothing new", DATA, COUNT, "seconds", again.seconds, "s"),
        Row("idle warm session", DATA, 0, "peak_mb", idle_mb, "MB", peak_mb=0.0),
    ]
    found: dict[str, list[float]] = {}
    for job in jobs:
        for position, (step, took) in enumerate(STEP.findall(job.output)):
            found.setdefault(f"{position} {step}", []).append(float(took))
    rows += [
        Row(f"step {name}", DATA, COUNT, "seconds", statistics.median(took), "s", samples={"ours": took})
        for name, took in found.items()
    ]
    report("demo", rows)


if __name__ == "__main__":
    main()
