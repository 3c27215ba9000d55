"""Several raters: agreement, consensus and each one's quality, from the table of ratings."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from dataeval_spark.analyses.labels import rating_blocks
from dataeval_spark.analyses.labels.raters import raters
from dataeval_spark.errors import OptionError, RatingError
from dataeval_spark.tables.images import TARGETS
from dataeval_spark.tables.labels import LABEL_AGREEMENT, LABEL_CONSENSUS, RATER_QUALITY
from dataeval_spark.tables.predictions import ANNOTATIONS
from dataeval_spark.tables.runs import DATASET_FINDINGS

DATA = Path(__file__).resolve().parents[2] / "kernels" / "data"
EXPECTED = json.loads((DATA / "rater_agreement.json").read_text())


def annotations(frame, rows, names="abc"):
    """Ratings of rows of classes per rater r0, r1 ...; None where a rater said nothing."""
    given = [
        (f"{thing:04}", 0, f"r{rater}", names[code], None, None, "s", "r")
        for thing, row in enumerate(rows)
        for rater, code in enumerate(row)
        if code is not None
    ]
    return frame(ANNOTATIONS, given)


def results(*arguments, **options):
    return [result.collect() for result in raters(*arguments, checkpoint=lambda f: f.localCheckpoint(), **options)]


@pytest.fixture(scope="module")
def missing(frame):
    return results(annotations(frame, EXPECTED["missing"]).repartition(3))


def test_agreement_equals_krippendorffs(missing):
    rows = {row.class_name: row for row in missing[0] if row.statistic == "krippendorff_alpha"}

    assert rows[None].value == pytest.approx(EXPECTED["alpha_missing"])
    assert [rows[name].value for name in "abc"] == pytest.approx(EXPECTED["alpha_missing_class"])
    assert all(row.lower < row.value < row.upper for row in rows.values())
    assert {row.n for row in rows.values()} == {
        sum(1 for row in EXPECTED["missing"] if sum(code is not None for code in row) >= 2)
    }


def test_agreement_of_complete_ratings_equals_statsmodels(frame):
    rows = results(annotations(frame, EXPECTED["complete"]))[0]

    (fleiss,) = (row for row in rows if row.statistic == "fleiss_kappa" and row.class_name is None)
    (pair,) = (row for row in rows if row.statistic == "cohen_kappa" and (row.rater_a, row.rater_b) == ("r0", "r1"))
    assert fleiss.value == pytest.approx(EXPECTED["fleiss"])
    assert (pair.value, pair.lower, pair.upper) == pytest.approx(tuple(EXPECTED["cohen"]))
    assert len([row for row in rows if row.statistic == "percent_agreement"]) == 6


def test_the_consensus_is_dawid_and_skenes_and_majorities_are_counted(missing):
    rows = {int(row.image_id): row for row in missing[1]}
    expected = np.array(EXPECTED["dawid_skene"])
    # crowd-kit does not smooth; where it is sure, so are we.
    sure = [thing for thing in rows if expected[thing].max() > 0.99]

    assert len(sure) == 45
    assert {thing: rows[thing].consensus_class for thing in sure} == {
        thing: "abc"[expected[thing].argmax()] for thing in sure
    }
    for thing, row in rows.items():
        said = [code for code in EXPECTED["missing"][thing] if code is not None]
        votes = np.bincount(said, minlength=3)
        assert row.raters == len(said)
        assert row.majority_share == votes.max() / len(said)
        assert row.is_tie == ((votes == votes.max()).sum() > 1)
        assert votes["abc".index(row.majority_class)] == votes.max()
        assert row.is_conflict == (votes.max() < len(said))


def test_qualities_follow_how_often_the_raters_were_right(missing):
    overall = {row.rater: row for row in missing[2] if row.class_name is None}

    true = EXPECTED["true"]
    for n in range(4):
        said = [(row[n], truth) for row, truth in zip(EXPECTED["missing"], true, strict=True) if row[n] is not None]
        share = np.mean([code == truth for code, truth in said])
        row = overall[f"r{n}"]
        assert row.n == pytest.approx(len(said))
        assert row.lower <= share <= row.upper
    assert all(row.lower <= row.accuracy <= row.upper for row in missing[2])
    per_class = [row for row in missing[2] if row.class_name is not None]
    assert {row.rater: sum(r.n for r in per_class if r.rater == row.rater) for row in overall.values()} == (
        pytest.approx({row.rater: row.n for row in overall.values()}, abs=0.05)
    )


def test_of_equally_frequent_classes_the_commoner_one_is_the_majority_and_the_given_label_is_compared(frame):
    rows = [[0, 1], [1, 1], [1, 1], [0, 0], [2, None]]
    targets = frame(
        TARGETS, [("0000", 0, "a", None, None, None, None, "r"), ("0001", 0, "b", None, None, None, None, "r")]
    )

    _, labels, quality, findings = results(annotations(frame, rows), targets)

    by_id = {row.image_id: row for row in labels}
    assert (by_id["0000"].majority_class, by_id["0000"].is_tie, by_id["0000"].is_conflict) == ("b", True, True)
    assert (by_id["0001"].given_class, by_id["0001"].differs) == ("b", False)
    assert (by_id["0004"].given_class, by_id["0004"].differs) == (None, None)
    assert next(row for row in quality if row.rater == "r0" and row.class_name is None).agreement == 0.75
    assert findings[0].message.startswith("2 raters, 3 classes: EM ended after")


def test_passes_as_spark_jobs_give_what_the_driver_gives(frame, missing, monkeypatch):
    monkeypatch.setattr(rating_blocks, "MAX_LOCAL_RATINGS", 0)
    monkeypatch.setattr(rating_blocks, "NUMBERS_PER_PART", 10)

    found = results(annotations(frame, EXPECTED["missing"]).repartition(3), iterations=3)
    monkeypatch.undo()
    local = results(annotations(frame, EXPECTED["missing"]), iterations=3)

    for one, other in zip(found[:3], local[:3], strict=True):
        for a, b in zip(sorted(one, key=str), sorted(other, key=str), strict=True):
            for x, y in zip(a, b, strict=True):
                assert x == (pytest.approx(y) if isinstance(y, float) else y)


def test_the_columns_are_those_of_the_contracts_also_without_ratings(frame):
    found = raters(frame(ANNOTATIONS, []))

    for result, table in zip(found, (LABEL_AGREEMENT, LABEL_CONSENSUS, RATER_QUALITY, DATASET_FINDINGS), strict=True):
        assert result.columns == list(table.result_names)
        assert result.isEmpty()


def test_what_cannot_be_held_is_refused_with_numbers(frame, monkeypatch):
    monkeypatch.setattr(rating_blocks, "MAX_SHARES", 10)

    with pytest.raises(RatingError, match="4 raters and 3 classes make 36 shares to estimate; expected at most 10"):
        raters(annotations(frame, EXPECTED["missing"]))
    with pytest.raises(OptionError, match=r"raters\.smoothing is 0; expected"):
        raters(annotations(frame, [[0]]), smoothing=0)


@pytest.mark.shared
def test_on_cifar_10n_dawid_and_skene_err_no_more_than_the_majority(frame, shared):
    with (shared / "data" / "cifar10_small" / "labels.csv").open() as file:
        images = list(csv.DictReader(file))
    columns = ("human_aggre", "human_random1", "human_worse")
    names = sorted({image["clean_label"] for image in images})
    rated = [[names.index(image[column]) for column in columns] for image in images if image["human_aggre"]]
    true = [image["clean_label"] for image in images if image["human_aggre"]]

    _, labels, _, _ = results(annotations(frame, rated, names))

    by_id = {int(row.image_id): row for row in labels}
    majority = np.mean([by_id[i].majority_class != name for i, name in enumerate(true)])
    model = np.mean([by_id[i].consensus_class != name for i, name in enumerate(true)])
    print(f"errors: majority {majority:.4f}, Dawid and Skene {model:.4f}")
    assert model <= majority
