"""Ratios of boxes to images: DataEval's numbers."""

from __future__ import annotations

import io

import numpy as np
import pytest

from dataeval_spark.analyses.profile.box_ratios import box_ratios
from dataeval_spark.kernels.images import profile as image_profile
from dataeval_spark.kernels.images.decoding.decode import Decoded
from dataeval_spark.kernels.images.profile import profile_image
from dataeval_spark.verbs.views import VIEWS
from tests.analyses.profile.rows import image_stats
from tests.kernels.reference import EXPECTED, image, same

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


def test_the_view_has_the_same_columns_and_values(frame, spark):
    sides = [{"image_id": "a", "width": 8.0, "height": 4.0, "brightness": 50.0}]
    box = {"image_id": "a", "target_index": 0, "width": 2.0, "height": 1.0, "offset_x": 6.0, "offset_y": 1.0}
    stats = image_stats(frame, [*sides, {**box, "brightness": 25.0, "distance_edge": 0.0}])
    (view,) = (view for view in VIEWS if view.name == "v_box_ratios")

    made = spark.sql(view.query, image_stats=stats)

    assert made.columns == box_ratios(stats).columns
    assert made.collect() == box_ratios(stats).collect()
    row = made.collect()[0]
    assert (row["width"], row["brightness"], row["offset_x"]) == pytest.approx((0.25, 0.5, 0.75))
