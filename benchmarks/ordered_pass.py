"""Kolmogorov-Smirnov of many columns in one ordered pass against a loop of SciPy's ks_2samp on the same data.

python benchmarks/ordered_pass.py [--rows 2000000] [--columns 20] [--rounds 1] [--engine spark]

Both read the same parquet file of two samples of ROWS each, in a process of their own, whose peak memory is that of its
whole tree above its memory when idle. SciPy reads one column at a time. Starting and importing do not count.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from frame import Rounds, Row, add_engine, python, report, run, session, tree_mb


def make(file: Path, rows: int, columns: int) -> None:
    """Two samples of normal values, the second shifted by as many thousandths as the column's number."""
    random = np.random.default_rng(0)
    names = [f"f{at:02}" for at in range(columns)]
    schema = pa.schema([*((name, pa.float64()) for name in names), ("is_current", pa.bool_())])
    part = 100_000
    with pq.ParquetWriter(file, schema) as writer:
        for start in range(0, 2 * rows, part):
            is_current = np.arange(start, start + part) % 2 == 1
            values = [random.normal(size=part) + is_current * at / 1000 for at in range(columns)]
            writer.write_table(pa.table([*values, is_current], schema=schema))


def ours(file: str, engine: str, rounds: int) -> dict[str, Any]:
    """Statistics of all columns in one pass."""
    from dataeval_spark.frames.ordered.ordered_pass import ordered_statistics
    from dataeval_spark.kernels.ordered.two_samples import KOLMOGOROV_SMIRNOV

    spark = session(engine)
    names = [name for name in pq.read_schema(file).names if name != "is_current"]
    frame = spark.read.parquet(file).selectExpr("*", "NOT is_current AS is_reference")
    sides = ["is_reference", "is_current"]
    ordered_statistics(frame.limit(10), [], names, sides, [KOLMOGOROV_SMIRNOV]).collect()  # starts workers
    watch = Rounds(tree_mb(os.getpid()))
    for _ in range(rounds):
        with watch.round():
            rows = ordered_statistics(frame, [], names, sides, [KOLMOGOROV_SMIRNOV]).collect()
    found = {row["value_name"]: row["statistic"] for row in rows}
    return {"seconds": watch.seconds, "peak_mb": watch.peak_mb, "found": found}


def theirs(file: str, rounds: int) -> dict[str, Any]:
    """Statistics of the columns one after the other."""
    from scipy.stats import ks_2samp

    names = [name for name in pq.read_schema(file).names if name != "is_current"]
    watch = Rounds(tree_mb(os.getpid()))
    for _ in range(rounds):
        found = {}
        with watch.round():
            for name in names:
                table = pq.read_table(file, columns=[name, "is_current"])
                values, is_current = (table[each].to_numpy() for each in (name, "is_current"))
                found[name] = float(ks_2samp(values[~is_current], values[is_current]).statistic)
    return {"seconds": watch.seconds, "peak_mb": watch.peak_mb, "found": found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--side", choices=["ours", "theirs"], help=argparse.SUPPRESS)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    add_engine(parser)
    options = parser.parse_args()
    if options.side:
        measured = ours(options.file, options.engine, options.rounds) if options.side == "ours" else None
        print(json.dumps(measured or theirs(options.file, options.rounds)))
        return
    measured = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.parquet"
        make(file, options.rows, options.columns)
        for side in ("theirs", "ours"):
            command = [python(), __file__, "--side", side, "--file", str(file), "--engine", options.engine]
            measured[side] = json.loads(run([*command, "--rounds", str(options.rounds)]).output.splitlines()[-1])
    our, peer = measured["ours"], measured["theirs"]
    error = max(abs(our["found"][name] - value) for name, value in peer["found"].items())
    seconds, peer_seconds = min(our["seconds"]), min(peer["seconds"])
    shared = {
        "data": f"{options.engine}, {options.columns} columns, two samples",
        "n": options.rows,
        "ours_seconds": seconds,
        "peer": "scipy.stats.ks_2samp",
        "peer_version": version("scipy"),
        "peer_seconds": peer_seconds,
        "samples": {"ours": our["seconds"], "peer": peer["seconds"]},
    }
    ratio = peer_seconds / seconds
    rows = [
        Row("KS of many columns", measure="ratio", value=ratio, unit="x", direction=">=", goal=1.0, **shared),
        Row("memory above idle", measure="memory", value=our["peak_mb"], unit="MB", peak_mb=our["peak_mb"], **shared),
        Row("memory of the loop", measure="memory", value=peer["peak_mb"], unit="MB", **shared),
        Row("largest difference", measure="error", value=error, unit="", goal=1e-12, **shared),
    ]
    report("ordered_pass", rows)


if __name__ == "__main__":
    main()
