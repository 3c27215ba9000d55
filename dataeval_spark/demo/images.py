"""The demo set: two datasets of real images with known faults planted in them, made on this machine.

Each dataset has COCO JSON with some bad annotations, and a CSV of factors.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataeval_spark.demo.drawing import FILES_PER_PROCESS, draw
from dataeval_spark.demo.plan import (
    BAD_ANNOTATIONS,
    LATER,
    LATER_GAIN,
    LATER_PATH,
    MAIN,
    WEAK_EVERY,
    Copy,
    Drawn,
    plan_later,
    plan_main,
    plants_for,
    plants_of,
    write_plants,
)
from dataeval_spark.demo.scenes import CLASSES, SIDE, LabelledBox, load_ingredients
from dataeval_spark.errors import OptionError

# Raise it with every change of what is drawn: sets of an older version are made anew.
VERSION = 2
MARKER = "demo.json"
README = "README.md"
BUILDING = ".building"
OWN_NAMES = ("images", "instances.json", "metadata.csv", "planted.csv", LATER_PATH, README)
COUNTS = (40, 100_000)
METADATA_COLUMNS = ("path", "captured_at", "split", "scene", "camera", "exposure")
UNKNOWN_CATEGORY = 99

Row = dict[str, Any]


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
    missing = _missing_paths(plants_for(count)["bad_annotation"])
    roots = {MAIN: demo.source, LATER: demo.later_source}
    drawn = draw([*main, *later], roots, load_ingredients(), seed=seed, processes=processes)
    _write_coco(demo.annotations, drawn[: len(main)], missing=missing)
    _write_metadata(demo.metadata, drawn[: len(main)])
    _write_coco(demo.later_annotations, drawn[len(main) :])
    _write_metadata(demo.later_metadata, drawn[len(main) :])
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


def _missing_paths(number: int) -> list[str]:
    """Names of images that are annotated and do not exist."""
    return [f"{CLASSES[i % len(CLASSES)]}/missing_{i}.jpg" for i in range(number)]


def _write_coco(path: Path, drawn: Sequence[Drawn], *, missing: Sequence[str] = ()) -> None:
    """Write a COCO file of all images, their copies, and of missing images; bad annotations as the jobs plan them."""
    entries: list[tuple[str, int, list[Row]]] = []
    for item in drawn:
        annotations = [_annotation(box) for box in item.boxes]
        annotations[0]["category_id"] = item.job.label + 1
        if item.job.bad_annotation:
            _spoil(annotations[0], item.job.bad_annotation)
        entries.append((item.job.path, item.side, annotations))
        for copy in item.job.copies:
            entries.append((copy.path, copy.side or item.side, _scaled(annotations, item.side, copy)))
    for i, name in enumerate(missing):
        entries.append((name, SIDE, [_annotation(LabelledBox(40, 40, 30, 40, i % len(CLASSES)))]))
    document: dict[str, Any] = {"images": [], "annotations": []}
    for image_id, (name, side, annotations) in enumerate(sorted(entries, key=lambda entry: entry[0]), start=1):
        document["images"].append({"id": image_id, "file_name": name, "width": side, "height": side})
        for annotation in annotations:
            identity = {"id": len(document["annotations"]) + 1, "image_id": image_id}
            document["annotations"].append({**identity, **annotation, "iscrowd": 0})
    document["categories"] = [{"id": i, "name": name} for i, name in enumerate(CLASSES, start=1)]
    path.write_text(json.dumps(document), encoding="utf-8")


def _write_metadata(path: Path, drawn: Sequence[Drawn]) -> None:
    """Write one row per file: capture time, split and the factors scene, camera and exposure."""
    rows = []
    for item in drawn:
        scene = item.job.scene
        files = [(item.job.path, scene.split), *((copy.path, copy.split) for copy in item.job.copies)]
        factors = (scene.photograph, scene.camera, scene.exposure)
        rows += [(name, scene.captured_at, split, *factors) for name, split in files]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(METADATA_COLUMNS)
        writer.writerows(sorted(rows))


def _annotation(box: LabelledBox) -> Row:
    return {
        "category_id": box.class_index + 1,
        "bbox": [box.x, box.y, box.width, box.height],
        "area": box.width * box.height,
    }


def _scaled(annotations: Sequence[Row], side: int, copy: Copy) -> list[Row]:
    if not copy.side:
        return [dict(annotation) for annotation in annotations]
    scale = copy.side / side
    boxes = [[round(value * scale, 2) for value in annotation["bbox"]] for annotation in annotations]
    return [
        {**annotation, "bbox": box, "area": round(box[2] * box[3], 2)}
        for annotation, box in zip(annotations, boxes, strict=True)
    ]


def _spoil(annotation: Row, kind: str) -> None:
    x, y, width, height = annotation["bbox"]
    if kind == "unknown_class":
        annotation["category_id"] = UNKNOWN_CATEGORY
    elif kind == "not_numeric_box":
        annotation["bbox"] = [x, y, "wide", height]
    elif kind == "inverted_box":
        annotation["bbox"] = [x + width, y + height, -width, -height]
    else:
        assert kind == BAD_ANNOTATIONS[-1], kind
        annotation["bbox"] = [SIDE - width // 2, y, width, height]
