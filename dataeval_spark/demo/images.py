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

_TEXT = """\
# Demo images of dataeval_spark

Made on this machine by `dataeval_spark.demo.make_demo_images(directory, count={count}, seed={seed})`. The same
arguments give the same bytes. Nothing was downloaded; all pictures come with scikit-learn.

## What is real

- Photographs: `china.jpg` and `flower.jpg` of scikit-learn's `sklearn.datasets.load_sample_images`. What scikit-learn
  states of them (`sklearn/datasets/images/README.txt`): "Released under a creative commons license"
  (https://creativecommons.org/licenses/by/2.0/), "Attribution: Some rights reserved by danielbuechele"; `china.jpg`
  from https://www.flickr.com/photos/danielbuechele/6061409035/, `flower.jpg` from
  https://www.flickr.com/photos/vultilion/6056698931/. The images here are adaptations: cropped, turned, recoloured
  and drawn upon.
- Digits: scans of handwriting, 1,797 of them in 8 x 8 pixels, from `sklearn.datasets.load_digits`: the test set of
  "Optical Recognition of Handwritten Digits" (E. Alpaydin and C. Kaynak, 1998, UCI Machine Learning Repository,
  https://doi.org/10.24432/C50P49).

## What is made

A scene is a crop of one photograph (128 to 300 pixels wide, turned by up to 25 degrees, perhaps mirrored, slightly
recoloured) at 128 x 128 pixels, with one to three digits enlarged onto it, seen through one of three made-up cameras
that differ in white balance, noise and JPEG quality. Capture times, splits and factors are made, too. `exposure`
(stops) really brightens or darkens the image; each `camera` has more of every third class than of the others.

| file | what it is |
|---|---|
| `images/<label>/<number>.jpg or .png` | {count} images; the folder is the label as annotated, right or wrong |
| `instances.json` | COCO: boxes and classes; the first annotation of an image is its main digit |
| `metadata.csv` | path, captured_at, split and the factors scene, camera, exposure |
| `planted.csv` | what was planted: kind, path, other_path (the original of a copy), detail |
| `later/` | {later} images of three months later: images, instances.json and metadata.csv, without copies or faults |
| `demo.json` | version, count and seed of this set |

## What is planted

| kind | number | what it is |
|---|---|---|
| exact_copy | {exact_copy} | the same bytes under another name |
| reencoded_copy | {reencoded_copy} | decoded and written again: JPEG of quality 85, 70, 50 or 30, or PNG |
| resized_copy | {resized_copy} | resized to 120, 104, 88 or 72 pixels a side and written again |
| blank | {blank} | one flat colour (lens cap, burnt out) |
| dark | {dark} | underexposed |
| blurred | {blurred} | out of focus |
| truncated | {truncated} | a file that ends too early |
| swapped_label | {swapped_label} | the main digit is annotated as another class |
| bad_annotation | {bad} | {bad_forms}: {bad_annotation} each |
| shifted_brightness | 1 | all of `later/`: pixel values times {gain} |

One in {weak} of the blank, dark, blurred and truncated ones is weak: planted to be missed, as are some copies that
equal hashes cannot find. No two plants share an image, and copies may lie in another split than their original.
"""

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
    """Word the README of a set."""
    plants = plants_for(count)
    return _TEXT.format(
        **{kind: number for kind, number in plants.items() if kind != "later"},
        count=count,
        later=later,
        seed=seed,
        bad=plants["bad_annotation"] * len(BAD_ANNOTATIONS),
        bad_forms=", ".join(BAD_ANNOTATIONS),
        gain=LATER_GAIN,
        weak=WEAK_EVERY,
    )
