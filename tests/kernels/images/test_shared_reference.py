"""Cases of the shared parity reference that the copied data do not have: normalized boxes, hashes of every image."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dataeval_spark.kernels.images.geometry import window_of
from dataeval_spark.kernels.images.hashes import dataeval_xxhash, dhash, dhash_d4, phash, phash_d4
from dataeval_spark.kernels.images.pixel_statistics import pixel_statistics
from dataeval_spark.kernels.images.value_range import value_range
from tests.kernels.reference import HASHES_WHERE_DATAEVAL_IS_WRONG, same

HASHES = {"phash": phash, "dhash": dhash, "phash_d4": phash_d4, "dhash_d4": dhash_d4}


@pytest.fixture(scope="module")
def reference(shared: Path):
    given = json.loads((shared / "reference" / "parity_reference.json").read_text())
    with np.load(shared / "reference" / "parity_inputs.npz") as inputs:
        arrays = [inputs[f"img_{name}"] for name in given["image_order"]]
    images = [a[:, :, np.newaxis] if a.ndim == 2 else np.ascontiguousarray(a.transpose(1, 2, 0)) for a in arrays]
    return given["expected"], given["boxes_xyxy"], dict(zip(given["image_order"], images, strict=True))


@pytest.mark.parametrize("name", list(HASHES))
def test_hashes_of_every_image_equal_dataeval(reference, name):
    expected, _, images = reference
    right = [image for image in images if image not in HASHES_WHERE_DATAEVAL_IS_WRONG]
    given = dict(zip(images, expected[f"hash/{name}"], strict=True))

    assert {image: HASHES[name](images[image]) or "" for image in right} == {image: given[image] for image in right}


def test_the_hash_of_compute_stats_is_that_of_every_image(reference):
    # Its function xxhash hashes the bytes as they are typed: another value, which we do not have.
    expected, _, images = reference

    found = [dataeval_xxhash(pixels) for pixels in images.values()]
    assert found == expected["compute_stats/all_norm_false"]["stats"]["xxhash"]
    assert found != expected["hash/xxhash"]


def test_statistics_of_boxes_divided_by_the_range_equal_dataeval(reference):
    expected, boxes, images = reference
    case = expected["compute_stats/boxes_pixel_norm_true"]
    names, seen = list(images), 0
    for row, (image, box, _) in enumerate(case["source_index"]):
        pixels = images[names[image]]
        encoded = value_range(pixels, as_dataeval=True)
        window = window_of(tuple(boxes[image][box]), *pixels.shape[:2])
        if window is None or encoded is None:
            continue
        crop = pixels[window.slices]
        found = pixel_statistics(crop, encoded, outside=window.outside).whole
        scale = {"mean": encoded.maximum, "std": encoded.maximum, "var": encoded.maximum**2}
        for statistic, values in case["stats"].items():
            assert same(found[statistic] / scale.get(statistic, 1.0), values[row]), (names[image], box, statistic)
            seen += 1
    assert seen >= 14 * len(case["stats"])
