"""Render planned files with any number of processes: the same bytes each time."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from dataeval_spark.demo import faults
from dataeval_spark.demo.plan import Copy, Job
from dataeval_spark.demo.scenes import CAMERAS, SIDE, Ingredients, LabelledBox, Renderer, sensor_noise
from dataeval_spark.errors import DataEvalError

# A process costs about half a second to start: not worth it for fewer files.
FILES_PER_PROCESS = 200
_PACKAGE_ROOT = str(Path(__file__).resolve().parents[2])


@dataclass(frozen=True)
class Drawn:
    """A job that was carried out: the side of its image in pixels and its boxes, the main digit's first."""

    job: Job
    side: int
    boxes: tuple[LabelledBox, ...]


def draw(
    jobs: Sequence[Job], roots: Mapping[int, Path], ingredients: Ingredients, *, seed: int, processes: int
) -> list[Drawn]:
    """Render the files of all jobs.

    Parameters
    ----------
    jobs : sequence of Job
        Files to render.
    roots : mapping
        Image root of each stream; folders are made.
    ingredients : Ingredients
        Photographs and digits; sent to each process once.
    seed : int
        Seed of the set.
    processes : int
        Number of processes; 1 renders in this one.

    Returns
    -------
    list of Drawn
        One element per job, in their order.
    """
    # A copy lies in the folder of its original: both have one label.
    for folder in {(roots[job.scene.stream] / job.path).parent for job in jobs}:
        folder.mkdir(parents=True, exist_ok=True)
    if processes == 1:
        return _draw_chunk(Renderer(ingredients, seed), jobs, roots)
    shares = [jobs[first::processes] for first in range(processes)]
    with ThreadPoolExecutor(processes) as pool:
        parts = list(pool.map(lambda share: _draw_in_process(ingredients, seed, share, roots), shares))
    drawn: dict[int, Drawn] = {}
    for first, part in enumerate(parts):
        drawn |= {first + processes * position: item for position, item in enumerate(part)}
    return [drawn[position] for position in range(len(jobs))]


def serve() -> None:
    """Render the jobs from standard input, in a process of its own: the other end of `draw`."""
    ingredients, seed, jobs, roots = pickle.load(sys.stdin.buffer)
    sys.stdout.buffer.write(pickle.dumps(_draw_chunk(Renderer(ingredients, seed), jobs, roots)))


def _draw_in_process(
    ingredients: Ingredients, seed: int, jobs: Sequence[Job], roots: Mapping[int, Path]
) -> list[Drawn]:
    """Run `serve` in a fresh interpreter.

    Not by multiprocessing: a fork does not survive the caller's threads (Spark's gateway), and a spawned process
    runs the caller's main module again, which hangs for a script without a guard or one from standard input.
    """
    path = os.pathsep.join(entry for entry in (_PACKAGE_ROOT, os.environ.get("PYTHONPATH", "")) if entry)
    command = f"from {__name__} import serve; serve()"
    child = subprocess.run(
        [sys.executable, "-c", command],
        input=pickle.dumps((ingredients, seed, jobs, roots)),
        capture_output=True,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    if child.returncode:
        last = (child.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
        raise DataEvalError(
            f"A process that draws demo images ended with {child.returncode}: {last}\nHint: processes=1"
        )
    return pickle.loads(child.stdout)


def _draw_chunk(renderer: Renderer, jobs: Sequence[Job], roots: Mapping[int, Path]) -> list[Drawn]:
    return [_draw_job(renderer, job, roots[job.scene.stream]) for job in jobs]


def _draw_job(renderer: Renderer, job: Job, root: Path) -> Drawn:
    rng = renderer.rng(job.scene)
    pixels, boxes = renderer.render(job.scene, rng)
    if job.fault == "blank":
        pixels = faults.blank(pixels, rng, weak=job.weak)
    elif job.fault == "blurred":
        pixels = faults.blurred(pixels, rng, weak=job.weak)  # without noise, whose edges are sharp
    else:
        pixels = faults.dark(pixels, rng, weak=job.weak) if job.fault == "dark" else pixels
        pixels = sensor_noise(pixels, job.scene.camera, rng)
    data = faults.encode(pixels, job.extension, quality=CAMERAS[job.scene.camera][2])
    if job.fault == "truncated":
        data = faults.truncated(data, rng, weak=job.weak)
    (root / job.path).write_bytes(data)
    for copy in job.copies:
        (root / copy.path).write_bytes(_copied(data, copy))
    return Drawn(job, SIDE, tuple(boxes))


def _copied(data: bytes, copy: Copy) -> bytes:
    if copy.kind == "exact_copy":
        return data
    if copy.kind == "resized_copy":
        return faults.resized(data, copy.extension, side=copy.side)
    return faults.reencoded(data, copy.extension, quality=copy.quality)
