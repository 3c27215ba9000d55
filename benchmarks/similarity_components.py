"""Connected components on two cores: in one task and by alternating stars, on a hub, a long chain and random pairs.

python benchmarks/similarity_components.py [--nodes 1000000] [--rounds 3]

The graph has NODES ids and twice as many edges: a hub of a tenth of the ids, a chain of 10,000, and random edges among
the others. Both ways must give the same partition, which is compared with scipy's. The clock holds reading the edges
from parquet and computing all rows of the result. Graphframes, the peer that is asked for, needs a jar beside its
package; where it cannot be had, its rows say so and are not met.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from frame import Row, report
from pyspark.sql import DataFrame, SparkSession
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components as of_scipy

from dataeval_spark.frames.components import connected_components
from dataeval_spark.session import engines

CHAIN = 10_000


def edges_of(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the edges."""
    random = np.random.default_rng(nodes)
    hub = np.arange(1, nodes // 10)
    chain = nodes // 10 + np.arange(CHAIN)
    rest = np.arange(nodes // 10 + CHAIN, nodes)
    count = 2 * nodes - len(hub) - CHAIN + 1
    # Sparse enough that many components are left: most edges repeat those of a tenth of the ids.
    near = random.choice(rest, count)
    far = np.minimum(near + random.integers(1, 4, count), nodes - 1)
    far = np.where(near % 7 == 0, near - 1, far)
    a = np.concatenate([np.zeros_like(hub), chain[:-1], near])
    b = np.concatenate([hub, chain[1:], far])
    order = random.permutation(len(a))
    return a[order], b[order]


def texts(numbers: np.ndarray) -> pa.Array:
    """Ids as text of equal length."""
    return pc.utf8_lpad(pa.array(numbers).cast(pa.string()), 9, padding="0")


def write(place: Path, a: np.ndarray, b: np.ndarray) -> None:
    """The edges as parquet, in four files."""
    place.mkdir()
    for number, part in enumerate(np.array_split(np.arange(len(a)), 4)):
        pq.write_table(pa.table({"a": texts(a[part]), "b": texts(b[part])}), place / f"{number}.parquet")


def is_partition(found: DataFrame, a: np.ndarray, b: np.ndarray) -> bool:
    """Whether the components are scipy's, named by their smallest ids."""
    table = found.toArrow()
    ids = table["id"].cast(pa.int64()).to_numpy()
    size = int(max(a.max(), b.max())) + 1
    label = of_scipy(coo_array((np.ones(len(a), bool), (a, b)), shape=(size, size)), directed=False)[1]
    smallest = np.full(label.max() + 1, size)
    np.minimum.at(smallest, label, np.arange(size))
    return bool((table["component"].cast(pa.int64()).to_numpy() == smallest[label[ids]]).all())


def timed(
    spark: SparkSession, place: Path, rounds: int, one_task_edges: int
) -> tuple[list[float], Callable[[], DataFrame]]:
    """Seconds of each round, and what makes the result again."""
    scratch = place.parent / "scratch"

    def checkpoint(frame: DataFrame) -> DataFrame:
        where = str(scratch / str(time.monotonic_ns()))
        frame.write.parquet(where)
        return spark.read.parquet(where)

    def made() -> DataFrame:
        shutil.rmtree(scratch, ignore_errors=True)
        edges = spark.read.parquet(str(place))
        return connected_components(edges, one_task_edges=one_task_edges, checkpoint=checkpoint)

    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        made().write.format("noop").mode("overwrite").save()
        seconds.append(time.perf_counter() - started)
    return seconds, made


def main() -> None:
    """Measure and write benchmarks/results/similarity_components.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    spark = engines.local("components benchmark", cores=2, memory="4g", images=args.nodes)
    medians: dict[tuple[str, int], float] = {}
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for nodes in (args.nodes, 2 * args.nodes):
            a, b = edges_of(nodes)
            place = Path(scratch) / str(nodes)
            write(place, a, b)
            data = f"{len(a):,} edges, a hub of {nodes // 10:,}, a chain of {CHAIN:,}"
            for name, one_task in (("one task", 100_000_000), ("alternating stars", 1_000)):
                seconds, made = timed(spark, place, args.rounds, one_task)
                median = medians[name, nodes] = statistics.median(seconds)
                same = 1.0 if is_partition(made(), a, b) else 0.0
                rows += [
                    Row(f"components: {name}", data, nodes, "seconds", median, "s", ours_seconds=median,
                        samples={"ours": seconds}),
                    Row(f"components: {name}, as scipy's", data, nodes, "value", same, "", ">=", 1.0),
                ]  # fmt: skip
        for name in ("one task", "alternating stars"):
            growth = medians[name, 2 * args.nodes] / medians[name, args.nodes]
            rows.append(Row(f"components: {name}, growth", "twice", 2 * args.nodes, "growth", growth, "x", "<=", 2.3))
    for name, goal in (("one task", 3.0), ("alternating stars", 1.0)):
        note = "not measured: the jar of graphframes for Spark 4 could not be had where this ran"
        rows.append(Row(f"components: {name}, graphframes", "", args.nodes, "ratio", 0.0, "x", ">=", goal, note=note))
    spark.stop()
    report("similarity_components", rows)


if __name__ == "__main__":
    main()
