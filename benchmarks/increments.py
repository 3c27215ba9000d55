"""A workspace that grows by two images 200 times: its files, its logs and the time of a run, against a fresh one.

python benchmarks/increments.py --place DIR [--for SECONDS] [--increments 200] [--steps STEP ...] [--engine spark]

The first run is of 180 images. Each later one adds two and does what is new: `ingest`, `profile` and `analyze` (all
steps, or those named) in one process. Two snapshots are named on the way, after 50 and 150 increments. The workspace
stays in DIR, so a measurement that ended after `--for` seconds goes on from there with the same command; the last one
writes the results.

Files count where the newest version or a named snapshot reads them; what older, unnamed versions need is counted by
all that is on disk.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from deltalake import DeltaTable
from frame import Row, add_engine, report, session
from PIL import Image

from dataeval_spark import Audit
from dataeval_spark.tables import ALL_TABLES
from dataeval_spark.tables.runs import SNAPSHOTS

FIRST, EACH = 180, 2
SNAPSHOTS_AFTER = (50, 150)
CLASSES = ("cat", "dog", "fox", "owl")
# Runs that are compared: one alone would measure the machine.
COMPARED = 10
# Files are counted after so many runs, which takes as long as a tenth of a run.
COUNTED_EVERY = 10


def add_images(folder: Path, start: int, stop: int) -> None:
    """Small seeded images of noise on a gradient, in a folder per class; the same number is the same file."""
    for number in range(start, stop):
        random = np.random.default_rng(number)
        ramp = np.linspace(random.integers(0, 100), random.integers(120, 220), 32)
        pixels = ramp[None, :, None] + random.normal(0, 20, (32, 32, 3))
        path = folder / CLASSES[number % len(CLASSES)] / f"{number:05}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)


def increment(audit: Audit, folder: Path, steps: Sequence[str]) -> dict[str, float]:
    """Bring the workspace up to date with the folder; the seconds that it took, by the clock and of this process."""
    started, worked = time.perf_counter(), time.process_time()
    audit.ingest(str(folder)).run(options={"profile": {"encoder": "thumbnail"}}, steps=steps)
    return {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - worked}


def census(location: Path) -> dict[str, int]:
    """Data files that the newest versions and named snapshots read, and what is on disk."""
    pinned: dict[str, dict[str, int]] = {}
    if (location / SNAPSHOTS.name).exists():
        rows = DeltaTable(str(location / SNAPSHOTS.name)).to_pyarrow_dataset().to_table().to_pylist()
        for row in rows:
            pinned.setdefault(row["table_name"], {})[row["snapshot"]] = row["version"]
    newest, needed = 0, 0
    of_snapshots: dict[str, int] = {}
    for table in ALL_TABLES:
        path = location / table.name
        if DeltaTable.is_deltatable(str(path)):
            files = set(DeltaTable(str(path)).file_uris())
            newest += len(files)
            for snapshot, version in pinned.get(table.name, {}).items():
                read = set(DeltaTable(str(path), version=version).file_uris())
                of_snapshots[snapshot] = of_snapshots.get(snapshot, 0) + len(read)
                files |= read
            needed += len(files)
    on_disk = [path for path in location.rglob("*") if path.is_file()]
    return {
        "newest": newest,
        "of_a_snapshot": max(of_snapshots.values(), default=0),
        "needed": needed,
        "on_disk": sum(path.suffix == ".parquet" and path.parent.name != "_delta_log" for path in on_disk),
        "log_files": sum(path.parent.name == "_delta_log" for path in on_disk),
        "kilobytes": sum(path.stat().st_size for path in on_disk) // 1024,
    }


def grow(place: Path, increments: int, seconds: float, engine: str, steps: Sequence[str]) -> list[dict[str, Any]]:
    """Do increments until there are enough or the time is over; one entry each, of earlier calls too."""
    history = place / "increments.jsonl"
    done = [json.loads(line) for line in history.read_text().splitlines()] if history.exists() else []
    folder, location, started = place / "photos", place / "audit", time.perf_counter()
    if len(done) > increments:
        return done
    spark = session(engine)
    audit = Audit(str(location), spark, echo=lambda line: None)
    while len(done) <= increments and time.perf_counter() - started < seconds:
        number = len(done)
        count = FIRST + number * EACH
        add_images(folder, count - EACH if number else 0, count)
        # The first run of a process starts its workers, and is no measure of the others.
        is_warm = time.perf_counter() - started > 1 and bool(done) and done[-1].get("process") == started
        done.append({"increment": number, "is_warm": is_warm, "process": started, **increment(audit, folder, steps)})
        if number in SNAPSHOTS_AFTER:
            audit.snapshot(f"after-{number}")
        if number % COUNTED_EVERY == 0:
            done[-1] |= census(location)
        with history.open("a") as file:
            file.write(json.dumps(done[-1]) + "\n")
        print(json.dumps(done[-1]), flush=True)
    spark.stop()
    return done


def fresh(place: Path, increments: int, engine: str, steps: Sequence[str]) -> dict[str, Any]:
    """The same images in a workspace that was filled at once, and two more images after that."""
    known = place / "fresh.json"
    if known.exists():
        return dict(json.loads(known.read_text()))
    folder, location = place / "photos_at_once", place / "fresh"
    for path in (folder, location):
        shutil.rmtree(path, ignore_errors=True)
    count = FIRST + increments * EACH
    add_images(folder, 0, count)
    spark = session(engine)
    audit = Audit(str(location), spark, echo=lambda line: None)
    increment(audit, folder, steps)
    found: dict[str, Any] = census(location)
    found["later"] = []
    for number in range(COMPARED // 2):
        add_images(folder, count + number * EACH, count + (number + 1) * EACH)
        found["later"].append(increment(audit, folder, steps))
    spark.stop()
    known.write_text(json.dumps(found))
    return found


def rows_of(done: list[dict[str, Any]], at_once: dict[str, Any], what: str) -> list[Row]:
    data = f"{what}; {FIRST} images of 32 x 32, then {EACH} more each time, 2 cores"
    grown = [entry for entry in done if entry["increment"]]
    counted = [entry for entry in done if "newest" in entry]
    last, n = counted[-1], grown[-1]["increment"]
    warm = [entry for entry in grown if entry["is_warm"]]

    def ratio(name: str, value: float, base: float, limit: float | None, note: str = "") -> Row:
        return Row(name, data, n, "ratio", value / base, "x", "<=", limit, note=note)

    def figure(name: str, value: float, unit: str) -> Row:
        return Row(name, data, n, "count", value, unit)

    fresh_files = at_once["newest"]
    versions = 1 + sum(after <= last["increment"] for after in SNAPSHOTS_AFTER)
    kept = f"{last['needed']} files in all, of {versions} versions; fresh: {fresh_files}, of one"

    def slower(name: str, kind: str) -> list[Row]:
        first, latest, others = (
            statistics.median(entry[kind] for entry in entries)
            for entries in (warm[:COMPARED], warm[-COMPARED:], at_once["later"])
        )
        note = f"medians of {COMPARED} runs: {latest:.2f} s, at first {first:.2f} s"
        return [
            ratio(f"{name} of a run / first", latest, first, 1.2, note),
            ratio(f"{name} of a run / fresh", latest, others, 1.2, f"{others:.2f} s beside as many images at once"),
        ]

    return [
        ratio("files of the newest version", last["newest"], fresh_files, 2.0, f"{last['newest']} files; {kept}"),
        ratio(
            "files of a snapshot, at most", last["of_a_snapshot"], fresh_files, 2.0, f"{last['of_a_snapshot']} files"
        ),
        ratio("files of all, a version", last["needed"] / versions, fresh_files, 2.0, kept),
        *slower("time", "seconds"),
        *slower("CPU time", "cpu_seconds"),
        figure("files on disk", last["on_disk"], "files"),
        figure("files of logs on disk", last["log_files"], "files"),
        figure("size on disk", last["kilobytes"] / 1024, "MB"),
        figure("files on disk, of a run", _growth(counted, "on_disk"), "files"),
        figure("files of logs, of a run", _growth(counted, "log_files"), "files"),
    ]


def _growth(counted: list[dict[str, Any]], name: str) -> float:
    """Files that each of the last runs added, on average."""
    before, last = counted[-2:]
    return float(last[name] - before[name]) / (last["increment"] - before["increment"])


def main() -> None:
    """Measure, and write benchmarks/results/increments.json when all increments are done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--place", type=Path, required=True)
    parser.add_argument("--increments", type=int, default=200)
    parser.add_argument("--steps", nargs="*", default=[])
    parser.add_argument("--for", dest="seconds", type=float, default=1e9)
    add_engine(parser)
    args = parser.parse_args()
    args.place.mkdir(parents=True, exist_ok=True)
    done = grow(args.place, args.increments, args.seconds, args.engine, args.steps)
    if len(done) <= args.increments:
        print(f"{len(done)} of {args.increments + 1} runs are done; the same command goes on from here")
        return
    what = f"{args.engine}; {' '.join(args.steps) or 'all steps'}"
    report("increments", rows_of(done, fresh(args.place, args.increments, args.engine, args.steps), what))


if __name__ == "__main__":
    main()
