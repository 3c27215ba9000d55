"""Clusters by HDBSCAN on two cores, against scikit-learn's HDBSCAN and DataEval's cluster.

python benchmarks/similarity_clusters.py [--vectors 20000] [--dimension 128] [--large 100000] [--rounds 3]
    [--dataeval PYTHON]

PYTHON is an interpreter that has dataeval 1.1.4; without it that peer is left out. Each side runs in a process of its
own, one after the other in each round. Ours reads a parquet table of arrays and its clock holds everything up to the
last row of `clusters`, `cluster_stats` and `spanning_tree`; peers get a matrix in memory. Memory is that of the process
tree, less what it holds when it is warm and idle.
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
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from frame import Rounds, Row, report, tree_mb

CORES = 2
MIN_CLUSTER_SIZE, MIN_SAMPLES = 100, 5
NOTES = {
    "dataeval": "its tree is that of a graph of 25 nearest neighbours by float32 products, not the minimum one, and "
    "plain single linkage: it compares no pair exactly and needs no core distances"
}
DATAEVAL = """
import json, sys, time
import numpy as np
from importlib.metadata import version
from dataeval.core import cluster
data = np.load(sys.argv[1])
cluster(data[:500])
started = time.perf_counter()
found = cluster(data)
seconds = time.perf_counter() - started
weight = float(np.asarray(found["mst"])[:, 2].sum())
print(json.dumps({"seconds": seconds, "peak_mb": None, "weight": weight, "version": version("dataeval")}))
"""


def vectors_of(n: int, dimension: int) -> np.ndarray:
    """Fifty normal clusters of different width, and a tenth of the vectors anywhere."""
    rng = np.random.default_rng(0)
    centers, widths = rng.normal(size=(50, dimension)) * 3, rng.uniform(0.5, 1.5, 50)
    of = rng.integers(0, 50, n)
    found = centers[of] + rng.normal(size=(n, dimension)) * widths[of, None]
    stray = rng.random(n) < 0.1
    found[stray] = rng.normal(size=(int(stray.sum()), dimension)) * 3
    return found.astype(np.float32)


def write_table(vectors: np.ndarray, place: Path) -> None:
    place.mkdir()
    offsets = pa.array(np.arange(len(vectors) + 1, dtype=np.int32) * vectors.shape[1])
    columns = {
        "image_id": pa.array([f"{row:09}" for row in range(len(vectors))]),
        "target_index": pa.nulls(len(vectors), pa.int32()),
        "encoder": pa.array(["e"] * len(vectors)),
        "encoder_version": pa.array(["1"] * len(vectors)),
        "embedding": pa.ListArray.from_arrays(offsets, pa.array(vectors.ravel())),
    }
    pq.write_table(pa.table(columns), place / "0.parquet", compression="none", row_group_size=20_000)


def ours(table: Path) -> dict[str, Any]:
    from pyspark.sql import functions as F

    from dataeval_spark.analyses.similarity.clusters import clusters
    from dataeval_spark.session import engines

    spark = engines.local("benchmark", cores=CORES)
    scratch = table.parent / "scratch"

    def once(place: Path) -> tuple[float, list[int]]:
        shutil.rmtree(scratch, ignore_errors=True)
        members, stats, tree, _ = clusters(
            spark.read.parquet(str(place)),
            method="hdbscan",
            min_cluster_size=MIN_CLUSTER_SIZE,
            min_samples=MIN_SAMPLES,
            scratch=str(scratch),
        )
        weight = tree.agg(F.sum("length")).collect()[0][0]
        rows = members.select("image_id", "cluster_id").orderBy("image_id").collect()
        stats.write.format("noop").mode("overwrite").save()
        return weight, [row["cluster_id"] for row in rows]

    once(table.parent / "warm")
    measured = Rounds(tree_mb(os.getpid()))
    with measured.round():
        weight, labels = once(table)
    found = {"seconds": measured.seconds[0], "peak_mb": measured.peak_mb, "weight": weight, "labels": labels}
    spark.stop()
    return found


def by_sklearn(vectors: Path) -> dict[str, Any]:
    import sklearn
    from sklearn.cluster import HDBSCAN

    def fit(data: np.ndarray) -> np.ndarray:
        model = HDBSCAN(min_cluster_size=MIN_CLUSTER_SIZE, min_samples=MIN_SAMPLES, n_jobs=CORES, copy=True)
        return model.fit(data).labels_

    data = np.load(vectors)
    fit(data[:500])
    measured = Rounds(tree_mb(os.getpid()))
    with measured.round():
        labels = fit(data)
    version = sklearn.__version__
    return {"seconds": measured.seconds[0], "peak_mb": measured.peak_mb, "labels": labels.tolist(), "version": version}


def child(arguments: list[str]) -> dict[str, Any]:
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments[:3])} failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vectors", type=int, default=20_000)
    parser.add_argument("--dimension", type=int, default=128)
    parser.add_argument("--large", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dataeval")
    parser.add_argument("--side", choices=["ours", "sklearn"])
    parser.add_argument("--place", type=Path)
    given = parser.parse_args()
    if given.side:
        print(json.dumps(ours(given.place) if given.side == "ours" else by_sklearn(given.place)))
        return
    with tempfile.TemporaryDirectory(prefix="clusters-") as folder:
        place = Path(folder)
        vectors = vectors_of(given.vectors, given.dimension)
        np.save(place / "vectors.npy", vectors)
        write_table(vectors, place / "table")
        write_table(vectors[:500], place / "warm")
        itself = [sys.executable, __file__]
        sides = {
            "ours": [*itself, "--side", "ours", "--place", str(place / "table")],
            "scikit-learn": [*itself, "--side", "sklearn", "--place", str(place / "vectors.npy")],
        }
        if given.dataeval:
            sides["dataeval"] = [given.dataeval, "-c", DATAEVAL, str(place / "vectors.npy")]
        found: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
        for _ in range(given.rounds):
            for side, command in sides.items():
                found[side].append(child(command))
                print(f"{side:<14}{found[side][-1]['seconds']:8.1f} s", flush=True)
        rows = rows_of(given, found)
        if given.large:
            write_table(vectors_of(given.large, given.dimension), place / "large")
            large = child([*itself, "--side", "ours", "--place", str(place / "large")])
            rows.append(_growth(given, found["ours"], large))
        report("similarity_clusters", rows)


def rows_of(given: argparse.Namespace, found: dict[str, list[dict[str, Any]]]) -> list[Row]:
    from sklearn.metrics import adjusted_rand_score

    data = f"{given.vectors:,} x {given.dimension}, 50 clusters"
    samples = {side: [run["seconds"] for run in runs] for side, runs in found.items()}
    own = statistics.median(samples["ours"])
    peak = max(run["peak_mb"] for run in found["ours"])
    rows = []
    for side in found:
        if side == "ours":
            continue
        theirs = statistics.median(samples[side])
        rows.append(
            Row(
                f"HDBSCAN against {side}",
                data,
                given.vectors,
                "ratio",
                theirs / own,
                "x",
                ">=",
                2.0,
                own,
                side,
                found[side][0]["version"],
                theirs,
                theirs / own,
                peak,
                {"ours": samples["ours"], side: samples[side]},
                NOTES.get(side, ""),
            )
        )
    rand = adjusted_rand_score(found["scikit-learn"][0]["labels"], found["ours"][0]["labels"])
    note = "adjusted Rand index of our clusters and scikit-learn's"
    rows.append(Row("same clusters", data, given.vectors, "rand", rand, "", ">=", 0.99, note=note))
    return rows


def _growth(given: argparse.Namespace, small: list[dict[str, Any]], large: dict[str, Any]) -> Row:
    own = statistics.median(run["seconds"] for run in small)
    times = large["seconds"] / own
    note = f"seconds at {given.large:,}: {large['seconds']:.1f}, {times:.1f} times those at {given.vectors:,}"
    data = f"{given.large:,} x {given.dimension}, 50 clusters"
    return Row(
        "HDBSCAN, larger",
        data,
        given.large,
        "peak_mb",
        large["peak_mb"],
        "MB",
        ours_seconds=large["seconds"],
        note=note,
    )


if __name__ == "__main__":
    main()
