"""Near duplicates by embedding: relative distances, and the threshold that the data give."""

from __future__ import annotations

import numpy as np
import pytest

from dataeval_spark.analyses.quality.duplicates import duplicates
from dataeval_spark.frames.blocks import kept_by_executors
from dataeval_spark.kernels.hashes.near_threshold import STEPS, near_by_chance, near_threshold
from dataeval_spark.tables.images import IMAGES
from dataeval_spark.tables.profile import HASHES
from dataeval_spark.tables.quality import DUPLICATE_THRESHOLDS
from dataeval_spark.tables.similarity import NEIGHBORS
from tests.analyses.profile.rows import image_stats
from tests.analyses.quality.test_duplicates import filled, hashed

COPIES = 8


def vectors(images: int = 120, scale: float = 1.0) -> np.ndarray:
    """Points in eight dimensions, half of them close together; then eight copies that hardly differ."""
    rng = np.random.default_rng(7)
    points = rng.normal(0, 1, (images, 8))
    points[: images // 2] = 20 + points[: images // 2] / 4
    originals = points[:: images // COPIES][:COPIES]
    reach = np.where(np.arange(images)[:: images // COPIES][:COPIES] < images // 2, 0.02, 0.08)
    return scale * np.concatenate([points, originals + reach[:, np.newaxis] * rng.normal(0, 1, (COPIES, 8))])


def tables(frame, points, metric="euclidean", k=10):
    differences = points[:, np.newaxis] - points[np.newaxis]
    distances = np.sqrt((differences**2).sum(axis=2))
    np.fill_diagonal(distances, np.inf)
    names = [f"{number:03}" for number in range(len(points))]
    same = {"encoder": "e", "metric": metric, "k": k, "method": "exact", "encoder_version": "1"}
    graph = [
        {**same, "image_id": names[i], "rank": rank + 1, "neighbor_id": names[j],
         "distance": float(distances[i, j] ** (2 if metric == "cosine" else 1))}
        for i in range(len(points))
        for rank, j in enumerate(np.argsort(distances[i], kind="stable")[:k])
    ]  # fmt: skip
    hashes = [hashed(name, (name, name)) for name in names]
    stats = [{"image_id": name, "size": 1.0, "std": 50.0} for name in names]
    images = [{"image_id": name} for name in names]
    return (
        (filled(frame, HASHES, hashes), image_stats(frame, stats), filled(frame, IMAGES, images)),
        filled(frame, NEIGHBORS, graph),
    )


def run(frame, points, *, partitions=1, previous=None, metric="euclidean", **options):
    first, graph = tables(frame, points, metric)
    return duplicates(
        *first, None, graph.repartition(partitions), previous,
        checkpoint=kept_by_executors, **options,
    )  # fmt: skip


def threshold_of(thresholds):
    (row,) = [row for row in thresholds.collect() if row.kind == "embedding_relative"]
    return row


def pairs_of(pairs):
    return {(row.image_id_a, row.image_id_b): row.distance for row in pairs.collect()}


COPIED = {(f"{15 * n:03}", f"{120 + n:03}") for n in range(COPIES)}


@pytest.mark.parametrize("partitions", [1, 7])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_copies_are_found_where_images_lie_close_and_where_they_lie_apart(frame, partitions, metric):
    pairs, groups, thresholds, findings = run(frame, vectors(), partitions=partitions, metric=metric)

    found, row = pairs_of(pairs), threshold_of(thresholds)
    threshold, expected = by_numpy(vectors())
    assert found == pytest.approx(expected, rel=1e-9)
    assert set(found) >= COPIED
    assert len(found) <= len(COPIED) / 0.8
    assert {member.image_id for member in groups.collect()} >= {name for pair in COPIED for name in pair}
    near = len({name for pair in found for name in pair})
    assert (row.origin, row.level, row.image_count, row.near_count) == ("derived", "image", 128, near)
    assert row.threshold == threshold
    assert 0.9 <= row.estimated_precision <= 1
    assert [each.rule for each in findings.collect()] == ["near_threshold"]


def by_numpy(points):
    """The threshold, and the pairs within it."""
    distances = np.sqrt(((points[:, np.newaxis] - points[np.newaxis]) ** 2).sum(axis=2))
    np.fill_diagonal(distances, np.inf)
    lists = np.sort(distances, axis=1)[:, :10]
    around = lists[:, 1:].mean(axis=1)
    scale = np.maximum(around, 0.6 * np.median(around))
    relative = distances / np.sqrt(np.outer(scale, scale))
    counts = np.array([(relative.min(axis=1) <= step / 100).sum() for step in range(1, STEPS + 1)])
    medians = float(np.median(lists[:, 4] / lists[:, 9])), float(np.median(around / lists[:, 9]))
    threshold = near_threshold(counts, near_by_chance(len(points), *medians))
    near = np.argwhere(np.triu(relative <= threshold))
    return threshold, {(f"{i:03}", f"{j:03}"): float(relative[i, j]) for i, j in near}


def test_without_copies_nothing_is_near_and_that_is_said(frame):
    pairs, _, thresholds, findings = run(frame, vectors()[:120])

    assert pairs_of(pairs) == {}
    assert threshold_of(thresholds).threshold is None
    (finding,) = findings.collect()
    assert finding.message == (
        "e: no two images are so near that they are duplicates with an estimated precision of 0.9."
    )


def test_a_stored_threshold_is_kept_until_it_is_renewed(frame):
    stored = {"kind": "embedding_relative", "encoder": "e", "encoder_version": "1", "metric": "euclidean",
              "level": "image", "threshold": 0.05, "origin": "derived", "surroundings": 1.0}  # fmt: skip
    previous = filled(frame, DUPLICATE_THRESHOLDS, [stored])

    _, _, kept, told = run(frame, vectors(), previous=previous)
    _, _, renewed, _ = run(frame, vectors(), previous=previous, renew_threshold=True)
    other = filled(frame, DUPLICATE_THRESHOLDS, [{**stored, "encoder_version": "0"}])
    _, _, of_another, _ = run(frame, vectors(), previous=other)

    assert kept.columns == list(DUPLICATE_THRESHOLDS.result_names)
    row = threshold_of(kept)
    assert (row.threshold, row.origin, row.surroundings) == (0.05, "kept", 1.0)
    (finding,) = told.collect()
    assert "these data suggest" in finding.message
    assert threshold_of(renewed).threshold == threshold_of(of_another).threshold == by_numpy(vectors())[0]


def test_lists_that_are_too_short_and_inner_products_are_named(frame):
    first, graph = tables(frame, vectors()[:60], k=5)

    pairs, _, thresholds, findings = duplicates(*first, None, graph)

    assert pairs.collect() == []
    assert {row.kind for row in thresholds.collect()} == {"phash", "dhash"}
    (finding,) = findings.collect()
    assert (finding.rule, finding.severity) == ("no_relative_distances", "warning")
    assert "neighbors.k is 5. Set neighbors.k to 10 or more" in finding.message


def test_the_thresholds_of_hashes_are_stored_too(frame):
    first, _ = tables(frame, vectors()[:60])

    _, _, thresholds, _ = duplicates(*first, d4=True, phash_distance=6)

    assert {(row.kind, row.threshold, row.origin) for row in thresholds.collect()} == {
        ("phash", 6.0, "given"),
        ("phash_d4", 6.0, "given"),
        ("dhash", 0.0, "default"),
        ("dhash_d4", 0.0, "default"),
    }
