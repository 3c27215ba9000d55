"""Feature distance: DataEval's and SciPy's numbers, whatever the partitions."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest
from scipy.stats import false_discovery_control, iqr, ks_2samp, wasserstein_distance

from dataeval_spark.analyses.shift.feature_distance import feature_distance
from dataeval_spark.tables.bias import FACTOR_BINS
from dataeval_spark.tables.shift import FEATURE_DISTANCE
from tests.analyses.bias.rows import table
from tests.kernels.factor_reference import INPUTS

NAMES = {
    "reference_name": "split=train",
    "current_name": "split=test",
    "window": (datetime(2024, 5, 1), datetime(2024, 6, 1)),
}


def side(frame, columns):
    """Rows of `factor_bins`, as many as the longest factor has values."""
    rows = [
        {
            "image_id": f"i{row:03}",
            "target_index": 0,
            "class_name": "a",
            "bins": {},
            "numbers": {name: float(values[row]) for name, values in columns.items() if row < len(values)},
        }
        for row in range(max(map(len, columns.values())))
    ]
    return table(frame, FACTOR_BINS, rows)


def by_factor(found):
    return {row.factor: row for row in found.collect()}


@pytest.mark.parametrize("partitions", [1, 7])
def test_distances_are_those_of_scipy_on_the_scale_of_the_reference(frame, partitions):
    r = np.random.default_rng(3)
    old = {"shifted": r.normal(size=80), "ties": r.integers(0, 4, 80), "short": r.normal(size=9)}
    new = {"shifted": r.normal(0.7, 1, 50), "ties": r.integers(1, 5, 60), "short": r.normal(size=30)}

    rows = by_factor(
        feature_distance(side(frame, old).repartition(partitions), side(frame, new).repartition(partitions), **NAMES)
    )

    tests = {name: ks_2samp(old[name], new[name]) for name in old}
    adjusted = dict(zip(tests, false_discovery_control([test.pvalue for test in tests.values()]), strict=True))
    for name, row in rows.items():
        assert row.distance == pytest.approx(wasserstein_distance(old[name], new[name]) / iqr(old[name]), rel=1e-12)
        assert row.statistic == pytest.approx(tests[name].statistic, rel=1e-12)
        assert row.p_value == pytest.approx(tests[name].pvalue, rel=1e-9)
        assert row.adjusted_pvalue == pytest.approx(adjusted[name], rel=1e-9)
        assert (row.reference_count, row.current_count) == (len(old[name]), len(new[name]))
    both = np.concatenate([old["shifted"], new["shifted"]])
    location = (tests["shifted"].statistic_location - both.min()) / (both.max() - both.min())
    assert rows["shifted"].location == pytest.approx(location, rel=1e-12)


def test_distance_statistic_and_location_are_those_of_dataeval(frame):
    shifted, skewed = INPUTS["continuous"], INPUTS["skewed"]

    rows = by_factor(
        feature_distance(
            side(frame, {"continuous": shifted[:200], "skewed": skewed[:200]}),
            side(frame, {"continuous": shifted[200:] + 0.3, "skewed": skewed[200:]}),
            **NAMES,
        )
    )

    found = {name: (row.distance, row.statistic, row.location) for name, row in rows.items()}
    assert found["continuous"] == pytest.approx((0.20569306175506447, 0.16, 0.4125655390441965), rel=1e-9)
    assert found["skewed"] == pytest.approx((0.06176412452794372, 0.055, 0.13983514842935477), rel=1e-9)


def test_a_constant_has_not_moved_and_one_value_is_its_own_scale(frame):
    rows = by_factor(
        feature_distance(
            side(frame, {"constant": [3.0] * 5, "left": [1.0] * 5, "only old": [1.0]}),
            side(frame, {"constant": [3.0] * 4, "left": [4.0] * 5}),
            **NAMES,
        )
    )

    assert (rows["constant"].distance, rows["constant"].location, rows["constant"].p_value) == (0.0, 0.0, 1.0)
    assert (rows["left"].distance, rows["left"].statistic) == (3.0, 1.0)
    assert "only old" not in rows


def test_the_farthest_comes_first_and_columns_are_those_of_the_table(frame):
    old = {"near": [0.0, 1.0, 2.0, 3.0], "far": [0.0, 1.0, 2.0, 3.0]}
    new = {"near": [0.0, 1.0, 2.0, 3.5], "far": [9.0, 9.0]}

    found = feature_distance(side(frame, old), side(frame, new), **NAMES)

    assert [name for name, _ in found.dtypes] == list(FEATURE_DISTANCE.result_names)
    assert [row.factor for row in found.collect()] == ["far", "near"]


def test_values_that_an_image_gives_to_each_of_its_boxes_count_once(frame):
    """60 and 80 images of one population, each with 4 boxes that have the image's value."""
    r = np.random.default_rng(8)
    sides = []
    for n in (60, 80):
        values = r.normal(size=(n, 20))
        rows = [
            {"image_id": f"i{image}", "target_index": box, "class_name": "a", "bins": {}}
            | {"numbers": {f"f{k:02}": float(v) for k, v in enumerate(values[image])}}
            for image in range(n)
            for box in range(4)
        ]
        sides.append((table(frame, FACTOR_BINS, rows), values))
    (old, a), (new, b) = sides

    rows = by_factor(feature_distance(old, new, **NAMES))

    single = {f"f{k:02}": ks_2samp(a[:, k], b[:, k]) for k in range(20)}
    assert {name: row.statistic for name, row in rows.items()} == pytest.approx(
        {name: test.statistic for name, test in single.items()}
    )
    for name, row in rows.items():
        assert row.p_value == pytest.approx(single[name].pvalue, abs=0.15), name
    as_independent = [ks_2samp(np.repeat(a[:, k], 4), np.repeat(b[:, k], 4)).pvalue for k in range(20)]
    assert sum(p < 0.05 for p in as_independent) >= 8
    assert sum(row.p_value < 0.05 for row in rows.values()) <= 3
