"""Outliers, unique, representative and typical images, from literal lists of neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from dataeval_spark.analyses.similarity.embedding_scores import embedding_scores
from tests.analyses.similarity.test_image_values import graph


def by_image(result):
    return {row["image_id"]: row for row in result.collect()}


def test_distances_hubs_and_prototypes_of_points_on_a_line(frame):
    # a b c in a row, d far off: b is in the midst.
    found = by_image(embedding_scores(graph(frame, [0, 2, 5, 50], 2, names=list("abcd"))))

    assert {name: (row["mean_distance"], row["kth_distance"]) for name, row in found.items()} == {
        "a": (3.5, 5.0),
        "b": (2.5, 3.0),
        "c": (4.0, 5.0),
        "d": (46.5, 48.0),
    }
    assert {name: row["times_listed"] for name, row in found.items()} == {"a": 2, "b": 3, "c": 3, "d": 0}
    assert {name: row["representativeness"] for name, row in found.items()} == {"a": 1.0, "b": 1.5, "c": 1.5, "d": 0.0}
    assert {name: row["uniqueness"] for name, row in found.items()} == {"a": 0.25, "b": 0.0, "c": 0.5, "d": 0.75}
    assert [name for name, row in found.items() if row["is_prototype"]] == ["b"]


def test_lists_of_a_table_are_read_without_a_place_for_temporary_files(frame, spark, tmp_path):
    graph(frame, [0, 2, 5, 50], 2, names=list("abcd")).write.parquet(str(tmp_path / "neighbors"))

    found = by_image(embedding_scores(spark.read.parquet(str(tmp_path / "neighbors"))))

    assert [name for name, row in found.items() if row["is_prototype"]] == ["b"]


VECTORS = [*np.random.default_rng(0).normal(size=40), 40.0]


def test_the_score_is_that_of_the_rule_for_image_statistics(frame):
    graph_of = graph(frame, VECTORS, 3)

    found = by_image(embedding_scores(graph_of, statistic="kth_distance", method="modified_zscore"))

    values = np.array([found[name]["kth_distance"] for name in sorted(found)])
    middle = np.median(values)
    width = np.median(np.abs(values - middle)) / 0.6745
    np.testing.assert_allclose([found[name]["score"] for name in sorted(found)], (values - middle) / width)
    assert {found[name]["threshold"] for name in found} == {3.5}


def test_by_default_the_spread_above_the_median_decides(frame):
    found = by_image(embedding_scores(graph(frame, VECTORS, 3), statistic="kth_distance"))

    values = np.array([found[name]["kth_distance"] for name in sorted(found)])
    middle, p75, p85 = np.quantile(values, [0.5, 0.75, 0.85])
    inner, outer = (p75 - middle) / norm.ppf(0.75), (p85 - middle) / norm.ppf(0.85)
    spread = inner * (1 + np.log1p(max(0.0, outer / inner - 1))) * (1 + 10 / len(values))
    np.testing.assert_allclose([found[name]["score"] for name in sorted(found)], (values - middle) / spread)
    limit = norm.isf(0.5e-4)
    far = {name for name, value in zip(sorted(found), values, strict=True) if (value - middle) / spread > limit}
    assert {name for name, row in found.items() if row["is_outlier"]} == far
    assert "i40" in far
    assert (found["i40"]["method"], found["i40"]["threshold"]) == ("calibrated", pytest.approx(limit))


def test_nothing_is_far_where_all_are_as_far(frame):
    found = by_image(embedding_scores(graph(frame, [0, 1, 10, 11], 1)))

    assert {(row["score"], row["is_outlier"]) for row in found.values()} == {(0.0, False)}
