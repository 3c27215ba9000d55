"""The threshold of near duplicates: its precision as estimated, against points of which the duplicates are known."""

from __future__ import annotations

import numpy as np
import pytest

from dataeval_spark.kernels.hashes.near_threshold import (
    STEPS,
    estimated_precisions,
    intrinsic_dimension,
    near_by_chance,
    near_threshold,
)


def estimates(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Counts of images by relative distance, those expected by chance, and the dimension."""
    distances = np.sqrt(((points[:, np.newaxis] - points[np.newaxis]) ** 2).sum(axis=2))
    np.fill_diagonal(distances, np.inf)
    lists = np.sort(distances, axis=1)[:, :10]
    around = lists[:, 1:].mean(axis=1)
    nearest = (distances / np.sqrt(np.outer(around, around))).min(axis=1)
    counts = np.array([(nearest <= step / 100).sum() for step in range(1, STEPS + 1)])
    middle, reach = float(np.median(lists[:, 4] / lists[:, 9])), float(np.median(around / lists[:, 9]))
    return counts, near_by_chance(len(points), middle, reach), intrinsic_dimension(middle)


@pytest.mark.parametrize("dimensions", [2, 5])
def test_the_dimension_of_evenly_spread_points_is_found(dimensions):
    *_, found = estimates(np.random.default_rng(0).uniform(size=(1500, dimensions)))

    assert found == pytest.approx(dimensions, rel=0.2)


@pytest.mark.parametrize("dimensions", [2, 5])
def test_as_many_points_are_near_by_chance_as_expected(dimensions):
    counts, by_chance, _ = estimates(np.random.default_rng(1).uniform(size=(1500, dimensions)))

    # Without duplicates the precision is 0.
    assert estimated_precisions(counts, by_chance)[counts > 100] == pytest.approx(0, abs=0.35)
    threshold = near_threshold(counts, by_chance)
    assert threshold is None or counts[round(100 * threshold) - 1] < 5


def test_the_estimated_precision_is_the_true_one():
    rng = np.random.default_rng(2)
    points = rng.uniform(size=(1500, 4))
    copies = points[:300] + rng.normal(0, 0.01, (300, 4))
    counts, by_chance, _ = estimates(np.concatenate([points, copies]))

    place = round(100 * near_threshold(counts, by_chance)) - 1
    assert estimated_precisions(counts, by_chance)[place] >= 0.9
    assert 550 <= counts[place] <= 600 / 0.85


def test_many_close_copies_do_not_make_up_for_false_pairs_beyond_the_gap():
    rng = np.random.default_rng(3)
    points = rng.uniform(size=(1500, 5))
    close = points[:600] + rng.normal(0, 1e-4, (600, 5))
    counts, by_chance, _ = estimates(np.concatenate([points, close]))

    threshold = near_threshold(counts, by_chance)
    by_total = (np.flatnonzero(estimated_precisions(counts, by_chance) >= 0.9)[-1] + 1) / 100

    assert counts[round(100 * threshold) - 1] == pytest.approx(1200, abs=12)
    assert by_total > threshold + 0.05
    assert counts[round(100 * by_total) - 1] > counts[round(100 * threshold) - 1] + 10


def test_few_images_give_no_threshold():
    by_chance = near_by_chance(49, 0.9, 0.95)

    assert np.isnan(by_chance).all()
    assert near_threshold(np.full(STEPS, 9), by_chance) is None


@pytest.mark.parametrize("ratio", [None, 0.0, 1.0])
def test_lists_of_one_distance_give_no_dimension(ratio):
    assert intrinsic_dimension(ratio) is None
    assert np.isnan(near_by_chance(500, ratio, 0.9)).all()
