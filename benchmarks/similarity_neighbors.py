"""Nearest neighbours and search on two cores, against scikit-learn's brute force and faiss' flat index.

python benchmarks/similarity_neighbors.py [--vectors 50000] [--dimension 512] [--search 1000000] [--crops 50000]
    [--photographs FOLDER] [--rounds 3] [--engine spark] [--peer-python PYTHON]

Each side runs in a process of its own with two threads (ours: two tasks of one thread). Ours reads a parquet
table of arrays and its clock holds everything: cutting blocks, searching, computing all rows of the result. Peers get a
matrix in memory. Memory is that of the process tree, less what it holds when it is warm and idle.

The approximate search is tried on descriptors of crops of photographs, whose structure nobody made.
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
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from frame import Rounds, Row, add_engine, report, session, tree_mb

HERE = Path(__file__).resolve().parent

K = 10
CORES = 2
EXACT = 5_000
PHOTOGRAPHS = HERE.parents[1] / "shared" / "data" / "imagenet_photos" / "images"


# Data


def random_vectors(n: int, dimension: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, dimension)).astype(np.float32)


def crop_vectors(folder: Path, n: int) -> np.ndarray:
    """Descriptors of n seeded crops, as many from each photograph, of half to nine tenths of its shorter side."""
    from concurrent.futures import ProcessPoolExecutor

    paths = sorted(folder.iterdir())
    each = -(-n // len(paths))
    with ProcessPoolExecutor(CORES) as pool:
        parts = list(pool.map(_crops_of, paths, range(len(paths)), [each] * len(paths)))
    return np.concatenate(parts)[:n]


def _crops_of(path: Path, seed: int, crops: int) -> np.ndarray:
    from dataeval_spark.kernels.encoders import load_encoder
    from dataeval_spark.kernels.images.decoding.decode import decode

    rng, encoder = np.random.default_rng(seed), load_encoder("hog_color")
    pixels = decode(path.read_bytes()).pixels
    height, width = pixels.shape[:2]
    prepared = []
    for _ in range(crops):
        side = int(rng.integers(min(height, width) // 2, int(0.9 * min(height, width)) + 1))
        top, left = int(rng.integers(0, height - side + 1)), int(rng.integers(0, width - side + 1))
        prepared.append(encoder.prepare(np.ascontiguousarray(pixels[top : top + side, left : left + side])))
    return np.asarray(encoder.embed(prepared), np.float32)


def write_table(vectors: np.ndarray, place: Path, files: int = 4) -> None:
    """The columns of ``embeddings`` that a search reads, in the order of the ids."""
    place.mkdir()
    for number, rows in enumerate(np.array_split(np.arange(len(vectors)), files)):
        part = vectors[rows]
        offsets = pa.array(np.arange(len(part) + 1, dtype=np.int32) * part.shape[1])
        columns = {
            "image_id": pa.array([f"{row:09}" for row in rows]),
            "target_index": pa.nulls(len(part), pa.int32()),
            "embedding": pa.ListArray.from_arrays(offsets, pa.array(part.ravel())),
        }
        pq.write_table(pa.table(columns), place / f"{number}.parquet", compression="none", row_group_size=20_000)


# Measuring, in a process of its own


def measure_peer(peer: str, vectors: Path, rounds: int) -> tuple[Rounds, np.ndarray, np.ndarray, str]:
    search, version = peers()[peer]
    search(random_vectors(500, 16))
    measured = Rounds(tree_mb(os.getpid()))
    data = np.load(vectors)
    for _ in range(rounds):
        with measured.round():
            distances, ids = search(data)
    return measured, distances, ids, version


def peers() -> dict[str, tuple[Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]], str]]:
    import faiss
    import sklearn
    from sklearn.neighbors import NearestNeighbors

    def by_sklearn(data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return NearestNeighbors(n_neighbors=K, algorithm="brute").fit(data).kneighbors()

    def by_faiss(data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        faiss.omp_set_num_threads(CORES)
        index = faiss.IndexFlatL2(data.shape[1])
        index.add(data)
        squared, ids = index.search(data, K + 1)
        return np.sqrt(np.maximum(squared[:, 1:], 0)), ids[:, 1:]

    return {"sklearn": (by_sklearn, sklearn.__version__), "faiss": (by_faiss, faiss.__version__)}


def measure_ours(engine: str, task: str, table: Path, rounds: int) -> dict[str, object]:
    from pyspark.sql import functions as F

    from dataeval_spark.frames.approximate_neighbors import approximate_neighbors, make_inverted_file
    from dataeval_spark.frames.blocks import cut_into_blocks
    from dataeval_spark.frames.neighbors import nearest_neighbors

    spark = session(engine, cores=CORES)
    warm = table.parent / "warm"
    facts: dict[str, object] = {}
    cut_seconds: list[float] = []

    def once(place: Path) -> object:
        frame = spark.read.parquet(str(place)).withColumn("roles", F.lit(1))
        scratch = table.parent / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        started = time.perf_counter()
        blocks = cut_into_blocks(frame, metric="euclidean", scratch=str(scratch))
        cut_seconds.append(time.perf_counter() - started)
        if task == "exact":
            return nearest_neighbors(blocks, frame, k=K)
        index = make_inverted_file(blocks, frame, k=K, recall=0.985)
        facts["clusters"], facts["probes"], facts["recall"] = index.clusters, index.probes, str(index.recall)
        return approximate_neighbors(blocks, frame, index, k=K)

    for _ in range(2):
        once(warm).write.format("noop").mode("overwrite").save()
    measured = Rounds(tree_mb(os.getpid()))
    for _ in range(rounds):
        with measured.round():
            once(table).write.format("noop").mode("overwrite").save()
    once(table).write.mode("overwrite").parquet(str(table.parent / f"found_{task}"))
    spark.stop()
    cut = cut_seconds[2 : 2 + rounds]  # two rounds warmed up
    return {"seconds": measured.seconds, "peak_mb": measured.peak_mb, "cut_seconds": cut, **facts}


def measure_search(engine: str, table: Path, rounds: int) -> dict[str, object]:
    """A workspace with a Delta table of the vectors, searched as the command line does."""
    import pyarrow.dataset as ds
    from deltalake import write_deltalake

    from dataeval_spark.options import SearchOptions
    from dataeval_spark.tables.images import IMAGES
    from dataeval_spark.tables.profile import EMBEDDINGS
    from dataeval_spark.verbs.search import search_workspace
    from dataeval_spark.workspace.workspace import Workspace

    spark = session(engine, cores=CORES)
    workspace = Workspace(spark, str(table.parent / "audit"))
    workspace.create([EMBEDDINGS, IMAGES])
    constants = {"encoder": "e", "encoder_version": "1", "fingerprint": "f", "run_id": "r"}
    for batch in ds.dataset(table).to_batches(batch_size=50_000):
        rows = pa.Table.from_batches([batch])
        for name, value in constants.items():
            rows = rows.append_column(name, pa.array([value] * len(rows)))
        write_deltalake(workspace.path(EMBEDDINGS), rows.select(list(EMBEDDINGS.column_names)), mode="append")
    query = random_vectors(1, len(rows["embedding"][0]))[0]

    def once() -> None:
        search_workspace(workspace, query, SearchOptions(k=K, metric="euclidean", encoder="e")).collect()

    once()
    measured = Rounds(tree_mb(os.getpid()))
    for _ in range(rounds):
        with measured.round():
            once()
    spark.stop()
    return {"seconds": measured.seconds, "peak_mb": measured.peak_mb}


def work(args: argparse.Namespace) -> None:
    """The other end of `ask`."""
    place = Path(args.place)
    if args.side in ("sklearn", "faiss"):
        measured, distances, ids, version = measure_peer(args.side, place / "vectors.npy", args.rounds)
        np.savez(place / f"found_{args.side}.npz", distances=distances, ids=ids)
        answer = {"seconds": measured.seconds, "peak_mb": measured.peak_mb, "version": version}
    elif args.side == "search":
        answer = measure_search(args.engine, place / "table", args.rounds)
    else:
        answer = measure_ours(args.engine, args.side, place / "table", args.rounds)
    print("@" + json.dumps(answer), flush=True)


def ask(
    side: str, place: Path, rounds: int, engine: str = "embedded", python: str = sys.executable
) -> dict[str, object]:
    """Run one side in a process of its own."""
    threads = "1" if side in ("exact", "approximate", "search") else str(CORES)
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    command = [python, __file__, "--side", side, "--place", str(place), "--rounds", str(rounds)]
    command += ["--engine", engine]
    env = {**os.environ, **dict.fromkeys(names, threads)}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    for line in done.stdout.splitlines():
        if line.startswith("@"):
            return json.loads(line[1:])
    raise RuntimeError(f"{side} gave no answer:\n{done.stderr[-3000:]}")


def our_lists(place: Path, task: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Distances and ids (n, K) that ours found."""
    found = pq.read_table(place / f"found_{task}")
    row = found["image_id"].to_numpy(zero_copy_only=False).astype(np.int64)
    rank = found["rank"].to_numpy() - 1
    distances, ids = np.full((n, K), np.inf), np.full((n, K), -1, np.int64)
    distances[row, rank] = found["distance"].to_numpy()
    ids[row, rank] = found["neighbor_id"].to_numpy(zero_copy_only=False).astype(np.int64)
    return distances, ids


# Comparing


def exact_rows(engine: str, peer_python: str, n: int, dimension: int, rounds: int, root: Path) -> list[Row]:
    middle, answers, found = {}, {}, {}
    for size in (n // 2, n):
        place = prepared(root / f"random_{size}", random_vectors(size, dimension))
        answers[size] = ask("exact", place, rounds, engine)
        middle[size] = statistics.median(answers[size]["seconds"])
        found[size] = our_lists(place, "exact", size)
    data = f"{engine}; normal, {dimension} dimensions"
    rows = [Row("exact: growth per doubling", data, n, "ratio", middle[n] / middle[n // 2], "x", "<=", 4.1)]
    distances, ids = found[n]
    for name, goal in (("sklearn", 1.2), ("faiss", 0.8)):
        theirs = ask(name, place, rounds, python=peer_python)
        seconds = statistics.median(theirs["seconds"])
        peer = np.load(place / f"found_{name}.npz")
        error = float((np.abs(peer["distances"] - distances) / distances).max())
        # Only where two distances are one to the peer's precision may the ids differ.
        apart = np.abs(np.take_along_axis(distances, np.maximum(np.arange(K) - 1, 0)[None, :], 1) - distances)
        differ = (peer["ids"] != ids) & (apart > 1e-5 * distances) & (np.roll(apart, -1, axis=1) > 1e-5 * distances)
        rows.append(
            Row(
                *(f"exact / {name}", data, n, "ratio", seconds / middle[n], "x", ">=", goal),
                ours_seconds=middle[n],
                peer=name,
                peer_version=str(theirs["version"]),
                peer_seconds=seconds,
                ratio=seconds / middle[n],
                peak_mb=answers[n]["peak_mb"],
                samples={"ours": answers[n]["seconds"], "peer": theirs["seconds"]},
            )
        )
        rows.append(Row(f"distances against {name}", data, n, "relative", error, "", "<=", 1e-5))
        rows.append(Row(f"other ids than {name}", data, n, "count", float(differ.sum()), "", "<=", 0))
        if name == "sklearn":
            share = answers[n]["peak_mb"] / max(1.0, theirs["peak_mb"])
            note = f"{answers[n]['peak_mb']:.0f} MB of ours, {theirs['peak_mb']:.0f} MB of {name}"
            rows.append(Row(f"memory / {name}", data, n, "ratio", share, "x", "<=", 1.0, note=note))
    return rows


def float64_rows(engine: str, dimension: int, root: Path) -> list[Row]:
    vectors = random_vectors(EXACT, dimension)
    vectors[1::50] = vectors[::50]  # equal vectors, and ties
    place = prepared(root / "float64", vectors)
    ask("exact", place, 1, engine)
    distances, ids = our_lists(place, "exact", EXACT)
    wide, wrong, error = vectors.astype(np.float64), 0, 0.0
    for row in range(EXACT):
        every = np.sqrt(((wide - wide[row]) ** 2).sum(axis=1))
        every[row] = np.inf
        order = np.argsort(every, kind="stable")[:K]
        wrong += int((order != ids[row]).sum())
        error = max(error, float(np.abs(every[order] - distances[row]).max()))
    data = f"{engine}; normal, {dimension} dimensions, 2 % equal vectors"
    return [
        Row("other ids than in float64", data, EXACT, "count", float(wrong), "", "<=", 0),
        Row("distances against float64", data, EXACT, "largest difference", error, "", "<=", 1e-12),
    ]


def approximate_rows(engine: str, folder: Path, n: int, rounds: int, root: Path) -> list[Row]:
    if not folder.is_dir():
        print(f"no photographs in {folder}: the approximate search is left out")
        return []
    vectors = crop_vectors(folder, n)
    place = prepared(root / "crops", vectors)
    exact, approximate = (ask(side, place, rounds, engine) for side in ("exact", "approximate"))
    true, found = our_lists(place, "exact", n)[1], our_lists(place, "approximate", n)[1]
    recall = float(np.mean([len(np.intersect1d(a, b)) / K for a, b in zip(true, found, strict=True)]))
    ours, whole = (statistics.median(answer["seconds"]) for answer in (approximate, exact))
    data = f"{engine}; crops of photographs, {vectors.shape[1]} dimensions"
    cut, cut_of_exact = (statistics.median(answer["cut_seconds"]) for answer in (approximate, exact))
    note = f"{approximate['probes']} of {approximate['clusters']} clusters; states recall {approximate['recall']}"
    samples = {"ours": approximate["seconds"], "peer": exact["seconds"]}
    return [
        Row(
            *("approximate / exact", data, n, "ratio", whole / ours, "x", ">=", 6.0),
            ours_seconds=ours,
            peer="exact",
            peer_seconds=whole,
            ratio=whole / ours,
            samples=samples,
            note=note,
        ),
        Row(
            *("approximate / exact, blocks made", data, n, "ratio", (whole - cut_of_exact) / (ours - cut), "x"),
            note=f"without the {cut:.1f} s that cutting blocks takes in both",
        ),
        Row(f"approximate: recall@{K}", data, n, "share", recall, "", ">=", 0.98, note=note),
    ]


def search_rows(engine: str, n: int, dimension: int, rounds: int, root: Path) -> list[Row]:
    place = prepared(root / "search", random_vectors(n, dimension))
    answer = ask("search", place, rounds, engine)
    seconds = statistics.median(answer["seconds"])
    data = f"{engine}; normal, {dimension} dimensions, one query, warm"
    samples = {"ours": answer["seconds"]}
    return [
        Row(
            *("search", data, n, "seconds", seconds, "s", "<=", 10.0),
            ours_seconds=seconds,
            peak_mb=answer["peak_mb"],
            samples=samples,
        )
    ]


def prepared(place: Path, vectors: np.ndarray) -> Path:
    """A folder with the vectors as a matrix and as a table, and a small table to warm up with."""
    place.mkdir()
    np.save(place / "vectors.npy", vectors)
    write_table(vectors, place / "table")
    write_table(vectors[:2000], place / "warm", files=2)
    return place


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=int, default=50_000)
    parser.add_argument("--dimension", type=int, default=512)
    parser.add_argument("--search", type=int, default=1_000_000)
    parser.add_argument("--crops", type=int, default=50_000)
    parser.add_argument("--photographs", type=Path, default=PHOTOGRAPHS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter that has faiss (extra bench)")
    add_engine(parser)
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--place", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        work(args)
        return
    with tempfile.TemporaryDirectory() as root:
        rows = exact_rows(args.engine, args.peer_python, args.vectors, args.dimension, args.rounds, Path(root))
        rows += float64_rows(args.engine, args.dimension, Path(root))
        rows += approximate_rows(args.engine, args.photographs, args.crops, args.rounds, Path(root))
        rows += search_rows(args.engine, args.search, args.dimension, args.rounds, Path(root))
    report("similarity_neighbors", rows)


if __name__ == "__main__":
    main()
