"""Groups around medoids."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from dataeval_spark.kernels.star_cover import star_groups


def groups(near, equal=()):
    edges = [*near, *equal]
    a, b = (pa.array([edge[end] for edge in edges], pa.string()) for end in (0, 1))
    ids, group_ids = star_groups(a, b, np.arange(len(edges)) >= len(near))
    return dict(zip(ids.to_pylist(), group_ids.to_pylist(), strict=True))


def test_a_chain_is_cut_where_its_ends_are_no_pair():
    chain = [("a", "b"), ("b", "c"), ("c", "d"), ("d", "e")]

    assert groups(chain) == {"a": "a", "b": "a", "c": "a", "d": "d", "e": "d"}


def test_the_one_with_most_pairs_is_the_medoid_and_the_group_bears_its_smallest_id():
    star = [("m", "a"), ("m", "b"), ("m", "c")]

    assert groups([*star, ("c", "z"), ("z", "zz")]) == {**dict.fromkeys("mabc", "a"), "z": "z", "zz": "z"}


def test_equal_ones_are_never_parted():
    assert groups([("b", "c"), ("c", "d")], equal=[("a", "b"), ("d", "e")]) == dict.fromkeys("abcde", "a")
    assert groups([], equal=[("a", "b"), ("b", "c")]) == dict.fromkeys("abc", "a")


def test_one_whose_pairs_were_all_taken_is_in_no_group():
    pairs = [("m", "a"), ("m", "b"), ("m", "c"), ("c", "lonely")]

    assert "lonely" not in groups(pairs)


def test_no_pairs_make_no_groups():
    assert groups([]) == {}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 15)), max_size=40))
def test_every_group_has_a_member_that_is_a_pair_of_all_the_others(edges):
    named = {tuple(sorted((f"{a:02}", f"{b:02}"))) for a, b in edges if a != b}
    found = groups(sorted(named))

    for group in set(found.values()):
        members = {id for id, of in found.items() if of == group}
        assert min(members) == group
        assert any(all(tuple(sorted((m, o))) in named for o in members - {m}) for m in members)
