"""Splits by hash: units whole, shares met in expectation, the deviation measured."""

from __future__ import annotations

from collections import Counter

from dataeval_spark.analyses.splits.by_hash import assign_by_hash
from tests.analyses.splits.rows import members, parts


def test_single_images_go_by_hash_and_units_of_several_stay_whole(frame):
    rows = [(f"s{i:04d}", f"s{i:04d}", f"c{i % 2}") for i in range(2000)]
    rows += [(f"m{i:03d}", f"m{i // 10}", "c0") for i in range(200)]
    made = assign_by_hash(members(frame, rows), fractions={"train": 0.8, "test": 0.2})
    part = parts(made.rows)
    counts = Counter((part[image], name) for image, _, name in rows)

    assert all(len({part[f"m{i:03d}"] for i in range(10 * g, 10 * g + 10)}) == 1 for g in range(20))
    assert abs(counts["test", "c0"] - 240) < 45  # three standard deviations
    assert abs(counts["test", "c1"] - 200) < 45
    cells = {(cell.split, cell.stratum): cell.got for cell in made.explanations[0].cells}
    assert cells["test", "c0"] == counts["test", "c0"]
    assert cells["train", None] == sum(found == "train" for found in part.values())
    assert parts(assign_by_hash(members(frame, rows[::-1]), fractions={"train": 0.8, "test": 0.2}).rows) == part
