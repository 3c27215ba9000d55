"""Metrics of scores against scikit-learn, for groups cut into buckets anywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, precision_recall_curve, roc_curve

from dataeval_spark.kernels.ordered.bucket import distinct, of_buckets, of_whole
from dataeval_spark.kernels.ordered.scores import (
    AVERAGE_PRECISION,
    PROBABILITY_LOSSES,
    calibration,
    curves,
    interpolated_precision,
    quantiles,
)

SCORE = st.one_of(st.integers(0, 10).map(lambda tenths: tenths / 10), st.floats(0, 1).map(lambda p: round(p, 6)))
ROWS = st.lists(st.tuples(SCORE, st.booleans(), st.integers(1, 4).map(lambda n: n / 4)), min_size=2, max_size=40)
BOTH = ROWS.filter(lambda rows: len({label for _, label, _ in rows}) == 2)
CUTS = st.lists(SCORE, max_size=4).map(sorted)


def columns(rows):
    scores, labels, weights = (np.array(column) for column in zip(*rows, strict=True))
    return scores, labels, weights


def of(statistic, rows, cuts, *, weighted=True):
    scores, labels, weights = columns(rows)
    weights = weights if weighted else np.ones(len(rows))
    return of_buckets(statistic, *distinct(scores, np.column_stack([weights * ~labels, weights * labels])), cuts)


@given(BOTH, CUTS)
def test_average_precision_is_the_sum_of_steps(rows, cuts):
    scores, labels, weights = columns(rows)

    found = of(AVERAGE_PRECISION, rows, cuts)["average_precision"]

    assert found == pytest.approx(average_precision_score(labels, scores, sample_weight=weights), rel=1e-12)


def test_without_a_positive_row_there_is_no_average_precision():
    assert np.isnan(of_whole(AVERAGE_PRECISION, np.array([0.5]), np.array([[1.0, 0.0]]))["average_precision"])


@given(BOTH, CUTS)
def test_curves_at_the_scores_are_those_of_scikit_learn(rows, cuts):
    scores, labels, weights = columns(rows)
    precision, recall, thresholds = precision_recall_curve(labels, scores, sample_weight=weights)
    false_rate, true_rate, of_roc = roc_curve(labels, scores, sample_weight=weights, drop_intermediate=False)

    found = of(curves(thresholds), rows, cuts)

    assert found["precision"] == pytest.approx(precision[:-1], rel=1e-12)
    assert found["recall"] == pytest.approx(recall[:-1], rel=1e-12)
    assert of_roc[1:].tolist() == thresholds[::-1].tolist()
    assert found["false_positive_rate"][::-1] == pytest.approx(false_rate[1:], rel=1e-12, abs=1e-12)
    assert found["recall"][::-1] == pytest.approx(true_rate[1:], rel=1e-12)


def test_above_all_scores_nothing_is_predicted():
    found = of_whole(curves([2.0]), np.array([0.1, 0.9]), np.eye(2))

    assert (found["recall"], found["false_positives"]) == ([0.0], [0.0])
    assert np.isnan(found["precision"]).all()


@given(BOTH, CUTS, st.integers(0, 5))
def test_the_precision_envelope_is_that_of_coco(rows, cuts, missed):
    # Places in place of scores: in COCO rows of equal scores have an order.
    rows = [(float(-place), label, 1.0) for place, (_, label, _) in enumerate(rows)]
    scores, labels, _ = columns(rows)
    recalls = np.linspace(0, 1, 101)
    true, false = np.cumsum(labels), np.cumsum(~labels)
    recall, precision = true / (labels.sum() + missed), true / (true + false)
    envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    expected = envelope[np.searchsorted(recall, recalls, side="left")]
    weights = np.column_stack([~labels, labels, np.zeros(len(rows))]).astype(float)
    weights[0, 2] = missed

    cuts = [-40 * cut for cut in reversed(cuts)]
    found = of_buckets(interpolated_precision(recalls), *distinct(scores, weights), cuts)

    assert found["interpolated_precision"] == pytest.approx(expected, abs=1e-12)
    assert found["interpolated_average_precision"] == pytest.approx(expected.mean(), abs=1e-12)


@given(BOTH, CUTS)
def test_bins_of_equal_width_are_those_of_the_calibration_curve(rows, cuts):
    scores, labels, _ = columns(rows)
    positive, predicted = calibration_curve(labels, scores, n_bins=5)

    found = of(calibration(np.linspace(0, 1, 6)), rows, cuts, weighted=False)

    shares = np.array(found["bin_weight"])
    filled = shares > 0
    assert np.array(found["bin_positive"])[filled] == pytest.approx(positive, rel=1e-12, abs=1e-12)
    assert np.array(found["bin_score"])[filled] == pytest.approx(predicted, rel=1e-12, abs=1e-12)
    gaps = np.abs(positive - predicted)
    assert found["calibration_error"] == pytest.approx((shares[filled] / len(rows) * gaps).sum(), abs=1e-12)
    assert found["largest_calibration_error"] == pytest.approx(gaps.max(), abs=1e-12)


@given(BOTH, CUTS)
def test_losses_of_probabilities_are_those_of_scikit_learn(rows, cuts):
    scores, labels, weights = columns(rows)

    found = of(PROBABILITY_LOSSES, rows, cuts)

    assert found["brier"] == pytest.approx(brier_score_loss(labels, scores, sample_weight=weights), rel=1e-12)
    assert found["log_loss"] == pytest.approx(log_loss(labels, scores, sample_weight=weights), rel=1e-12)


def test_a_score_that_is_no_probability_has_no_loss():
    found = of_whole(PROBABILITY_LOSSES, np.array([0.5, 1.5]), np.eye(2))

    assert np.isnan([found["brier"], found["log_loss"]]).all()


@given(ROWS, CUTS)
def test_quantiles_are_those_of_numpy(rows, cuts):
    scores, _, _ = columns(rows)
    probabilities = [0.0, 0.1, 0.5, 0.77, 1.0]

    found = of(quantiles(probabilities), rows, cuts, weighted=False)["quantiles"]

    assert found == pytest.approx(np.quantile(scores, probabilities), rel=1e-12, abs=1e-12)
