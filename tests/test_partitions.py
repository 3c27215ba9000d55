"""Results are the same to the last bit on 1, 7 and 64 partitions, and for rows in any order."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest
from pyspark.sql import functions as F

from dataeval_spark.analyses.labels.label_stats import label_stats
from dataeval_spark.analyses.profile.embedding_health import embedding_health
from dataeval_spark.analyses.profile.normalization import normalization
from dataeval_spark.analyses.shift.drift_univariate import drift_univariate
from dataeval_spark.analyses.shift.feature_distance import feature_distance
from dataeval_spark.analyses.similarity.completeness import completeness
from dataeval_spark.analyses.similarity.coverage import coverage
from dataeval_spark.analyses.similarity.embedding_scores import embedding_scores
from dataeval_spark.analyses.similarity.image_values import image_values
from dataeval_spark.frames.exact_sums import exact_mean_and_std
from dataeval_spark.frames.spread import spreads
from dataeval_spark.tables.profile import CHANNEL_STATS, EMBEDDINGS
from dataeval_spark.tables.similarity import NEIGHBORS
from tests.analyses.bias.rows import binned, image_labels, images, table
from tests.analyses.profile.rows import image_stats

PARTITIONS = (1, 7, 64)
COUNT = 300
NAMES = {"reference_name": "a", "current_name": "b", "window": (datetime(2024, 5, 1), datetime(2024, 6, 1))}


@pytest.fixture(scope="module")
def inputs(frame):
    """Random statistics, vectors and labels of 300 images."""
    random = np.random.default_rng(3)
    ids = [f"i{n:03}" for n in range(COUNT)]
    classes = random.choice(list("abcdefg"), COUNT, p=random.dirichlet(np.ones(7)))
    scale = random.lognormal(0, 3, COUNT)
    stats = [
        {"image_id": i, "width": 7.0 + n % 90, "height": 5.0 + n % 70, "channels": 3, "bit_depth": 8}
        | {"mean": float(random.random() * 255), "kurtosis": float(random.normal() * scale[n])}
        for n, i in enumerate(ids)
    ]
    bands = {"target_index": None, "missing": 0.0, "fingerprint": "f", "run_id": "r"}
    channels = [
        {
            "image_id": i,
            "channel": c,
            "mean": float(random.random() * 255),
            "var": float(random.random() * 999),
            **bands,
        }
        for i in ids
        for c in range(3)
    ]
    vectors = (random.normal(size=(COUNT, 12)) @ random.normal(size=(12, 12)) + 3).astype(np.float32)
    embedding = {"encoder": "e", "encoder_version": "v", "fingerprint": "f"}
    distances = np.linalg.norm(vectors[:, None].astype(float) - vectors, axis=2) + np.diag(np.full(COUNT, np.inf))
    order = np.argsort(distances, axis=1)[:, :8]
    lists = [
        {"encoder": "e", "metric": "euclidean", "image_id": ids[n], "rank": rank + 1, "neighbor_id": ids[other]}
        | {
            "distance": float(distances[n, other]),
            "k": 8,
            "method": "exact",
            "encoder_version": "v",
            "fingerprint": "f",
        }
        for n in range(COUNT)
        for rank, other in enumerate(order[n])
    ]
    return {
        "images": images(frame, ids, split=list(random.choice(["train", "test"], COUNT))).cache(),
        "targets": image_labels(frame, dict(zip(ids, classes, strict=True))).cache(),
        "image_stats": image_stats(frame, stats).cache(),
        "channel_stats": table(frame, CHANNEL_STATS, channels).cache(),
        "embeddings": table(
            frame,
            EMBEDDINGS,
            [{**embedding, "image_id": i, "embedding": v.tolist()} for i, v in zip(ids, vectors, strict=True)],
        ).cache(),
        "neighbors": table(frame, NEIGHBORS, lists).cache(),
        "factor_bins": binned(frame, classes, {"x": np.arange(COUNT) % 3}, {"x": scale}).cache(),
    }


def half(frame, first):
    return frame.where((F.substring("image_id", 4, 1) < "5") == F.lit(first))


RESULTS = {
    "normalization": lambda t: normalization(t["channel_stats"], t["image_stats"], t["images"]),
    "completeness": lambda t: completeness(t["embeddings"], t["targets"], per_class=True),
    "embedding_health": lambda t: embedding_health(t["embeddings"], sample_size=100),
    "image_values": lambda t: image_values(t["neighbors"], t["targets"]),
    "embedding_scores": lambda t: embedding_scores(t["neighbors"]),
    "coverage": lambda t: coverage(t["neighbors"], t["embeddings"], t["targets"], observations=5)[1],
    "label_stats": lambda t: label_stats(t["targets"], t["images"]),
    "drift_univariate": lambda t: drift_univariate(
        half(t["image_stats"], True), half(t["image_stats"], False), **NAMES
    ),
    "feature_distance": lambda t: feature_distance(
        half(t["factor_bins"], True), half(t["factor_bins"], False), **NAMES
    ),
    "zscore": lambda t: spreads(values(t), ["statistic"], "zscore"),
    "modified_zscore": lambda t: spreads(values(t), ["statistic"], "modified_zscore"),
    "adaptive": lambda t: spreads(values(t), ["statistic"], "adaptive"),
    "mean and deviation per class": lambda t: exact_mean_and_std(
        t["image_stats"].join(t["targets"].select("image_id", "class_name"), on="image_id", how="inner"),
        ["class_name"],
        F.col("kurtosis"),
    ),
}


def values(t):
    return t["image_stats"].select(F.lit("kurtosis").alias("statistic"), F.col("kurtosis").alias("value"))


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_is_the_same_to_the_last_bit_on_any_partitions(inputs, name):
    def rows(partitions):
        shuffled = {
            key: frame.repartition(partitions, F.xxhash64("image_id", F.lit(partitions))).sortWithinPartitions(
                F.xxhash64("image_id", F.lit(-partitions))
            )
            for key, frame in inputs.items()
        }
        return sorted(map(str, RESULTS[name](shuffled).collect()))

    first, *others = (rows(partitions) for partitions in PARTITIONS)

    assert first
    for other in others:
        assert other == first
