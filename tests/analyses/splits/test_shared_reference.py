"""Cases of the shared parity reference: folds that DataEval makes as scikit-learn does."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dataeval_spark.analyses.splits.assign import assign
from tests.analyses.splits.rows import members


@pytest.fixture(scope="module")
def reference(shared):
    folder = shared / "reference"
    expected = json.loads((folder / "parity_reference.json").read_text())["expected"]
    with np.load(folder / "parity_inputs.npz") as inputs:
        return expected, inputs["class_labels"]


def folds(frame, labels, method, count):
    """The images of each fold, as numbers in order."""
    rows = [(f"i{n:03}", f"u{n:03}", f"c{label}") for n, label in enumerate(labels)]
    made = assign(members(frame, rows), method=method, folds=count, shuffle=False).rows.collect()
    found = [[] for _ in range(count)]
    for row in sorted(made, key=lambda row: row.image_id):
        found[int(row.split.removeprefix("fold_"))].append(int(row.image_id[1:]))
    return found


@pytest.mark.shared
def test_stratified_folds_equal_dataevals(reference, frame):
    expected, labels = reference

    found = folds(frame, labels, "stratified", 3)

    for (train, validation, head), fold in zip(expected["split_dataset/folds3"]["folds"], found, strict=True):
        assert (len(labels) - len(fold), len(fold), fold[:40]) == (train, validation, head)


@pytest.mark.shared
def test_a_fifth_for_validation_is_the_first_of_five_folds(reference, frame):
    expected, labels = reference

    found = folds(frame, labels, "random", 5)[0]

    ((train, validation, head),) = expected["split_dataset/val20"]["folds"]
    assert (len(labels) - len(found), len(found), found[:40]) == (train, validation, head)
