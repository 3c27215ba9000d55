"""Confident learning as a dataflow: the set that cleanlab finds, whatever the partitions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import functions as F

from dataeval_spark.analyses.labels import probability_blocks
from dataeval_spark.analyses.labels.confident_learning import confident_learning
from dataeval_spark.errors import OptionError, PredictionError
from dataeval_spark.tables.images import TARGETS
from dataeval_spark.tables.keys import BOX_TYPE
from dataeval_spark.tables.labels import CLASS_NOISE, CONFIDENT_JOINT, LABEL_ERRORS, LABEL_SCORES
from dataeval_spark.tables.predictions import PREDICTION_CLASSES, PREDICTIONS
from dataeval_spark.tables.runs import DATASET_FINDINGS

DATA = Path(__file__).resolve().parents[2] / "kernels" / "data"
EXPECTED = json.loads((DATA / "confident_learning_expected.json").read_text())


def frames(frame, labels, probabilities, model="m"):
    """Frames of labels and probabilities; image ids are in the order of the rows."""
    names = [f"class {number}" for number in range(probabilities.shape[1])]
    targets = [(f"{i:05}", 0, names[label], None, None, None, None, "r") for i, label in enumerate(labels)]
    predicted = [
        (f"{i:05}", model, 0, names[row.argmax()], float(row.max()), row.tolist(), None, None, "r")
        for i, row in enumerate(probabilities)
    ]
    classes = [(model, number, name, "r") for number, name in enumerate(names)]
    return frame(TARGETS, targets), frame(PREDICTIONS, predicted), frame(PREDICTION_CLASSES, classes)


def inputs(case):
    with np.load(DATA / "confident_learning_inputs.npz") as found:
        return found[f"{case}_labels"], found[f"{case}_probabilities"]


def found_rows(errors):
    return [int(row.image_id) for row in sorted(errors.collect(), key=lambda row: row.rank)]


@pytest.mark.parametrize(("filter_by", "partitions"), [("prune_by_noise_rate", 7), ("both", 1)])
def test_errors_and_their_order_equal_cleanlab(frame, filter_by, partitions):
    targets, predictions, classes = frames(frame, *inputs("weak_model"))

    errors, *_ = confident_learning(
        targets.orderBy("class_name"), predictions.repartition(partitions), classes, filter_by=filter_by
    )

    assert found_rows(errors) == EXPECTED["weak_model"][filter_by]


@pytest.mark.parametrize("case", ["weak_model", "two_classes"])
def test_blocks_in_files_give_what_blocks_in_rows_give(frame, case, tmp_path):
    targets, predictions, classes = frames(frame, *inputs(case))
    in_files = confident_learning(targets, predictions.repartition(3), classes, scratch=str(tmp_path))
    in_rows = confident_learning(targets, predictions, classes)

    assert found_rows(in_files[0]) == found_rows(in_rows[0]) == EXPECTED[case]["prune_by_noise_rate"]
    assert list(tmp_path.rglob("*.arrow"))
    # Errors, scores and the joint; thresholds are sums of floats, whose last digit their order decides.
    for mine, theirs in zip(in_files[:3], in_rows[:3], strict=True):
        assert sorted(mine.collect(), key=str) == sorted(theirs.collect(), key=str)


@pytest.fixture(scope="module")
def ten_classes(frame):
    return tuple(result.cache() for result in confident_learning(*frames(frame, *inputs("ten_classes"))))


def test_the_columns_are_those_of_the_contracts(ten_classes):
    tables = (LABEL_ERRORS, LABEL_SCORES, CONFIDENT_JOINT, CLASS_NOISE, DATASET_FINDINGS)

    for result, table in zip(ten_classes, tables, strict=True):
        assert [(n, t) for n, t in result.dtypes] == [(c.name, c.type.replace(": ", ":")) for c in table.result_columns]


def test_an_error_says_what_the_label_is_and_what_it_more_likely_is(ten_classes):
    labels, probabilities = inputs("ten_classes")
    row = min(ten_classes[0].collect(), key=lambda row: row.rank)
    place = int(row.image_id)

    assert place == EXPECTED["ten_classes"]["prune_by_noise_rate"][0]
    assert (row.step, row.source, row.target_index, row.rank) == ("confident_learning", "m", 0, 1)
    assert row.class_name == f"class {labels[place]}"
    assert row.suggested_class == f"class {probabilities[place].argmax()}"
    assert row.score == probabilities[place, labels[place]]


def test_every_label_has_a_score_and_a_rank_listed_or_not(ten_classes):
    labels, probabilities = inputs("ten_classes")
    own = probabilities[np.arange(len(labels)), labels]
    rows = sorted(ten_classes[1].collect(), key=lambda row: row.rank)

    assert [int(row.image_id) for row in rows] == sorted(range(len(labels)), key=lambda i: (own[i], i))
    assert [row.rank for row in rows] == list(range(1, len(labels) + 1))
    assert [row.score for row in rows] == np.sort(own).tolist()
    for row in rows:
        best = int(probabilities[int(row.image_id)].argmax())
        assert row.suggested_class == (None if best == labels[int(row.image_id)] else f"class {best}")
    assert {(row.step, row.method, row.precision) for row in rows} == {("confident_learning", "self_confidence", None)}


def test_the_joint_is_cleanlabs_and_sums_to_the_labels(ten_classes):
    expected = np.array(EXPECTED["ten_classes"]["calibrated_joint"])
    joint = np.zeros_like(expected)
    for row in ten_classes[2].collect():
        joint[int(row.class_name.split()[1]), int(row.true_class.split()[1])] = row.estimated_count

    assert joint.tolist() == expected.tolist()
    assert joint.sum() == 600


def test_noise_rates_come_with_an_interval_that_holds_them(ten_classes):
    joint = np.array(EXPECTED["ten_classes"]["calibrated_joint"])
    rows = {int(row.class_name.split()[1]): row for row in ten_classes[3].collect()}

    assert [rows[k].noise_rate for k in range(10)] == pytest.approx(1 - joint.diagonal() / joint.sum(axis=1))
    assert [rows[k].inverse_noise_rate for k in range(10)] == pytest.approx(1 - joint.diagonal() / joint.sum(axis=0))
    assert all(row.lower <= row.noise_rate <= row.upper for row in rows.values())


def test_labels_of_a_class_that_the_model_does_not_know_are_left_out_and_counted(frame):
    labels, probabilities = inputs("two_classes")
    targets, predictions, classes = frames(frame, labels, probabilities)
    stray = frame(TARGETS, [("99999", 0, "unheard of", None, None, None, None, "r")])

    errors, *_, findings = confident_learning(targets.unionByName(stray), predictions, classes)

    (finding,) = findings.collect()
    assert found_rows(errors) == EXPECTED["two_classes"]["prune_by_noise_rate"]
    assert (finding.rule, finding.subject, finding.value) == ("labels_of_unknown_classes", "m", 1.0)
    assert finding.message == (
        "Model m: 200 labels compared with its probabilities of 2 classes; 1 labels are of classes it does not know."
    )


def test_labels_too_many_to_be_sent_to_each_task_give_the_same(frame, monkeypatch):
    monkeypatch.setattr(probability_blocks, "BROADCAST_LABELS", 10)
    monkeypatch.setattr(probability_blocks, "BYTES_PER_PART", 1_000)

    errors, *_ = confident_learning(*frames(frame, *inputs("two_classes")))

    assert found_rows(errors) == EXPECTED["two_classes"]["prune_by_noise_rate"]


def test_a_predicted_box_is_no_prediction_of_the_label_with_its_number(frame):
    targets, predictions, classes = frames(frame, *inputs("two_classes"))
    boxed = predictions.withColumn("box", F.expr(f"CAST(struct(0, 0, 1, 1) AS {BOX_TYPE})"))

    errors, _, joint, _, findings = confident_learning(targets, boxed, classes)

    assert (errors.count(), joint.count()) == (0, 0)
    said = {row.rule: row for row in findings.collect()}["predictions_with_boxes"]
    assert (said.value, said.severity) == (200.0, "warning")
    assert "object_label_errors compares them" in said.message


def test_a_target_without_a_class_is_no_label_of_an_unknown_class(frame):
    targets, predictions, classes = frames(frame, *inputs("two_classes"))
    nameless = frame(TARGETS, [("99999", 0, None, None, None, None, None, "r")])

    findings = confident_learning(targets.unionByName(nameless), predictions, classes)[4]

    assert [row.value for row in findings.collect()] == [0.0]


def test_without_predictions_there_is_nothing_to_doubt(frame):
    targets, predictions, classes = frames(frame, *inputs("two_classes"))

    errors, scores, joint, noise, findings = confident_learning(targets, predictions.where("false"), classes)

    assert [result.count() for result in (errors, scores, joint, noise)] == [0, 0, 0, 0]
    assert findings.collect()[0].severity == "warning"


def test_a_wrong_option_names_itself(frame):
    inputs_ = frames(frame, *inputs("two_classes"))

    with pytest.raises(OptionError, match=r"confident_learning\.filter_by is 'class'; expected one of"):
        confident_learning(*inputs_, filter_by="class")
    with pytest.raises(OptionError, match=r"confident_learning\.share is 2; expected a number in"):
        confident_learning(*inputs_, share=2)
    with pytest.raises(OptionError, match=r"share is 0\.5, and filter_by 'confident_learning' takes all"):
        confident_learning(*inputs_, share=0.5, filter_by="confident_learning")


def test_the_error_of_a_bad_row_names_it():
    message = str(PredictionError.of_row("a.jpg", 0, 3, 10))

    assert message.startswith("The prediction for 'a.jpg' (target 0) has 3 probabilities; expected 10 in [0, 1].")


@pytest.mark.shared
def test_on_cifar_10_labels_checked_by_people_the_counts_are_as_published(frame, shared):
    folder = shared / "data" / "label_errors_cifar10"
    labels, probabilities = np.load(folder / "labels.npy"), np.load(folder / "pyx.npy").astype(np.float64)
    checked = json.loads((folder / "mturk.json").read_text())
    wrong = {int(item["id"]) for item in checked if item["mturk"]["given"] < 3}

    errors, *_ = confident_learning(*frames(frame, labels, probabilities), filter_by="confident_learning")
    found = set(found_rows(errors))

    assert len(wrong) == 54
    assert len(found & {int(item["id"]) for item in checked}) == 227
    assert len(found & wrong) == 48
