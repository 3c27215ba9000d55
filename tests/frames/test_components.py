"""Connected components through Spark; the algorithm itself is tested with the kernel."""

from __future__ import annotations

import pytest

from dataeval_spark.frames.components import connected_components

EDGES = "a string, b string"


@pytest.mark.parametrize("partitions", [1, 7])
def test_ids_tied_directly_or_through_others_share_the_smallest_id(frame, partitions):
    edges = [("d", "c"), ("b", "c"), ("a", "b"), ("y", "x"), ("x", "y"), ("é", "zz"), ("self", "self")]

    found = connected_components(frame(EDGES, edges).repartition(partitions))

    assert found.columns == ["id", "component"]
    assert sorted(map(tuple, found.collect())) == [
        ("a", "a"),
        ("b", "a"),
        ("c", "a"),
        ("d", "a"),
        ("self", "self"),
        ("x", "x"),
        ("y", "x"),
        ("zz", "zz"),
        ("é", "zz"),
    ]


def test_no_edges_have_no_components(frame):
    assert connected_components(frame(EDGES, [])).collect() == []


def test_as_many_edges_as_allowed_are_taken_and_one_more_names_the_option(frame):
    edges = frame(EDGES, [("a", "b"), ("c", "d"), ("e", "f")]).repartition(2)

    assert connected_components(edges, max_edges=3).count() == 6
    with pytest.raises(Exception, match=r"duplicates\.max_edges is 2 and there are more pairs"):
        connected_components(edges, max_edges=2).collect()
