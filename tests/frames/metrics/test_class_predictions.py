"""Metrics of predicted classes against scikit-learn, per group, on any partitions."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from dataeval_spark.frames.metrics import class_predictions
from dataeval_spark.frames.metrics.class_predictions import class_metrics_of_groups, overall_class_metrics

ROWS = "model string, truth string, predicted string, weight double"


def made():
    random = np.random.default_rng(0)
    truth = random.choice(list("abc"), 200)
    predicted = np.where(random.random(200) < 0.6, truth, random.choice(list("abcd"), 200))
    models = random.choice(["m", "n", ""], 200)
    weights = random.integers(1, 5, 200) / 4
    return [
        (str(m) or None, str(t), str(p), float(w)) for m, t, p, w in zip(models, truth, predicted, weights, strict=True)
    ]


@pytest.mark.parametrize("partitions", [1, 7])
@pytest.mark.parametrize("weight", [None, "weight"])
def test_metrics_of_each_group_are_those_of_scikit_learn(frame, partitions, weight):
    rows = [*made(), ("m", None, "a", 1.0), ("m", "a", None, 1.0)]
    data = frame(ROWS, rows).repartition(partitions)

    overall = overall_class_metrics(data, ["model"], "truth", "predicted", weight=weight).collect()
    of_class = class_metrics_of_groups(data, ["model"], "truth", "predicted", weight=weight).collect()

    assert {row["model"] for row in overall} == {"m", "n", None}
    for row in overall:
        chosen = [each for each in rows if each[0] == row["model"] and None not in each[1:3]]
        _, truth, predicted, weights = (np.array(column) for column in zip(*chosen, strict=True))
        options = {"zero_division": np.nan, "sample_weight": weights if weight else None}
        for average in ("micro", "macro", "weighted"):
            values = precision_recall_fscore_support(truth, predicted, average=average, **options)
            for name, value in zip(("precision", "recall", "f1"), values, strict=False):
                assert row[f"{name}_{average}"] == pytest.approx(value, rel=1e-12), (name, average)
        names = sorted({*truth, *predicted})
        expected = precision_recall_fscore_support(truth, predicted, labels=names, **options)
        found = {each["class_name"]: each for each in of_class if each["model"] == row["model"]}
        assert sorted(found) == names
        for at, name in enumerate(names):
            for metric, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
                value = None if np.isnan(values[at]) else pytest.approx(values[at], rel=1e-12)
                assert found[name][metric] == value, (name, metric)


def test_without_groups_all_rows_are_one(frame):
    (row,) = overall_class_metrics(frame(ROWS, made()), [], "truth", "predicted").collect()

    assert (row["n"], row["classes"]) == (200.0, 4)


def test_no_rows_have_no_metrics(frame):
    assert overall_class_metrics(frame(ROWS, []), ["model"], "truth", "predicted").collect() == []


def test_more_classes_than_a_task_holds_are_refused(frame, monkeypatch):
    monkeypatch.setattr(class_predictions, "MAX_CLASSES", 2)

    with pytest.raises(Exception, match="expected at most 2"):
        overall_class_metrics(frame(ROWS, made()), [], "truth", "predicted").collect()
