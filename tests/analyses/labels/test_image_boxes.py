"""Boxes of images: labelled and predicted ones side by side, in a frame and as arrays."""

from __future__ import annotations

import pyarrow as pa

from dataeval_spark.analyses.labels.image_boxes import box_at, boxes_per_image, read_images
from dataeval_spark.tables.images import TARGETS
from dataeval_spark.tables.predictions import PREDICTIONS

SMALL, LARGE = (0.0, 0.0, 2.0, 3.0), (1.0, 1.0, 9.0, 9.0)
BAD = [(float("nan"), 0.0, 1.0, 1.0), (0.0, 0.0, float("inf"), 1.0), None]


def labels_of(frame):
    rows = [("a", 1, "dog", LARGE, None), ("a", 0, "cat", SMALL, True), ("b", 0, None, SMALL, None)]
    rows += [("c", place, "cat", box, None) for place, box in enumerate(BAD)]
    return frame(TARGETS, [(i, t, name, box, crowd, None, None, "r") for i, t, name, box, crowd in rows])


def predictions_of(frame):
    rows = [("a", 0, "bird", LARGE, 0.75), ("d", 0, "cat", SMALL, 0.5), ("d", 1, "cat", BAD[0], 0.9)]
    return frame(PREDICTIONS, [(i, "m", t, name, p, None, box, None, "r") for i, t, name, box, p in rows])


def test_an_image_has_one_row_and_boxes_without_class_or_place_are_left_out(frame):
    rows = {row.image_id: row for row in boxes_per_image(labels_of(frame), predictions_of(frame)).collect()}

    assert set(rows) == {"a", "d"}
    assert [tuple(box) for box in rows["a"].labelled] == [(0, "cat", *SMALL, True), (1, "dog", *LARGE, False)]
    assert [tuple(box) for box in rows["a"].predicted] == [(0, "bird", *LARGE, 0.75)]
    assert rows["d"].labelled is None
    assert [tuple(box) for box in rows["d"].predicted] == [(0, "cat", *SMALL, 0.5)]


def test_without_predictions_no_box_is_predicted(frame):
    assert [(row.image_id, row.predicted) for row in boxes_per_image(labels_of(frame)).collect()] == [("a", None)]


def test_a_batch_is_read_image_by_image_into_arrays(frame):
    table = boxes_per_image(labels_of(frame), predictions_of(frame)).orderBy("image_id").toArrow()
    (batch,) = table.combine_chunks().to_batches()

    first, second = read_images(batch)

    assert (first.image_id, second.image_id) == ("a", "d")
    assert first.names == second.names == ["bird", "cat", "dog"]
    assert first.labelled.corners.tolist() == [list(SMALL), list(LARGE)]
    assert first.labelled.classes.tolist() == [1, 2]
    assert (first.targets.tolist(), first.is_crowd.tolist()) == ([0, 1], [True, False])
    assert first.predicted.classes.tolist() == [0]
    assert (first.numbers.tolist(), first.probabilities.tolist()) == ([0], [0.75])
    assert second.labelled.corners.shape == (0, 4)
    assert second.predicted.corners.tolist() == [list(SMALL)]
    assert box_at(first.labelled, 1) == {"x0": 1.0, "y0": 1.0, "x1": 9.0, "y1": 9.0}


def test_a_batch_without_rows_has_no_images(frame):
    schema = boxes_per_image(labels_of(frame), predictions_of(frame)).toArrow().schema

    assert list(read_images(pa.RecordBatch.from_pylist([], schema=schema))) == []
