"""Connected components through Spark: in one task and by alternating stars, which must agree."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataeval_spark.errors import StepFailedError
from dataeval_spark.frames.components import alternating_stars, connected_components, large_star, small_star
from dataeval_spark.kernels.hashes.components import connected_components as components_of

EDGES = "a string, b string"


@pytest.fixture
def checkpoint(spark, tmp_path):
    numbers = itertools.count()

    def store(frame):
        path = str(tmp_path / str(next(numbers)))
        frame.write.parquet(path)
        return spark.read.schema(EDGES).parquet(path)

    return store


def found(frame):
    rows = [tuple(row) for row in frame.collect()]
    assert len({id for id, _ in rows}) == len(rows), "an id came twice"
    return dict(rows)


def expected(edges):
    ids, components = components_of(*(pa.array([edge[end] for edge in edges], pa.string()) for end in (0, 1)))
    return dict(zip(ids.to_pylist(), components.to_pylist(), strict=True))


@pytest.mark.parametrize("partitions", [1, 7])
def test_ids_tied_directly_or_through_others_share_the_smallest_id(frame, partitions):
    edges = [("d", "c"), ("b", "c"), ("a", "b"), ("y", "x"), ("x", "y"), ("é", "zz"), ("self", "self")]

    components = connected_components(frame(EDGES, edges).repartition(partitions))

    assert components.columns == ["id", "component"]
    assert found(components) == {
        **dict.fromkeys("abcd", "a"),
        **dict.fromkeys("xy", "x"),
        **dict.fromkeys(("zz", "é"), "zz"),
        "self": "self",
    }


def named(number):
    return f"{number:03}"


def shuffled(pairs, seed):
    random = np.random.default_rng(seed)
    turned = [(b, a) if random.random() < 0.5 else (a, b) for a, b in pairs]
    return [turned[i] for i in random.permutation(len(turned))]


chains = st.integers(2, 40).map(lambda n: [(named(i), named(i + 1)) for i in range(n)])
hubs = st.integers(2, 40).map(lambda n: [(named(n // 2), named(i)) for i in range(n)])
random_graphs = st.lists(
    st.tuples(st.integers(0, 60).map(named), st.integers(0, 60).map(named)), min_size=1, max_size=60
)


@settings(max_examples=3, deadline=None)
@given(graph=st.one_of(chains, hubs, random_graphs), partitions=st.sampled_from([1, 2, 7, 64]), seed=st.integers(0, 9))
def test_stars_give_the_components_of_one_task(frame, spark, tmp_path_factory, graph, partitions, seed):
    place, numbers = tmp_path_factory.mktemp("stars"), itertools.count()

    def checkpoint(rows):
        path = str(place / str(next(numbers)))
        rows.write.parquet(path)
        return spark.read.schema(EDGES).parquet(path)

    edges = frame(EDGES, shuffled(graph, seed)).repartition(partitions)

    assert found(connected_components(edges, one_task_edges=1, checkpoint=checkpoint)) == expected(graph)


def test_stars_hold_where_no_partition_sees_more_than_an_edge(frame, checkpoint):
    chain = [(named(i), named(i + 1)) for i in range(12)]

    stars = alternating_stars(frame(EDGES, chain).repartition(12), checkpoint)

    assert found(stars) == {named(i): "000" for i in range(1, 13)}


def test_a_large_star_ties_larger_neighbours_to_the_smallest(frame):
    edges = frame(EDGES, [("b", "a"), ("b", "c"), ("d", "b")])

    assert sorted(map(tuple, large_star(edges).collect())) == [("b", "a"), ("c", "a"), ("d", "a")]


def test_a_small_star_ties_smaller_neighbours_and_the_node_to_the_smallest(frame):
    edges = frame(EDGES, [("d", "b"), ("d", "a"), ("c", "d")])

    assert sorted(map(tuple, small_star(edges).collect())) == [("b", "a"), ("c", "a"), ("d", "a")]


def test_an_id_lost_between_rounds_is_noticed(frame):
    chain = frame(EDGES, [(named(i), named(i + 1)) for i in range(6)]).repartition(3)

    with pytest.raises(StepFailedError, match="Round 1 of the connected components turned 7 ids into"):
        alternating_stars(chain, lambda rows: rows.where("a != '006'"))


def test_few_edges_are_grouped_in_one_task_from_what_was_stored(frame, checkpoint):
    edges = frame(EDGES, [("a", "b"), ("c", "b")])

    assert found(connected_components(edges, checkpoint=checkpoint)) == dict.fromkeys("abc", "a")


def test_no_edges_have_no_components(frame):
    assert connected_components(frame(EDGES, [])).collect() == []


def test_more_edges_than_one_task_may_hold_need_a_checkpoint(frame):
    edges = frame(EDGES, [("a", "b"), ("c", "d"), ("e", "f")]).repartition(2)

    assert connected_components(edges, one_task_edges=3).count() == 6
    with pytest.raises(Exception, match="There are more than 2 pairs, the most that one task may group"):
        connected_components(edges, one_task_edges=2).collect()
