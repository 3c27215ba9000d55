"""The demo set's annotation and metadata files: COCO JSON with some bad annotations, and a CSV of factors."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dataeval_spark.demo.plan import BAD_ANNOTATIONS, Copy, Drawn
from dataeval_spark.demo.scenes import CLASSES, SIDE, LabelledBox

METADATA_COLUMNS = ("path", "captured_at", "split", "scene", "camera", "exposure")
UNKNOWN_CATEGORY = 99

Row = dict[str, Any]


def missing_paths(number: int) -> list[str]:
    """Names of images that are annotated and do not exist.

    Examples
    --------
    >>> missing_paths(1)
    ['zero/missing_0.jpg']
    """
    return [f"{CLASSES[i % len(CLASSES)]}/missing_{i}.jpg" for i in range(number)]


def write_coco(path: Path, drawn: Sequence[Drawn], *, missing: Sequence[str] = ()) -> None:
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


def write_metadata(path: Path, drawn: Sequence[Drawn]) -> None:
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
