"""Both engines on the same made tables of four sizes: where the embedded one stops being the better choice.

python benchmarks/engines.py [--sizes 1000 10000 100000 1000000]

A workspace holds rows of `images`, `targets`, `image_stats` and `hashes` of so many images, without any file: what is
timed is a process that runs analyses over them from its start to its end, first on one engine, then on the other.
`dataeval_spark/session/choice.py` takes its bound from here.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from deltalake import write_deltalake
from frame import Row, python, report, run

from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.images import IMAGES, TARGETS
from dataeval_spark.tables.profile import HASHES, IMAGE_STATS
from dataeval_spark.workspace.delta_local import LocalAccess

STEPS = ("outliers", "image_findings", "label_stats", "duplicates", "split_leakage")
SIZES = (1_000, 10_000, 100_000, 1_000_000)
ROWS_A_WRITE = 100_000
MEMORY_MB = 8_000.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    rows: list[Row] = []
    for size in parser.parse_args().sizes:
        measured = {}
        for engine in ("embedded", "spark"):
            with tempfile.TemporaryDirectory() as place:
                make_workspace(Path(place), size)
                os.environ["DATAEVAL_SPARK_ENGINE"] = engine
                words = ["-m", "dataeval_spark.cli", "analyze", "--workspace", place, *STEPS]
                measured[engine] = run([python(), *words])
        ours, peer = measured["embedded"], measured["spark"]
        made = Row(
            "analyze, embedded against Spark", f"made rows; {', '.join(STEPS)}", size, "ratio", 0.0, "x", ">=", 1.0
        )
        made.value = made.ratio = peer.seconds / ours.seconds
        made.ours_seconds, made.peer, made.peer_seconds, made.peak_mb = (
            ours.seconds,
            "spark",
            peer.seconds,
            ours.peak_mb,
        )
        made.note = f"memory of all processes: {ours.peak_mb:.0f} MB, on Spark {peer.peak_mb:.0f} MB"
        rows.append(made)
        print(f"{size:>9,}  embedded {ours.seconds:6.1f} s  spark {peer.seconds:6.1f} s  {made.note}", flush=True)
        if size == max(SIZES):
            note = "statistics of a million images through analyze"
            rows.append(Row(note, "made rows", size, "peak_mb", ours.peak_mb, "MB", "<=", MEMORY_MB))
    report("engines", rows)


def make_workspace(place: Path, images: int) -> None:
    """Tables as ingest and profile would leave them; one image in fifty is a copy of another."""
    rng = np.random.default_rng(0)
    for table in (IMAGES, TARGETS, IMAGE_STATS, HASHES):
        LocalAccess(None, str(place / table.name), str(place / "_scratch")).create(table, {})  # type: ignore[arg-type]
    for start in range(0, images, ROWS_A_WRITE):
        numbers = np.arange(start, min(start + ROWS_A_WRITE, images))
        for table, known in known_columns(numbers, rng).items():
            write_deltalake(str(place / table.name), filled(table, known, len(numbers), rng), mode="append")


def known_columns(numbers: np.ndarray, rng: np.random.Generator) -> dict[Table, dict[str, pa.Array]]:
    """Columns whose values the analyses group, join or decode by."""
    ids = pa.array([f"made/{number:08d}.jpg" for number in numbers])
    originals = numbers - (numbers % 50 == 49)
    digests = pa.array([f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}" for number in originals.tolist()])
    no_target = pa.nulls(len(numbers), pa.int32())
    keys = {"image_id": ids, "target_index": no_target}
    return {
        IMAGES: {
            "image_id": ids,
            "dataset": pa.array(["made"] * len(numbers)),
            "split": pa.array(np.where(numbers % 5 == 0, "test", "train")),
            "deleted_at": pa.nulls(len(numbers), pa.timestamp("us", "UTC")),
            "content": pa.nulls(len(numbers), pa.binary()),
            "file_hash": digests,
        },
        TARGETS: {
            "image_id": ids,
            "target_index": pa.array(np.zeros(len(numbers), np.int32)),
            "class_name": pa.array([f"class {number % 20}" for number in numbers]),
        },
        IMAGE_STATS: {**keys, "bit_depth": pa.array(np.full(len(numbers), 8, np.int32))},
        HASHES: {
            **keys,
            "content_hash": digests,
            "content_scope": pa.array(["all"] * len(numbers)),
            "phash": pa.array([f"{value:016x}" for value in rng.integers(0, 2**63, len(numbers)).tolist()]),
            "dhash": pa.array([f"{value:016x}" for value in rng.integers(0, 2**63, len(numbers)).tolist()]),
        },
    }


def filled(table: Table, known: dict[str, pa.Array], rows: int, rng: np.random.Generator) -> pa.Table:
    """The columns of a table: those that are known, numbers at random, and null or one text for all others."""
    columns = []
    for field in table.arrow_schema:
        if field.name in known:
            values = known[field.name].cast(field.type)
        elif pa.types.is_floating(field.type):
            values = pa.array(rng.normal(100.0, 15.0, rows)).cast(field.type)
        elif pa.types.is_integer(field.type):
            values = pa.array(rng.integers(1, 500, rows)).cast(field.type)
        elif field.nullable:
            values = pa.nulls(rows, field.type)
        else:
            values = pa.array(["made"] * rows if pa.types.is_string(field.type) else [False] * rows).cast(field.type)
        columns.append(values)
    return pa.Table.from_arrays(columns, schema=table.arrow_schema)


if __name__ == "__main__":
    main()
