"""Bias within the parts of a split: the measures of a workspace that has nothing but that part."""

from __future__ import annotations

import numpy as np
import pytest
from pyspark.sql import functions as F

from dataeval_spark.analyses.bias.balance import balance
from dataeval_spark.analyses.bias.contingency import contingency
from dataeval_spark.analyses.bias.diversity import diversity
from dataeval_spark.analyses.bias.parity import parity
from dataeval_spark.analyses.splits.part_bias import part_bias
from dataeval_spark.errors import OptionError
from dataeval_spark.tables.splits import PART_BIAS
from tests.analyses.bias.rows import images

BINS = "image_id string, target_index int, class_name string, bins map<string, int>"
EDGES = "factor string, bin int, label string, level string, rule string"
ASSIGNED = "split_name string, repeat int, fold int, image_id string, split string"
SPLITS = "split_name string, guarded array<string>"
COUNT = 240


@pytest.fixture(scope="module")
def rows(frame):
    """In train the light tells the label, in test it does not; the site never does. Two boxes per image."""
    random = np.random.default_rng(3)
    ids = [f"i{n:03d}" for n in range(COUNT)]
    is_test = [n % 4 == 0 for n in range(COUNT)]
    labelled = []
    for n, image in enumerate(ids):
        for target in range(2):
            cat = bool(random.integers(2))
            light = int(random.integers(3)) if is_test[n] or random.random() < 0.1 else int(cat)
            bins = {"light": light, "site": int(random.integers(2))}
            labelled.append((image, target, "cat" if cat else "dog", bins))
    edges = [(f, b, f"{f} {b}", "target", "categorical") for f, m in (("light", 3), ("site", 2)) for b in range(m)]
    given = images(frame, ids, split=["test" if test else "train" for test in is_test])
    return given, frame(BINS, labelled).repartition(7), frame(EDGES, edges)


def test_a_part_is_measured_as_if_there_were_nothing_else(rows):
    given, bins, edges = rows
    found = part_bias(bins, given)
    assert found.columns == list(PART_BIAS.result_names)
    measured = {(row.split, row.factor): row for row in found.collect()}
    assert {row.split_name for row in measured.values()} == {"given"}

    for part in ("train", "test"):
        ids = given.where(F.col("split") == part).select("image_id")
        counts = contingency(bins.join(ids, on="image_id", how="left_semi"), edges)
        told = {row.factor_b: row for row in balance(counts, edges).where("kind = 'label'").collect()}
        tied = {row.factor: row for row in parity(counts).collect()}
        even = {row.factor: row for row in diversity(counts).where("class_name IS NULL").collect()}
        for factor in ("light", "site"):
            row = measured[part, factor]
            assert (row.score, row.mutual_information, row.p_value, row.adjusted_pvalue, row.n) == pytest.approx(
                [getattr(told[factor], name) for name in ("score", "mutual_information", "p_value")]
                + [told[factor].adjusted_pvalue, told[factor].n]
            )
            assert row.cramers_v == pytest.approx(tied[factor].score)
            assert row.diversity == pytest.approx(even[factor].diversity)  # each part fills all bins
            assert (row.bins, row.filled_bins) == (even[factor].bins, even[factor].filled_bins)

    assert {key for key, row in measured.items() if row.is_flagged} == {("train", "light")}


def test_labels_of_a_hold_out_are_not_read_in_any_split(rows, frame):
    given, bins, _ = rows
    assigned = [("main", 0, None, f"i{n:03d}", "test" if n < 100 else "train") for n in range(COUNT)]
    assigned += [("main", 1, None, f"i{n:03d}", "test") for n in range(COUNT)]  # only the first repetition counts
    made = frame(ASSIGNED, assigned)
    held = part_bias(bins, given, made.where("repeat = 0"), frame(SPLITS, [("main", ["test"])]))
    counted = {(row.split_name, row.split): row.n for row in held.collect() if row.factor == "site"}
    assert counted == {("main", "train"): 280, ("given", "train"): 210, ("given", "test"): 70}

    free = part_bias(bins, given, made, frame(SPLITS, [("main", [])]))
    assert {(r.split, r.n) for r in free.where("split_name = 'main'").collect()} == {("train", 280), ("test", 200)}


def test_an_option_out_of_range_is_named(rows):
    given, bins, _ = rows
    with pytest.raises(OptionError, match=r"part_bias\.threshold is 2"):
        part_bias(bins, given, threshold=2)
