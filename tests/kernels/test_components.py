"""Connected components."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataeval_spark.kernels.components import connected_components


def components(edges: list[tuple[str, str]]) -> dict[str, str]:
    ids, component_ids = connected_components([a for a, _ in edges], [b for _, b in edges])
    return dict(zip(ids.tolist(), component_ids.tolist(), strict=True))


def test_a_chain_is_one_component_named_after_its_smallest_id():
    assert components([("d", "c"), ("b", "c"), ("x", "y")]) == {"b": "b", "c": "b", "d": "b", "x": "x", "y": "x"}


def test_an_edge_to_itself_is_a_component_of_one():
    assert components([("a", "a")]) == {"a": "a"}


def test_ids_are_sorted():
    ids, _ = connected_components(np.array(["b", "a10", "a9"]), np.array(["a10", "é", "Z"]))

    assert ids.tolist() == ["Z", "a10", "a9", "b", "é"]


def test_no_edges_give_no_components():
    assert components([]) == {}


def test_object_arrays_are_accepted():
    ids, component_ids = connected_components(np.array(["b"], dtype=object), np.array(["a"], dtype=object))

    assert (ids.tolist(), component_ids.tolist()) == (["a", "b"], ["a", "a"])


def test_ends_without_a_partner_are_refused():
    with pytest.raises(ValueError, match="a has 1 ends and b has 2"):
        connected_components(["a"], ["b", "c"])


@given(edges=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=20))
def test_components_do_not_depend_on_the_order_of_edges_and_ends(edges):
    named = [(f"{a:02}", f"{b:02}") for a, b in edges]
    turned = [(b, a) for a, b in reversed(named)]

    assert components(named) == components(turned)


@given(edges=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=20))
def test_components_equal_those_of_repeated_merging(edges):
    smallest = {id: id for edge in edges for id in edge}
    for _ in smallest:
        for a, b in edges:
            smallest[a] = smallest[b] = min(smallest[a], smallest[b])

    assert components([(f"{a:02}", f"{b:02}") for a, b in edges]) == {f"{a:02}": f"{b:02}" for a, b in smallest.items()}
