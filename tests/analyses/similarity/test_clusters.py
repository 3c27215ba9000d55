"""Clusters through Spark: scikit-learn's, for any blocks and partitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import cdist
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.metrics import adjusted_rand_score

from dataeval_spark.analyses.similarity.clusters import _distance_stats, clusters
from dataeval_spark.errors import OptionError
from dataeval_spark.tables.profile import EMBEDDINGS

VECTORS = "image_id string, target_index int, encoder string, encoder_version string, embedding array<float>"


def blobs(n=150):
    rng = np.random.default_rng(3)
    centers = rng.normal(size=(4, 5)) * 8
    vectors = centers[rng.integers(0, 4, n)] + rng.normal(size=(n, 5)) * rng.uniform(0.3, 1.5, (n, 1))
    vectors[-1] = vectors[0]
    return vectors.astype(np.float32)


def table(frame, vectors, partitions=1):
    assert {"encoder", "embedding"} <= set(EMBEDDINGS.column_names)
    rows = [(f"i{at:03}", None, "e", "1", vector.tolist()) for at, vector in enumerate(vectors)]
    return frame(VECTORS, rows).repartition(partitions)


def rows_by_id(members):
    return sorted(members.collect(), key=lambda row: row["image_id"])


@pytest.fixture(scope="module")
def found(frame, tmp_path_factory):
    data = table(frame, blobs(), 3)
    scratch = str(tmp_path_factory.mktemp("tree"))
    return [part.cache() for part in clusters(data, min_samples=1, sensitivity=1.5, block_rows=40, scratch=scratch)]


def test_clusters_are_scikit_learns(found):
    peer = HDBSCAN(min_cluster_size=7, min_samples=1, algorithm="brute", copy=True).fit(blobs().astype(np.float64))

    rows = rows_by_id(found[0])

    assert adjusted_rand_score(peer.labels_, [row["cluster_id"] for row in rows]) == 1.0
    np.testing.assert_allclose([row["probability"] for row in rows], peer.probabilities_, atol=1e-9)


def test_the_tree_is_minimal(found):
    vectors = blobs().astype(np.float64)
    # SciPy takes a 0 for no edge; the planted pair of equal vectors adds nothing to the weight.
    expected = minimum_spanning_tree(cdist(vectors[:-1], vectors[:-1])).sum()

    edges = found[2].collect()

    assert len(edges) == 149
    assert sum(row["length"] for row in edges) == pytest.approx(expected, rel=1e-12)
    assert all(row["image_id_a"] < row["image_id_b"] for row in edges)


def test_one_block_gives_the_same(found, frame, tmp_path):
    members, _, tree, _ = clusters(
        table(frame, blobs()), min_samples=1, sensitivity=1.5, block_rows=500, scratch=str(tmp_path)
    )

    assert [row["cluster_id"] for row in rows_by_id(members)] == [row["cluster_id"] for row in rows_by_id(found[0])]
    assert sorted(tuple(row) for row in tree.collect()) == sorted(tuple(row) for row in found[2].collect())


def test_outliers_are_far_from_the_centre_of_their_cluster(found):
    rows, vectors = rows_by_id(found[0]), blobs().astype(np.float64)
    labels = np.array([row["cluster_id"] for row in rows])
    centers = np.stack([vectors[labels == label].mean(axis=0) for label in range(labels.max() + 1)])
    distances = np.linalg.norm(vectors[:, None] - centers, axis=2)
    own = np.where(labels < 0, distances.argmin(axis=1), labels)
    of_own = distances[np.arange(len(own)), own]
    mean = np.array([of_own[labels == label].mean() for label in range(len(centers))])
    std = np.array([of_own[labels == label].std() for label in range(len(centers))])

    assert [row["nearest_cluster"] for row in rows] == own.tolist()
    scores = (of_own - mean[own]) / std[own]
    np.testing.assert_allclose([row["score"] for row in rows], scores, rtol=1e-9)
    assert [row["is_outlier"] for row in rows] == (scores > 2.5).tolist()


def test_short_edges_within_a_cluster_are_near_duplicates(found):
    stats = {row["cluster_id"]: row for row in found[1].collect()}

    edges = found[2].collect()

    for row in edges:
        inside = row["cluster_id"] is not None
        limit = 1.5 * stats[row["cluster_id"]]["std_edge"] if inside else 0.0
        assert row["is_near_duplicate"] == (inside and (row["length"] == 0 or row["length"] < limit))
    assert any(row["is_near_duplicate"] and row["length"] > 0 for row in edges)
    assert [row["image_id_b"] for row in edges if row["length"] == 0] == ["i149"]


def test_mutual_reachability_is_the_default(frame, tmp_path):
    peer = HDBSCAN(min_cluster_size=7, min_samples=5, algorithm="brute", copy=True).fit(blobs().astype(np.float64))

    members, _, tree, _ = clusters(table(frame, blobs(), 2), block_rows=64, scratch=str(tmp_path))

    assert {row["min_samples"] for row in tree.collect()} == {5}
    assert adjusted_rand_score(peer.labels_, [row["cluster_id"] for row in rows_by_id(members)]) >= 0.98


def test_k_means_moves_centres_until_they_stand_still(frame, tmp_path):
    vectors = blobs()
    members, stats, tree, findings = clusters(
        table(frame, vectors, 2), method="kmeans", n_clusters=4, block_rows=64, scratch=str(tmp_path)
    )

    rows = rows_by_id(members)
    labels = np.array([row["cluster_id"] for row in rows])
    peer = KMeans(4, init=np.stack([vectors[labels == label].mean(axis=0) for label in range(4)]), n_init=1).fit(
        vectors
    )
    assert peer.labels_.tolist() == labels.tolist()
    assert sum(row["members"] for row in stats.collect()) == 150
    assert tree.count() == 0
    assert "which converged after" in findings.collect()[0]["message"]


def test_without_a_shared_folder_a_finding_says_that_nothing_is_clustered(frame):
    members, _, _, findings = clusters(table(frame, blobs(5)))

    assert members.count() == 0
    assert "share no folder" in findings.collect()[0]["message"]


def test_without_embeddings_there_is_nothing(frame, tmp_path):
    assert [part.count() for part in clusters(table(frame, blobs()[:0]), scratch=str(tmp_path))] == [0, 0, 0, 0]


def test_one_image_is_noise(frame, tmp_path):
    members, stats, tree, _ = clusters(table(frame, blobs()[:1]), scratch=str(tmp_path))

    assert [(row["cluster_id"], row["nearest_cluster"]) for row in members.collect()] == [(-1, None)]
    assert [row["members"] for row in stats.collect()] == [1]
    assert tree.count() == 0


def test_duplicates_are_measured_by_plain_distances_only(frame, tmp_path):
    with pytest.raises(OptionError, match=r"(?s)sensitivity is 1\.0.*clusters\.min_samples=1"):
        clusters(table(frame, blobs()), sensitivity=1.0, scratch=str(tmp_path))
    for option, value in (("sensitivity", -3.0), ("max_core_hours", -1.0)):
        with pytest.raises(OptionError, match=rf"clusters\.{option} is {value}; expected a number in"):
            clusters(table(frame, blobs()), **{"min_samples": 1, option: value}, scratch=str(tmp_path))


def test_the_centre_of_a_cluster_is_its_nearest_member_also_where_some_are_boxes(frame):
    members = [
        *((0, 0.5, "a", None), (0, 0.5, "a", 1), (0, 0.75, "A", 0)),
        *((1, 0.25, "c", 2), (1, 0.25, "b", None), (1, 0.25, "b", 0)),
        *((2, 2.0, "d", 3), (2, 1.0, "e", 1), (2, 3.0, "f", None)),
        (-1, None, "g", None),
    ]
    rows = frame("cluster_id int, centroid_distance double, image_id string, target_index int", members).repartition(5)

    found = _distance_stats(rows).select("cluster_id", "center_image_id", "center_target_index").collect()

    assert sorted(map(tuple, found)) == [(-1, None, None), (0, "a", None), (1, "b", None), (2, "e", 1)]
