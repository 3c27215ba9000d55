"""The graph of nearest neighbours when 1 % of the images are new, against making it from nothing.

python benchmarks/similarity_incremental.py [--vectors 200000] [--dimension 512] [--engine spark]

`analyze neighbors embedding_scores` of a workspace whose embeddings are random and seeded; the limit is 5 % of the
run from nothing, and what the same command takes for ten new images in a workspace of 100. The result must be that
of a run from nothing, row by row.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from frame import Row, add_engine, report, session

from dataeval_spark import Audit
from dataeval_spark.tables.images import IMAGES
from dataeval_spark.tables.profile import EMBEDDINGS
from dataeval_spark.tables.runs import RUNS
from dataeval_spark.workspace.delta import Writer

STEPS = ("neighbors", "embedding_scores")
# Exact whatever the estimate says, which is for hours.
OPTIONS = {"neighbors": {"method": "exact"}}
GRAPH = ("image_id", "rank", "neighbor_id", "distance")
AT_ONCE = 10_000


def add(audit: Audit, place: Path, first: int, count: int, dimension: int) -> None:
    """Embeddings of so many new images, by their numbers."""
    path = place / f"vectors_{first}_{count}.parquet"
    with pq.ParquetWriter(path, _table(first, 1, dimension).schema) as file:
        for start in range(first, first + count, AT_ONCE):
            file.write_table(_table(start, min(AT_ONCE, first + count - start), dimension))
    rows = audit.spark.read.parquet(str(path))
    audit.workspace.create([IMAGES, RUNS])  # without them a folder is no workspace
    audit.workspace.write(
        EMBEDDINGS, rows, Writer("r", "vectors", f"{first}+{count}", "0"), images=rows.select("image_id")
    )
    path.unlink()


def _table(first: int, count: int, dimension: int) -> pa.Table:
    vectors = np.random.default_rng(first).standard_normal((count, dimension), np.float32)
    ids = [f"i{number:09d}" for number in range(first, first + count)]
    return pa.table(
        {
            "image_id": ids,
            "target_index": pa.nulls(count, pa.int32()),
            "encoder": ["random"] * count,
            "embedding": pa.FixedSizeListArray.from_arrays(vectors.ravel(), dimension).cast(pa.list_(pa.float32())),
            "encoder_version": ["1"] * count,
            "fingerprint": ids,
        }
    )


def analyzed(audit: Audit) -> float:
    started = time.perf_counter()
    audit.analyze(*STEPS, options=OPTIONS)
    return time.perf_counter() - started


def measure(engine: str, n: int, dimension: int, place: Path) -> list[Row]:
    spark = session(engine, memory="6g", images=n)

    def audit(name: str) -> Audit:
        return Audit(str(place / name), spark, echo=print)

    warm = audit("warm")
    add(warm, place, 0, 2_000, dimension)
    analyzed(warm)
    small = audit("small")
    add(small, place, 0, 100, dimension)
    analyzed(small)
    add(small, place, 100, 10, dimension)
    few = analyzed(small)
    large = audit("large")
    add(large, place, 0, n, dimension)
    full = analyzed(large)
    add(large, place, n, n // 100, dimension)
    again = analyzed(large)
    fresh = audit("fresh")
    add(fresh, place, 0, n, dimension)
    add(fresh, place, n, n // 100, dimension)
    whole = analyzed(fresh)
    one, other = (each.table("neighbors").select(*GRAPH) for each in (large, fresh))
    differ = one.exceptAll(other).count() + other.exceptAll(one).count()
    spark.stop()
    data = f"{engine}; {dimension} numbers, k = 10, exact, 2 cores"
    note = f"limit: 5 % of the run from nothing ({full:.0f} s for {n:,} images) + {few:.1f} s, what ten new ones cost"
    return [
        Row("from nothing", data, n, "seconds", full, "s", ">=", 120.0, samples={"ours": [full, whole]}),
        Row("1 % new images", data, n // 100, "seconds", again, "s", "<=", 0.05 * full + few, note=note),
        Row("rows that differ", data, n + n // 100, "count", float(differ), "", "<=", 0),
    ]


def main() -> None:
    """Measure and write benchmarks/results/similarity_incremental.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vectors", type=int, default=200_000)
    parser.add_argument("--dimension", type=int, default=512)
    add_engine(parser)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        report("similarity_incremental", measure(args.engine, args.vectors, args.dimension, Path(place)))


if __name__ == "__main__":
    main()
