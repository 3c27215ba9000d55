"""The threshold of near duplicates: its precision as estimated, against points of which the duplicates are known."""

from __future__ import annotations

import numpy as np
import pytest

from dataeval_spark.kernels.near_threshold import (
    STEPS,
    estimated_precisions,
    intrinsic_dimension,
    near_threshold,
)


def estimates(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Estimated precisions, counts of images by relative distance, and the dimension."""
    distances = np.sqrt(((points[:, np.newaxis] - points[np.newaxis]) ** 2).sum(axis=2))
    np.fill_diagonal(distances, np.inf)
    lists = np.sort(distances, axis=1)[:, :10]
    around = lists[:, 1:].mean(axis=1)
    nearest = (distances / np.sqrt(np.outer(around, around))).min(axis=1)
    counts = np.array([(nearest <= step / 100).sum() for step in range(1, STEPS + 1)])
    middle, reach = float(np.median(lists[:, 4] / lists[:, 9])), float(np.median(around / lists[:, 9]))
    found = estimated_precisions(counts, len(points), middle_ratio=middle, reach_ratio=reach)
    return found, counts, intrinsic_dimension(middle)


@pytest.mark.parametrize("dimensions", [2, 5])
def test_the_dimension_of_evenly_spread_points_is_found(dimensions):
    _, _, found = estimates(np.random.default_rng(0).uniform(size=(1500, dimensions)))

    assert found == pytest.approx(dimensions, rel=0.2)


@pytest.mark.parametrize("dimensions", [2, 5])
def test_as_many_points_are_near_by_chance_as_expected(dimensions):
    precisions, counts, _ = estimates(np.random.default_rng(1).uniform(size=(1500, dimensions)))

    # Without duplicates expected and found are equal, and the precision is 0.
    assert precisions[counts > 100] == pytest.approx(0, abs=0.35)
    assert near_threshold(precisions) is None or counts[round(100 * near_threshold(precisions)) - 1] < 5


def test_the_estimated_precision_is_the_true_one():
    rng = np.random.default_rng(2)
    points = rng.uniform(size=(1500, 4))
    copies = points[:300] + rng.normal(0, 0.01, (300, 4))
    precisions, counts, _ = estimates(np.concatenate([points, copies]))
    threshold = near_threshold(precisions)

    place = round(100 * threshold) - 1
    assert precisions[place] >= 0.9
    assert 550 <= counts[place] <= 600 / 0.85


def test_few_images_give_no_threshold():
    precisions = estimated_precisions(np.full(STEPS, 9), 49, middle_ratio=0.9, reach_ratio=0.95)

    assert np.isnan(precisions).all()
    assert near_threshold(precisions) is None


@pytest.mark.parametrize("ratio", [None, 0.0, 1.0])
def test_lists_of_one_distance_give_no_dimension(ratio):
    assert intrinsic_dimension(ratio) is None
    assert np.isnan(estimated_precisions(np.full(STEPS, 9), 500, middle_ratio=ratio, reach_ratio=0.9)).all()
