"""Coverage from the table of neighbours equals DataEval's definition on the points themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial import cKDTree

from dataeval_spark.analyses.similarity.coverage import coverage, naive_coverage_radius
from dataeval_spark.errors import OptionError
from dataeval_spark.tables.profile import EMBEDDINGS
from dataeval_spark.tables.similarity import COVERAGE, COVERAGE_STATS, NEIGHBORS
from tests.analyses.bias.rows import image_labels, table

K = 3


@pytest.fixture(scope="module")
def tables(frame):
    r = np.random.default_rng(6)
    points = np.r_[r.normal(size=(50, 4)), [[9.0] * 4, [-7.0] * 4]].astype(np.float32)
    ids = [f"i{row:02}" for row in range(len(points))]
    distances, near = cKDTree(points.astype(float)).query(points, K + 1)
    common = {"encoder": "e", "encoder_version": "v", "fingerprint": "f"}
    neighbors = [
        {
            **common,
            "metric": metric,
            "image_id": ids[row],
            "rank": rank,
            "neighbor_id": ids[near[row, rank]],
            "distance": float(distances[row, rank]) if metric == "euclidean" else 0.1,
            "k": K,
            "method": "exact",
        }
        for row in range(len(points))
        for rank in range(1, K + 1)
        for metric in ("euclidean", "cosine")
    ]
    embeddings = [{**common, "image_id": i, "embedding": point.tolist()} for i, point in zip(ids, points, strict=True)]
    targets = image_labels(frame, {i: "cat" if row % 2 else "dog" for row, i in enumerate(ids)})
    radii = distances[:, K] / float(np.ptp(points.astype(float)))
    return (table(frame, NEIGHBORS, neighbors), table(frame, EMBEDDINGS, embeddings), targets), radii, ids


def names_of(contract):
    return list(contract.result_names)


def test_adaptive_coverage_is_dataevals(tables):
    frames, radii, ids = tables
    order = np.argsort(-radii)

    uncovered, stats = coverage(*frames, observations=K, percent=0.06)

    assert [name for name, _ in uncovered.dtypes] == names_of(COVERAGE)
    assert [name for name, _ in stats.dtypes] == names_of(COVERAGE_STATS)
    rows = uncovered.orderBy("rank").collect()
    assert [row.image_id for row in rows] == [ids[row] for row in order[:3]]
    assert [row.radius for row in rows] == pytest.approx(radii[order[:3]].tolist(), rel=1e-12)
    # int(max(52 x 0.06, 1)) = 3 images; the radius lies between the third and the fourth
    assert [row.coverage_radius for row in rows] == [pytest.approx(radii[order[2:4]].mean(), rel=1e-12)] * 3


def test_classes_are_counted_and_all(tables):
    frames, radii, _ = tables

    rows = {row.class_name: row for row in coverage(*frames, observations=K, percent=0.06)[1].collect()}

    assert {name: row.n for name, row in rows.items()} == {None: 52, "cat": 26, "dog": 26}
    assert rows[None].uncovered == rows["cat"].uncovered + rows["dog"].uncovered == 3
    assert rows["cat"].mean_radius == pytest.approx(radii[1::2].mean())
    assert rows[None].max_radius == pytest.approx(radii.max())
    assert (rows[None].dimensions, rows[None].observations, rows[None].method) == (4, K, "adaptive")


def test_naive_coverage_is_dataevals(tables):
    frames, radii, ids = tables
    limit = naive_coverage_radius(52, 4, K)

    uncovered, stats = coverage(*frames, method="naive", observations=K)

    expected = {ids[row] for row in np.flatnonzero(radii > limit)}
    assert {row.image_id for row in uncovered.collect()} == expected
    assert [row.coverage_radius for row in stats.collect()] == [pytest.approx(limit)] * 3


def test_too_few_neighbours_say_what_to_set(tables):
    with pytest.raises(OptionError, match=r"(?s)encoder e has 3 neighbours per image, of 52 images.*neighbors\.k=9"):
        coverage(*tables[0], observations=9)


def test_fewer_images_than_observations_have_no_coverage(tables):
    assert [part.collect() for part in coverage(*tables[0], observations=52)] == [[], []]


def test_without_neighbours_there_is_nothing_to_say(tables):
    (neighbors, embeddings, targets), _, _ = tables

    found = coverage(neighbors.where("false"), embeddings, targets)

    assert [part.collect() for part in found] == [[], []]


@pytest.mark.parametrize(("n", "dimensions", "k"), [(100, 2, 10), (300, 64, 20), (1000, 300, 5)])
def test_it_equals_the_formula(n, dimensions, k):
    expected = (2 * k * math.gamma(dimensions / 2 + 1) / n) ** (1 / dimensions) / math.sqrt(math.pi)

    assert naive_coverage_radius(n, dimensions, k) == pytest.approx(expected, rel=1e-12)


def test_it_is_finite_in_high_dimensions():
    # Stirling: the radius grows as sqrt(d / 2 pi e)
    assert naive_coverage_radius(10_000, 4096, 20) == pytest.approx(math.sqrt(4096 / (2 * math.pi * math.e)), rel=0.01)
