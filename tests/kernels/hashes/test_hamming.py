"""Pairs within a Hamming distance: every cut into substrings, and none, gives what comparing all with all gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataeval_spark.kernels.hashes import hamming
from dataeval_spark.kernels.hashes.hamming import Substrings, choose_substrings, hamming_pairs, least_cost


def bit_strings(n, bits, most, seed=0):
    """Random strings, a quarter of them near another one, and one twice."""
    random = np.random.default_rng(seed)
    words = random.integers(0, 2**64, size=(n, bits // 64), dtype=np.uint64)
    for i in range(n // 4):
        words[n - 1 - i] = words[i]
        for bit in random.choice(bits, random.integers(0, most + 2), replace=False):
            words[n - 1 - i, bit // 64] ^= np.uint64(1) << np.uint64(bit % 64)
    words[n // 2] = words[0]
    return words[:, 0].copy() if bits == 64 else words


def brute_force(left, right, most):
    words = [side.reshape(len(side), -1) for side in (left, right)]
    distances = np.bitwise_count(words[0][:, None] ^ words[1][None]).sum(axis=2)
    return {(int(i), int(j), int(distances[i, j])) for i, j in np.argwhere(distances <= most)}


def listed(parts):
    rows = [(int(i), int(j), int(d)) for part in parts for i, j, d in zip(*part, strict=True)]
    assert len(rows) == len(set(rows)), "a pair came twice"
    return set(rows)


def unordered(pairs):
    return {(min(i, j), max(i, j), d) for i, j, d in pairs}


@pytest.mark.parametrize("bits", [64, 128, 256])
@pytest.mark.parametrize("most", [0, 1, 2, 5, 10])
def test_every_number_of_substrings_finds_all_pairs_once(monkeypatch, bits, most):
    left, right = bit_strings(300, bits, most), bit_strings(120, bits, most, seed=1)
    right[:20] = left[:20]
    within = {pair for pair in brute_force(left, left, most) if pair[0] < pair[1]}
    across = brute_force(left, right, most)
    cuts = [Substrings.from_bits(bits, number, most) for number in range(1, most + 2)]

    for cut in [None, *(cut for cut in cuts if max(cut.lengths) <= 13)]:
        monkeypatch.setattr(hamming, "choose_substrings", lambda *sides, cut=cut: cut)

        assert unordered(listed(hamming_pairs(left, most=most))) == within
        assert listed(hamming_pairs(left, right, most=most)) == across


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 2**10 - 1), min_size=1, max_size=60), st.integers(0, 64))
def test_strings_that_crowd_together_are_compared_as_well(values, most):
    words = np.array(values, dtype=np.uint64)

    found = listed(hamming_pairs(words, most=most))

    assert unordered(found) == {pair for pair in brute_force(words, words, most) if pair[0] < pair[1]}


@pytest.mark.parametrize("cut", [None, Substrings.from_bits(64, 6, 5)])
def test_pairs_come_in_batches_of_bounded_size(monkeypatch, cut):
    monkeypatch.setattr(hamming, "PAIRS_PER_BATCH", 64)
    monkeypatch.setattr(hamming, "choose_substrings", lambda *sides: cut)
    words = np.arange(64, dtype=np.uint64)

    parts = list(hamming_pairs(words, most=5))

    assert max(len(first) for first, _, _ in parts) <= 64
    assert unordered(listed(parts)) == {pair for pair in brute_force(words, words, 5) if pair[0] < pair[1]}


def test_radii_add_up_to_the_distance_as_the_pigeonhole_principle_needs():
    cut = Substrings.from_bits(64, 5, 12)

    assert cut.radii == (2, 2, 2, 1, 1)
    assert (cut.starts, cut.lengths) == ((0, 13, 26, 39, 52), (13, 13, 13, 13, 12))
    assert sum(radius + 1 for radius in cut.radii) == 12 + 1
    assert (cut.probes(0), cut.probes(4)) == (1 + 13 + 78, 1 + 12)


def test_few_strings_and_large_distances_are_compared_all_with_all():
    words = bit_strings(20_000, 64, 4)

    assert choose_substrings(words[:100], None, 4) is None
    assert choose_substrings(words, None, 40) is None
    assert len(choose_substrings(words, None, 4).radii) > 1


def test_crowded_buckets_change_the_cut():
    even = bit_strings(20_000, 64, 4)
    crowded = even & np.uint64(0xFFFF_FFFF_0000_0000)  # half of the bits say nothing

    assert choose_substrings(crowded, None, 4) != choose_substrings(even, None, 4)


def test_an_empty_side_has_no_pairs():
    none, one = np.empty(0, np.uint64), np.array([1], np.uint64)

    assert [*hamming_pairs(none, most=3), *hamming_pairs(one, none, most=3), *hamming_pairs(none, one, most=3)] == []


def test_the_least_cost_is_that_of_the_cheapest_way():
    assert least_cost(100, 1, 4) == 100 * 99 / 2
    assert least_cost(10**6, 1, 4) < least_cost(10**6, 1, 10) < least_cost(10**6, 1, 40) == 10**6 * (10**6 - 1) / 2
