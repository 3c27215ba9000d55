"""Where a list of doubtful labels ends, learned from labels that were replaced on purpose."""

from __future__ import annotations

import numpy as np
import pytest

from dataeval_spark.kernels.labels.flipped_labels import cut_of_flips


def drawn(seed, share, *, separation, n=20_000):
    """Bins of given scores, of which a share is wrong, and of replaced ones; which given ones are wrong."""
    random = np.random.default_rng(seed)
    wrong = random.random(n) < share
    scores = random.normal(size=n) - separation * wrong
    replaced = random.normal(size=n) - separation
    edges = np.linspace(-12, 8, 400)
    given = np.digitize(scores, edges)
    return np.bincount(given, minlength=401), np.bincount(np.digitize(replaced, edges), minlength=401), given, wrong


@pytest.mark.parametrize("share", [0.01, 0.05, 0.15])
@pytest.mark.parametrize("precision", [0.3, 0.5])
def test_the_list_has_at_least_the_precision_and_most_of_the_errors(share, precision):
    given, flipped, scores, wrong = drawn(0, share, separation=5)

    cut = cut_of_flips(given, flipped, precision)

    listed = scores < cut.listed
    assert 0.6 * share <= cut.error_share <= 1.1 * share
    assert wrong[listed].mean() >= precision - 0.05
    assert wrong[listed].sum() > 0.8 * wrong.sum()


def test_scores_that_tell_nothing_have_no_list_whatever_share_they_allow():
    given, flipped, _, _ = drawn(0, 0.0, separation=0.0)

    cut = cut_of_flips(given, flipped, 0.4)

    assert (cut.listed, cut.error_share) == (0, 0.2)


def test_of_labels_without_errors_a_clear_score_lists_hardly_any():
    given, flipped, _, _ = drawn(0, 0.0, separation=6)

    assert given[: cut_of_flips(given, flipped, 0.4).listed].sum() <= 20


def test_precision_falls_along_the_list_and_the_cut_is_where_it_passes():
    given, flipped, _, _ = drawn(1, 0.05, separation=3)

    cut = cut_of_flips(given, flipped, 0.5)

    assert (np.diff(cut.precision) <= 0).all()
    assert cut.precision[cut.listed - 1] >= 0.5 > cut.precision[cut.listed]


def test_too_few_labels_have_no_estimate():
    cut = cut_of_flips(np.array([4, 0]), np.array([100, 100]), 0.4)

    assert cut.listed == 0
    assert np.isnan(cut.error_share)
