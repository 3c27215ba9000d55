"""Two units in one factor are found where they were planted, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from dataeval_spark.kernels.factors.unit_anomalies import normalized_beside_pixels, unit_anomaly

R = np.random.default_rng(3)
SHARES = R.uniform(0.2, 0.9, 500)
ANGLES = R.uniform(0.5, 3.1, 500)


@pytest.mark.parametrize(
    ("lower", "factor", "kind"),
    [
        (SHARES, 100.0, "percent_beside_share"),
        (SHARES, 255.0, "8_bit_beside_unit_range"),
        (40 + SHARES, 1000.0, "thousandfold"),
        (ANGLES, 180 / np.pi, "degrees_beside_radians"),
        (-SHARES, 100.0, "percent_beside_share"),
    ],
)
@pytest.mark.parametrize("part", [0.05, 0.5])
def test_a_part_in_another_unit_is_found(lower, factor, kind, part):
    count = int(part * lower.size)
    values = R.permutation(np.r_[lower[count:], factor * lower[:count]])

    found = unit_anomaly(values)

    assert found.kind == kind
    assert found.ratio == pytest.approx(factor, rel=0.3)
    assert found.share == pytest.approx(part)
    assert found.boundary == np.abs(factor * lower[:count]).min()


@pytest.mark.parametrize(
    "values",
    [
        R.normal(size=1000),
        R.lognormal(sigma=3.0, size=1000),
        R.exponential(size=1000),
        np.r_[R.normal(10, 1, 500), R.normal(400, 5, 500)],
        R.choice([1.0, 100.0], 1000),
        np.r_[SHARES, [90.0] * 3],
        np.zeros(50),
        np.full(50, np.nan),
    ],
    ids=["normal", "lognormal", "exponential", "two groups", "two values", "three outliers", "zeros", "missing"],
)
def test_other_data_have_one_unit(values):
    assert unit_anomaly(values) is None


def test_normalized_boxes_beside_pixel_boxes_are_found():
    found = normalized_beside_pixels(np.r_[R.uniform(0.01, 0.9, 20), R.uniform(5, 300, 180)])

    assert (found.kind, found.share) == ("normalized_beside_pixel_boxes", pytest.approx(0.9))


@pytest.mark.parametrize(
    "widths", [R.uniform(0.01, 0.9, 50), R.uniform(5, 300, 50), R.uniform(0.5, 3, 50), np.array([])]
)
def test_boxes_in_one_unit_are_no_finding(widths):
    assert normalized_beside_pixels(widths) is None
