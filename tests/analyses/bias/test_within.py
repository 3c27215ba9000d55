"""Bias within a part of the data: the measures of the part alone."""

from __future__ import annotations

import pytest

from dataeval_spark.analyses.bias.contingency import contingency
from dataeval_spark.analyses.bias.parity import parity
from dataeval_spark.analyses.bias.within import within
from dataeval_spark.errors import OptionError
from tests.analyses.bias.rows import binned

EDGES = "factor string, bin int, label string, rule string"


@pytest.fixture
def tables(frame):
    """In `train` weather follows the class, in `test` it does not."""
    classes = ["cat", "dog"] * 20
    split = [0] * 20 + [1] * 20
    weather = [n % 2 for n in range(20)] + [n // 2 % 2 for n in range(20)]
    edges = [("split", 0, "train", "text"), ("split", 1, "test", "text")]
    edges += [("weather", 0, "rain", "text"), ("weather", 1, "sun", "text")]
    return binned(frame, classes, {"split": split, "weather": weather}), frame(EDGES, edges)


def test_a_part_is_measured_alone(tables):
    bins, edges = tables

    scores = {}
    for part in ("train", "test"):
        found = parity(contingency(within(bins, edges, "split", part), edges)).collect()
        scores[part] = {row.factor: row.score for row in found}["weather"]

    assert scores["train"] > 0.8
    assert scores["test"] == 0.0


def test_what_is_not_there_is_named(tables):
    bins, edges = tables

    with pytest.raises(OptionError, match=r"within.factor is 'color'; expected one of \['split', 'weather'\]"):
        within(bins, edges, "color", "red")
    with pytest.raises(OptionError, match=r"within.value is 'val'; expected one of \['test', 'train'\]"):
        within(bins, edges, "split", "val")
