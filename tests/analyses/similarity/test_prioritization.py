"""The order of images, against the definitions and against DataEval where it is right."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dataeval_spark.analyses.similarity.prioritization import edges, prioritization
from tests.analyses.similarity.test_image_values import graph, labels
from tests.kernels.nearest_reference import nearest


def order_of(result):
    return [row["image_id"] for row in result.orderBy("position").collect()]


def in_turns(ordered, stratum_of):
    """Strata take turns, in the order in which they first appear."""
    queues = {}
    for item in ordered:
        queues.setdefault(stratum_of[item], []).append(item)
    taken = []
    while any(queues.values()):
        taken += [queue.pop(0) for queue in queues.values() if queue]
    return taken


# Distances to the nearest: a 1, b 1, c 3, d 6, e 20.
LINE = ([0, 1, 4, 10, 30], list("abcde"))


def test_the_score_decides_and_ids_break_ties(frame):
    lists = graph(frame, LINE[0], 1, names=LINE[1])

    found = prioritization(lists, labels(frame, ["x"] * 5, LINE[1]))

    assert order_of(found) == list("abcde")
    assert {row["image_id"]: row["score"] for row in found.collect()} == {"a": 1, "b": 1, "c": 3, "d": 6, "e": 20}


def test_bins_of_the_score_take_turns_each_with_its_hardest(frame):
    lists = graph(frame, LINE[0], 1, names=LINE[1])  # bins of four: a b c | d | - | e

    found = prioritization(lists, labels(frame, ["x"] * 5, LINE[1]), order="hard_first", policy="stratified", bins=4)

    assert order_of(found) == list("edcab")


def test_classes_take_turns_and_images_without_one_are_a_class(frame):
    lists = graph(frame, LINE[0], 1, names=LINE[1])
    classes = labels(frame, ["x", "x", "y", "x", "y"], ["a", "b", "d", "e", "e"])

    found = prioritization(lists, classes, policy="class_balanced")

    assert order_of(found) == ["a", "c", "d", "b", "e"]
    strata = {row["image_id"]: row["stratum"] for row in found.collect()}
    assert strata == {"a": "x", "b": "x", "c": None, "d": "y", "e": None}


@pytest.mark.shared
def test_orders_equal_dataeval_but_for_its_defects(frame, shared):
    with np.load(shared / "reference" / "parity_inputs.npz") as found:
        blobs = found["blobs"].astype(np.float32)
    expected = json.loads((shared / "reference" / "parity_reference.json").read_text())["expected"]
    # Its k = 5 is the sixth neighbour. Its scores are divided by the largest length of a vector.
    distances, _ = nearest(blobs, blobs, "euclidean", 7)
    names = [f"{at:03}" for at in range(len(blobs))]
    ddl = "encoder string, metric string, image_id string, target_index int, rank int, distance double, k int"
    rows = [("e", "m", names[at], None, r, float(distances[at, r]), 6) for at in range(len(blobs)) for r in range(1, 7)]
    lists = frame(ddl, rows)
    classes = labels(frame, [str(at // 60) for at in range(len(blobs))], names)

    by_score = prioritization(lists, classes)

    scores = {row["image_id"]: row["score"] for row in by_score.collect()}
    scaled = np.array([scores[name] for name in names]) / np.linalg.norm(blobs.astype(float), axis=1).max()
    np.testing.assert_allclose(np.sort(scaled), np.sort(np.float32(expected["rank_knn/blobs"]["scores"])), rtol=1e-5)

    def scores_of(ordered):  # pairs that are each other's sixth have one score: there the order is free
        return [scores[name] for name in ordered]

    theirs = [names[at] for at in expected["rank_knn/blobs"]["indices"]]
    np.testing.assert_allclose(scores_of(order_of(by_score)), scores_of(theirs), rtol=1e-6)
    balanced = order_of(prioritization(lists, classes, policy="class_balanced"))
    theirs = [names[at] for at in expected["rank_class_balanced/blobs"]]
    np.testing.assert_allclose(scores_of(balanced), scores_of(theirs), rtol=1e-6)
    limits = edges(min(scores.values()), max(scores.values()), 10)
    stratum_of = {name: int(np.digitize(score, limits)) for name, score in scores.items()}
    stratified = order_of(prioritization(lists, classes, policy="stratified", bins=10))
    assert stratified == in_turns(order_of(by_score), stratum_of)
    assert stratified != [names[at] for at in expected["rank_stratified/blobs"]]
