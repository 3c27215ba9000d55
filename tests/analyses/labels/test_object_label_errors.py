"""Errors of labelled boxes by predicted ones, as a dataflow, against cleanlab."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pyspark.sql import functions as F

from dataeval_spark.analyses.labels.image_boxes import boxes_per_image
from dataeval_spark.analyses.labels.object_label_errors import _precision, object_label_errors
from dataeval_spark.errors import OptionError
from dataeval_spark.tables.images import TARGETS
from dataeval_spark.tables.labels import IMAGE_LABEL_QUALITY, OBJECT_LABEL_ERRORS
from dataeval_spark.tables.predictions import PREDICTIONS
from dataeval_spark.tables.runs import DATASET_FINDINGS

DATA = Path(__file__).resolve().parents[2] / "kernels" / "data"
EXPECTED = json.loads((DATA / "object_label_quality.json").read_text())
IMAGES = EXPECTED["images"]


@pytest.fixture(scope="module")
def frames(frame):
    targets = [
        (f"{i:02}", place, f"class {code}", tuple(box), None, None, None, "r")
        for i, image in enumerate(IMAGES)
        for place, (box, code) in enumerate(zip(image["boxes"], image["classes"], strict=True))
    ]
    predictions = [
        (f"{i:02}", "m", place, f"class {code}", score, None, tuple(box), None, "r")
        for i, image in enumerate(IMAGES)
        for place, (box, code, score) in enumerate(
            zip(image["predicted_boxes"], image["predicted_classes"], image["probabilities"], strict=True)
        )
    ]
    return frame(TARGETS, targets), frame(PREDICTIONS, predictions)


@pytest.fixture(scope="module")
def results(frames):
    targets, predictions = frames
    found = object_label_errors(targets.repartition(3), predictions, unpredicted_images="empty")
    return tuple(frame.cache() for frame in found)


def test_the_average_precision_equals_cleanlabs_but_for_its_float32(frames):
    precision, smallest = _precision(boxes_per_image(*frames))

    assert precision == pytest.approx({f"class {k}": v for k, v in EXPECTED["precision"].items()}, rel=1e-6)
    assert smallest == pytest.approx(EXPECTED["smallest"], rel=1e-9, abs=0)


def test_images_and_their_scores_equal_cleanlabs(results):
    rows = {int(row.image_id): row for row in results[1].collect()}
    # An image without any box is in neither table; its score is 1.
    known = {i: image for i, image in enumerate(IMAGES) if image["boxes"] or image["predicted_boxes"]}

    assert set(rows) == set(known)
    assert {i: row.is_error for i, row in rows.items()} == {i: image["is_error"] for i, image in known.items()}
    assert {i: row.score for i, row in rows.items()} == pytest.approx(
        {i: im["score"] for i, im in known.items()}, rel=1e-9, abs=0
    )


def test_an_error_names_its_box_score_and_threshold(results):
    rows = results[0].collect()

    assert {int(row.image_id) for row in rows} == {i for i, image in enumerate(IMAGES) if image["is_error"]}
    for row in rows:
        image = IMAGES[int(row.image_id)]
        is_label = row.rule != "overlooked"
        place = row.target_index if is_label else row.predicted_index
        assert row.score == pytest.approx(image[row.rule][place])
        assert tuple(row.box) == tuple(image["boxes" if is_label else "predicted_boxes"][place])
        code = image["classes" if is_label else "predicted_classes"][place]
        assert row.class_name == f"class {code}"
        assert row.score <= row.threshold == pytest.approx(EXPECTED["precision"][str(code)] / 5, rel=1e-6)


def test_the_columns_are_those_of_the_contracts(results):
    for result, table in zip(results, (OBJECT_LABEL_ERRORS, IMAGE_LABEL_QUALITY, DATASET_FINDINGS), strict=True):
        assert sorted(result.dtypes) == sorted(
            (c.name, c.type.replace(": ", ":").replace(", ", ",")) for c in table.result_columns
        )


def test_classifications_have_no_boxes_to_doubt(frame, frames):
    predictions = frame(PREDICTIONS, [("00", "m", 0, "class 0", 1.0, [1.0, 0.0], None, None, "r")])

    errors, quality, findings = object_label_errors(frames[0], predictions)

    assert (errors.count(), quality.count(), findings.count()) == (0, 0, 0)


def test_images_that_the_model_has_not_seen_change_nothing(frame, frames):
    targets, predictions = frames
    more = [(f"unseen {i}", 0, "class 0", (0.0, 0.0, 9.0, 9.0), None, None, None, "r") for i in range(80)]
    with_more = targets.unionByName(frame(TARGETS, more))

    errors, quality, findings = object_label_errors(with_more, predictions)

    expected, _, _ = object_label_errors(targets, predictions)
    assert errors.exceptAll(expected).isEmpty()
    assert expected.exceptAll(errors).isEmpty()
    assert quality.where("image_id LIKE 'unseen%'").isEmpty()
    said = {row.rule: (row.value, row.message) for row in findings.collect()}
    assert said["images_without_predictions"][0] >= 80
    assert "left out (object_label_errors.unpredicted_images)" in said["images_without_predictions"][1]


def test_images_without_labels_may_be_empty_or_not_labelled_yet(frame, frames):
    targets, predictions = frames
    unlabelled = targets.where("image_id >= '20'")

    taken, _, findings = object_label_errors(unlabelled, predictions)
    left_out, quality, _ = object_label_errors(unlabelled, predictions, unlabelled_images="left_out")

    assert not taken.where("image_id < '20' AND rule = 'overlooked'").isEmpty()
    assert left_out.where("image_id < '20'").isEmpty()
    assert quality.where("image_id < '20'").isEmpty()
    assert "images_without_labels" in {row.rule for row in findings.collect()}


def test_predicted_classes_that_no_label_has_are_a_finding(frame, frames):
    by_number = frames[1].withColumn("label", F.regexp_replace("label", "class ", ""))

    findings = object_label_errors(frames[0], by_number)[2]

    (finding,) = findings.where("rule = 'predictions_of_unknown_classes'").collect()
    assert finding.severity == "warning"
    assert finding.value == by_number.count()
    assert "--class-names" in finding.message


def test_a_wrong_option_names_itself(frames):
    with pytest.raises(OptionError, match=r"object_label_errors\.unlabelled_images is 'none'"):
        object_label_errors(*frames, unlabelled_images="none")
