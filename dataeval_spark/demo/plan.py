"""Plan of the demo set, made before a pixel is drawn: scenes, faults, copies and labels; and the list of all plants."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from dataeval_spark.demo.scenes import CAMERAS, CLASSES, PHOTOGRAPHS, LabelledBox, Scene

# Plants per 2,000 images; smaller and larger sets scale, with at least one of each.
PER_2000 = {
    "exact_copy": 30,
    "reencoded_copy": 30,
    "resized_copy": 30,
    "blank": 12,
    "dark": 12,
    "blurred": 12,
    "truncated": 8,
    "swapped_label": 20,
}
BAD_ANNOTATIONS = ("missing_image", "unknown_class", "not_numeric_box", "inverted_box", "outside_box")
BAD_PER_2000 = 2
LATER_PER_2000 = 300
LATER_GAIN = 0.66
PLANT_COLUMNS = ("kind", "path", "other_path", "detail")
# Path of the one plant that is a whole dataset.
LATER_PATH = "later"
COPY_KINDS = ("exact_copy", "reencoded_copy", "resized_copy")
PIXEL_FAULTS = ("blank", "dark", "blurred", "truncated")
# One plant in so many of the kinds with a weak form is weak.
WEAK_EVERY = 6
RECODE = (("jpg", 85), ("jpg", 70), ("png", 0), ("jpg", 50), ("jpg", 30))
RESIZE = (120, 104, 88, 72)
# Streams of random numbers.
MAIN, LATER = 0, 1
# Shares of the photographs, from the classes' first to last, and of images in PNG and in the test split.
_CLASS_SHARES = np.linspace(1.35, 0.65, len(CLASSES)) / len(CLASSES)
_PHOTOGRAPH_SHARES = (0.6, 0.4)
_PNG_SHARE, _TEST_SHARE = 0.25, 0.2
_OTHERS_SHARES = (0.45, 0.35, 0.2)


@dataclass(frozen=True)
class Copy:
    """A copy of an image: `extension` with `quality` or `side` where it is not exact."""

    kind: str
    path: str
    split: str
    extension: str
    quality: int = 0
    side: int = 0

    @property
    def detail(self) -> str:
        if self.kind == "exact_copy":
            return "same bytes"
        if self.kind == "resized_copy":
            return f"resized to {self.side} x {self.side} pixels"
        return f"JPEG of quality {self.quality}" if self.extension == "jpg" else "PNG of the same pixels"


@dataclass(frozen=True)
class Job:
    """One file to render, with the copies made of it. `path` is relative to the image root."""

    scene: Scene
    path: str
    extension: str
    label: int
    fault: str = ""
    weak: bool = False
    bad_annotation: str = ""
    copies: tuple[Copy, ...] = field(default=())


@dataclass(frozen=True)
class Drawn:
    """A job that was carried out: the side of its image in pixels and its boxes, the main digit's first."""

    job: Job
    side: int
    boxes: tuple[LabelledBox, ...]


@dataclass(frozen=True)
class Plant:
    """A fault that was planted.

    Parameters
    ----------
    kind : str
        exact_copy, reencoded_copy, resized_copy, blank, dark, blurred, truncated, swapped_label, bad_annotation or
        shifted_brightness.
    path : str
        File, relative to the image root; of a missing image the name that is annotated, of shifted_brightness the
        dataset.
    other_path : str
        Original of a copy, else empty.
    detail : str
        Description of the fault; for a bad annotation it begins with the kind of finding to expect, and a colon.
    """

    kind: str
    path: str
    other_path: str = ""
    detail: str = ""


def plants_for(count: int) -> dict[str, int]:
    """Numbers of plants of each kind in a set of `count` images; `bad_annotation` counts each of its five forms.

    Examples
    --------
    >>> plants_for(2000)["exact_copy"], plants_for(40)["exact_copy"]
    (30, 1)
    """
    numbers = {**PER_2000, "bad_annotation": BAD_PER_2000, "later": LATER_PER_2000}
    return {kind: max(1, round(number * count / 2000)) for kind, number in numbers.items()}


def plan_main(count: int, seed: int) -> list[Job]:
    """Plan the main set: exactly `count` files, copies included."""
    rng = np.random.default_rng([seed, MAIN])
    plants = plants_for(count)
    originals = count - sum(plants[kind] for kind in COPY_KINDS)
    scenes = _scenes(originals, rng, stream=MAIN, start=datetime.fromisoformat("2026-03-02T08:00:00+01:00"))
    numbers = [int(n) for n in rng.permutation(count)]
    jobs = [_job(scene, numbers[i], rng) for i, scene in enumerate(scenes)]
    # Plants lie on different images, so that each is found or missed on its own.
    free = iter([int(i) for i in rng.permutation(originals)])
    for kind in PIXEL_FAULTS:
        for position in range(plants[kind]):
            i = next(free)
            jobs[i] = replace(jobs[i], fault=kind, weak=position % WEAK_EVERY == WEAK_EVERY - 1)
    for _ in range(plants["swapped_label"]):
        i = next(free)
        wrong = (jobs[i].label + int(rng.integers(1, len(CLASSES)))) % len(CLASSES)
        jobs[i] = replace(jobs[i], label=wrong, path=_path(wrong, numbers[i], jobs[i].extension))
    for kind in BAD_ANNOTATIONS[1:]:
        for _ in range(plants["bad_annotation"]):
            i = next(free)
            jobs[i] = replace(jobs[i], bad_annotation=kind)
    spare = iter(numbers[originals:])
    for kind in COPY_KINDS:
        for position in range(plants[kind]):
            i = next(free)
            jobs[i] = replace(jobs[i], copies=(_copy(kind, position, jobs[i], next(spare), rng),))
    return jobs


def plan_later(count: int, seed: int) -> list[Job]:
    """Plan the later batch: scenes of the same kind three months on, with less light."""
    rng = np.random.default_rng([seed, LATER])
    start = datetime.fromisoformat("2026-06-01T08:00:00+02:00")
    scenes = _scenes(plants_for(count)["later"], rng, stream=LATER, start=start, gain=LATER_GAIN)
    return [_job(scene, i, rng) for i, scene in enumerate(scenes)]


def plants_of(jobs: Sequence[Job], *, missing: Iterable[str], later: int) -> list[Plant]:
    """List the plants of the jobs, the missing images and the later batch of `later` images."""
    plants = []
    for job in jobs:
        plants += [Plant(copy.kind, copy.path, job.path, copy.detail) for copy in job.copies]
        if job.fault:
            plants.append(Plant(job.fault, job.path, detail="weak: expected to be missed" if job.weak else ""))
        if job.label != job.scene.class_index:
            detail = f"labelled {CLASSES[job.label]}, is {CLASSES[job.scene.class_index]}"
            plants.append(Plant("swapped_label", job.path, detail=detail))
        if job.bad_annotation:
            plants.append(Plant("bad_annotation", job.path, detail=f"{job.bad_annotation}: first annotation"))
    plants += [Plant("bad_annotation", path, detail="missing_image: no such file") for path in missing]
    plants.sort(key=lambda plant: (plant.kind, plant.path))
    detail = f"{later} images captured three months later, pixel values times {LATER_GAIN}"
    return [*plants, Plant("shifted_brightness", LATER_PATH, detail=detail)]


def write_plants(path: Path, plants: Iterable[Plant]) -> None:
    """Write plants as CSV with a header."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(PLANT_COLUMNS)
        writer.writerows(astuple(plant) for plant in plants)


def read_plants(path: Path) -> list[Plant]:
    """Read the plants that `write_plants` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        return [Plant(**row) for row in csv.DictReader(file)]


def _scenes(count: int, rng: np.random.Generator, *, stream: int, start: datetime, gain: float = 1.0) -> list[Scene]:
    scenes = []
    for index in range(count):
        class_index = int(rng.choice(len(CLASSES), p=_CLASS_SHARES))
        # Each camera took more of every third class: a factor that tells something of the class.
        camera_shares = [0.5 if class_index % len(CAMERAS) == k else 0.25 for k in range(len(CAMERAS))]
        captured_at = start + timedelta(days=int(rng.integers(28)), seconds=int(rng.integers(10 * 3600)))
        scenes.append(
            Scene(
                stream=stream,
                index=index,
                class_index=class_index,
                others=int(rng.choice(len(_OTHERS_SHARES), p=_OTHERS_SHARES)),
                photograph=PHOTOGRAPHS[rng.choice(len(PHOTOGRAPHS), p=_PHOTOGRAPH_SHARES)],
                camera=list(CAMERAS)[rng.choice(len(CAMERAS), p=camera_shares)],
                exposure=round(float(np.clip(rng.normal(0, 0.35), -0.8, 0.8)), 2),
                captured_at=captured_at.isoformat(),
                split=_split(rng),
                gain=gain,
            )
        )
    return scenes


def _job(scene: Scene, number: int, rng: np.random.Generator) -> Job:
    extension = "png" if rng.uniform() < _PNG_SHARE else "jpg"
    return Job(scene, _path(scene.class_index, number, extension), extension, scene.class_index)


def _copy(kind: str, position: int, job: Job, number: int, rng: np.random.Generator) -> Copy:
    extension, quality, side = job.extension, 0, 0
    if kind == "reencoded_copy":
        extension, quality = RECODE[position % len(RECODE)]
    elif kind == "resized_copy":
        side = RESIZE[position % len(RESIZE)]
    # A split of its own: some copies leak from train to test.
    return Copy(kind, _path(job.label, number, extension), _split(rng), extension, quality, side)


def _split(rng: np.random.Generator) -> str:
    return "test" if rng.uniform() < _TEST_SHARE else "train"


def _path(label: int, number: int, extension: str) -> str:
    return f"{CLASSES[label]}/{number:05d}.{extension}"
