"""Splits over time: the latest images last, no unit on both sides."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import TimeSeriesSplit

from dataeval_spark.analyses.splits.by_time import assign_by_time
from dataeval_spark.errors import OptionError
from tests.analyses.splits.rows import members, parts

SHARES = {"train": 0.7, "test": 0.3}


def test_a_unit_of_both_sides_stays_in_its_later_part(frame):
    rows = [(f"i{t}", "u" if t in (2, 8) else f"i{t}", None, t) for t in range(10)]
    rows.append(("undated", "undated", None))
    made = assign_by_time(members(frame, rows).repartition(3), fractions=SHARES)
    found = {row.image_id: (row.split, row.reason) for row in made.rows.collect()}

    assert found["i2"] == ("excluded", "its unit has later images in the next part")
    assert found["i8"] == ("test", "time")
    assert [image for image in sorted(found) if found[image][0] == "train"] == [f"i{t}" for t in (0, 1, 3, 4, 5, 6)]
    assert found["undated"] == ("excluded", "no capture time")
    assert {(c.split, c.wanted, c.got) for c in made.explanations[0].cells} == {("train", 7, 6), ("test", 3, 3)}


def test_folds_over_time_equal_scikit_learn(frame):
    rows = [(f"i{t:02d}", f"i{t:02d}", None, t * 1_000_000) for t in range(20)]
    made = assign_by_time(members(frame, rows), folds=3, gap=1, max_train=6).rows
    splitter = TimeSeriesSplit(3, gap=1, max_train_size=6)

    for fold, (train, test) in enumerate(splitter.split(np.zeros(20))):
        found = parts(made, fold=fold)
        assert sorted(i for i, part in found.items() if part == "train") == [rows[i][0] for i in train]
        assert sorted(i for i, part in found.items() if part == "test") == [rows[i][0] for i in test]


def test_images_without_times_cannot_be_split_by_time(frame):
    with pytest.raises(OptionError, match="no image has a capture time"):
        assign_by_time(members(frame, [("a", "a", None)]), fractions=SHARES)
