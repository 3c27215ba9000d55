"""Stratified group folds against scikit-learn, alternating in one run: seconds, growth, and the error of class shares.

python benchmarks/splits.py [--rows 1000000] [--groups 100000] [--classes 50] [--folds 5] [--rounds 3]
    [--large 10000000] [--engine spark]

Both sides get the same rows in one process: ours as a cached frame (on the embedded engine, which has no cache, as a
parquet file), its result read by a `noop` write; scikit-learn's as arrays. LARGE rows, in ten times as many groups, are
measured once; 0 leaves them out.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from frame import Row, add_engine, report, session
from pyspark.sql import DataFrame, SparkSession
from sklearn.model_selection import StratifiedGroupKFold

from dataeval_spark.analyses.splits.assign import assign


def share_error(folds: np.ndarray, labels: np.ndarray, count: int) -> float:
    """Largest distance of a class's share in a fold from 1 / folds."""
    table = np.zeros((count, labels.max() + 1))
    np.add.at(table, (folds, labels), 1)
    return float(np.abs(table / table.sum(axis=0) - 1 / count).max())


def members(spark: SparkSession, groups: np.ndarray, labels: np.ndarray, place: Path) -> DataFrame:
    """The rows as `assign` takes them, stored; they come from a file, so that the driver need not hold them twice."""
    numbers = np.arange(len(groups))
    columns = {"n": numbers, "g": groups, "c": labels, "one": np.ones(len(groups), np.int64)}
    pq.write_table(pa.table(columns), place / "rows.parquet", row_group_size=100_000)
    made = spark.read.parquet(str(place / "rows.parquet")).selectExpr(
        "printf('i%09d', n) AS image_id",
        "printf('g%09d', g) AS unit_id",
        "map(printf('c%04d', c), one) AS strata",
        "CAST(NULL AS bigint) AS captured_us",
        "CAST(NULL AS string) AS previous",
    )
    if hasattr(spark, "client"):  # the embedded engine: cache does nothing there
        made.write.parquet(str(place / "members"))
        return spark.read.parquet(str(place / "members"))
    made.cache().count()
    return made


def measure(
    spark: SparkSession, rows: int, groups: int, classes: int, folds: int, rounds: int
) -> tuple[list[float], list[float], float, float, bool]:
    """Seconds of both sides, their errors of class shares, and whether all folds are equal."""
    random = np.random.default_rng(0)
    group, label = random.integers(0, groups, rows), random.integers(0, classes, rows)
    scratch = tempfile.TemporaryDirectory()
    frame = members(spark, group, label, Path(scratch.name))
    assign(frame.limit(100), method="stratified_group", folds=2)  # compiles
    ours, theirs = [], []
    for _ in range(rounds):
        start = time.perf_counter()
        made = assign(frame, method="stratified_group", folds=folds, shuffle=False)
        made.rows.write.format("noop").mode("overwrite").save()
        ours.append(time.perf_counter() - start)
        start = time.perf_counter()
        expected = np.empty(rows, int)
        for fold, (_, test) in enumerate(StratifiedGroupKFold(folds).split(np.zeros(rows), label, group)):
            expected[test] = fold
        theirs.append(time.perf_counter() - start)
    numbered = made.rows.selectExpr("CAST(substr(image_id, 2) AS INT) AS n", "CAST(substr(split, 6) AS TINYINT) AS f")
    found = np.empty(rows, int)
    table = numbered.toArrow()
    found[table["n"].to_numpy()] = table["f"].to_numpy()
    frame.unpersist()
    scratch.cleanup()
    is_equal = bool((found == expected).all())
    return ours, theirs, share_error(found, label, folds), share_error(expected, label, folds), is_equal


def main() -> None:
    """Measure and write benchmarks/results/splits.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in (("rows", 1_000_000), ("groups", 100_000), ("classes", 50), ("folds", 5), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--large", type=int, default=10_000_000)
    add_engine(parser)
    args = parser.parse_args()
    spark = session(args.engine, memory="6g", images=args.rows)
    sizes = [(args.rows, args.groups, args.rounds, 6.0)]
    sizes += [(args.large, 10 * args.groups, 1, 8.0)] if args.large else []
    peer = {"peer": "scikit-learn StratifiedGroupKFold", "peer_version": version("scikit-learn")}
    rows = []
    for count, groups, rounds, goal in sizes:
        ours, theirs, our_error, their_error, is_equal = measure(spark, count, groups, args.classes, args.folds, rounds)
        data = f"{args.engine}; {groups:,} groups, {args.classes} classes, {args.folds} folds"
        mine, others = statistics.median(ours), statistics.median(theirs)
        seconds = {"ours_seconds": mine, "peer_seconds": others, "ratio": others / mine}
        samples = {"ours": ours, "peer": theirs}
        rows += [
            Row("stratified group folds", data, count, "ratio", others / mine, "x", ">=", goal,
                **peer, **seconds, samples=samples),
            Row("error of class shares", data, count, "value", our_error, "", "<=", their_error, **peer,
                note="equal folds" if is_equal else "other folds"),
        ]  # fmt: skip
    spark.stop()
    report("splits", rows)


if __name__ == "__main__":
    main()
