"""Connected components."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataeval_spark.kernels.hashes.components import connected_components


def components(edges: list[tuple[str, str]]) -> dict[str, str]:
    ids, component_ids = connected_components(strings(a for a, _ in edges), strings(b for _, b in edges))
    return dict(zip(ids.to_pylist(), component_ids.to_pylist(), strict=True))


def strings(values):
    return pa.array(list(values), pa.string())


def test_a_chain_is_one_component_named_after_its_smallest_id():
    assert components([("d", "c"), ("b", "c"), ("x", "y")]) == {"b": "b", "c": "b", "d": "b", "x": "x", "y": "x"}


def test_an_edge_to_itself_is_a_component_of_one():
    assert components([("a", "a")]) == {"a": "a"}


def test_ids_are_sorted():
    ids, _ = connected_components(strings(["b", "a10", "a9"]), strings(["a10", "é", "Z"]))

    assert ids.to_pylist() == ["Z", "a10", "a9", "b", "é"]


def test_no_edges_give_no_components():
    assert components([]) == {}


def test_chunks_of_an_array_are_one_graph():
    chunked = pa.chunked_array([strings(["b"]), strings(["c", "x"])])

    ids, component_ids = connected_components(chunked, pa.chunked_array([strings(["a", "b", "x"])]))

    assert (ids.to_pylist(), component_ids.to_pylist()) == (["a", "b", "c", "x"], ["a", "a", "a", "x"])


def test_ends_without_a_partner_are_refused():
    with pytest.raises(ValueError, match="a has 1 ends and b has 2"):
        connected_components(strings(["a"]), strings(["b", "c"]))


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
