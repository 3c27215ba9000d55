"""Precision and recall of pairs: what is counted, at which threshold, with which interval."""

from __future__ import annotations

from itertools import combinations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import binomtest

from dataeval_spark.analyses.quality.duplicate_evaluation import (
    duplicate_evaluation,
    evaluate_duplicates,
    read_judged_pairs,
)
from dataeval_spark.errors import OptionError
from dataeval_spark.tables.quality import DUPLICATE_EVALUATION, DUPLICATE_PAIRS

TRUTH = "image_id_a string, image_id_b string"


def pairs_of(frame, rows):
    return frame(DUPLICATE_PAIRS, [(a, None, b, None, kind, d, None, "r") for a, b, kind, d in rows])


def evaluated(frame, rows, truth):
    found = evaluate_duplicates(pairs_of(frame, rows), frame(TRUTH, truth)).collect()
    return {(row.kind, row.threshold): row for row in found}


# Hash 1: a, a2, a3. Hash 2: b, b2, four bits away. Hash 3: c, six bits from hash 2.
HASHED = {"a": 1, "a2": 1, "a3": 1, "b": 2, "b2": 2, "c": 3}
DISTANCES = {(1, 2): 4.0, (2, 3): 6.0}
PAIRS = [
    ("a", "a2", "phash", 0.0),
    ("a", "a3", "phash", 0.0),
    ("b", "b2", "phash", 0.0),
    ("a", "b", "phash", 4.0),
    ("b", "c", "phash", 6.0),
    ("a", "b", "embedding", 0.012),
    ("b", "c", "embedding", 0.03),
]
TRUE = [("a3", "a2"), ("b2", "a3"), ("c", "b"), ("a", "c"), ("a2", "a3")]


@pytest.fixture(scope="module")
def rows(frame):
    return evaluated(frame, PAIRS, TRUE)


def test_pairs_of_copies_count_though_only_the_smallest_ids_are_tied(rows):
    def bits(a, b):
        return 0.0 if HASHED[a] == HASHED[b] else DISTANCES.get(tuple(sorted((HASHED[a], HASHED[b]))), 64.0)

    distance = {pair: bits(*pair) for pair in combinations(sorted(HASHED), 2)}
    true = {tuple(sorted(pair)) for pair in TRUE}

    for threshold in (0.0, 4.0, 6.0):
        flagged = {pair for pair, d in distance.items() if d <= threshold}
        row = rows["phash", threshold]
        assert (row.flagged, row.found, row.true_pairs) == (len(flagged), len(flagged & true), len(true))
        assert (row.precision, row.recall) == (len(flagged & true) / len(flagged), len(flagged & true) / len(true))


def test_thresholds_of_embeddings_are_rounded_up_to_the_step(rows):
    found = {round(at, 9): (row.flagged, row.found) for (kind, at), row in rows.items() if kind == "embedding"}

    assert found == {0.02: (1, 0), 0.03: (2, 1)}


def test_intervals_are_wilsons(rows):
    row = rows["phash", 6.0]
    for share, low, high, total in (
        (row.precision, row.precision_lower, row.precision_upper, row.flagged),
        (row.recall, row.recall_lower, row.recall_upper, row.true_pairs),
    ):
        expected = binomtest(row.found, total).proportion_ci(0.95, "wilson")
        assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
        assert low <= share <= high
    assert row.f1 == pytest.approx(2 * row.precision * row.recall / (row.precision + row.recall))


def test_without_truth_recall_is_unknown_and_precision_zero(frame):
    row = evaluated(frame, [("a", "b", "dhash", 2.0)], [])["dhash", 2.0]

    assert (row.precision, row.recall, row.recall_lower, row.f1) == (0.0, None, None, 0.0)


def test_the_columns_are_those_of_the_contract(frame):
    found = evaluate_duplicates(pairs_of(frame, []), frame(TRUTH, []))

    assert found.dtypes == [(c.name, c.type) for c in DUPLICATE_EVALUATION.result_columns]


def test_a_step_of_zero_is_refused(frame):
    with pytest.raises(OptionError, match="embedding_step is 0"):
        evaluate_duplicates(pairs_of(frame, []), frame(TRUTH, []), embedding_step=0)


def images_of(frame, ids):
    return frame("image_id string", [(image_id,) for image_id in ids])


def test_judged_pairs_come_from_a_file(frame, tmp_path):
    (tmp_path / "judged.csv").write_text("image_id_a,image_id_b,is_duplicate\n1,2,true\n3,4,false\n5,6,true\n")
    pairs = pairs_of(frame, [("1", "2", "phash", 0.0), ("3", "4", "phash", 2.0)])

    found, findings = duplicate_evaluation(pairs, images_of(frame, "123456"), truth=str(tmp_path / "judged.csv"))

    rows = found.orderBy("threshold").collect()
    assert [(row.threshold, row.flagged, row.found, row.true_pairs) for row in rows] == [(0.0, 1, 1, 2), (2.0, 2, 1, 2)]
    assert findings.isEmpty()


def test_pairs_judged_to_be_none_count_against_pairs_that_nobody_judged_do_not(frame):
    pairs = pairs_of(frame, [("1", "2", "phash", 0.0), ("3", "4", "phash", 2.0), ("5", "6", "phash", 2.0)])
    judged = frame(f"{TRUTH}, is_duplicate boolean", [("1", "2", True), ("4", "3", False), ("7", "7", True)])

    row = evaluate_duplicates(pairs, judged).orderBy("threshold").collect()[-1]

    assert (row.flagged, row.found, row.refuted, row.true_pairs) == (3, 1, 1, 1)
    assert (row.precision, row.judged_precision) == (1 / 3, 1 / 2)
    expected = binomtest(1, 2).proportion_ci(0.95, "wilson")
    assert (row.judged_precision_lower, row.judged_precision_upper) == pytest.approx((expected.low, expected.high))


def test_ids_are_those_of_live_images_or_relative_to_a_dataset(frame, tmp_path):
    truth = tmp_path / "judged.csv"
    truth.write_text("image_id_a,image_id_b\n1.png,2.png\n1.png,gone.png\n")
    pairs = pairs_of(frame, [("d/1.png", "d/2.png", "phash", 0.0)])
    images = images_of(frame, ["d/1.png", "d/2.png"])

    found, findings = duplicate_evaluation(pairs, images, truth=str(truth), dataset="d")

    assert [(row.found, row.true_pairs) for row in found.collect()] == [(1, 1)]
    assert [(row.rule, row.value) for row in findings.collect()] == [("judged_pairs_left_out", 1.0)]
    with pytest.raises(OptionError, match=r"none of the 2 pairs .* 1\.png(.|\n)*dataset=NAME"):
        duplicate_evaluation(pairs, images, truth=str(truth))


def test_a_pair_of_one_image_is_an_error(frame, tmp_path):
    (tmp_path / "judged.csv").write_text("image_id_a,image_id_b\n1,2\n3,3\n")
    with pytest.raises(OptionError, match=r"judged\.csv pairs '3' with itself"):
        read_judged_pairs(str(tmp_path / "judged.csv"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "truth is not given"),
        ("", "cannot be read"),
        ("a,b\n1,2\n", "has no column image_id_a; found a, b"),
    ],
)
def test_a_file_without_judged_pairs_is_an_error_that_names_it(frame, tmp_path, text, message):
    path = tmp_path / "judged.csv"
    if text:
        path.write_text(text)

    with pytest.raises(OptionError, match=message):
        duplicate_evaluation(pairs_of(frame, []), images_of(frame, []), truth=None if text is None else str(path))


def test_parquet_without_judgements_is_taken_as_true(tmp_path):
    table = pa.table({"image_id_a": ["x", "y"], "image_id_b": ["z", None]})
    pq.write_table(table, tmp_path / "judged.parquet")

    assert read_judged_pairs(str(tmp_path / "judged.parquet")).to_pylist() == [
        {"image_id_a": "x", "image_id_b": "z", "is_duplicate": True}
    ]
