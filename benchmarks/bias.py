"""Balance, diversity and parity against DataEval: same codes, same machine, equal values; and how the time grows.

python benchmarks/bias.py [--rows 1000000] [--factors 20] [--classes 50] [--rounds 3] [--dataeval PYTHON]

PYTHON is an interpreter that has dataeval 1.1.4; this one by default. Ours reads a parquet of `factor_bins` in a local
session on two cores, DataEval the same codes from numpy files; neither the start of the session nor imports count, but
the first round, in which workers start, does unless there are several.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

DATAEVAL = """
import json, sys, time
import numpy as np
from dataeval.core import mutual_info, mutual_info_classwise, parity
from dataeval.core._bin import get_counts
from dataeval.core._diversity import diversity_simpson

labels, codes = np.load(sys.argv[1] + "/labels.npy"), np.load(sys.argv[1] + "/codes.npy").astype(np.intp)
started = time.perf_counter()
together = mutual_info(labels, codes, [True] * codes.shape[1])
classwise = mutual_info_classwise(labels, codes)
counts = get_counts(codes)
bins = (counts > 0).sum(axis=0)
over_all = diversity_simpson(counts, bins)
within = [diversity_simpson(get_counts(codes[labels == c], counts.shape[0]), bins) for c in np.unique(labels)]
tested = parity(codes, labels)
seconds = time.perf_counter() - started
print(json.dumps({
    "seconds": seconds,
    "label": together["class_to_factor"][1:].tolist(),
    "factors": together["interfactor"].tolist(),
    "class": classwise[:, 1:].tolist(),
    "diversity": [over_all.tolist(), *(row.tolist() for row in within)],
    "parity": tested["scores"].tolist(),
}))
"""


def make(folder: Path, rows: int, factors: int, classes: int) -> None:
    """Codes of factors that depend on the class more and more, as numpy files and as a parquet of `factor_bins`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from dataeval_spark.kernels.factors.factor_codes import as_maps

    r = np.random.default_rng(rows)
    labels = r.choice(classes, rows, p=r.dirichlet(np.full(classes, 5.0))).astype(np.int64)
    codes = np.empty((rows, factors), np.int32)
    for i in range(factors):
        bins = int(r.integers(2, 21))
        depends = r.random(rows) < i / (2 * factors)
        codes[:, i] = np.where(depends, labels % bins, r.integers(0, bins, rows))
    np.save(folder / "labels.npy", labels)
    np.save(folder / "codes.npy", codes)
    (folder / "bins").mkdir()
    names = [f"c{label:03}" for label in range(classes)]
    part = 125_000
    for number, start in enumerate(range(0, rows, part)):
        of = codes[start : start + part]
        table = pa.table(
            {
                "class_name": pa.array(names).take(pa.array(labels[start : start + part])),
                "bins": as_maps({f"f{i:02}": of[:, i] for i in range(factors)}, len(of), pa.int32()),
            }
        )
        pq.write_table(table, folder / "bins" / f"{number:04}.parquet")


def serve(folder: Path, rounds: int) -> None:
    """Run ours and print seconds per round, memory of this process, and the values."""
    from dataeval_spark.analyses.bias.balance import balance
    from dataeval_spark.analyses.bias.contingency import contingency
    from dataeval_spark.analyses.bias.diversity import diversity
    from dataeval_spark.analyses.bias.parity import parity
    from dataeval_spark.session import engines

    spark = engines.local("bias benchmark", cores=2, memory="2g")
    edges = spark.createDataFrame([], "factor string, bin int, label string, rule string")
    seconds = []
    for number in range(rounds):
        started = time.perf_counter()
        counts = contingency(spark.read.parquet(str(folder / "bins")), edges)
        stored = str(folder / f"contingency{number}")
        counts.write.parquet(stored)
        counts = spark.read.parquet(stored)
        scores, evenness, tested = (
            measure.collect() for measure in (balance(counts, edges), diversity(counts), parity(counts))
        )
        seconds.append(time.perf_counter() - started)
    found: dict[str, Any] = {"seconds": seconds, "driver_mb": _resident_mb()}
    for kind in ("label", "factors", "class"):
        of_kind = [row for row in scores if row.kind == kind]
        found[kind] = {f"{row.factor_a} {row.factor_b} {row.class_name}": row.score for row in of_kind}
    found["diversity"] = {f"{row.factor} {row.class_name}": row.diversity for row in evenness}
    found["parity"] = {row.factor: row.score for row in tested}
    print(json.dumps(found))
    spark.stop()


def _resident_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def largest_difference(ours: dict[str, Any], theirs: dict[str, Any]) -> float:
    """Of all values of all measures."""
    factors = range(len(theirs["label"]))
    names = [f"c{label:03}" for label in range(len(theirs["class"]))]
    pairs = [(ours["label"][f"class_name f{i:02} None"], theirs["label"][i]) for i in factors]
    pairs += [
        (ours["factors"][f"f{i:02} f{j:02} None"], theirs["factors"][i][j]) for i in factors for j in factors if i < j
    ]
    pairs += [
        (ours["class"][f"class_name f{i:02} {name}"], row[i])
        for name, row in zip(names, theirs["class"], strict=True)
        for i in factors
    ]
    for name, row in zip([None, *names], theirs["diversity"], strict=True):
        pairs += [(ours["diversity"][f"f{i:02} {name}"], row[i]) for i in factors]
    pairs += [(ours["parity"][f"f{i:02}"], theirs["parity"][i]) for i in factors]
    return max(abs(a - b) for a, b in pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--factors", type=int, default=20)
    parser.add_argument("--classes", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dataeval", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(Path(options.serve), options.rounds)
        return
    from frame import Row, report, run

    results: dict[int, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for rows in (options.rows, 2 * options.rows):
            folder = Path(scratch) / str(rows)
            folder.mkdir()
            make(folder, rows, options.factors, options.classes)
            measured = run([sys.executable, __file__, "--serve", str(folder), "--rounds", str(options.rounds)])
            results[rows] = {**json.loads(measured.output.splitlines()[-1]), "peak_mb": measured.peak_mb}
        folder = Path(scratch) / str(options.rows)
        peer = subprocess.run(
            [options.dataeval, "-c", DATAEVAL, str(folder)], capture_output=True, text=True, check=False
        )
    data = f"{options.factors} factors, {options.classes} classes"
    small, large = results[options.rows], results[2 * options.rows]
    ours, twice = (statistics.median(result["seconds"]) for result in (small, large))
    rows = [
        Row("growth of the time", data, 2 * options.rows, "ratio", twice / ours, "x", "<=", 2.05,
            ours_seconds=twice, samples={"small": small["seconds"], "large": large["seconds"]}),
        Row("growth of the driver's memory", data, 2 * options.rows, "ratio", large["driver_mb"] / small["driver_mb"],
            "x", "<=", 1.1, peak_mb=large["peak_mb"]),
    ]  # fmt: skip
    if peer.returncode:
        print(f"{options.dataeval} has no dataeval 1.1.4:\n{peer.stderr[-500:]}")
    else:
        theirs = json.loads(peer.stdout.splitlines()[-1])
        seconds = theirs["seconds"]
        rows += [
            Row("balance, diversity, parity", data, options.rows, "ratio", seconds / ours, "x", ">=", 3.0,
                ours_seconds=ours, peer="dataeval", peer_version="1.1.4", peer_seconds=seconds, ratio=seconds / ours,
                peak_mb=small["peak_mb"], samples={"ours": small["seconds"]}),
            Row("largest difference", data, options.rows, "value", largest_difference(small, theirs), "", "<=", 1e-7,
                peer="dataeval", peer_version="1.1.4"),
        ]  # fmt: skip
    report("bias", rows)


if __name__ == "__main__":
    main()
