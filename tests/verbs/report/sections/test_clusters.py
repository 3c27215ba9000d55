"""Clusters in a report: the largest, by the images in their middle."""

from __future__ import annotations

from pyspark.sql import SparkSession

from dataeval_spark.tables.profile import EMBEDDINGS
from dataeval_spark.tables.similarity import CLUSTERS
from dataeval_spark.verbs.report import collect_report_data, render_report
from tests.verbs.report.literals import provenance, reader


def test_the_largest_clusters_are_shown_by_the_images_in_their_middle(spark: SparkSession) -> None:
    # Cluster 1 has five images, cluster 0 two; three are noise.
    clusters = [
        {"encoder": "e", "image_id": f"i{at}", "cluster_id": cluster, "centroid_distance": at / 10, "method": "hdbscan"}
        for at, cluster in enumerate([1, 1, 0, 1, -1, 1, 1, 0, -1, -1])
    ]
    embeddings = [{"encoder": "e", "image_id": f"i{at}", "embedding": [float(at), 1.0]} for at in range(10)]

    data = collect_report_data(reader(spark, {CLUSTERS: clusters, EMBEDDINGS: embeddings}))

    shown = [(row["cluster_id"], row["image_id"], row["members"]) for row in data.rows_of("clusters")]
    assert shown == [(1, f"i{at}", 5) for at in (0, 1, 3, 5)] + [(0, "i2", 2), (0, "i7", 2)]
    assert {(row["noise"], row["found"]) for row in data.rows_of("clusters")} == {(3, 2)}
    assert sorted(row["embedding"][0] for row in data.rows_of("cluster_map")) == list(range(10))
    assert "2 clusters, 3 images are in none" in render_report(data, provenance())
