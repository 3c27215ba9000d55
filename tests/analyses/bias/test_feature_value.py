"""Planted useless and duplicate factors rank last."""

from __future__ import annotations

import numpy as np
import pytest
from pyspark.sql import functions as F

from dataeval_spark.analyses.bias.balance import balance
from dataeval_spark.analyses.bias.contingency import contingency
from dataeval_spark.analyses.bias.feature_value import feature_value
from dataeval_spark.analyses.bias.shortcuts import shortcuts
from dataeval_spark.errors import OptionError
from dataeval_spark.tables.bias import FEATURE_VALUE
from tests.analyses.bias.rows import binned


@pytest.fixture(scope="module")
def tables(frame):
    r = np.random.default_rng(8)
    label = r.integers(0, 3, 600)
    best = np.where(r.random(600) < 0.8, label, r.integers(0, 3, 600))
    codes = {
        "best": best,
        "copy": (best + 1) % 3,
        "weak": np.where(r.random(600) < 0.3, label, r.integers(0, 3, 600)),
        "noise": r.integers(0, 8, 600),
        "constant": np.zeros(600, int),
    }
    bins = binned(frame, np.array(["cat", "dog", "ant"])[label].tolist(), codes).cache()
    edges = frame("factor string, bin int, label string, rule string", [])
    yield bins, balance(contingency(bins, edges), edges).cache()
    bins.unpersist()


def test_useful_factors_come_first_and_copies_and_noise_last(tables):
    bins, scores = tables

    found = feature_value(bins.repartition(5), scores)

    assert [name for name, _ in found.dtypes] == list(FEATURE_VALUE.result_names)
    rows = found.orderBy("rank").collect()
    assert [(row.factor, row.verdict) for row in rows] == [
        ("best", "useful"),
        ("weak", "useful"),
        ("constant", "constant"),
        ("noise", "useless"),
        ("copy", "redundant"),
    ]
    by_factor = {row.factor: row for row in rows}
    assert by_factor["best"].auc > 0.8 > by_factor["weak"].auc > 0.55
    assert by_factor["best"].folds == 5
    assert by_factor["noise"].auc == pytest.approx(0.5, abs=0.06)
    assert (by_factor["copy"].redundant_with, by_factor["copy"].redundancy) == ("best", pytest.approx(1.0))
    assert by_factor["constant"].auc == 0.5


@pytest.mark.parametrize("step", [feature_value, shortcuts])
def test_associations_with_another_label_are_refused(tables, frame, step):
    bins, _ = tables
    edges = frame("factor string, bin int, label string, rule string", [])
    other = balance(contingency(bins, edges), edges).withColumn(
        "factor_a", F.when(F.col("kind") == "label", "split").otherwise(F.col("factor_a"))
    )

    with pytest.raises(OptionError, match=r"(?s)balance\.label = 'split'.*analyze balance"):
        step(bins, other)


def test_a_wrong_option_says_what_to_write(tables):
    with pytest.raises(OptionError, match=r"feature_value\.folds is 1"):
        feature_value(*tables, folds=1)
