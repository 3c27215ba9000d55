"""What to label next: uncertain, novel, of a class with few labels."""

from __future__ import annotations

import math

import pytest

from dataeval_spark.analyses.labels.labelling_queue import labelling_queue
from dataeval_spark.errors import OptionError
from dataeval_spark.tables.images import IMAGES, TARGETS
from dataeval_spark.tables.labels import LABELLING_QUEUE
from dataeval_spark.tables.predictions import PREDICTIONS
from dataeval_spark.tables.similarity import NEIGHBORS


def images(frame, names):
    return frame(IMAGES, [(name, None, None, None, None, None, None, None, "d", "s", None, "r") for name in names])


def targets(frame, labels):
    return frame(TARGETS, [(name, 0, label, None, None, None, None, "r") for name, label in labels.items()])


def predictions(frame, rows, model="m"):
    return frame(
        PREDICTIONS,
        [(name, model, 0, "ab"[p < 0.5], max(p, 1 - p), [p, 1 - p], None, None, "r") for name, p in rows.items()],
    )


def neighbors(frame, rows):
    return frame(
        NEIGHBORS,
        [("e", "euclidean", a, None, rank, b, None, d, 2, "exact", "1", "f", "r") for a, rank, b, d in rows],
    )


def entropy(p):
    return -(p * math.log2(p) + (1 - p) * math.log2(1 - p))


def test_the_priority_is_the_product_of_uncertainty_novelty_and_deficit(frame):
    labels = {"l1": "a", "l2": "a", "l3": "a", "l4": "b"}
    waiting = ("u1", "u2", "u3")
    graph = [("u1", 1, "u2", 1.0), ("u1", 2, "l1", 2.0), ("u2", 1, "l2", 4.0), ("l1", 1, "u1", 2.0)]

    rows = labelling_queue(
        images(frame, (*labels, *waiting)),
        targets(frame, labels),
        predictions(frame, {"u1": 0.9, "u2": 0.4, "l1": 0.5}),
        neighbors(frame, graph),
    ).collect()

    found = {row.image_id: row for row in rows}
    # Distances to the nearest labelled: 2, 4, and for l1 2 (u1, the last listed): mean 8 / 3.
    mean = 8 / 3
    expected = {
        "u1": (entropy(0.9), 2 / (2 + mean), 1 - 3 / 4),
        "u2": (entropy(0.4), 4 / (4 + mean), 1 - 1 / 4),
        "u3": (1.0, 1.0, 1.0),  # nothing is known of it
    }
    assert set(found) == set(expected)
    for name, parts in expected.items():
        row = found[name]
        assert (row.uncertainty, row.novelty, row.class_deficit) == pytest.approx(parts)
        assert row.priority == pytest.approx(math.prod(parts))
    assert [row.image_id for row in sorted(rows, key=lambda row: row.rank)] == ["u3", "u2", "u1"]
    assert found["u1"].predicted_class == "a"


@pytest.mark.parametrize("partitions", [1, 4])
def test_the_queue_is_cut_and_overlaps_by_seed_alone(frame, partitions):
    names = [f"u{n:03}" for n in range(300)]
    arguments = (
        images(frame, names).repartition(partitions),
        targets(frame, {"l": "a"}),
        predictions(frame, dict.fromkeys(names, 0.5)),
    )

    rows = labelling_queue(*arguments, size=200, overlap=0.25, seed=7).collect()
    again = labelling_queue(*arguments[:1], *arguments[1:], size=200, overlap=0.25, seed=7).collect()

    assert sorted(row.rank for row in rows) == list(range(1, 201))
    assert {(row.rank, row.image_id, row.raters_wanted) for row in rows} == {
        (row.rank, row.image_id, row.raters_wanted) for row in again
    }
    assert 30 <= sum(row.raters_wanted == 2 for row in rows) <= 70
    other = labelling_queue(*arguments, size=200, overlap=0.25, seed=8).collect()
    assert {row.image_id for row in other} != {row.image_id for row in rows}


def test_detections_are_as_uncertain_as_their_boxes(frame):
    box = (0.0, 0.0, 1.0, 1.0)
    rows = [("u", "m", n, "b", score, None, box, None, "r") for n, score in enumerate((0.5, 1.0))]

    (row,) = labelling_queue(images(frame, ["u"]), targets(frame, {"l": "a"}), frame(PREDICTIONS, rows)).collect()

    assert (row.uncertainty, row.class_deficit) == (0.5, 1.0)


def test_the_columns_are_those_of_the_contract_also_where_all_is_labelled(frame):
    found = labelling_queue(images(frame, ["l"]), targets(frame, {"l": "a"}), frame(PREDICTIONS, []))

    assert found.columns == list(LABELLING_QUEUE.result_names)
    assert found.isEmpty()
    with pytest.raises(OptionError, match=r"labelling_queue\.size is 0; expected"):
        labelling_queue(images(frame, []), targets(frame, {}), frame(PREDICTIONS, []), size=0)


def test_a_model_without_predictions_is_an_error(frame):
    inputs = images(frame, "u"), targets(frame, {}), predictions(frame, {"u": 0.9})
    with pytest.raises(OptionError, match=r"labelling_queue\.model is 'typo'; expected one of \['m'\]"):
        labelling_queue(*inputs, model="typo")
