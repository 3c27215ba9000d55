"""Pairs of hashes within a Hamming distance, against imagededup, and how time and memory grow.

python benchmarks/similarity_hashes.py [--rounds 3] [--imagededup FOLDER]

FOLDER holds the unpacked wheel of imagededup 0.3.3, whose compiled search is called as the package calls it
(`brute_force_cython`); it needs nothing else of the package, which would bring torch. Without it, the peer is left out.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import sys
import tempfile
import time
from importlib.util import module_from_spec, spec_from_file_location
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from frame import Row, python, report, run

HERE = Path(__file__).resolve().parent

NEAR = 0.05
PEER_VERSION = "0.3.3.post2"
SESSION = (
    "import time; from dataeval_spark import session; s = session.local(memory='1g'); "
    "s.range(10).count(); time.sleep(3)"
)


def planted(number: int, most: int, *, equal: float = 0.0, seed: int = 0) -> np.ndarray:
    """Random hashes of 64 bits; a twentieth differ from another one in 1 to `most` bits, a share is one hash."""
    random = np.random.default_rng(seed)
    hashes = random.integers(0, 2**64, size=number, dtype=np.uint64)
    near = int(number * NEAR)
    for i, bits in zip(range(number - near, number), random.integers(1, most + 1, near), strict=True):
        hashes[i] = hashes[i - number // 2]
        for bit in random.choice(64, bits, replace=False):
            hashes[i] ^= np.uint64(1) << np.uint64(bit)
    if equal:
        hashes[: int(number * equal)] = hashes[0]
    return hashes


def write(hashes: np.ndarray, path: Path) -> None:
    texts = pa.array([f"{value:016x}" for value in hashes.tolist()])
    pq.write_table(pa.table({"kind": pa.repeat("phash", len(hashes)), "hash": texts}), path)


def ours(spark, path: Path, most: int) -> tuple[float, set[tuple[str, str]]]:
    """Seconds until all pairs are there, and the pairs."""
    from dataeval_spark.frames.hamming_pairs import hamming_pairs

    started = time.perf_counter()
    found = hamming_pairs(spark.read.parquet(str(path)), {"phash": most}).toArrow()
    seconds = time.perf_counter() - started
    return seconds, set(zip(found["hash_a"].to_pylist(), found["hash_b"].to_pylist(), strict=True))


def theirs(folder: str, hashes: np.ndarray, most: int) -> tuple[float, set[tuple[str, str]]]:
    """imagededup's `BruteForceCython.search` for every hash, in two processes, as its `HashEval` does."""
    texts = sorted({f"{value:016x}" for value in hashes.tolist()})
    started = time.perf_counter()
    # Spawned: a fork of a process with a JVM's threads may hang.
    with get_context("spawn").Pool(2, _load, (folder, texts)) as pool:
        answers = pool.starmap(_query, [(text, most) for text in texts], chunksize=500)
    pairs = {(text, name) for text, found in zip(texts, answers, strict=True) for name, _ in found}
    return time.perf_counter() - started, {(a, b) for a, b in pairs if a < b}


def _load(folder: str, texts: list[str]) -> None:
    # The module alone: the package around it imports torch.
    sys.path.insert(0, folder)
    path = Path(folder) / "imagededup" / "handlers" / "search" / "brute_force_cython.py"
    spec = spec_from_file_location("brute_force_cython", path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    global _searcher
    _searcher = module.BruteForceCython({text: text for text in texts}, None)


def _query(text: str, most: int) -> list[tuple[str, int]]:
    return _searcher.search(text, most)


def worker(path: str, most: int) -> None:
    """One cold process, to measure memory: prints seconds and pairs."""
    from dataeval_spark.session import engines

    spark = engines.local(memory="1g")
    seconds, pairs = ours(spark, Path(path), most)
    print(f"took {seconds:.3f} found {len(pairs)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--imagededup", metavar="FOLDER")
    parser.add_argument("--worker", nargs=2, metavar=("PATH", "MOST"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        worker(options.worker[0], int(options.worker[1]))
        return
    from dataeval_spark.session import engines

    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        spark = engines.local(memory="1g")
        write(planted(1000, 10), place / "warm.parquet")
        ours(spark, place / "warm.parquet", 10)
        rows.append(against_peer(spark, place, options))
        rows += growth(spark, place, options.rounds)
        spark.stop()
        rows += memory(place)
    report("similarity_hashes", rows)


def against_peer(spark, place: Path, options: argparse.Namespace) -> Row:
    number, most = 20_000, 10
    hashes = planted(number, most)
    write(hashes, place / "peer.parquet")
    data = f"64-bit hashes, {NEAR:.0%} near ones planted, distance <= {most}"
    mine, other, note = [], [], "not measured: --imagededup FOLDER"
    for _ in range(options.rounds):
        seconds, pairs = ours(spark, place / "peer.parquet", most)
        mine.append(seconds)
        if options.imagededup:
            seconds, found = theirs(options.imagededup, hashes, most)
            other.append(seconds)
            if pairs != found:
                raise RuntimeError(f"{len(pairs ^ found)} of {len(pairs)} pairs differ from imagededup's")
            note = f"the same {len(pairs):,} pairs"
    ratio = statistics.median(other) / statistics.median(mine) if other else 0.0
    return Row(
        *("hash pairs: imagededup", data, number, "ratio", ratio, "x", ">=", 20),
        ours_seconds=statistics.median(mine),
        peer="imagededup brute_force_cython, 2 processes",
        peer_version=PEER_VERSION,
        peer_seconds=statistics.median(other) if other else None,
        ratio=ratio,
        samples={"ours": mine, "peer": other},
        note=note,
    )


def growth(spark, place: Path, rounds: int) -> list[Row]:
    cases = [
        ("100k, distance <= 10", 100_000, 10, 0.0, 15.0),
        ("500k, distance <= 4", 500_000, 4, 0.0, None),
        ("1M, distance <= 4", 1_000_000, 4, 0.0, 180.0),
        ("1M, 30 % one hash", 1_000_000, 4, 0.3, None),
        ("2M, distance <= 4", 2_000_000, 4, 0.0, None),
    ]
    for name, number, most, equal, _ in cases:
        write(planted(number, most, equal=equal), place / f"{name}.parquet")
    samples: dict[str, list[float]] = {name: [] for name, *_ in cases}
    for _ in range(rounds):  # alternating, so that what else the machine does falls on all alike
        for name, _, most, _, _ in cases:
            samples[name].append(ours(spark, place / f"{name}.parquet", most)[0])
    seconds = {name: statistics.median(taken) for name, taken in samples.items()}
    rows = [
        Row(
            *(f"hash pairs: {name}", "64-bit hashes, 5 % near ones planted", number, "seconds", seconds[name], "s"),
            *("<=", goal),
            ours_seconds=seconds[name],
            samples={"ours": samples[name]},
        )
        for name, number, _, _, goal in cases
    ]
    names = list(seconds)
    for title, more, less, goal in (
        ("growth 500k to 1M", names[2], names[1], 2.25),
        ("growth 1M to 2M", names[4], names[2], 2.25),
        ("30 % equal hashes against none", names[3], names[2], 1.1),
    ):
        ratio = seconds[more] / seconds[less]
        rows.append(Row(f"hash pairs: {title}", "as above", 0, "ratio", ratio, "x", "<=", goal, ratio=ratio))
    return rows


def memory(place: Path) -> list[Row]:
    """Peak of the process tree with a heap of 1 GB, and without an idle session's."""
    idle = run([python(), "-c", SESSION])
    path = place / "1M, distance <= 4.parquet"
    job = run([python(), str(HERE / "similarity_hashes.py"), "--worker", str(path), "4"])
    found = re.search(r"took ([\d.]+) found (\d+)", job.output)
    note = (
        f"whole tree {job.peak_mb:.0f} MB, idle session {idle.peak_mb:.0f} MB, cold {found.group(1)} s" if found else ""
    )
    return [
        Row(
            *("hash pairs: memory, 1M", "64-bit hashes, heap of 1 GB", 10**6, "peak_mb", job.peak_mb, "MB", "<=", 2500),
            peak_mb=job.peak_mb - idle.peak_mb,
            note=note,
        )
    ]


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
