"""Boxes of one image that are alike are no further evidence: written four times each, they give the same p-values."""

from __future__ import annotations

import numpy as np
import pytest
from pyspark.sql import functions as F

from dataeval_spark.analyses.bias.balance import balance
from dataeval_spark.analyses.bias.contingency import contingency
from dataeval_spark.analyses.bias.factor_predictors import factor_predictors
from dataeval_spark.analyses.bias.parity import parity
from dataeval_spark.analyses.bias.shortcuts import shortcuts
from dataeval_spark.analyses.splits.part_bias import part_bias
from tests.analyses.bias.rows import binned, images

COUNT = 300
EDGES = "factor string, bin int, label string, level string, rule string"


@pytest.fixture(scope="module")
def measured(frame):
    """p-values by test, of one box per image and of the same box four times."""
    random = np.random.default_rng(1)
    classes = random.choice(["cat", "dog", "fox"], COUNT)
    light = np.where(random.random(COUNT) < 0.15, classes == "cat", random.integers(0, 2, COUNT)).astype(int)
    site = random.integers(0, 3, COUNT)
    codes = {"light": light, "site": site}
    once = binned(frame, classes.tolist(), codes, {"gain": (random.normal(size=COUNT) + 0.2 * light).tolist()})
    fourfold = once.withColumn("target_index", F.explode(F.array(*(F.lit(n) for n in range(4)))))
    edges = frame(
        EDGES, [(f, b, f"{f} {b}", "image", "categorical") for f, m in (("light", 2), ("site", 3)) for b in range(m)]
    )
    ids = [f"i{row:04}" for row in range(COUNT)]
    given = images(frame, ids, split=["test" if row % 3 == 0 else "train" for row in range(COUNT)])
    flagged = frame("image_id string, rule string", [(i, "blurry") for i, of in zip(ids, light, strict=True) if of])

    def all_of(bins):
        counts = contingency(bins, edges)
        told = balance(counts, edges).cache()
        return {
            "parity": {row.factor: row.robust_p_value for row in parity(counts).collect()},
            "balance": {(row.kind, row.factor_a, row.factor_b, row.class_name): row.p_value for row in told.collect()},
            "part_bias": {(row.split, row.factor): row.p_value for row in part_bias(bins, given).collect()},
            "shortcuts": {(row.class_name, row.factor): row.p_value for row in shortcuts(bins, told, edges).collect()},
            "factor_predictors": {row.factor: row.p_value for row in factor_predictors(bins, flagged).collect()},
        }

    return all_of(once), all_of(fourfold)


@pytest.mark.parametrize("test", ["parity", "balance", "part_bias", "shortcuts", "factor_predictors"])
def test_repeated_boxes_are_no_further_evidence(measured, test):
    once, fourfold = (of[test] for of in measured)

    assert set(once) == set(fourfold)
    for key, p_value in once.items():
        # The variance between images is estimated with n - 1, and ties are corrected for continuity.
        assert np.log(fourfold[key]) == pytest.approx(np.log(p_value), rel=0.03, abs=0.06), key
