"""Ratios of boxes to images: DataEval's numbers."""

from __future__ import annotations

import io

import numpy as np
import pytest

from dataeval_spark.kernels import image_profile
from dataeval_spark.kernels.decode import Decoded
from dataeval_spark.kernels.image_profile import profile_image
from dataeval_spark.stats.box_ratios import box_ratios
from tests.kernels.reference import EXPECTED, image, same

from .rows import image_stats

CASES = [pytest.param(case, id=f"{case['image']}-{case['target']}") for case in EXPECTED["ratios"]]
# DataEval calls it depth; ours are columns, not arrays.
NAMES = {"depth": "bit_depth"}


@pytest.fixture(scope="module")
def found(frame):
    rows = []
    with pytest.MonkeyPatch.context() as patch:
        for case in EXPECTED["ratios"]:
            decoded = Decoded(np.ascontiguousarray(image(case["image"])), "array", "", 1, 1)
            patch.setattr(image_profile, "decode", lambda data, decoded=decoded, **options: decoded)
            profile = profile_image(io.BytesIO().getvalue(), [tuple(case["box"])])
            if case["target"] == 0:
                rows.append({"image_id": case["image"], **profile.image.stats})
            rows.append({"image_id": case["image"], "target_index": case["target"], **profile.boxes[0].stats})
    return {(r["image_id"], r["target_index"]): r for r in box_ratios(image_stats(frame, rows)).collect()}


@pytest.mark.parametrize("case", CASES)
def test_a_box_has_the_ratios_that_dataeval_gives_it(found, case):
    row, expected = found[case["image"], case["target"]], dict(case["expected"])
    center = expected.pop("center")

    assert same([row["center_x"], row["center_y"]], center)
    ours = {name: row[NAMES.get(name, name)] for name in expected}
    assert {name: (ours[name], value) for name, value in expected.items() if not same(ours[name], value)} == {}


def test_a_statistic_that_is_missing_has_no_ratio(frame):
    rows = [
        {"image_id": "a", "width": 4.0, "mean": None},
        {"image_id": "a", "target_index": 0, "width": 2.0, "mean": 1.0},
    ]

    (row,) = box_ratios(image_stats(frame, rows)).collect()

    assert row["width"] == pytest.approx(0.5, rel=1e-9)
    assert row["mean"] is None
