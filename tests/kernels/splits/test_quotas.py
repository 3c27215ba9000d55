"""Units into splits: sizes and labels as wanted, groups whole, earlier splits kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataeval_spark.kernels.splits.quotas import by_iterative_stratification, by_quotas, counts_of, wanted_counts
from tests.kernels.split_rows import units

FRACTIONS = np.array([0.7, 0.1, 0.2])


def singles(labels):
    return units([f"i{position:05d}" for position in range(len(labels))], labels)


@given(st.lists(st.sampled_from("aaaabbc"), min_size=5, max_size=300))
@settings(max_examples=40, deadline=None)
def test_single_images_meet_sizes_and_classes_within_two_images(labels):
    made = singles(labels)
    wanted = wanted_counts(made, FRACTIONS)
    got = counts_of(made, by_quotas(made, wanted), 3)

    assert np.abs(got - wanted).max() < 2
    assert got.sum() == 2 * len(labels)


def test_groups_of_many_sizes_meet_the_fractions_within_half_a_point():
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(800), random.integers(1, 20, 800))
    # Groups of one kind mostly, as patients and videos are.
    labels = np.where(random.random(groups.size) < 0.9, groups % 3, random.integers(0, 3, groups.size))
    made = units([f"g{g:04d}" for g in groups], [f"c{c}" for c in labels])
    wanted = wanted_counts(made, FRACTIONS)
    got = counts_of(made, by_quotas(made, wanted), 3)

    assert np.abs(got / got.sum(axis=0) - FRACTIONS[:, None]).max() < 0.005


def test_a_part_may_have_other_shares_than_the_whole():
    made = singles(["day"] * 500 + ["night"] * 500)
    # 30 % day and 70 % night in the test part.
    test = np.array([200, 60, 140])
    wanted = np.stack([[1000, 500, 500] - test, test]).astype(float)

    assert counts_of(made, by_quotas(made, wanted), 2)[1].tolist() == [200, 60, 140]


def test_units_with_a_part_keep_it_and_the_others_make_up_for_them():
    made = singles(["a", "b"] * 50)
    given = np.full(100, -1)
    given[:40] = 0  # all of the first forty are in the first part: none of the others should be
    parts = by_quotas(made, wanted_counts(made, np.array([0.4, 0.6])), fixed_parts=given)

    assert (parts[:40] == 0).all()
    assert (parts[40:] == 1).all()


@pytest.mark.parametrize("rule", [by_quotas, by_iterative_stratification])
def test_the_result_does_not_depend_on_the_order_of_rows(rule):
    random = np.random.default_rng(3)
    ids = [f"i{position:05d}" for position in range(200)]
    labels = [[f"c{c}" for c in random.integers(0, 5, random.integers(0, 4))] for _ in ids]
    first = units(ids, labels)
    second = units(ids, labels, random.permutation)
    wanted = wanted_counts(first, FRACTIONS)

    assert rule(first, wanted).tolist() == rule(second, wanted).tolist()


def sechidis(labels_of, fractions, order):
    """The published algorithm, in plain Python."""
    remaining = {unit: set(labels) for unit, labels in labels_of.items()}
    room = {k: f * len(labels_of) for k, f in enumerate(fractions)}
    names = sorted({label for labels in labels_of.values() for label in labels})
    totals = {label: sum(label in labels for labels in labels_of.values()) for label in names}
    desired = {(k, label): f * totals[label] for k, f in enumerate(fractions) for label in names}
    part = {}
    while any(remaining.values()):
        left = {label: sum(label in labels for labels in remaining.values()) for label in names}
        rarest = min((label for label in names if left[label]), key=lambda label: left[label])
        for unit in [unit for unit in order if rarest in remaining.get(unit, ())]:
            k = min(room, key=lambda k: (-desired[k, rarest], -room[k], k))
            part[unit] = k
            room[k] -= 1
            for label in remaining.pop(unit):
                desired[k, label] -= 1
    for unit in sorted(remaining):
        k = min(room, key=lambda k: (-room[k], k))
        part[unit] = k
        room[k] -= 1
    return part


@given(st.integers(0, 10**6), st.sampled_from([(0.5, 0.5), (0.75, 0.125, 0.125), (0.25,) * 4]))
@settings(max_examples=30, deadline=None)
def test_iterative_stratification_equals_the_published_algorithm(seed, fractions):
    random = np.random.default_rng(seed)
    ids = [f"i{position:03d}" for position in range(80)]
    labels = [sorted({f"c{c}" for c in random.integers(0, 6, random.integers(0, 4))}) for _ in ids]
    made = units(ids, labels)
    parts = by_iterative_stratification(made, wanted_counts(made, np.array(fractions)), shuffle=False)

    assert dict(zip(ids, parts.tolist(), strict=True)) == sechidis(dict(zip(ids, labels, strict=True)), fractions, ids)


def test_iterative_stratification_spreads_a_rare_label_over_all_parts():
    labels = [["common"]] * 94 + [["common", "rare"]] * 6
    made = singles(labels)
    got = counts_of(made, by_iterative_stratification(made, wanted_counts(made, np.full(3, 1 / 3))), 3)

    assert got[:, made.names.index("rare") + 1].tolist() == [2, 2, 2]
