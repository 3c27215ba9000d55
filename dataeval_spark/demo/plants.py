"""The list of planted faults: one row each, written beside the images and read back for the score."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from dataeval_spark.demo.plan import LATER_GAIN, Job
from dataeval_spark.demo.scenes import CLASSES

COLUMNS = ("kind", "path", "other_path", "detail")
# Path of the one plant that is a whole dataset.
LATER_PATH = "later"


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
        writer.writerow(COLUMNS)
        writer.writerows(astuple(plant) for plant in plants)


def read_plants(path: Path) -> list[Plant]:
    """Read the plants that `write_plants` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        return [Plant(**row) for row in csv.DictReader(file)]
