"""The probability of a label by the votes of its neighbours, against the definition."""

from __future__ import annotations

import numpy as np
import pytest

from dataeval_spark.kernels.labels.label_votes import TEMPERATURES, flipped_classes, judged, losses, vote_model


def made(seed=0, n=60, classes=4, k=5, missing=0.2):
    random = np.random.default_rng(seed)
    own = random.integers(0, classes, n)
    votes = np.where(random.random((n, k)) < 0.5, own[:, None], random.integers(0, classes, (n, k)))
    votes = np.where(random.random((n, k)) < missing, -1, votes)
    return own, votes


def model_of(own, votes, classes, *, with_pairs=True):
    rows, columns = np.nonzero(votes >= 0)
    cast = votes[rows, columns]
    pairs, n = np.unique(own[rows] * classes + cast, return_counts=True)
    counts = (pairs // classes, pairs % classes, n) if with_pairs else (pairs[:0], pairs[:0], n[:0])
    return vote_model(
        np.bincount(own, minlength=classes),
        np.bincount(cast, minlength=classes),
        int((own[rows] == cast).sum()),
        *counts,
    )


def defined(own, votes, classes, temperature, *, with_pairs=True):
    """Probabilities (n, C) as the docstring has them, one row after another, counted without the row."""
    cast = [row[row >= 0] for row in votes]
    everything = np.concatenate(cast)
    share = (np.bincount(everything, minlength=classes) + 1) / (len(everything) + classes)
    chance = share[own].mean()
    agreeing = np.mean(np.repeat(own, [len(row) for row in cast]) == everything)
    agreement = np.clip((agreeing - chance) / (1 - chance), 0.01, 0.99)
    smoothing = max(len(everything) / len(own), 1)
    found = np.zeros((len(own), classes))
    for i in range(len(own)):
        for c in range(classes):
            others = [j for j in range(len(own)) if own[j] == c and j != i]
            counted = np.bincount(np.concatenate([cast[j] for j in others] or [[]]).astype(int), minlength=classes)
            counted = counted if with_pairs else np.zeros(classes)
            background = agreement * (np.arange(classes) == c) + (1 - agreement) * share
            p = (counted + smoothing * background) / (counted.sum() + smoothing)
            found[i, c] = np.log(max(len(others), 0.5)) + np.log(p[cast[i]]).sum() / temperature
    found = np.exp(found - found.max(axis=1, keepdims=True))
    return found / found.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("with_pairs", [True, False])
@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_probabilities_are_those_of_the_definition_without_the_row_itself(temperature, with_pairs):
    own, votes = made()
    other = (own + 1) % 4
    truth = defined(own, votes, 4, temperature, with_pairs=with_pairs)

    model = model_of(own, votes, 4, with_pairs=with_pairs).with_temperature(temperature)
    found = judged(model, own, votes, other)

    rows = np.arange(len(own))
    np.testing.assert_allclose(found.own_probability, truth[rows, own], rtol=1e-9)
    np.testing.assert_allclose(found.flipped, truth[rows, other], rtol=1e-9)
    truth[rows, own] = -1
    order = np.argsort(-truth, axis=1, kind="stable")
    assert found.first.tolist() == order[:, 0].tolist()
    assert found.second.tolist() == order[:, 1].tolist()
    np.testing.assert_allclose(found.second_probability, truth[rows, order[:, 1]], rtol=1e-9)


def test_rows_are_judged_alike_in_any_company():
    own, votes = made(n=200)
    model = model_of(own, votes, 4)

    together = judged(model, own, votes, own * 0)
    alone = [judged(model, own[i : i + 1], votes[i : i + 1], own[:1] * 0).own_probability[0] for i in range(200)]

    assert together.own_probability.tolist() == alone


def test_losses_are_whole_numbers_that_sum_over_any_parts():
    own, votes = made(n=100)
    model = model_of(own, votes, 4)
    truth = [-np.log(defined(own, votes, 4, t)[np.arange(100), own]).sum() for t in TEMPERATURES]

    whole = losses(model, own, votes)

    assert (losses(model, own[:33], votes[:33]) + losses(model, own[33:], votes[33:])).tolist() == whole.tolist()
    np.testing.assert_allclose(whole / 1e6, truth, atol=1e-3)


def test_a_label_is_replaced_by_classes_as_often_as_its_neighbours_have_them():
    own = np.zeros(10_000, np.int64)
    # Of the votes for labels of class 0, 300 are for class 1 and 100 for class 2.
    model = vote_model(
        np.array([100, 100, 100]),
        np.array([600, 300, 100]),
        600,
        np.zeros(3, int),
        np.arange(3),
        np.array([600, 300, 100]),
    )

    drawn = flipped_classes(model, own, (np.arange(10_000) + 0.5) / 10_000)

    assert set(drawn) == {1, 2}
    assert np.mean(drawn == 1) == pytest.approx(0.75, abs=0.01)


def test_one_class_alone_is_certain_and_cannot_be_replaced():
    own, votes = np.zeros(3, np.int64), np.zeros((3, 2), np.int64)
    model = vote_model(np.array([3]), np.array([6]), 6, np.array([0]), np.array([0]), np.array([6]))

    found = judged(model, own, votes, flipped_classes(model, own, np.array([0.1, 0.5, 0.9])))

    assert found.own_probability.tolist() == [1, 1, 1]
    assert found.first.tolist() == [-1, -1, -1]
    assert np.isnan(found.flipped).all()


def test_neighbours_without_labels_leave_the_prior_of_the_others():
    own, votes = made(n=40)
    votes = np.where(np.arange(40)[:, None] < 1, -1, votes)
    model = model_of(own, votes, 4)
    counts = np.bincount(own, minlength=4).astype(float)
    counts[own[0]] -= 1

    found = judged(model, own[:1], votes[:1], own[:1])

    assert found.own_probability[0] == pytest.approx(counts[own[0]] / counts.sum())
