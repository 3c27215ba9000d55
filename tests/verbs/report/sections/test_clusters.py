"""Clusters in a report: the largest, by the images in their middle."""

from __future__ import annotations

from pyspark.sql import SparkSession

from dataeval_spark.tables.images import IMAGES, TARGETS
from dataeval_spark.tables.profile import EMBEDDINGS
from dataeval_spark.tables.similarity import CLUSTERS
from dataeval_spark.verbs.report import ReportData, collect_report_data
from dataeval_spark.verbs.report.sections.clusters import clusters
from tests.verbs.report.literals import reader


def test_the_largest_clusters_are_shown_by_the_images_in_their_middle(spark: SparkSession) -> None:
    # Cluster 1 has five images, cluster 0 two; three are noise.
    found = [
        {"encoder": "e", "image_id": f"i{at}", "cluster_id": cluster, "centroid_distance": at / 10, "method": "hdbscan"}
        for at, cluster in enumerate([1, 1, 0, 1, -1, 1, 1, 0, -1, -1])
    ]
    embeddings = [{"encoder": "e", "image_id": f"i{at}", "embedding": [float(at), 1.0]} for at in range(10)]

    data = collect_report_data(reader(spark, {CLUSTERS: found, EMBEDDINGS: embeddings}))

    shown = [(row["cluster_id"], row["image_id"], row["members"]) for row in data.rows_of("clusters")]
    assert shown == [(1, f"i{at}", 5) for at in (0, 1, 3, 5)] + [(0, "i2", 2), (0, "i7", 2)]
    assert {(row["noise"], row["found"]) for row in data.rows_of("clusters")} == {(3, 2)}
    assert sorted(row["embedding"][0] for row in data.rows_of("cluster_map")) == list(range(10))
    (plain,) = clusters(data)["maps"]
    assert (plain["title"].startswith("Map of 10 images"), plain["legend"]) == (True, [])


def test_points_of_the_map_have_their_class_and_dataset(spark: SparkSession) -> None:
    ids = [f"i{at}" for at in range(4)]
    found = [{"encoder": "e", "image_id": name, "cluster_id": 0, "method": "hdbscan"} for name in ids]
    labels = [("i0", "cat"), ("i1", "cat"), ("i1", "cat"), ("i2", "cat"), ("i2", "dog")]
    rows = {
        CLUSTERS: found,
        EMBEDDINGS: [{"encoder": "e", "image_id": name, "embedding": [float(name[1]), 1.0]} for name in ids],
        IMAGES: [{"image_id": name, "dataset": "new" if name == "i3" else "old"} for name in ids],
        TARGETS: [{"image_id": name, "target_index": at, "class_name": c} for at, (name, c) in enumerate(labels)],
    }

    points = collect_report_data(reader(spark, rows)).rows_of("cluster_map")

    assert {(row["embedding"][0], row["class_name"], row["dataset"]) for row in points} == {
        (0.0, "cat", "old"),
        (1.0, "cat", "old"),
        (2.0, "several classes", "old"),
        (3.0, None, "new"),
    }


def test_maps_are_coloured_by_class_and_by_dataset_with_a_key_of_each() -> None:
    names = [*(f"c{at}" for at in range(9) for _ in range(10 - at)), None]
    points = [
        {"cluster_id": 0, "embedding": [float(at), 1.0], "class_name": name, "dataset": "old" if at < 50 else "new"}
        for at, name in enumerate(names)
    ]

    by_class, by_dataset = clusters(ReportData(rows={"cluster_map": points}))["maps"]

    assert by_class["title"].endswith("coloured by class")
    texts = [key["text"] for key in by_class["legend"]]
    assert texts == [*(f"c{at} ({10 - at})" for at in range(8)), "others (2), no label (1)"]
    assert [(key["hue"], key["text"]) for key in by_dataset["legend"]] == [(0, "old (50)"), (1, "new (5)")]
    assert "var(--hue-7)" in by_class["chart"]
    assert "var(--hue-2)" not in by_dataset["chart"]
