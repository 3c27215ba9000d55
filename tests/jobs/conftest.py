"""A small folder of real pictures, run through the real verbs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

SIDE = 96
PROGRESS = re.compile(r"^[a-z ]+ +\d+ s(?:  .*)?\n", re.MULTILINE)


def picture(number: int) -> Image.Image:
    """A crop of scikit-learn's photograph of a temple; no two are alike."""
    rng = np.random.default_rng([5, number])
    photograph = load_sample_image("china.jpg")
    y, x = rng.integers(0, photograph.shape[0] - SIDE), rng.integers(0, photograph.shape[1] - SIDE)
    return Image.fromarray(photograph[y : y + SIDE, x : x + SIDE])


def without_progress(errors: str) -> str:
    """Standard error without the lines about work that takes long, of which a slow machine or engine writes more."""
    return PROGRESS.sub("", errors)


def write_coco(folder: Path, boxes: dict[str, list[list[float]]]) -> Path:
    """An annotation file for images of that folder: name to boxes [x, y, width, height]."""
    images = [{"id": i, "file_name": name, "width": SIDE, "height": SIDE} for i, name in enumerate(boxes)]
    annotations = [
        {"id": 100 * i + j, "image_id": i, "category_id": 1, "bbox": box}
        for i, found in enumerate(boxes.values())
        for j, box in enumerate(found)
    ]
    document = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "thing"}]}
    path = folder / "instances.json"
    path.write_text(json.dumps(document))
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Six pictures in two classes, two of them the same, one truncated."""
    folder = tmp_path / "photos"
    for number in range(6):
        path = folder / ("day" if number % 2 else "night") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(number % 5).save(path)
    data = (folder / "day" / "1.png").read_bytes()
    (folder / "day" / "1.png").write_bytes(data[: len(data) // 2])
    return folder
