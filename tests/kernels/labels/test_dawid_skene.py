"""The model of Dawid and Skene against crowd-kit, and what it must do whatever the data."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from dataeval_spark.kernels.labels.dawid_skene import Ratings, Sums, fit, posterior_sums, posteriors, vote_sums

EXPECTED = json.loads((Path(__file__).resolve().parents[1] / "data" / "rater_agreement.json").read_text())


def ratings_of(rows, classes, weights=None):
    """Rows of classes per rater; None where a rater said nothing."""
    raters = len(rows[0])
    said = np.zeros((len(rows), raters * classes))
    for thing, row in enumerate(rows):
        for rater, name in enumerate(row):
            if name is not None:
                said[thing, rater * classes + name] = 1
    return Ratings(csr_array(said), np.ones(len(rows)) if weights is None else np.array(weights, float), classes)


def fitted(parts, **options):
    def total(sums):
        return Sums.from_vector(sum(each.to_vector() for each in sums), parts[0].classes)

    return fit(
        lambda: total([vote_sums(part) for part in parts]),
        lambda model: total([posterior_sums(part, model) for part in parts]),
        **options,
    )


def test_probabilities_equal_crowd_kits_without_smoothing():
    ratings = ratings_of(EXPECTED["missing"], 3)

    found = fitted([ratings], smoothing=1e-12, tolerance=1e-13, iterations=1000)

    np.testing.assert_allclose(posteriors(ratings, found.model)[0], EXPECTED["dawid_skene"], atol=2e-4)


def test_things_of_one_kind_may_be_counted_instead_of_repeated():
    rows, counts = [[0, 0, 1], [1, 1, 1], [0, None, 0], [1, 0, 1]], [5, 7, 3, 2]
    repeated = ratings_of([row for row, count in zip(rows, counts, strict=True) for _ in range(count)], 2)

    once, often = fitted([ratings_of(rows, 2, counts)]), fitted([repeated])

    np.testing.assert_allclose(once.model.log_answers, often.model.log_answers)
    assert once.iterations == often.iterations


def test_parts_give_what_the_whole_gives():
    rows = EXPECTED["missing"]

    whole, parts = fitted([ratings_of(rows, 3)]), fitted([ratings_of(rows[:20], 3), ratings_of(rows[20:], 3)])

    np.testing.assert_allclose(whole.model.log_answers, parts.model.log_answers, atol=1e-9)


def test_a_rater_who_always_errs_the_same_way_still_informs():
    generator = np.random.default_rng(0)
    true = generator.integers(0, 3, 200)
    honest = [np.where(generator.random(200) < 0.8, true, generator.integers(0, 3, 200)) for _ in range(3)]
    rows = np.stack([*honest, (true + 1) % 3], axis=1).tolist()
    ratings = ratings_of(rows, 3)

    found = posteriors(ratings, fitted([ratings]).model)[0].argmax(axis=1)

    votes = ratings.votes.argmax(axis=1)
    assert (found == true).mean() == pytest.approx(1.0, abs=0.01)
    assert (votes == true).mean() < 0.95


def test_the_likelihood_never_falls_by_much_and_ends():
    found = fitted([ratings_of(EXPECTED["complete"], 3)], iterations=500)

    assert found.has_converged
    assert found.iterations < 500
    assert fitted([ratings_of(EXPECTED["complete"], 3)], iterations=2).has_converged is False


def test_one_rater_is_believed():
    ratings = ratings_of([[0], [1], [1]], 2)

    found = posteriors(ratings, fitted([ratings]).model)[0]

    assert found.argmax(axis=1).tolist() == [0, 1, 1]
