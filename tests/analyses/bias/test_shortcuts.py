"""Planted shortcuts are found with images at both ends; AUC and p-value equal scikit-learn's and SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu
from sklearn.metrics import roc_auc_score

from dataeval_spark.analyses.bias.balance import balance
from dataeval_spark.analyses.bias.shortcuts import shortcuts
from dataeval_spark.errors import OptionError
from dataeval_spark.tables.bias import BALANCE, BIN_EDGES, SHORTCUTS
from tests.analyses.bias.rows import binned, table
from tests.kernels.factor_reference import INPUTS


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

    assert [name for name, _ in found.dtypes] == list(SHORTCUTS.result_names)
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


WEATHERS = ("fog", "rain", "sun", "missing")
# Rows of each class in each weather: the dog is seen in rain, the cat in anything but the sun.
SEEN = {"ant": (10, 2, 18, 0), "cat": (13, 0, 0, 17), "dog": (2, 27, 1, 0)}


@pytest.fixture(scope="module")
def weather(frame):
    classes = [name for name, counts in SEEN.items() for _ in range(sum(counts))]
    codes = [code for counts in SEEN.values() for code, n in enumerate(counts) for _ in range(n)]
    bins = binned(frame, classes, {"weather": codes, "brightness": [0] * 90}, {"brightness": list(range(90))})
    edges = [
        {"factor": "weather", "bin": code, "label": label, "rule": "categorical", "level": "image", "n": 1}
        for code, label in enumerate(WEATHERS)
    ]
    edges.append({"factor": "brightness", "bin": 0, "label": "all", "rule": "uniform_width", "level": "image", "n": 1})
    return bins, table(frame, BIN_EDGES, edges), classes, codes


@pytest.mark.parametrize("partitions", [1, 5])
def test_the_value_of_a_text_that_tells_a_class_is_found_with_images(frame, weather, partitions):
    bins, edges, classes, codes = weather
    unlabelled = binned(frame, [None] * 9, {"weather": [1] * 9}, {})

    found = shortcuts(bins.unionByName(unlabelled).repartition(partitions), table(frame, BALANCE, []), edges)

    rows = {row.class_name: row for row in found.collect() if row.factor == "weather"}
    assert {name: row.value for name, row in rows.items()} == {"ant": "sun", "cat": "missing", "dog": "rain"}
    for name, row in rows.items():
        of_class, has_it = np.array(classes) == name, np.array(codes) == WEATHERS.index(row.value)
        expected = mannwhitneyu(has_it[of_class], has_it[~of_class], method="asymptotic")
        assert row.auc == pytest.approx(roc_auc_score(of_class, has_it), abs=1e-12)
        assert row.p_value == pytest.approx(min(4 * expected.pvalue, 1), rel=1e-9)
        assert (row.n, row.n_rest) == (30, 60)
    assert {name for name, row in rows.items() if row.is_shortcut} == {"dog"}
    ids = [f"i{row:04}" for row, name in enumerate(classes) if name == "dog"]
    assert [tuple(entry) for entry in rows["dog"].highest] == [(image, 1.0) for image in ids[2:5]]
    assert [tuple(entry) for entry in rows["dog"].lowest] == [(image, 0.0) for image in (*ids[:2], ids[-1])]


def test_several_values_that_tell_a_class_together_are_a_shortcut_by_their_information(frame, weather):
    bins, edges, _, _ = weather
    score = {"kind": "class", "factor_a": "class_name", "factor_b": "weather", "class_name": "cat", "score": 0.5}
    rest = {"mutual_information": 0.4, "adjusted_pvalue": 1e-9, "method": "table", "threshold": 0.3}

    found = shortcuts(bins, table(frame, BALANCE, [{**score, **rest, "is_flagged": True, "n": 90}]), edges)

    assert {row.class_name for row in found.where("is_shortcut AND factor = 'weather'").collect()} == {"cat", "dog"}
