"""Confident learning: counts, selection by bins and contested ranks, against cleanlab."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given as examples
from hypothesis import settings
from hypothesis import strategies as st

from dataeval_spark.kernels.labels.confident_learning import (
    BY_CLASS,
    BY_RATE,
    CONFIDENT,
    MISPREDICTED,
    TOLERANCE,
    bin_of,
    calibrated_joint,
    confident_thresholds,
    contested_entries,
    count_rows,
    doubtful_counts,
    flag_rows,
    half_bins,
    selection,
    wilson_interval,
)

DATA = Path(__file__).resolve().parents[1] / "data"
EXPECTED = json.loads((DATA / "confident_learning_expected.json").read_text())
CASES = sorted(EXPECTED)


def inputs(case):
    with np.load(DATA / "confident_learning_inputs.npz") as found:
        return found[f"{case}_labels"].astype(np.int32), found[f"{case}_probabilities"]


def counted(labels, probabilities, half, blocks=1):
    classes = probabilities.shape[1]
    counts = np.bincount(labels, minlength=classes)
    own = probabilities[np.arange(len(labels)), labels]
    thresholds = confident_thresholds(np.bincount(labels, own, classes), counts)
    joint = np.zeros((classes, classes), np.int64)
    histogram = np.zeros((classes, classes, 2 * half), np.int32)
    for rows in np.array_split(np.arange(len(labels)), blocks):
        count_rows(probabilities[rows], labels[rows], thresholds - TOLERANCE, joint, histogram)
    return counts, thresholds, joint, histogram


def flagged(labels, probabilities, *, half=128, share=1.0, blocks=1):
    """Flags of each row after the contested ranks are decided, as the distributed step does it."""
    counts, thresholds, joint, histogram = counted(labels, probabilities, half, blocks)
    chosen = selection(histogram, doubtful_counts(calibrated_joint(joint, counts), share=share))
    flags, suggested, number = np.zeros(len(labels), np.uint8), *(np.zeros(len(labels), np.int32) for _ in range(2))
    lowered = thresholds - TOLERANCE
    flag_rows(probabilities, labels, lowered, half, chosen.sure, chosen.contested, flags, suggested, number)
    rows = np.flatnonzero(number)
    classes, values = np.zeros(number.sum(), np.int32), np.zeros(number.sum())
    contested_entries(probabilities, labels, half, chosen.contested, rows, classes, values)
    of_row = np.repeat(rows, number[rows])
    for k, j in {(labels[i], c) for i, c in zip(of_row, classes, strict=True)}:
        members = np.flatnonzero((labels[of_row] == k) & (classes == j))
        best = members[np.argsort(-values[members], kind="stable")][: chosen.slots[k, j]]
        flags[of_row[best]] |= BY_CLASS if k == j else BY_RATE
    return flags


def ranked(labels, probabilities, is_issue):
    rows = np.flatnonzero(is_issue)
    return rows[np.argsort(probabilities[rows, labels[rows]], kind="stable")].tolist()


def issues(labels, probabilities, filter_by, **options):
    flags = flagged(labels, probabilities, **options)
    by_rate, by_class = flags & BY_RATE > 0, flags & BY_CLASS > 0
    kinds = {
        "prune_by_noise_rate": by_rate,
        "prune_by_class": by_class,
        "both": by_rate & by_class,
        "confident_learning": flags & CONFIDENT > 0,
    }
    return ranked(labels, probabilities, kinds[filter_by] & (flags & MISPREDICTED > 0))


@pytest.mark.parametrize("case", CASES)
def test_thresholds_and_joint_equal_cleanlab(case):
    labels, probabilities = inputs(case)
    expected = EXPECTED[case]

    counts, thresholds, joint, _ = counted(labels, probabilities, 4)
    np.fill_diagonal(joint, joint.diagonal().clip(min=1))

    np.testing.assert_allclose(thresholds, expected["thresholds"], rtol=1e-12)
    assert joint.tolist() == expected["raw_joint"]
    assert calibrated_joint(joint, counts).tolist() == expected["calibrated_joint"]


@pytest.mark.parametrize("filter_by", ["prune_by_noise_rate", "prune_by_class", "both", "confident_learning"])
@pytest.mark.parametrize("case", CASES)
def test_label_errors_and_their_order_equal_cleanlab(case, filter_by):
    labels, probabilities = inputs(case)

    assert issues(labels, probabilities, filter_by) == EXPECTED[case][filter_by]


@pytest.mark.parametrize("case", CASES)
def test_half_of_the_errors_equal_cleanlab_with_frac_noise(case):
    labels, probabilities = inputs(case)

    assert issues(labels, probabilities, "prune_by_noise_rate", share=0.5) == EXPECTED[case]["half"]


@pytest.mark.parametrize("case", CASES)
def test_neither_bins_nor_blocks_change_what_is_found(case):
    labels, probabilities = inputs(case)
    fine = flagged(labels, probabilities)

    assert flagged(labels, probabilities, half=2).tolist() == fine.tolist()
    assert flagged(labels, probabilities, blocks=7).tolist() == fine.tolist()


@settings(max_examples=50)
@examples(st.lists(st.floats(-1, 1), min_size=2, max_size=50), st.sampled_from([2, 7, 128]))
def test_a_larger_value_has_no_smaller_bin(values, half):
    bins = [bin_of(value, half) for value in sorted(values)]

    assert bins == sorted(bins)
    assert 0 <= bins[0] <= bins[-1] < 2 * half


def test_of_equal_values_only_as_many_as_there_are_slots_are_contested():
    histogram = np.zeros((2, 2, 8), np.int64)
    histogram[0, 1, [2, 5, 7]] = [4, 3, 1]
    doubted = np.array([[0, 2], [0, 0]])

    chosen = selection(histogram, doubted)

    assert (chosen.sure[0, 1], chosen.contested[0, 1], chosen.slots[0, 1]) == (6, 5, 1)
    assert selection(histogram, doubted * 2).contested[0, 1] == -1  # four: the last two bins whole
    assert selection(histogram, doubted * 50).sure[0, 1] == 0  # more than there are


def test_a_class_keeps_its_last_label():
    joint = np.array([[0, 2], [0, 5]])

    assert doubtful_counts(joint).tolist() == [[1, 1], [0, 0]]
    assert doubtful_counts(np.array([[0, 1], [0, 5]])).tolist() == [[0, 0], [0, 0]]


def test_a_class_without_labels_is_out_of_reach():
    assert confident_thresholds(np.array([0.0, 1.5]), np.array([0, 3])).tolist() == [2.0, 0.5]


def test_bins_grow_fewer_as_classes_grow_more():
    assert [half_bins(classes) for classes in (2, 100, 1_000, 2_000)] == [128, 128, 4, 2]


def test_the_interval_is_wilsons():
    low, high = wilson_interval(np.array([0, 5, 0]), np.array([10, 10, 0]))

    np.testing.assert_allclose(low, [0.0, 0.2365931, np.nan], atol=1e-7)
    np.testing.assert_allclose(high, [0.2775328, 0.7634069, np.nan], atol=1e-7)
