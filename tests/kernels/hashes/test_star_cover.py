"""Groups around the best member."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from dataeval_spark.kernels.hashes.star_cover import star_groups


def groups(order, near=(), equal=(), copies=(), other_equal=()):
    """Group by image: edges of kind 1 that are near or equal, of kind 2 that are equal, and copies."""
    edges = [*near, *equal, *copies, *other_equal]
    kinds = [1] * len(near) + [1] * len(equal) + [0] * len(copies) + [2] * len(other_equal)
    a, b = (pa.array([edge[end] for edge in edges], pa.string()) for end in (0, 1))
    ids, group_ids = star_groups(
        pa.array(order, pa.string()), a, b, np.array(kinds, int), np.arange(len(edges)) >= len(near)
    )
    return dict(zip(ids.to_pylist(), group_ids.to_pylist(), strict=True))


def test_a_chain_is_cut_around_the_best_member():
    chain = [("a", "b"), ("b", "c"), ("c", "d"), ("d", "e")]

    assert groups("bacde", chain) == {"a": "a", "b": "a", "c": "a", "d": "d", "e": "d"}
    assert groups("abcde", chain) == {"a": "a", "b": "a", "c": "c", "d": "c"}


def test_a_hash_that_is_near_another_ties_all_images_of_both():
    # The smallest of each class stand for it: a for a, b and y, z.
    assert groups("zyba", [("a", "y")], equal=[("a", "b"), ("y", "z")]) == dict.fromkeys("abyz", "a")


def test_images_equal_in_different_kinds_are_no_pair():
    assert groups("abc", equal=[("a", "b")], other_equal=[("b", "c")]) == {"a": "a", "b": "a"}
    assert groups("bac", equal=[("a", "b")], other_equal=[("b", "c")]) == dict.fromkeys("abc", "a")


def test_copies_are_never_parted():
    assert groups("bcdae", [("b", "c"), ("c", "d")], copies=[("a", "b"), ("d", "e")]) == dict.fromkeys("abc", "a") | {
        "d": "d",
        "e": "d",
    }
    assert groups("abc", copies=[("a", "b"), ("b", "c")]) == dict.fromkeys("abc", "a")


def test_one_whose_pairs_were_all_taken_is_in_no_group():
    pairs = [("m", "a"), ("m", "b"), ("m", "c"), ("c", "lonely")]

    assert "lonely" not in groups(["m", "a", "b", "c", "lonely"], pairs)


def test_no_pairs_make_no_groups():
    assert groups([]) == {}


NODES = st.integers(0, 11)
EDGE = st.tuples(NODES, NODES, st.integers(0, 2), st.booleans())


@settings(max_examples=60, deadline=None)
@given(st.lists(EDGE, max_size=30), st.randoms(use_true_random=False))
def test_the_best_of_a_group_is_a_pair_of_every_other_member(edges, random):
    edges = [(f"{a:02}", f"{b:02}", kind, equal or kind == 0) for a, b, kind, equal in edges if a != b]
    names = sorted({name for a, b, _, _ in edges for name in (a, b)})
    order = random.sample(names, len(names))
    a, b = (pa.array([edge[end] for edge in edges], pa.string()) for end in (0, 1))
    kinds, is_equal = np.array([e[2] for e in edges], int), np.array([e[3] for e in edges], bool)

    ids, group_ids = star_groups(pa.array(order, pa.string()), a, b, kinds, is_equal)
    found = dict(zip(ids.to_pylist(), group_ids.to_pylist(), strict=True))

    def merged(pairs, of):
        for one, other in pairs:
            both = of[one] | of[other]
            of |= dict.fromkeys(both, both)
        return of

    copies = merged([e[:2] for e in edges if e[2] == 0], {name: frozenset([name]) for name in names})
    pairs_of = {name: set(copies[name]) for name in names}
    for kind in (1, 2):
        of_kind = [(copies[e[0]], copies[e[1]], e[3]) for e in edges if e[2] == kind]
        alike = merged([e[:2] for e in of_kind if e[2]], {c: frozenset([c]) for e in of_kind for c in e[:2]})
        for one, other, equal in of_kind:
            near = [(alike[one], alike[other])] if not equal else [(alike[one], alike[one])]
            for left, right in near:
                for x in (m for c in left for m in c):
                    for y in (m for c in right for m in c):
                        pairs_of[x].add(y)
                        pairs_of[y].add(x)
                for side in (left, right):
                    side_members = {m for c in side for m in c}
                    for m in side_members:
                        pairs_of[m] |= side_members
    for group in set(found.values()):
        members = [name for name in order if found.get(name) == group]
        assert min(members) == group
        assert set(members) <= pairs_of[members[0]]
        assert all(copies[m] <= set(members) for m in members)
    # Nobody is left alone who is a pair of a kept one that stands before it.
    kept = {next(n for n in order if found.get(n) == group) for group in set(found.values())}
    assert all(not (pairs_of[name] - {name}) & kept for name in names if name not in found)
