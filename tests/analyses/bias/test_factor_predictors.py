"""Factors that explain a finding, and how far an image is from the others: equal to DataEval."""

from __future__ import annotations

import pytest

from dataeval_spark.analyses.bias.factor_predictors import factor_deviation, factor_predictors
from dataeval_spark.errors import OptionError
from dataeval_spark.tables.bias import FACTOR_PREDICTORS
from tests.analyses.bias.rows import binned
from tests.kernels.factor_reference import INPUTS, N

FINDINGS = "image_id string, rule string"


def test_the_share_equals_dataeval_and_planted_factors_explain(reference, frame):
    flagged = [i for i, label in zip(reference.ids, INPUTS["label"], strict=True) if label == 3]
    everywhere = [(i, "odd_size") for i in reference.ids]
    findings = frame(FINDINGS, [(i, "blurry") for i in flagged] * 2 + everywhere)

    found = factor_predictors(reference.bins, findings)

    assert [name for name, _ in found.dtypes] == list(FACTOR_PREDICTORS.result_names)
    rows = {row.factor: row for row in found.collect()}
    assert {row.rule for row in rows.values()} == {"blurry"}  # odd_size flags all
    assert rows["dependent"].share == pytest.approx(0.29408922935975607, rel=1e-9)
    assert rows["dependent"].score == pytest.approx(0.2892805691661034, rel=1e-9)
    assert (rows["dependent"].n_flagged, rows["dependent"].n) == (len(flagged), N)
    assert {factor for factor, row in rows.items() if row.explains} == {"dependent", "continuous"}


def test_a_wrong_option_says_what_to_write(reference, frame):
    with pytest.raises(OptionError, match=r"factor_predictors\.threshold is 3"):
        factor_predictors(reference.bins, frame(FINDINGS, []), threshold=3)


def test_deviations_equal_dataeval(frame):
    numbers = {name: INPUTS[name] for name in ("continuous", "skewed")}
    old = binned(frame, ["cat"] * 300, {}, {name: of[:300].tolist() for name, of in numbers.items()})
    new = binned(frame, ["cat"] * 100, {}, {name: of[300:].tolist() for name, of in numbers.items()})

    found = factor_deviation(old, new.where("image_id IN ('i0000', 'i0005', 'i0017')"))

    deviations = {(row.image_id, row.factor): row.deviation for row in found.collect()}
    assert deviations == pytest.approx(
        {
            ("i0000", "continuous"): 0.777329136568205,
            ("i0000", "skewed"): 0.3909480292048654,
            ("i0005", "continuous"): 1.9408216984229592,
            ("i0005", "skewed"): 0.9598958109757728,
            ("i0017", "continuous"): 0.9580701237641978,
            ("i0017", "skewed"): 1.4779458049532948,
        },
        rel=1e-9,
    )


def test_where_the_reference_is_constant_the_unit_is_one(frame):
    old = binned(frame, ["cat"] * 3, {}, {"mean": [5.0] * 3})

    found = factor_deviation(old, binned(frame, ["cat"], {}, {"mean": [7.5]}))

    assert [row.deviation for row in found.collect()] == [2.5]
