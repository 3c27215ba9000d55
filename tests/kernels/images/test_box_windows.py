"""Boxes of one dataset in two forms have the same windows, and DataEval's where it is asked for."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataeval_spark.kernels.images import profile
from dataeval_spark.kernels.images.decoding.decode import Decoded
from dataeval_spark.kernels.images.geometry import window_of
from dataeval_spark.kernels.images.profile import Measures, profile_image

HUNDREDTHS = st.integers(0, 640_00).map(lambda n: n / 100)


def as_yolo(box, width, height):
    """Corners after a line of six decimals: centre and size as shares of the image."""
    x0, y0, x1, y1 = box
    shares = ((x0 + x1) / 2 / width, (y0 + y1) / 2 / height, (x1 - x0) / width, (y1 - y0) / height)
    cx, cy, w, h = (float(f"{share:.6f}") for share in shares)
    return (cx - w / 2) * width, (cy - h / 2) * height, (cx + w / 2) * width, (cy + h / 2) * height


@given(HUNDREDTHS, HUNDREDTHS, HUNDREDTHS, HUNDREDTHS, st.integers(1, 4000), st.integers(1, 4000))
def test_a_box_in_two_decimals_and_in_six_of_the_image_has_one_window(a, b, c, d, width, height):
    box = (min(a, b) % width, min(c, d) % height, max(a, b), max(c, d))
    if box[2] - box[0] < 0.02 or box[3] - box[1] < 0.02:
        return

    assert window_of(as_yolo(box, width, height), height, width) == window_of(box, height, width)


@pytest.mark.parametrize(
    ("box", "window"),
    [
        ((9.9996, 5.0004, 20.0004, 29.9996), (10, 5, 20, 30)),
        ((9.99, 5.01, 20.01, 29.99), (9, 5, 21, 30)),
        ((3.0, 3.0, 3.001, 4.0), (3, 3, 4, 4)),  # a sliver has its pixel
        ((-0.0004, 0.0, 40.0004, 30.0), (0, 0, 40, 30)),
    ],
)
def test_edges_that_all_but_lie_on_a_pixel_lie_on_it(box, window):
    found = window_of(box, 30, 40)

    assert (found.left, found.top, found.right, found.bottom) == window
    assert found.outside == 0


def test_without_a_tolerance_the_window_is_dataeval_s():
    found = window_of((9.9996, 5.0004, 20.0004, 29.9996), 30, 40, tolerance=0.0)

    assert (found.left, found.top, found.right, found.bottom) == (9, 5, 21, 30)


@pytest.mark.shared
def test_all_boxes_of_coco128_have_the_same_hashes_in_both_forms(shared):
    folder = shared / "data" / "coco128"
    coco = json.loads((folder / "instances.json").read_text())
    names = {image["id"]: image["file_name"] for image in coco["images"]}
    by_image: dict[str, list[tuple[int, tuple[float, ...]]]] = {}
    category = {entry["id"]: index for index, entry in enumerate(coco["categories"])}
    for annotation in coco["annotations"]:
        x, y, w, h = annotation["bbox"]
        box = (category[annotation["category_id"]], (x, y, x + w, y + h))
        by_image.setdefault(names[annotation["image_id"]], []).append(box)

    compared = 0
    for name, boxes in by_image.items():
        path = next(folder.rglob(name.rpartition("/")[2]))
        lines = (folder / "labels" / f"{path.stem}.txt").read_text().split("\n")
        width, height = next((i["width"], i["height"]) for i in coco["images"] if i["file_name"] == name)
        shares = [tuple(map(float, line.split()[1:])) for line in lines if line.strip()]
        fractions = [
            ((x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height)
            for x, y, w, h in shares
        ]
        pixels = [corners for _, corners in boxes]
        nearest = [min(fractions, key=lambda box, near=near: np.abs(np.subtract(box, near)).max()) for near in pixels]
        data = path.read_bytes()
        one, other = profile_image(data, pixels), profile_image(data, nearest)
        assert [box.hashes for box in one.boxes] == [box.hashes for box in other.boxes], name
        assert max(np.abs(np.subtract(pixels, nearest)).ravel()) < 0.02
        compared += len(pixels)

    assert compared == 929


@pytest.mark.shared
def test_under_compat_the_hashes_of_boxes_are_dataeval_s(shared, monkeypatch):
    given = json.loads((shared / "reference" / "parity_reference.json").read_text())
    case = given["expected"]["compute_stats/boxes_norm_false"]
    names = given["image_order"]
    with np.load(shared / "reference" / "parity_inputs.npz") as inputs:
        arrays = {name: inputs[f"img_{name}"] for name in names}
    seen = 0
    for row, (image, box, _) in enumerate(case["source_index"]):
        array = arrays[names[image]]
        pixels = array[:, :, np.newaxis] if array.ndim == 2 else np.ascontiguousarray(array.transpose(1, 2, 0))
        decoded = Decoded(pixels, "array", "", 1, 1)
        monkeypatch.setattr(profile, "decode", lambda data, decoded=decoded, **options: decoded)
        measures = Measures(compat="dataeval")
        (found,) = profile_image(b"", [tuple(given["boxes_xyxy"][image][box])], measures).boxes
        if not found.stats["invalid_box"]:
            assert (found.hashes["dataeval_xxhash"] or "") == case["stats"]["xxhash"][row], (names[image], box)
            seen += 1

    assert seen >= 16


def test_under_compat_a_box_that_is_nearly_all_padding_is_hashed_as_dataeval_does():
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16), dtype=np.uint8)
    data = b"P5 16 16 255\n" + pixels.tobytes()
    box = (-100.0, -100.0, 5.0, 5.0)

    (ours,) = profile_image(data, [box]).boxes
    (theirs,) = profile_image(data, [box], Measures(compat="dataeval")).boxes

    padded = np.zeros((105, 105, 1), dtype=np.uint8)
    padded[100:, 100:, 0] = pixels[:5, :5]
    assert ours.hashes["phash"] is None
    assert theirs.hashes["phash"] == profile_image(b"P5 105 105 255\n" + padded.tobytes()).image.hashes["phash"]
