"""Periods of time: folds equal to TimeSeriesSplit, gaps, horizons and times that are not parted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import TimeSeriesSplit

from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.splits.time_parts import Timeline, fold_periods, share_periods


def timeline(times):
    distinct, counts = np.unique(np.asarray(times, np.int64), return_counts=True)
    return Timeline(distinct, counts)


def images_of(periods, times, fold, split):
    return [
        i
        for i, time in enumerate(times)
        if any(p.fold == fold and p.split == split and p.start <= time < p.stop for p in periods)
    ]


@given(
    st.integers(6, 60),
    st.integers(2, 5),
    st.integers(0, 4),
    st.none() | st.integers(1, 8),
    st.none() | st.integers(1, 9),
)
@settings(max_examples=80, deadline=None)
def test_folds_over_distinct_times_are_those_of_scikit_learn(n, folds, gap, test_size, max_train):
    times = [7 * i + 3 for i in range(n)]
    splitter = TimeSeriesSplit(folds, max_train_size=max_train, test_size=test_size, gap=gap)
    options = {"test_size": test_size, "max_train": max_train, "gap": gap}
    try:
        expected = [(list(train), list(test)) for train, test in splitter.split(np.zeros(n))]
    except ValueError:
        with pytest.raises(OptionError, match="too few"):
            fold_periods(timeline(times), folds, **options)
        return
    periods = fold_periods(timeline(times), folds, **options)

    found = [tuple(images_of(periods, times, fold, part) for part in ("train", "test")) for fold in range(folds)]
    assert found == expected


def test_shares_follow_one_another_and_the_last_is_the_latest():
    times = list(range(100))
    periods = share_periods(timeline(times), ["train", "validation", "test"], np.array([0.7, 0.1, 0.2]))

    assert images_of(periods, times, None, "train") == times[:70]
    assert images_of(periods, times, None, "validation") == times[70:80]
    assert images_of(periods, times, None, "test") == times[80:]


def test_a_gap_in_images_and_a_horizon_in_time_are_left_out_before_each_cut():
    times = [10 * i for i in range(10)]
    names, shares = ["train", "test"], np.array([0.7, 0.3])
    with_gap = share_periods(timeline(times), names, shares, gap=2)
    # The outcome of the image at 40 is known at 70, when the test begins; that of 50 is not.
    with_horizon = share_periods(timeline(times), names, shares, horizon_us=30)

    assert images_of(with_gap, times, None, "train") == [0, 1, 2, 3, 4]
    assert images_of(with_gap, times, None, "excluded") == [5, 6]
    assert images_of(with_horizon, times, None, "train") == [0, 1, 2, 3, 4]
    assert images_of(with_horizon, times, None, "test") == [7, 8, 9]


def test_images_of_one_time_are_never_parted():
    times = [0, 0, 0, 5, 5, 5, 5, 5, 9, 9]
    periods = share_periods(timeline(times), ["train", "test"], np.array([0.5, 0.5]))

    assert images_of(periods, times, None, "train") == [0, 1, 2]
    assert images_of(periods, times, None, "test") == [3, 4, 5, 6, 7, 8, 9]


def test_a_horizon_longer_than_the_data_leaves_nothing_to_train_on():
    times = list(range(10))
    periods = share_periods(timeline(times), ["train", "test"], np.array([0.5, 0.5]), horizon_us=1_000)

    assert images_of(periods, times, None, "train") == []
    assert images_of(periods, times, None, "excluded") == [0, 1, 2, 3, 4]
