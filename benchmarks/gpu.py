"""Embedding on a GPU: the work of a profile's task, or the whole verb, against a bare torch DataLoader loop.

scripts/gpu_check --worker                 # no engine: torch, numba, pyarrow, pillow, xxhash and simplejpeg do
scripts/gpu_check --job                    # the verb `profile`, on the engine that is here
scripts/gpu_check --worker --images 200 --networks "small ResNet" "small ViT"      # a trial, on a CPU too

20,000 JPEG files of 500x375 are made by all cores: crops of the photographs of benchmarks/profile_job.py. ResNet-50 and
ViT-B/16 as TorchScript, seeded random weights, batches of 64, 32 and 16 bits (autocast) for each:

* the loop: as many DataLoader processes as there are cores decode, resize and crop with the functions that the product
  calls; pinned memory; the model's process normalises on the device
* one task, and two tasks, of one process whose children, one a core, decode: the embedded engine
* a task and a model a core: Spark with `spark.task.resource.gpu.amount` of 1 / cores

The product measures everything else that a profile holds beside. Its rate in shares of the loop's has the goal of 0.9,
the share of time that the GPU computes while it runs (nvidia-smi, five times a second) 80 %; each vector's distance
from the loop's is at most 1e-5, in 16 bits 1e-2, and in 32 bits the nearest of the loop's vectors is that of the same
image. Rates without a model say what decoding and measuring allow. Then the memory is limited so that a batch does not
fit: the vectors are the same. What does not fit into --minutes is not run; each stage's rows are written at once.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.frame import RESULTS, Row, report, write
from benchmarks.gpu_sides import Side, save_means
from benchmarks.profile_job import SIZE, make_images

ROOT = Path(__file__).resolve().parent.parent
RATIO, BUSY = 0.9, 80.0
DISTANCE = {False: 1e-5, True: 1e-2}
LIMITED = 2**30
"""Bytes of the device's memory where a batch of `LARGE` images must not fit; half a batch of 64 does."""
LARGE = 512
LEAST_SECONDS = 25.0
"""Time left under which no stage is begun: starting and warming one up takes most of it."""


class Gpu:
    """Load and memory of the first GPU, as nvidia-smi tells them while a block runs; nothing where it is missing."""

    def __init__(self) -> None:
        self.samples: list[tuple[float, float, float]] = []

    @contextmanager
    def watched(self) -> Iterator[None]:
        self.samples = []
        query = ["--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits", "-i", "0", "-lms", "200"]
        try:
            process = subprocess.Popen(["nvidia-smi", *query], stdout=subprocess.PIPE, text=True)
        except OSError:
            yield
            return
        reader = threading.Thread(target=self._read, args=(process,), daemon=True)
        reader.start()
        try:
            yield
        finally:
            process.terminate()
            process.wait()
            reader.join()

    def busy(self, begin: float, end: float) -> float | None:
        """Mean share of the time in which the GPU computed, in percent."""
        found = [load for at, load, _ in self.samples if begin <= at <= end]
        return sum(found) / len(found) if found else None

    def used_mb(self) -> float | None:
        """Most memory in use, above that at the beginning, in MB."""
        found = [memory for *_, memory in self.samples]
        return max(found) - found[0] if found else None

    def _read(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            load, _, memory = line.partition(",")
            if load.strip().isdigit() and memory.strip().isdigit():
                self.samples.append((time.time(), float(load), float(memory)))


@dataclass
class Found:
    """What a side found: its vectors, images a second, load and memory of the GPU, and facts of its own."""

    vectors: NDArray[np.float32]
    rate: float
    seconds: float
    busy: float | None
    used_mb: float | None
    facts: dict[str, Any]


class Check:
    """The stages, their rows, and the time that is left."""

    def __init__(self, options: argparse.Namespace, scratch: Path, device: str) -> None:
        self.options = options
        self.scratch = scratch
        self.device = device
        self.is_cuda = device != "cpu"
        self.name = "gpu" if self.is_cuda else "gpu_on_cpu"
        self.data = f"{SIZE[0]}x{SIZE[1]} JPEG, {_device_name(device)}, {options.processes} cores"
        self.rows: list[Row] = []
        self.failures: list[str] = []
        self._end = time.monotonic() + 60 * options.minutes
        self._gpu = Gpu()

    def left(self) -> float:
        return self._end - time.monotonic()

    def add(self, row: Row) -> None:
        self.rows.append(row)
        write(self.name, self.rows, self.options.out)

    def side(self, model: Path | None, **facts: Any) -> Side:
        folder, vectors = str(self.scratch / "images"), str(self.scratch / "vectors.npy")
        side = Side("loop", folder, str(model or ""), vectors, self.device, self.options.processes)
        return replace(side, batch=self.options.batch, **facts)

    def row(self, name: str, measure: str, value: float | None, unit: str, **more: Any) -> None:
        self.add(Row(name, self.data, self.options.images, measure, value, unit, **more))

    def run(self, name: str, side: Side) -> Found | None:
        """One side; None, and a row that says why, where there is no time for it or it fails."""
        if self.left() < LEAST_SECONDS:
            self.row(name, "rate", None, "images/s", note=f"not run: {self.options.minutes:g} minutes are over")
            return None
        with self._gpu.watched():
            command = [sys.executable, "-m", "benchmarks.gpu_sides", side.text()]
            # A group of its own, which ends as a whole where its time is over.
            process = subprocess.Popen(
                command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
            )
            try:
                output, errors = process.communicate(timeout=self.left())
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                self.row(name, "rate", None, "images/s", note=f"stopped: {self.options.minutes:g} minutes are over")
                return None
        if process.returncode:
            self.failures.append(f"{name}: {errors.strip()[-1500:]}")
            self.row(name, "rate", None, "images/s", note=f"failed: {errors.strip().splitlines()[-1:]}")
            return None
        facts = json.loads(output.strip().splitlines()[-1])
        begin, end = facts.pop("begin"), facts.pop("end")
        rate = self.options.images / (end - begin)
        found = Found(np.load(side.vectors), rate, end - begin, self._gpu.busy(begin, end), self._gpu.used_mb(), facts)
        print(f"{self.left():5.0f} s left  {name}: {rate:,.0f} images/s", flush=True)
        return found

    def compare(self, name: str, ours: Found, loop: Found, *, is_half: bool) -> None:
        """A row with the largest distance between vectors of one image, which fails the check where it is too large."""
        distance = largest_distance(ours.vectors, loop.vectors)
        goal = DISTANCE[is_half]
        self.row(f"{name}: vectors", "cosine", distance, "distance", goal=goal)
        if not distance <= goal:
            self.failures.append(f"{name}: a vector is {distance:.2g} from that of the loop; expected {goal:g} at most")
        if not is_half and not all_nearest_to_their_own(ours.vectors, loop.vectors):
            self.failures.append(f"{name}: the loop's vector that is nearest to an image's is another image's")


def largest_distance(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Largest cosine distance between rows of one number; infinite where the shapes differ."""
    if a.shape != b.shape:
        return float("inf")
    x, y = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (a.astype(float), b.astype(float)))
    return float((1 - (x * y).sum(axis=1)).max())


def all_nearest_to_their_own(a: NDArray[np.float32], b: NDArray[np.float32], most: int = 2000) -> bool:
    """Whether each of the first vectors is nearer to the one of its own number than to any other."""
    x, y = a[:most].astype(float), b[:most].astype(float)
    distances = (x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1) - 2 * x @ y.T
    return bool((distances.argmin(axis=1) == np.arange(len(x))).all())


def measure_network(check: Check, network: str, model: Path, *, is_half: bool) -> None:
    """The loop, and the product's sides against it."""
    title = f"{network}, {16 if is_half else 32} bits"
    loop = check.run(f"{title}: loop", check.side(model, is_half=is_half))
    if loop is None:
        return
    more = {"peak_mb": loop.used_mb, "ours_seconds": loop.seconds, "note": _busy(loop)}
    check.row(f"{title}: loop", "rate", loop.rate, "images/s", direction=">=", **more)
    cores = check.options.processes
    sides = {
        "one task": {"kind": "threads"},
        "two tasks": {"kind": "threads", "tasks": 2},
        "a task a core": {"kind": "processes", "tasks": cores},
    }
    for label, facts in sides.items() if check.options.worker else {"profile": {"kind": "job"}}.items():
        name = f"{title}: {label}"
        ours = check.run(name, check.side(model, is_half=is_half, **facts))
        if ours is None:
            continue
        check.row(
            *(f"{name} / loop", "ratio", ours.rate / loop.rate, "x"),
            direction=">=",
            goal=RATIO if check.is_cuda else None,
            ours_seconds=ours.seconds,
            peer="bare torch loop",
            peer_seconds=loop.seconds,
            ratio=ours.rate / loop.rate,
            peak_mb=ours.used_mb,
            note=f"{ours.rate:,.0f} images/s{_stated(ours)}",
        )
        if ours.busy is None:
            check.row(
                f"{name}: GPU busy", "busy", None, "%", note="not run: no nvidia-smi" if check.is_cuda else NO_GPU
            )
        else:
            check.row(f"{name}: GPU busy", "busy", ours.busy, "%", direction=">=", goal=BUSY)
        check.compare(name, ours, loop, is_half=is_half)


NO_GPU = "not run: no CUDA"


def _busy(found: Found) -> str:
    return "" if found.busy is None else f"GPU busy {found.busy:.0f} %"


def _stated(found: Found) -> str:
    return "".join(f"; {name} {value}" for name, value in found.facts.items())


def measure_without_model(check: Check, means: Path) -> None:
    """What the processes that decode allow, whatever the device does."""
    rates = {}
    for label, side in {
        "decoding alone: loop": check.side(None),
        "decoding and measuring alone: one task": check.side(means, kind="threads"),
    }.items():
        found = check.run(label, side)
        if found is not None:
            rates[label] = found.rate
            check.row(label, "rate", found.rate, "images/s", direction=">=", ours_seconds=found.seconds)


def measure_limited(check: Check, network: str, model: Path) -> None:
    """A batch that does not fit into the memory: it is halved, and the vectors are those of the loop."""
    name = f"{network}: memory for half a batch"
    if not check.is_cuda:
        check.row(name, "batch", None, "images", note=NO_GPU)
        return
    loop = check.run(f"{network}: loop", check.side(model))
    limited = check.side(model, kind="threads", memory=LIMITED)
    ours = None if loop is None else check.run(name, replace(limited, batch=LARGE))
    if loop is None or ours is None:
        return
    halved = int(ours.facts["batch_size"])
    check.row(name, "batch", halved, "images", goal=LARGE - 1, note=f"of {LARGE}, {LIMITED / 2**20:.0f} MB")
    if halved >= LARGE:
        check.failures.append(f"{name}: a batch of {LARGE} did fit: nothing was shown")
    check.compare(name, ours, loop, is_half=False)


def measure(check: Check) -> None:
    """All stages, the ones that matter most first."""
    from benchmarks.gpu_networks import save_network

    models = {name: check.scratch / f"{number}.pt" for number, name in enumerate(check.options.networks)}
    for name, model in models.items():
        save_network(name, model)
    save_means(check.scratch / "means.pt")
    first = next(iter(models))
    stages: list[Callable[[], None]] = [
        lambda: measure_network(check, first, models[first], is_half=False),
        lambda: measure_limited(check, first, models[first]),
        *(lambda name=name: measure_network(check, name, models[name], is_half=True) for name in reversed(models)),
        lambda: measure_without_model(check, check.scratch / "means.pt"),
        *(lambda name=name: measure_network(check, name, models[name], is_half=False) for name in [*models][1:]),
    ]
    for stage in stages:
        stage()


def prepare(folder: Path, number: int, processes: int) -> None:
    """Make all images, by all cores, and compile what measures them, once for all processes."""
    share = -(-number // processes)
    with ProcessPoolExecutor(processes) as pool:
        firsts = range(0, number, share)
        made = [pool.submit(make_images, folder, first, min(share, number - first)) for first in firsts]
        made.append(pool.submit(_compile))
        for each in made:
            each.result()


def _compile() -> None:
    from dataeval_spark.analyses.profile.measuring import Measuring
    from dataeval_spark.kernels.images.decoding.limits import Limits
    from dataeval_spark.kernels.images.profile import Measures

    Measuring(Measures(), Limits()).warm_up()


def _device_name(device: str) -> str:
    if device == "cpu":
        return "on the CPU"
    import torch

    return f"{torch.cuda.get_device_properties(0).name}, torch {torch.__version__}"


def _parsed(arguments: list[str] | None) -> argparse.Namespace:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parser = argparse.ArgumentParser("gpu_check", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--worker", action="store_true", help="the work of a profile's task, without an engine")
    what.add_argument("--job", action="store_true", help="the verb profile, on the engine that is here")
    parser.add_argument("--images", type=int, default=20_000, help="number of JPEG files (%(default)s)")
    parser.add_argument("--minutes", type=float, default=9.0, help="time for everything (%(default)s)")
    parser.add_argument("--networks", nargs="+", default=["ResNet-50", "ViT-B/16"], help="names in gpu_networks.py")
    parser.add_argument("--batch", type=int, default=64, help="images in a batch (%(default)s)")
    parser.add_argument("--processes", type=int, default=cores, help="processes that decode (one a core)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for gpu.json; gpu_on_cpu.json without a GPU")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Measure and write gpu.json; 1 where a stage failed or vectors differ, 0 also where a goal is missed."""
    options = _parsed(arguments)
    if importlib.util.find_spec("torch") is None:
        print("gpu_check needs torch.\nHint: pip install torch", file=sys.stderr)
        return 1
    import torch

    warnings.filterwarnings("ignore", message=".*torch.jit", category=FutureWarning)
    device = "cuda:0" if torch.cuda.is_available() else "cpu"
    with tempfile.TemporaryDirectory() as scratch:
        check = Check(options, Path(scratch), device)
        prepare(Path(scratch) / "images", options.images, options.processes)
        if options.job:
            make_images(Path(scratch) / "warm", options.images, 2 * options.batch)
        print(f"{check.left():5.0f} s left  {options.images:,} images made; {check.data}", flush=True)
        measure(check)
    report(check.name, check.rows, options.out)
    for failure in check.failures:
        print(f"\nFAILED {failure}", file=sys.stderr)
    return 1 if check.failures else 0


if __name__ == "__main__":
    sys.exit(main())
