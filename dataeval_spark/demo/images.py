"""The demo set: two datasets of real images with known faults planted in them, made on this machine."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataeval_spark.demo.annotations import missing_paths, write_coco, write_metadata
from dataeval_spark.demo.drawing import FILES_PER_PROCESS, draw
from dataeval_spark.demo.plan import (
    BAD_ANNOTATIONS,
    LATER,
    LATER_GAIN,
    LATER_PATH,
    MAIN,
    WEAK_EVERY,
    plan_later,
    plan_main,
    plants_for,
    plants_of,
    write_plants,
)
from dataeval_spark.demo.scenes import load_ingredients
from dataeval_spark.errors import OptionError

# Raise it with every change of what is drawn: sets of an older version are made anew.
VERSION = 2
MARKER = "demo.json"
README = "README.md"
BUILDING = ".building"
OWN_NAMES = ("images", "instances.json", "metadata.csv", "planted.csv", LATER_PATH, README)
COUNTS = (40, 100_000)


@dataclass(frozen=True)
class DemoFiles:
    """Paths of the demo set: the main dataset, the later one, and the list of plants.

    `source` and `later_source` are image roots; annotations are COCO files, metadata CSV files.
    """

    source: Path
    annotations: Path
    metadata: Path
    planted: Path
    later_source: Path
    later_annotations: Path
    later_metadata: Path

    @classmethod
    def below(cls, directory: Path) -> DemoFiles:
        """The paths of a set in `directory`."""
        return cls(*_dataset(directory), directory / "planted.csv", *_dataset(directory / LATER_PATH))


def make_demo_images(directory: Path, *, count: int = 2000, seed: int = 7, processes: int | None = None) -> DemoFiles:
    """Make the demo set, or do nothing where the same one is there already.

    Real scanned digits on crops of real photographs, both from scikit-learn; `README.md` in the folder says what is
    real and what was planted. The same `count` and `seed` give the same bytes with any number of processes (and the
    same versions of numpy and Pillow).

    Parameters
    ----------
    directory : Path
        Folder to fill; new, empty, or with an older demo set, which is replaced.
    count : int
        Images of the main dataset, copies and other plants included, in [40, 100000]; the later one adds 15 percent.
    seed : int
        Seed of everything drawn; not negative.
    processes : int, optional
        Processes to render with; by default one per core, fewer for small sets.

    Returns
    -------
    DemoFiles
        Paths of the images, annotations, metadata and plants.

    Raises
    ------
    OptionError
        An option is out of range, or the folder holds other files under the names of the demo set.

    Examples
    --------
    >>> import tempfile
    >>> demo = make_demo_images(Path(tempfile.mkdtemp()), count=40, processes=1)
    >>> sum(path.is_file() for path in demo.source.rglob("*"))
    40
    """
    _check(count, seed, processes)
    directory = Path(directory)
    marker = {"version": VERSION, "count": count, "seed": seed}
    if _marker(directory) == marker:
        return DemoFiles.below(directory)
    _require_own(directory)
    # Built aside and moved in: an interrupted run leaves no half set that looks whole.
    building = directory / BUILDING
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    workers = processes or min(os.cpu_count() or 1, -(-count // FILES_PER_PROCESS))
    _build(building, count=count, seed=seed, processes=workers)
    (building / MARKER).write_text(json.dumps(marker) + "\n", encoding="utf-8")
    _move(building, directory)
    return DemoFiles.below(directory)


def _check(count: int, seed: int, processes: int | None) -> None:
    OptionError.unless_between("count", count, *COUNTS)
    OptionError.unless_between("seed", seed, 0, 2**63 - 1)
    if processes is not None:
        OptionError.unless_between("processes", processes, 1, 1024)


def _dataset(folder: Path) -> tuple[Path, Path, Path]:
    return folder / "images", folder / "instances.json", folder / "metadata.csv"


def _marker(directory: Path) -> Any:
    try:
        return json.loads((directory / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _require_own(directory: Path) -> None:
    """Refuse to replace files that no demo set wrote."""
    if _marker(directory) is not None or (directory / BUILDING).is_dir():
        return
    for name in OWN_NAMES:
        if (directory / name).exists():
            raise OptionError(
                f"directory is {str(directory)!r}, which holds {name!r} and no finished demo set.\n"
                "Hint: name a new or empty folder."
            )


def _build(directory: Path, *, count: int, seed: int, processes: int) -> None:
    demo = DemoFiles.below(directory)
    main, later = plan_main(count, seed), plan_later(count, seed)
    missing = missing_paths(plants_for(count)["bad_annotation"])
    roots = {MAIN: demo.source, LATER: demo.later_source}
    drawn = draw([*main, *later], roots, load_ingredients(), seed=seed, processes=processes)
    write_coco(demo.annotations, drawn[: len(main)], missing=missing)
    write_metadata(demo.metadata, drawn[: len(main)])
    write_coco(demo.later_annotations, drawn[len(main) :])
    write_metadata(demo.later_metadata, drawn[len(main) :])
    write_plants(demo.planted, plants_of(main, missing=missing, later=len(later)))
    (directory / README).write_text(readme(count=count, later=len(later), seed=seed), encoding="utf-8")


def _move(building: Path, directory: Path) -> None:
    (directory / MARKER).unlink(missing_ok=True)
    for name in OWN_NAMES:
        old = directory / name
        if old.is_dir():
            shutil.rmtree(old)
        os.replace(building / name, old)
    # Last: a set without a marker is incomplete, and made again.
    os.replace(building / MARKER, directory / MARKER)
    building.rmdir()


def readme(*, count: int, later: int, seed: int) -> str:
    """README of a set: README.template.md with its numbers."""
    plants = plants_for(count)
    template = Path(__file__).with_name("README.template.md").read_text(encoding="utf-8")
    return template.format(
        **(plants | {"later": later}),
        count=count,
        seed=seed,
        bad=plants["bad_annotation"] * len(BAD_ANNOTATIONS),
        bad_forms=", ".join(BAD_ANNOTATIONS),
        gain=LATER_GAIN,
        weak=WEAK_EVERY,
    )
