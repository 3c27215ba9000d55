"""Holding out a value: its images are the last part, what is tied to them in no part."""

from __future__ import annotations

import pytest

from dataeval_spark.analyses.splits.by_attribute import assign_by_attribute
from dataeval_spark.errors import OptionError
from tests.analyses.splits.rows import members, parts


def test_what_is_tied_to_a_held_out_image_is_in_no_part(frame):
    rows = [("b1", "u", "c"), ("copy", "u", "c"), ("b2", "v", "c"), *((f"a{i}", f"a{i}", "c") for i in range(10))]
    held = frame("image_id string", [("b1",), ("b2",)])
    made = assign_by_attribute(
        members(frame, rows), held, fractions={"train": 0.8, "validation": 0.2, "test": 0.1}, method="random"
    )
    found = parts(made.rows)

    assert (found["b1"], found["b2"], found["copy"]) == ("test", "test", "excluded")
    assert sorted(found[f"a{i}"] for i in range(10)) == ["train"] * 8 + ["validation"] * 2


@pytest.mark.parametrize("fractions", [None, {"train": 0.7, "validation": 0.1, "test": 0.2}])
def test_the_shares_of_the_other_parts_are_scaled_to_a_sum_of_one(frame, fractions):
    rows = [("b", "b", "c"), *((f"a{i}", f"a{i}", "c") for i in range(16))]

    made = assign_by_attribute(
        members(frame, rows), frame("image_id string", [("b",)]), fractions=fractions, method="random"
    )

    assert sorted(parts(made.rows).values()) == ["test", *["train"] * 14, *["validation"] * 2]


def test_a_value_that_no_image_has_is_refused(frame):
    with pytest.raises(OptionError, match="no image has the value"):
        assign_by_attribute(members(frame, [("a", "a", None)]), frame("image_id string", []))
