"""A model's embeddings as a Spark job, against a bare torch loop, Daft and Ray Data with the same model.

python benchmarks/embedding.py [--images 1200] [--rounds 3]

Needs the extra `torchvision`; Daft and Ray Data (`pip install daft "ray[data]"`) take part where they are installed.
Images are 500x375 JPEG files. Two processes of one torch thread each on every side, batches of 64, ResNet-50 without
its classifier, as TorchScript with seeded weights. The clock of a peer runs from its first batch to its last, with
processes started and the model loaded; ours is that of the whole verb, or query, in a session that has loaded it.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

PROCESSES = 2
BATCH = 64
WARM_UP = 2 * BATCH
PEERS = {"bare torch loop": "torch", "Daft": "daft", "Ray Data": "ray"}


def make_model(path: Path) -> None:
    import torch
    import torchvision

    torch.manual_seed(0)
    model = torchvision.models.resnet50(weights=None).eval()
    model.fc = torch.nn.Identity()
    with torch.inference_mode():
        torch.jit.trace(model, torch.zeros(1, 3, 224, 224)).save(str(path))


class Model:
    """What users of the peers write: torchvision's transforms on Pillow images, then the model."""

    def __init__(self, path: str) -> None:
        import torch
        from torchvision import transforms as t

        torch.set_num_threads(1)
        self._model = torch.jit.load(path).eval()
        self._prepare = t.Compose(
            [
                t.Resize(256),
                t.CenterCrop(224),
                t.ToTensor(),
                t.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
            ]
        )
        with torch.inference_mode():
            self._model(torch.zeros(2, 3, 224, 224))

    def __call__(self, contents: list[bytes]) -> NDArray[np.float64]:
        """Vectors, behind the seconds at which their batch began and ended."""
        import torch
        from PIL import Image

        started = time.time()
        batch = torch.stack([self._prepare(Image.open(io.BytesIO(each)).convert("RGB")) for each in contents])
        with torch.inference_mode():
            vectors = self._model(batch).numpy().astype(np.float64)
        times = np.tile([started, time.time()], (len(vectors), 1))
        return np.hstack([times, vectors])


def figures(rows: NDArray[np.float64]) -> dict[str, Any]:
    return {"seconds": rows[:, 1].max() - rows[:, 0].min(), "images": len(rows), "mean": rows[:, 2:].mean()}


def loop(paths: list[str], model: str) -> NDArray[np.float64]:
    run = Model(model)
    batches = [paths[start : start + BATCH] for start in range(0, len(paths), BATCH)]
    return np.vstack([run([Path(path).read_bytes() for path in batch]) for batch in batches])


def with_torch(paths: list[str], model: str) -> dict[str, Any]:
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    parts = [paths[number::PROCESSES] for number in range(PROCESSES)]
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
        return figures(np.vstack(list(pool.map(loop, parts, [model] * PROCESSES))))


def with_daft(paths: list[str], model: str) -> dict[str, Any]:
    import daft

    @daft.cls(use_process=True, max_concurrency=PROCESSES)
    class Embed:
        def __init__(self) -> None:
            self.model = Model(model)

        @daft.method.batch(return_dtype=daft.DataType.list(daft.DataType.float64()), batch_size=BATCH)
        def __call__(self, contents: daft.Series) -> list[NDArray[np.float64]]:
            return list(self.model(contents.to_pylist()))

    frame = daft.from_pydict({"path": paths}).into_batches(BATCH)
    content = daft.functions.download(daft.col("path"))
    found = frame.select(Embed()(content).alias("row")).to_pydict()["row"]
    return figures(np.array(found))


def with_ray(paths: list[str], model: str) -> dict[str, Any]:
    import ray

    class Embed:
        def __init__(self) -> None:
            self.model = Model(model)

        def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
            return {"row": self.model(list(batch["bytes"]))}

    # One more than computes, so that reading has its turn.
    ray.init(num_cpus=PROCESSES + 1, log_to_driver=False, include_dashboard=False)
    data = ray.data.read_binary_files(paths, override_num_blocks=max(PROCESSES, len(paths) // BATCH))
    made = data.map_batches(Embed, batch_size=BATCH, num_cpus=1, compute=ray.data.ActorPoolStrategy(size=PROCESSES))
    return figures(np.vstack([np.stack(batch["row"]) for batch in made.iter_batches()]))


def profiled(audit: Any, folder: Path, **encoder: Any) -> tuple[Any, float, float]:
    """The audit after it has ingested a folder and profiled it, and when that verb began and ended."""
    audit.ingest(str(folder))
    begin = time.time()
    audit.profile(**encoder)
    return audit, begin, time.time()


def with_spark(paths: list[str], model: str) -> dict[str, Any]:
    """The verb `profile`, which measures everything else too, and the function `de_embed` alone."""
    from dataeval_spark import Audit
    from dataeval_spark.session import engines

    spark = engines.local("embedding benchmark", cores=PROCESSES)
    encoder = {"encoder": f"torchscript:{model}", "batch_size": BATCH}
    folder = Path(paths[0]).parent
    with tempfile.TemporaryDirectory() as place:
        for name, source in (("warm", folder.parent / "warm"), ("all", folder)):
            fresh = Audit(f"{place}/{name}", spark=spark, echo=lambda line: None)
            audit, begin, end = profiled(fresh, source, **encoder)
        vectors = np.array([row.embedding for row in audit.table("embeddings").select("embedding").collect()])
        from dataeval_spark.frames.sql_functions import register_functions

        spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(BATCH))
        register_functions(spark, **encoder)
        for number in (WARM_UP, len(paths)):
            contents = [(Path(path).read_bytes(),) for path in paths[:number]]
            spark.createDataFrame(contents, "content binary").repartition(2 * PROCESSES).write.parquet(
                f"{place}/contents{number}"
            )
            started = time.perf_counter()
            embedded = spark.read.parquet(f"{place}/contents{number}").selectExpr("de_embed(content) AS vector")
            embedded.write.format("noop").mode("overwrite").save()
            function = time.perf_counter() - started
    spark.stop()
    return {"seconds": end - begin, "function": function, "images": len(vectors), "mean": vectors.mean(dtype=float)}


SIDES = {"bare torch loop": with_torch, "Daft": with_daft, "Ray Data": with_ray, "spark": with_spark}


def side(name: str, folder: Path, model: Path) -> dict[str, Any]:
    """One side in a process of its own."""
    command = [sys.executable, __file__, "--side", name, str(folder), str(model)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr[-3000:]}")
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def measure(scratch: Path, n: int, rounds: int) -> list[Any]:
    from frame import Row
    from profile_job import make_images

    make_images(scratch / "images", 0, n)
    make_images(scratch / "warm", n, WARM_UP)
    make_model(scratch / "model.pt")
    names = [name for name, module in PEERS.items() if importlib.util.find_spec(module)]
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in [*names, "spark"]}
    for number in range(rounds):
        for name, results in found.items():
            results.append(side(name, scratch / "images", scratch / "model.pt"))
            print(f"round {number} {name}: {results[-1]}", flush=True)
    means = [result["mean"] for results in found.values() for result in results]
    if np.ptp(means) > 1e-4 * abs(np.mean(means)) or any(r["images"] != n for rs in found.values() for r in rs):
        raise RuntimeError(f"the sides embed differently: {found}")
    ours = {kind: [result[kind] for result in found["spark"]] for kind in ("seconds", "function")}
    titles = {"seconds": "profile, with all statistics", "function": "de_embed alone"}
    rows = []
    for kind, title in titles.items():
        for name in names:
            theirs = [result["seconds"] for result in found[name]]
            mine, peer = statistics.median(ours[kind]), statistics.median(theirs)
            goal = 0.92 if name == "bare torch loop" else None
            rows.append(
                Row(
                    *(f"{title} / {name}", "500x375 JPEG, ResNet-50 at 224, 2 cores", n, "ratio", peer / mine, "x"),
                    *(">=", goal, mine, name, version(PEERS[name]), peer, peer / mine),
                    samples={"ours": ours[kind], "peer": theirs},
                )
            )
    return rows


def main() -> None:
    """Measure and write benchmarks/results/embedding.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        name, folder, model = options.side
        print(json.dumps(SIDES[name]([str(path) for path in sorted(Path(folder).iterdir())], model)))
        return
    from frame import report

    with tempfile.TemporaryDirectory() as scratch:
        report("embedding", measure(Path(scratch), options.images, options.rounds))


if __name__ == "__main__":
    main()
