"""Label errors by confident learning, against cleanlab.

python benchmarks/label_errors.py [--images 1000000] [--classes 100] [--rounds 3] [--without-peer]
    [--peer-python PYTHON] [--engine spark]

Each side runs in a process of its own on two cores (cleanlab: n_jobs=2; ours: two tasks). Ours reads parquet
tables of predictions and labels, and its clock holds everything up to all rows of all results; cleanlab gets arrays
in memory. Both write down which labels they find, and in which order: they must be the same.
Memory is that of the process tree, less what it holds when it is warm and idle; cleanlab's holds its input.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from frame import Row, add_engine, report, session, tree_mb

CORES = 2
ROWS_PER_FILE = 100_000


def make(place: Path, images: int, classes: int) -> None:
    """Labels of which a tenth is wrong, and probabilities of a model that is mostly right; the rows of parquet too."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    place.mkdir(parents=True)
    (place / "predictions").mkdir()
    (place / "targets").mkdir()
    generator = np.random.default_rng(0)
    probabilities = np.lib.format.open_memmap(
        place / "probabilities.npy", mode="w+", dtype=np.float64, shape=(images, classes)
    )
    labels = np.zeros(images, np.int64)
    for start in range(0, images, ROWS_PER_FILE):
        rows = np.arange(start, min(start + ROWS_PER_FILE, images))
        true = generator.integers(0, classes, len(rows))
        logits = generator.normal(size=(len(rows), classes))
        logits[np.arange(len(rows)), true] += 4.0
        part = np.exp(1.5 * logits)
        part /= part.sum(axis=1, keepdims=True)
        wrong = generator.random(len(rows)) < 0.1
        labels[rows] = np.where(wrong, generator.integers(0, classes, len(rows)), true)
        probabilities[rows] = part
        ids = pa.array([f"{row:09}" for row in rows])
        lists = pa.ListArray.from_arrays(
            pa.array(np.arange(len(rows) + 1) * classes, pa.int32()), pa.array(part.ravel())
        )
        zeros = pa.array(np.zeros(len(rows), np.int32))
        predicted = {
            "image_id": ids,
            "model": pa.array(["m"] * len(rows)),
            "target_index": zeros,
            "probabilities": lists,
        }
        name = f"{start:09}.parquet"
        pq.write_table(pa.table(predicted), place / "predictions" / name, compression="none", row_group_size=20_000)
        named = pa.array([f"{label:04}" for label in labels[rows]])
        pq.write_table(
            pa.table({"image_id": ids, "target_index": zeros, "class_name": named}), place / "targets" / name
        )
    probabilities.flush()
    np.save(place / "labels.npy", labels)


def timed(work: Callable[[], object], rounds: int) -> dict[str, object]:
    """Seconds of each round, and the largest memory above that of the idle process, in MB."""
    idle, peak, stop = tree_mb(os.getpid()), [0.0], threading.Event()

    def watch() -> None:
        while not stop.wait(0.5):
            peak[0] = max(peak[0], tree_mb(os.getpid()) - idle)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
        peak[0] = max(peak[0], tree_mb(os.getpid()) - idle)  # a round may be shorter than the watcher's pause
    stop.set()
    watcher.join()
    return {"seconds": seconds, "peak_mb": peak[0]}


def peer(place: Path, rounds: int, _: str) -> dict[str, object]:
    import cleanlab
    from cleanlab.filter import find_label_issues

    small = np.random.default_rng(1).dirichlet(np.ones(3), 300)
    find_label_issues(small.argmax(axis=1), small, n_jobs=CORES)
    found: list[np.ndarray] = []
    data: list[np.ndarray] = []

    def once() -> None:
        if not data:
            data.extend((np.load(place / "labels.npy"), np.load(place / "probabilities.npy")))
        started = time.perf_counter()
        found[:] = [find_label_issues(*data, return_indices_ranked_by="self_confidence", n_jobs=CORES)]
        inner.append(time.perf_counter() - started)

    inner: list[float] = []
    answer = timed(once, rounds)
    np.save(place / "found_peer.npy", found[0])
    return {**answer, "seconds": inner, "version": cleanlab.__version__}


def ours(place: Path, rounds: int, engine: str) -> dict[str, object]:
    from dataeval_spark.analyses.labels.confident_learning import confident_learning
    from dataeval_spark.tables.keys import BOX_TYPE

    spark = session(engine, cores=CORES, images=len(np.load(place / "labels.npy", mmap_mode="r")))
    number = [0]

    def checkpoint(frame):  # type: ignore[no-untyped-def]
        number[0] += 1
        where = str(place / "scratch" / str(number[0]))
        frame.write.parquet(where)
        return spark.read.parquet(where)

    def once(folder: Path, classes: int) -> None:
        shutil.rmtree(place / "scratch", ignore_errors=True)
        names = [("m", code, f"{code:04}") for code in range(classes)]
        errors, *others = confident_learning(
            spark.read.parquet(str(folder / "targets")),
            spark.read.parquet(str(folder / "predictions")).selectExpr("*", f"CAST(NULL AS {BOX_TYPE}) AS box"),
            spark.createDataFrame(names, "model string, class_index int, class_name string"),
            scratch=str(place / "scratch" / "blocks"),
            checkpoint=checkpoint,
        )
        errors.write.mode("overwrite").parquet(str(place / "found_ours"))
        for other in others:
            other.write.format("noop").mode("overwrite").save()

    make(place / "warm", 500, 5)
    for _ in range(2):
        once(place / "warm", 5)
    classes = int(np.load(place / "probabilities.npy", mmap_mode="r").shape[1])
    answer = timed(lambda: once(place, classes), rounds)
    rows = spark.read.parquet(str(place / "found_ours")).select("rank", "image_id").toPandas().sort_values("rank")
    np.save(place / "found_ours.npy", rows["image_id"].to_numpy().astype(np.int64))
    spark.stop()
    return answer


def ask(side: str, place: Path, rounds: int, python: str, engine: str) -> dict[str, object]:
    """Run one side in a process of its own."""
    command = [python, __file__, "--side", side, "--place", str(place), "--rounds", str(rounds)]
    command += ["--engine", engine]
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    done = subprocess.run(command, env={**os.environ, **dict.fromkeys(names, "1")}, capture_output=True, text=True)
    for line in done.stdout.splitlines():
        if line.startswith("@"):
            return json.loads(line[1:])
    raise RuntimeError(f"{side} gave no answer:\n{done.stderr[-3000:]}")


def compare(args: argparse.Namespace) -> list[Row]:
    place = Path(tempfile.mkdtemp(prefix="label_errors_"))
    data = f"{args.engine}; {args.images:,} x {args.classes}"
    try:
        make(place / "data", args.images, args.classes)
        mine = ask("ours", place / "data", args.rounds, sys.executable, args.engine)
        seconds = statistics.median(mine["seconds"])
        common = {"data": data, "n": args.images, "ours_seconds": seconds, "peak_mb": mine["peak_mb"]}
        if args.without_peer:
            return [Row(name="label errors", measure="time", value=seconds, unit="s", **common)]
        theirs = ask("peer", place / "data", args.rounds, args.peer_python, args.engine)
        theirs_seconds = statistics.median(theirs["seconds"])
        common |= {"peer": "cleanlab", "peer_version": theirs["version"], "peer_seconds": theirs_seconds}
        common["samples"] = {"ours": mine["seconds"], "cleanlab": theirs["seconds"]}
        a, b = (np.load(place / "data" / f"found_{side}.npy") for side in ("ours", "peer"))
        ratio, memory = theirs_seconds / seconds, mine["peak_mb"] / theirs["peak_mb"]
        different = float(len(np.setxor1d(a, b)))
        return [
            Row(name="label errors: speed", measure="ratio", value=ratio, unit="x", direction=">=", goal=0.6, **common),
            Row(name="label errors: memory", measure="ratio", value=memory, unit="x", goal=0.6, **common),
            Row(name="label errors: differing", measure="labels", value=different, unit="of both", goal=0.0, **common),
        ]
    finally:
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without-peer", action="store_true")
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter that has cleanlab (extra bench)")
    add_engine(parser)
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--place", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        work = {"ours": ours, "peer": peer}[given.side]
        print("@" + json.dumps(work(Path(given.place), given.rounds, given.engine)), flush=True)
    else:
        report("label_errors", compare(given))
