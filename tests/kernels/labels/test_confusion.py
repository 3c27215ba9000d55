"""Metrics of a confusion matrix against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

from dataeval_spark.kernels.labels.confusion import class_metrics, overall_metrics

PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)


@given(PAIRS)
def test_metrics_are_those_of_scikit_learn(pairs):
    truth, predicted = map(np.array, zip(*pairs, strict=True))
    confusion = confusion_matrix(truth, predicted, labels=range(5))
    expected = precision_recall_fscore_support(truth, predicted, labels=range(5), zero_division=np.nan)

    of_class, overall = class_metrics(confusion), overall_metrics(confusion)

    for name, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        assert of_class[name] == pytest.approx(values, rel=1e-12, nan_ok=True)
    assert overall["accuracy"] == pytest.approx(accuracy_score(truth, predicted), rel=1e-12)
    for average in ("micro", "macro", "weighted"):
        values = precision_recall_fscore_support(truth, predicted, average=average, zero_division=np.nan)
        for name, value in zip(("precision", "recall", "f1"), values, strict=False):
            assert overall[f"{name}_{average}"] == pytest.approx(value, rel=1e-12, nan_ok=True), (name, average)


def test_without_rows_nothing_is_defined():
    assert np.isnan(list(overall_metrics(np.zeros((2, 2))).values())).all()
