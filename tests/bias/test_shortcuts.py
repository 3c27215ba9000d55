"""Planted shortcuts are found with images at both ends; AUC and p-value equal scikit-learn's and SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu
from sklearn.metrics import roc_auc_score

from dataeval_spark.bias.balance import balance
from dataeval_spark.bias.shortcuts import shortcuts
from dataeval_spark.errors import OptionError
from dataeval_spark.tables import BALANCE, SHORTCUTS
from tests.kernels.factor_reference import INPUTS

from .rows import binned, table


@pytest.fixture(scope="module")
def measured(frame):
    r = np.random.default_rng(4)
    classes = np.array(["cat", "dog", "ant"])[np.arange(150) % 3]
    columns = {"bright": r.normal(size=150) + 4 * (classes == "dog"), "noise": np.round(r.normal(size=150), 1)}
    columns["noise"] = np.where(np.arange(150) % 10 == 0, None, columns["noise"])
    scores = [{"kind": "class", "factor_a": "class_name", "factor_b": "noise", "class_name": "ant"}]
    rest = {"score": 0.4, "mutual_information": 0.4, "adjusted_pvalue": 1e-9, "method": "table", "threshold": 0.3}
    rows = [{**score, **rest, "is_flagged": True, "n": 150} for score in scores]
    bins = binned(frame, classes.tolist(), {name: [0] * 150 for name in columns}, columns)
    return bins, table(frame, BALANCE, rows), classes, columns


def test_auc_and_p_value_equal_scikit_learn_and_scipy(measured):
    bins, scores, classes, columns = measured

    found = shortcuts(bins.repartition(5), scores)

    assert [name for name, _ in found.dtypes] == [name for name in SHORTCUTS.column_names if name != "run_id"]
    rows = {(row.class_name, row.factor): row for row in found.collect()}
    assert len(rows) == 6
    for factor, values in columns.items():
        present = np.array([value is not None for value in values])
        values, of = values[present].astype(float), classes[present]
        for name in ("cat", "dog", "ant"):
            row = rows[name, factor]
            assert row.auc == pytest.approx(roc_auc_score(of == name, values), abs=1e-12)
            expected = mannwhitneyu(values[of == name], values[of != name], method="asymptotic").pvalue
            assert row.p_value == pytest.approx(expected, rel=1e-9)
            assert (row.n, row.n_rest) == ((of == name).sum(), (of != name).sum())
    # The dog by its brightness; the ant by its mutual information although its AUC says little.
    assert {key for key, row in rows.items() if row.is_shortcut} == {("dog", "bright"), ("ant", "noise")}
    dogs = sorted((value, f"i{i:04}") for i, value in enumerate(columns["bright"]) if classes[i] == "dog")
    assert [tuple(entry)[::-1] for entry in rows["dog", "bright"].lowest] == dogs[:3]
    assert [tuple(entry)[::-1] for entry in rows["dog", "bright"].highest] == dogs[:-4:-1]


def test_examples_with_equal_values_are_those_of_the_smallest_ids(frame):
    bins = binned(frame, ["cat", "dog"] * 8, {}, {"zeros": [0.0] * 16}).repartition(3)

    rows = shortcuts(bins, table(frame, BALANCE, [])).collect()

    assert [entry.image_id for entry in rows[0].lowest] == ["i0000", "i0002", "i0004"]
    assert rows[0].highest == rows[0].lowest
    assert (rows[0].auc, rows[0].p_value, rows[0].is_shortcut, rows[0].score) == (0.5, 1.0, False, None)


def test_the_factors_of_the_reference_have_their_balance_beside(reference):
    scores = balance(reference.contingency, reference.edges)

    rows = {(row.class_name, row.factor): row for row in shortcuts(reference.bins, scores).collect()}

    assert rows["0", "dependent"].score == pytest.approx(0.346778151071214, abs=1e-12)
    expected = roc_auc_score(INPUTS["label"] == 3, INPUTS["continuous"])
    assert rows["3", "continuous"].auc == pytest.approx(expected, abs=1e-12)


def test_a_wrong_option_says_what_to_write(measured):
    with pytest.raises(OptionError, match=r"shortcuts\.auc_threshold is 0\.2"):
        shortcuts(measured[0], measured[1], auc_threshold=0.2)
