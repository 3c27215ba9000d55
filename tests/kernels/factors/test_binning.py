"""Bins equal DataEval's, codes numpy's; every value has one bin with a name of its own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from dataeval_spark.kernels.factors.binning import (
    UNSEEN,
    Bins,
    bin_labels,
    bins_by_rule,
    choose_bins,
    edges_by_count,
    encode,
    is_continuous,
    is_increasing,
    level_budget,
)
from tests.kernels.factor_reference import CONTINUOUS_EDGES, INPUTS, SKEWED_EDGES

INFINITE = float("inf")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (INPUTS["continuous"], True),
        (INPUTS["skewed"], True),
        (INPUTS["dependent"], False),
        (np.arange(400), False),
        (INPUTS["continuous"][:10], False),
        (np.round(INPUTS["continuous"], 1), False),
        (np.r_[INPUTS["continuous"], [np.nan, np.inf]], True),
        (np.full(50, np.nan), False),
    ],
    ids=["normal", "gamma", "four levels", "integers", "ten values", "rounded", "with NaN", "only NaN"],
)
def test_continuous_is_what_dataeval_calls_continuous(values, expected):
    assert is_continuous(np.asarray(values, float)) is expected


@pytest.mark.parametrize("seed", range(3))
def test_the_distance_from_uniform_is_the_wasserstein_distance(seed):
    place = np.random.default_rng(seed).random(57)
    uniform = np.linspace(0, 1, place.size)

    assert np.abs(np.sort(place) - uniform).mean() == pytest.approx(wasserstein_distance(place, uniform), abs=1e-15)


@pytest.mark.parametrize("rule", ["uniform_width", "uniform_count"])
def test_edges_equal_dataeval(rule):
    assert bins_by_rule(INPUTS["skewed"], rule).edges == (-INFINITE, *SKEWED_EDGES[rule], INFINITE)


def test_a_continuous_factor_is_cut_as_dataeval_does():
    bins = choose_bins(INPUTS["continuous"])

    assert bins == Bins("uniform_width", edges=(-INFINITE, *CONTINUOUS_EDGES, INFINITE))
    codes = encode(INPUTS["continuous"], bins)
    assert codes[:12].tolist() == [3, 4, 4, 4, 2, 4, 4, 6, 4, 4, 4, 3]


def test_a_number_of_bins_gives_equal_widths():
    assert edges_by_count(INPUTS["skewed"], 5) == (-INFINITE, *SKEWED_EDGES[5], INFINITE)


def test_a_discrete_factor_has_a_bin_per_value():
    assert choose_bins(np.array([3.0, 1.0, np.nan, 3.0])) == Bins("discrete", levels=(1.0, 3.0))


def test_a_discrete_factor_with_more_values_than_the_budget_is_cut():
    values = np.arange(400.0)

    assert level_budget(400) == 20
    bins = choose_bins(values)
    assert bins.rule == "uniform_width"
    assert len(bins.edges) - 1 <= 20


def test_the_bound_of_levels_is_stricter_than_the_budget():
    assert choose_bins(np.arange(15.0)).rule == "discrete"
    assert choose_bins(np.arange(15.0), most_levels=10).rule == "uniform_width"


def test_missing_and_infinite_values_place_no_edge_and_have_bins_of_their_own():
    values = np.r_[INPUTS["skewed"], np.nan, np.inf, -np.inf]
    bins = bins_by_rule(values, "uniform_width")

    assert bins.edges == (-INFINITE, *SKEWED_EDGES["uniform_width"], INFINITE)
    assert encode(values, bins)[-3:].tolist() == [bins.missing_code, 3, 1]


def test_nothing_but_missing_values_is_one_bin():
    assert bins_by_rule(np.full(3, np.nan), "uniform_width").edges == (-INFINITE, INFINITE)


def test_a_level_that_was_not_recorded_is_unseen():
    bins = Bins("discrete", levels=(1.0, 3.0))

    assert encode(np.array([0.0, 1.0, 2.0, 3.0, 9.0, np.nan]), bins).tolist() == [UNSEEN, 0, UNSEEN, 1, UNSEEN, 2]


@pytest.mark.parametrize(
    ("bins", "labels"),
    [
        (Bins("given", edges=(0.0, 18.0, 65.0)), {0: "< 0", 1: "[0, 18)", 2: "[18, 65)", 3: ">= 65", 4: "missing"}),
        (Bins("count", edges=(-INFINITE, 0.5, INFINITE)), {1: "< 0.5", 2: ">= 0.5", 3: "inf", 4: "missing"}),
        (Bins("count", edges=(-INFINITE, INFINITE)), {1: "any value", 2: "inf", 3: "missing"}),
        (Bins("discrete", levels=(1.0, 2.5)), {0: "1", 1: "2.5", 2: "missing"}),
        (Bins("categorical", levels=("a", "missing")), {0: "a", 1: "missing", 2: "(missing)"}),
    ],
    ids=["given", "infinite", "one", "discrete", "a level called missing"],
)
def test_labels_say_what_is_in_a_bin(bins, labels):
    assert bin_labels(bins) == labels


def test_edges_that_differ_beyond_six_digits_have_labels_that_differ():
    labels = bin_labels(Bins("given", edges=(1000000.4, 1000000.6, 1000000.8)))

    assert len(set(labels.values())) == len(labels)


@settings(max_examples=50, deadline=None)
@given(
    values=st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), min_size=1, max_size=60),
    rule=st.sampled_from(["uniform_width", "uniform_count", "clusters"]),
)
def test_every_value_has_a_bin_and_every_bin_a_label(values, rule):
    values = np.asarray(values, float)
    values[np.isfinite(values)] = values[np.isfinite(values)].round(3)
    bins = choose_bins(values, rule)

    assert set(encode(values, bins).tolist()) <= set(bin_labels(bins))


def test_edges_must_increase():
    assert is_increasing([0.0, 1.0])
    assert not is_increasing([0.0, 0.0])
    assert not is_increasing([1.0])


@pytest.mark.parametrize("rule", ["uniform_width", "uniform_count", "clusters"])
@pytest.mark.parametrize("seed", range(5))
def test_a_continuous_factor_is_cut_into_two_bins_or_more_by_every_rule(rule, seed):
    random = np.random.default_rng(seed)
    values = [random.normal, random.exponential, random.random, random.standard_cauchy, random.lognormal][seed](
        size=300
    )

    bins = choose_bins(values, rule)

    assert np.unique(encode(values, bins)).size >= 2
    # What was not cut as asked says why, and how it was cut.
    assert (bins.rule == rule) == (bins.note is None)


def test_values_that_form_one_cluster_are_cut_by_uniform_width_and_say_so():
    values = np.linspace(0, 1, 200)
    bins = choose_bins(values, "clusters")

    assert (bins.rule, bins.note) == ("uniform_width", "one_cluster")
    assert bins.edges == choose_bins(values, "uniform_width").edges


def test_values_that_form_more_clusters_than_bins_are_allowed_say_so():
    values = (np.arange(10)[:, None] * 100 + np.linspace(0, 1, 30)).ravel()

    assert choose_bins(values, "clusters", most_levels=5).note == "too_many_clusters"
    assert choose_bins(values, "clusters").edges == (-INFINITE, *range(100, 1_000, 100), INFINITE)
