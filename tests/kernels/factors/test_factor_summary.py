"""What a pass over the values of a factor says: its bins, or why it is left out."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.factors import factor_summary as module
from dataeval_spark.kernels.factors.binning import choose_bins
from dataeval_spark.kernels.factors.factor_summary import (
    normalized_beside_pixels,
    partial_rows,
    summarize,
    unit_anomaly,
)
from tests.kernels.factor_reference import INPUTS

R = np.random.default_rng(3)
SHARES = R.uniform(0.2, 0.9, 500)
ANGLES = R.uniform(0.5, 3.1, 500)

OPTIONS = {"rule": "uniform_width", "rules": {}, "edges": {}, "most_levels": 1000, "most_values": 10**6}


def batches(numbers, texts, first, size):
    batch = pa.RecordBatch.from_arrays(
        [
            pa.array(first),
            pa.array([0] * len(first), pa.int32()),
            pa.array([{"x": value} for value in numbers], pa.struct([("x", pa.float64())])),
            pa.array([{"t": value} for value in texts], pa.struct([("t", pa.string())])),
        ],
        names=["is_first", "target_index", "numbers", "texts"],
    )
    return (batch.slice(start, size) for start in range(0, batch.num_rows, size))


def summaries(numbers, texts=None, first=None, size=64, of_targets=frozenset(), **options):
    """Summaries of the number x and the text t."""
    texts = texts or [None] * len(numbers)
    first = first or [True] * len(numbers)
    partial = pa.Table.from_batches(
        list(partial_rows(batches(numbers, texts, first, size), of_targets, frozenset("xt")))
    )
    of = {}
    for name in ("x", "t"):
        mask = np.array([factor == name for factor in partial["factor"].to_pylist()])
        of[name] = summarize(partial.filter(pa.array(mask)), **{**OPTIONS, **options})
    return of["x"], of["t"]


@pytest.mark.parametrize("size", [7, 400])
def test_numbers_are_cut_alike_however_they_are_batched(size):
    found, _ = summaries(INPUTS["continuous"].tolist(), size=size)

    assert found.bins == choose_bins(INPUTS["continuous"])
    assert found.counts == {1: 11, 2: 50, 3: 120, 4: 111, 5: 74, 6: 34}
    assert found.ranges[1][0] == INPUTS["continuous"].min()


def test_texts_are_counted_with_the_missing_ones():
    _, found = summaries([0.0] * 5, ["b", "a", None, "b", None], size=2)

    assert (found.bins.levels, found.counts, found.n) == (("a", "b"), {0: 1, 1: 2, 2: 2}, 5)


def test_a_factor_of_the_image_counts_its_first_rows_only():
    first = [True, False, True, False]

    of_image, _ = summaries([1.0, 1.0, 2.0, 2.0], first=first)
    of_target, _ = summaries([1.0, 1.0, 2.0, 2.0], first=first, of_targets=frozenset("x"))

    assert (of_image.n, of_image.level) == (2, "image")
    assert (of_target.n, of_target.level) == (4, "target")


@pytest.mark.parametrize(
    ("numbers", "texts", "reasons"),
    [
        ([3.0] * 30, ["a"] * 30, ("constant", "constant")),
        ([float("nan")] * 30, [None] * 30, ("no_values", "no_values")),
        (range(50), [f"t{i}" for i in range(50)], ("identifier", "identifier")),
        ([i + 0.5 for i in range(50)], ["a", "b"] * 25, (None, None)),
        ([i % 44 for i in range(50)], ["a", "b"] * 25, (None, None)),
        ([3.0, float("nan")], ["a", None], (None, None)),
    ],
    ids=["constant", "no values", "names its rows", "measured", "counted", "constant but for missing values"],
)
def test_what_cannot_be_a_factor_says_why(numbers, texts, reasons):
    found = summaries([float(value) for value in numbers], texts)

    assert tuple(of.reason for of in found) == reasons


def test_texts_with_more_levels_than_the_bound_are_left_out(monkeypatch):
    texts = [f"t{i % 10}" for i in range(100)]

    assert summaries([0.0] * 100, texts, most_levels=9)[1].reason == "too_many_levels"
    monkeypatch.setattr(module, "LEVELS_AT_ONCE", 5)
    assert summaries([0.0] * 100, texts, size=10)[1].reason == "too_many_levels"


def test_more_numbers_than_a_task_sorts_are_refused():
    with pytest.raises(OptionError, match=r"factor_bins\.max_values is 3 and factor x has 5 values"):
        summaries([1.0] * 5, most_values=3)


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
