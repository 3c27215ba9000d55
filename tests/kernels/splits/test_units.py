"""Units from rows per stratum, and other views of the same units."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tests.kernels.split_rows import units


def labels_of(made):
    """Labels of each unit, by stratum."""
    found = {}
    for unit, name in enumerate(made.ids.to_pylist()):
        span = slice(made.starts[unit], made.starts[unit + 1])
        strata = [made.names[stratum] for stratum in made.strata[span]]
        found[name] = dict(zip(strata, made.counts[span].tolist(), strict=True))
    return found


@pytest.mark.parametrize("order", [None, np.random.default_rng(0).permutation])
def test_units_and_strata_are_sorted_whatever_the_order_of_the_rows(order):
    made = units(["v2", "v1", "v2", "v3", "v2"], ["dog", "cat", ["cat", "dog"], None, "dog"], order)

    assert (made.ids.to_pylist(), made.names) == (["v1", "v2", "v3"], ["cat", "dog"])
    assert labels_of(made) == {"v1": {"cat": 1}, "v2": {"cat": 1, "dog": 3}, "v3": {}}
    assert made.sizes.tolist() == [1, 3, 1]
    assert (made.totals.tolist(), made.holders.tolist()) == ([2, 3], [2, 1])
    assert made.owners.tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("groups", "labels", "expected"),
    [
        (["a", "b"], ["cat", "dog"], True),
        (["a", "a"], ["cat", "cat"], False),
        (["a", "b"], [["cat", "dog"], "dog"], False),
        (["a", "b"], ["cat", None], False),
        (["a"], [None], False),
    ],
)
def test_only_units_of_one_image_with_one_label_are_single_labels(groups, labels, expected):
    assert units(groups, labels).is_single_label is expected


def test_the_images_are_one_stratum_more_before_the_others():
    made = units(["a", "b", "b"], [None, "dog", "cat"]).with_images()

    assert made.names == ["", "cat", "dog"]
    assert labels_of(made) == {"a": {"": 1}, "b": {"": 2, "cat": 1, "dog": 1}}


def test_without_strata_the_units_keep_their_images():
    made = units(["a", "b", "b"], ["dog", "dog", "cat"]).without_strata()

    assert (labels_of(made), made.names, made.sizes.tolist()) == ({"a": {}, "b": {}}, [], [1, 2])


def test_a_shuffle_orders_units_by_keys_that_follow_from_the_seed():
    made = units([f"u{at:02}" for at in range(40)], ["a"] * 40)
    orders = [made.reshuffled(seed).order(shuffle=True).tolist() for seed in (1, 1, 2)]

    assert made.order(shuffle=False).tolist() == list(range(40))
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[2]) == list(range(40))


def test_the_keys_of_a_shuffle_are_those_of_split_mix_64():
    made = units(["u"], ["a"])
    # The first outputs of SplitMix64 for the seeds 0 and 1234567 (Vigna's reference implementation).
    zero = made.keys * 0

    assert [
        int(type(made)(made.ids, made.sizes, zero + state, [], *[zero] * 3).reshuffled(1).keys.view(np.uint64)[0])
        for state in (0, 1234567)
    ] == [0xE220A8397B1DCDAF, 6457827717110365317]


def test_the_most_common_part_of_a_unit_is_the_first_of_equal_ones():
    made = units(["a", "b", "c"], ["x"] * 3)
    ids, parts, n = ["a", "a", "b", "b"], ["test", "train", "train", "test"], [2, 2, 1, 5]

    found = made.most_common(
        pa.chunked_array([ids]), pa.chunked_array([parts]), pa.chunked_array([n]), ["train", "test"]
    )

    assert found.tolist() == [0, 1, -1]
