"""Metrics of scores against scikit-learn, per group, on any partitions."""

from __future__ import annotations

import numpy as np
import pytest
from pyspark.sql import functions as F
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from dataeval_spark.frames.metrics.scores import equal_mass_calibration, score_metrics
from dataeval_spark.frames.ordered import ordered_pass
from dataeval_spark.session.queries import counted_queries

ROWS = "model string, score double, label boolean, weight double"


@pytest.fixture(params=[2**18, 10], ids=["one bucket", "many buckets"])
def bucket(request, monkeypatch):
    monkeypatch.setattr(ordered_pass, "BUCKET", request.param)


def made(size=300, models="mn"):
    random = np.random.default_rng(0)
    scores = random.integers(0, 101, size) / 100
    labels = random.random(size) < scores
    weights = random.integers(1, 5, size) / 4
    names = random.choice(list(models), size)
    return [(str(m), float(s), bool(y), float(w)) for m, s, y, w in zip(names, scores, labels, weights, strict=True)]


def columns(rows, model):
    return (np.array(each) for each in list(zip(*(row for row in rows if row[0] == model), strict=True))[1:])


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("partitions", [1, 2, 7, 64])
@pytest.mark.parametrize("weight", [None, "weight"])
def test_metrics_of_each_group_are_those_of_scikit_learn(frame, partitions, weight):
    rows = made()
    odd = [("m", None, True, 1.0), ("m", float("nan"), True, 1.0), ("m", 0.5, None, 1.0)]

    found = score_metrics(frame(ROWS, rows + odd).repartition(partitions), ["model"], "score", "label", weight=weight)

    for row in found.collect():
        scores, labels, weights = columns(rows, row["model"])
        options = {"sample_weight": weights if weight else None}
        expected = {
            "auc": roc_auc_score(labels, scores, **options),
            "average_precision": average_precision_score(labels, scores, **options),
            "brier": brier_score_loss(labels, scores, **options),
            "log_loss": log_loss(labels, scores, **options),
        }
        for name, value in expected.items():
            assert row[name] == pytest.approx(value, rel=1e-12), name
        if not weight:
            positive, predicted = calibration_curve(labels, scores, n_bins=10)
            assert row["bin_positive"] == pytest.approx(positive, abs=1e-12)
            share = np.array(row["bin_weight"]) / len(scores)
            assert row["calibration_error"] == pytest.approx((share * np.abs(positive - predicted)).sum(), abs=1e-12)


@pytest.mark.usefixtures("bucket")
def test_bins_of_equal_mass_are_those_of_scikit_learn(frame):
    rows = made(models="m")
    scores, labels, _ = columns(rows, "m")
    positive, predicted = calibration_curve(labels, scores, n_bins=5, strategy="quantile")

    (row,) = equal_mass_calibration(frame(ROWS, rows), ["model"], "score", "label", bins=5).collect()

    assert row["edges"] == pytest.approx(np.quantile(scores, np.linspace(0, 1, 6)), abs=1e-12)
    assert row["bin_positive"] == pytest.approx(positive, abs=1e-12)
    assert row["bin_score"] == pytest.approx(predicted, abs=1e-12)


def test_of_one_kind_of_rows_only_losses_are_defined(frame):
    (row,) = score_metrics(frame(ROWS, [("m", 0.25, False, 1.0)]), [], "score", "label").collect()

    assert (row["negatives"], row["positives"]) == (1.0, 0.0)
    assert row["auc"] is row["average_precision"] is None
    assert (row["brier"], row["calibration_error"]) == (0.0625, 0.25)


def test_scores_that_are_no_probabilities_are_ranked_only(frame):
    rows = [("m", -3.0, False, 1.0), ("m", 5.0, True, 1.0)]

    (row,) = score_metrics(frame(ROWS, rows), [], "score", "label").collect()

    assert (row["auc"], row["average_precision"]) == (1.0, 1.0)
    assert row["brier"] is row["log_loss"] is row["calibration_error"] is row["bin_weight"] is None


def test_the_spread_of_replicates_is_the_standard_error_of_the_metric(frame):
    rows = [(*row, at) for at, row in enumerate(made(400, "m"))]
    data = frame(f"{ROWS}, image bigint", rows).withColumn("unit", F.xxhash64("image"))

    found = score_metrics(data, [], "score", "label", unit="unit", replicates=200).collect()

    brier = np.array([row["brier"] for row in found if row["replicate"] > 0])
    scores, labels, _ = columns([row[:4] for row in rows], "m")
    error = ((scores - labels) ** 2).std() / np.sqrt(len(rows))
    assert len(brier) == 200
    assert brier.std() == pytest.approx(error, rel=0.25)


def test_queries_do_not_grow_with_the_groups(spark, frame):
    counts = []
    for models in ("mn", "mnop"):
        data = frame(ROWS, made(models=models))
        with counted_queries(spark) as queries:
            score_metrics(data, ["model"], "score", "label").collect()
        counts.append(queries.count)

    assert counts[0] == counts[1]
