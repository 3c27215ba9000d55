"""Render planned files, with their faults, by any number of processes: the same bytes each time.

A *weak* fault is one that the product is expected to miss: it shows where the rules end.
"""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from dataeval_spark.demo.plan import Copy, Drawn, Job
from dataeval_spark.demo.scenes import CAMERAS, SIDE, Ingredients, Renderer, sensor_noise
from dataeval_spark.errors import DataEvalError

# A process costs about half a second to start: not worth it for fewer files.
FILES_PER_PROCESS = 200
Pixels = NDArray[np.uint8]

_LUMA = np.array([0.241, 0.691, 0.068], dtype=np.float32)
_PACKAGE_ROOT = str(Path(__file__).resolve().parents[2])


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
        pixels = _blank(pixels, rng, weak=job.weak)
    elif job.fault == "blurred":
        pixels = _blurred(pixels, rng, weak=job.weak)  # without noise, whose edges are sharp
    else:
        pixels = _dark(pixels, rng, weak=job.weak) if job.fault == "dark" else pixels
        pixels = sensor_noise(pixels, job.scene.camera, rng)
    data = _encode(pixels, job.extension, quality=CAMERAS[job.scene.camera][2])
    if job.fault == "truncated":
        data = _truncated(data, rng, weak=job.weak)
    (root / job.path).write_bytes(data)
    for copy in job.copies:
        (root / copy.path).write_bytes(_copied(data, copy))
    return Drawn(job, SIDE, tuple(boxes))


def _copied(data: bytes, copy: Copy) -> bytes:
    if copy.kind == "exact_copy":
        return data
    if copy.kind == "resized_copy":
        return _resized(data, copy.extension, side=copy.side)
    return _reencoded(data, copy.extension, quality=copy.quality)


def _blank(pixels: Pixels, rng: np.random.Generator, *, weak: bool = False) -> Pixels:
    """Replace a scene by one flat colour with a trace of noise; weak: by a smooth gradient, which has information."""
    if weak:
        ramp = np.linspace(0, 1, pixels.shape[1], dtype=np.float32)[None, :, None]
        start, end = rng.uniform(30, 90, size=3), rng.uniform(140, 230, size=3)
        flat = np.broadcast_to(start + (end - start) * ramp, pixels.shape)
    else:
        gray = rng.uniform(2, 253)
        flat = np.broadcast_to(np.clip(gray + rng.uniform(-12, 12, size=3), 1, 254), pixels.shape)
    noise = rng.standard_normal(pixels.shape, dtype=np.float32) * np.float32(0.3)
    return np.clip(np.rint(flat + noise), 0, 255).astype(np.uint8)


def _dark(pixels: Pixels, rng: np.random.Generator, *, weak: bool = False) -> Pixels:
    """Underexpose a scene: its 99th percentile of perceived brightness goes to 0.1 to 0.26; weak: 0.36 to 0.42."""
    bright = float(np.percentile(np.sqrt(np.square(pixels, dtype=np.float32) @ _LUMA), 99)) / 255
    target = rng.uniform(0.36, 0.42) if weak else rng.uniform(0.10, 0.26)
    return (pixels * np.float32(min(1.0, target / max(bright, 1e-6)))).astype(np.uint8)


def _blurred(pixels: Pixels, rng: np.random.Generator, *, weak: bool = False) -> Pixels:
    """Defocus a scene by 5 to 8 pixels, with its contrast restored and its corners darkened; weak: by 0.8 pixels.

    Without the vignette cleanvision's own rule would miss many: its edge filter takes a bright border for an edge.
    """
    image = Image.fromarray(pixels)
    if weak:
        return np.asarray(image.filter(ImageFilter.GaussianBlur(0.8)))
    soft = np.asarray(image.filter(ImageFilter.GaussianBlur(rng.uniform(5, 8))), dtype=np.float32)
    low, high = np.percentile(soft, (1, 99))
    soft = np.clip((soft - low) * (245 / max(high - low, 1)) + 5, 0, 255)
    return (soft * _vignette(soft.shape[0], soft.shape[1])).astype(np.uint8)


def _vignette(height: int, width: int) -> NDArray[np.float32]:
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return (1 / (1 + 0.9 * (x * x + y * y) ** 1.5))[:, :, None].astype(np.float32)


def _truncated(data: bytes, rng: np.random.Generator, *, weak: bool = False) -> bytes:
    """Cut a file to 10 to 70 percent of its bytes; weak: cut its last two bytes only, which many readers forgive."""
    return data[:-2] if weak else data[: int(len(data) * rng.uniform(0.1, 0.7))]


def _encode(pixels: Pixels | Image.Image, extension: str, *, quality: int = 90, level: int = 3) -> bytes:
    """Write pixels as the bytes of a JPEG (`jpg`) or PNG file."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = io.BytesIO()
    if extension == "jpg":
        image.save(buffer, "JPEG", quality=quality)
    else:
        image.save(buffer, "PNG", compress_level=level)
    return buffer.getvalue()


def _reencoded(data: bytes, extension: str, *, quality: int) -> bytes:
    """Decode a file and write it again: JPEG in the given quality, PNG without loss."""
    return _encode(Image.open(io.BytesIO(data)), extension, quality=quality, level=9)


def _resized(data: bytes, extension: str, *, side: int) -> bytes:
    """Decode a file, resize it to a square of `side` pixels and write it again."""
    image = Image.open(io.BytesIO(data)).resize((side, side), Image.Resampling.LANCZOS)
    return _encode(image, extension, quality=75)
