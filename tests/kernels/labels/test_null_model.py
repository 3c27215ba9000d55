"""Metrics of guessing equal DataEval's."""

from __future__ import annotations

import numpy as np
import pytest

from dataeval_spark.kernels.labels.null_model import null_model
from tests.kernels.factor_reference import INPUTS

LABEL = INPUTS["label"]


def test_metrics_equal_dataeval():
    current, reference = np.bincount(LABEL[:200]), np.bincount(LABEL[200:])

    found = null_model(reference, current)

    assert found["dominant_class"] == pytest.approx(
        {
            "accuracy": 0.33,
            "precision_macro": 0.0825,
            "precision_micro": 0.33,
            "recall_macro": 0.25,
            "recall_micro": 0.33,
            "false_positive_rate_macro": 0.25,
            "false_positive_rate_micro": 0.2233333333333333,
            "accuracy_macro": 0.665,
            "accuracy_micro": 0.665,
        }
    )
    assert found["proportional_random"]["accuracy"] == pytest.approx(0.256575)
    assert found["proportional_random"]["false_positive_rate_micro"] == pytest.approx(0.24780833333333332)
    assert found["uniform_random"]["recall_micro"] == pytest.approx(0.25)


def test_two_classes_equal_dataeval():
    current, reference = np.bincount(LABEL[:200] > 0), np.bincount(LABEL[200:] > 0)

    found = null_model(reference, current)

    assert found["dominant_class"]["accuracy_macro"] == pytest.approx(0.825)
    assert found["dominant_class"]["precision_macro"] == pytest.approx(0.4125)
    assert found["proportional_random"]["accuracy_micro"] == pytest.approx(0.69175)
    assert found["proportional_random"]["false_positive_rate_micro"] == pytest.approx(0.30825)


def test_without_a_reference_only_the_uniform_predictor_is_left():
    assert set(null_model(np.array([0, 0]), np.array([1, 3]))) == {"uniform_random"}
