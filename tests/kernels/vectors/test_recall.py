"""Recall with its interval, and how many clusters it takes."""

from __future__ import annotations

import numpy as np
import pytest

from dataeval_spark.kernels.vectors.recall import fewest_probes, recall_of


def test_the_interval_is_wilsons():
    # Wilson's interval of 81 in 263, Newcombe (1998), table I.
    recall = recall_of(81, 263, 263)

    assert recall.value == pytest.approx(81 / 263)
    assert (recall.lower, recall.upper) == (pytest.approx(0.2553, abs=1e-4), pytest.approx(0.3662, abs=1e-4))


def test_a_sample_in_which_all_is_found_leaves_doubt():
    recall = recall_of(500, 500, 50)

    assert (recall.value, recall.upper) == (1.0, 1.0)
    assert recall.lower == pytest.approx(0.9287, abs=1e-4)
    assert str(recall) == "1.0000 (95 % interval 0.9287 to 1.0000, 50 queries)"


@pytest.mark.parametrize(("target", "probes"), [(0.5, 1), (0.7, 2), (0.95, 3), (1.0, 4)])
def test_the_fewest_cells_for_a_recall(target, probes):
    assert fewest_probes(np.array([60, 30, 5, 5, 0]), target) == probes
