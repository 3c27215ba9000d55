"""Connected components of pairs: in one task, or by alternating stars on a frame that no task could hold.

Kiveris, Lattanzi, Mirrokni, Rastogi, Vassilvitskii 2014, "Connected Components in MapReduce and Beyond": a large star
ties each node's larger neighbours to its smallest one, a small star ties the node and its smaller neighbours to the
smallest of them. Alternating, O(log^2 nodes) rounds leave a star around the smallest id of each component. Where we
deviate: before the first round and after each operation, every partition replaces its own edges by stars around the
smallest ids of their components (a filter as in Lattanzi, Moseley, Suri, Vassilvitskii 2011), which leaves the
components as they are, fewer edges than nodes per partition, and fewer rounds. The rounds end when the edges are stars,
which is checked, not when nothing changes, which would cost a round more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError, StepFailedError
from dataeval_spark.frames.batches import map_batches
from dataeval_spark.kernels.hashes.components import connected_components as components_of
from dataeval_spark.session.bounded import one_row

ONE_TASK_EDGES = 20_000_000
# About 100 MB; a partition with more edges is contracted a part at a time.
EDGES_AT_ONCE = 2_000_000
MOST_ROUNDS = 100

Checkpoint = Callable[[DataFrame], DataFrame]


def connected_components(
    edges: DataFrame, *, one_task_edges: int = ONE_TASK_EDGES, checkpoint: Checkpoint | None = None
) -> DataFrame:
    """Group ids that are tied together, directly or through others.

    Up to ``one_task_edges`` edges one task holds them all (about 100 bytes each), which is the fastest way. Above,
    the alternating stars of the module's description; both give the same result.

    Parameters
    ----------
    edges : DataFrame
        Columns ``a`` and ``b``, strings.
    one_task_edges : int
        Most edges in one task.
    checkpoint : callable, optional
        Function that stores a frame in files and reads it back: it cuts the plan, and the edges are counted without
        computing them again. Without it only the one-task path is possible.

    Returns
    -------
    DataFrame
        ``id`` and ``component``, the smallest id of the component; one row per id.

    Raises
    ------
    OptionError
        There are more edges than one task may hold and no ``checkpoint``; raised when the result is computed, inside
        the task's error.
    StepFailedError
        The rounds do not end, or a round lost or invented ids.

    Examples
    --------
    >>> pairs = spark.createDataFrame([("a", "b"), ("b", "c"), ("d", "e")], "a string, b string")
    >>> connected_components(pairs).orderBy("id").show()
    +---+---------+
    | id|component|
    +---+---------+
    |  a|        a|
    |  b|        a|
    |  c|        a|
    |  d|        d|
    |  e|        d|
    +---+---------+
    """
    if checkpoint is None:
        return _in_one_task(edges.select("a", "b"), one_task_edges)
    stored = checkpoint(edges.select("a", "b"))
    if stored.count() <= one_task_edges:
        return _in_one_task(stored, one_task_edges)
    alone = stored.where("a = b").select(F.col("a").alias("id")).distinct()
    stars = checkpoint(_contracted(stored))
    if stars.count() > one_task_edges:
        stars = alternating_stars(stars, checkpoint)
        nodes = stars.select(F.col("a").alias("id"), F.col("b").alias("component"))
        roots = stars.select(F.col("b").alias("id"), F.col("b").alias("component")).distinct()
        tied = nodes.unionAll(roots)
    else:
        tied = _in_one_task(stars, one_task_edges)
    # An id that occurs only in edges to itself; the others of them have a component already.
    lone = alone.join(tied.select("id"), on="id", how="left_anti").select("id", F.col("id").alias("component"))
    return tied.unionAll(lone)


def alternating_stars(edges: DataFrame, checkpoint: Checkpoint) -> DataFrame:
    """Turn edges into stars: each id ``a`` that is not the smallest of its component has one edge, to that ``b``.

    Parameters
    ----------
    edges : DataFrame
        Columns ``a`` and ``b``, different strings.
    checkpoint : callable
        Function that stores a frame in files and reads it back; called twice a round.

    Raises
    ------
    StepFailedError
        A round lost or invented ids, or there were more than 100 rounds.
    """
    current, (ids, is_stars) = edges, _ids_and_shape(edges)
    for number in range(MOST_ROUNDS):
        if is_stars:
            return current
        larger = checkpoint(_contracted(large_star(current)))
        current = checkpoint(_contracted(small_star(larger)))
        before, (ids, is_stars) = ids, _ids_and_shape(current)
        if ids != before:
            raise StepFailedError(
                f"Round {number + 1} of the connected components turned {before:,} ids into {ids:,}.\n"
                "Hint: the stored edges were changed or lost while they were used; run again"
            )
    raise StepFailedError(
        f"The connected components of {ids:,} ids were not found in {MOST_ROUNDS} rounds.\n"
        "Hint: run again; if it happens twice, report it as a bug"
    )


def large_star(edges: DataFrame) -> DataFrame:
    """Tie each larger neighbour of a node to the smallest of the node and its neighbours."""
    both = edges.select("a", "b").unionAll(edges.select(F.col("b").alias("a"), F.col("a").alias("b")))
    smallest = both.groupBy("a").agg(F.min("b").alias("least"))
    # One row per node on the right.
    return (
        both.where("b > a")
        .join(smallest, on="a", how="inner")
        .select(F.col("b").alias("a"), F.least("a", "least").alias("b"))
    )


def small_star(edges: DataFrame) -> DataFrame:
    """Tie a node and its smaller neighbours to the smallest of these."""
    down = edges.select(F.greatest("a", "b").alias("a"), F.least("a", "b").alias("b"))
    smallest = down.groupBy("a").agg(F.min("b").alias("least"))
    # One row per node on the right.
    tied = down.join(smallest, on="a", how="inner").where("b != least").select(F.col("b").alias("a"), "least")
    return tied.unionAll(smallest).select("a", F.col("least").alias("b")).distinct()


def _ids_and_shape(edges: DataFrame) -> tuple[int, bool]:
    """Number of ids, and whether the edges are stars: no id has several edges up, or edges up and down."""
    ups = edges.select(F.col("a").alias("id"), F.lit(1).alias("up"), F.lit(0).alias("down"))
    downs = edges.select(F.col("b").alias("id"), F.lit(0).alias("up"), F.lit(1).alias("down"))
    ends = ups.unionAll(downs).groupBy("id").agg(F.sum("up").alias("ups"), F.max("down").alias("down"))
    is_odd = (F.col("ups") > 1) | ((F.col("ups") > 0) & (F.col("down") > 0))
    ids, odd = one_row(ends, F.count("*"), F.count_if(is_odd))
    return ids, odd == 0


def _contracted(edges: DataFrame) -> DataFrame:
    """The edges of each partition as stars around the smallest ids; ids tied to nothing but themselves disappear."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for table in _tables(batches, EDGES_AT_ONCE):
            stars = pa.table(components_of(table["a"], table["b"]), names=["a", "b"])
            yield from stars.filter(pc.not_equal(stars["a"], stars["b"])).to_batches()

    return map_batches(edges.select("a", "b"), run, "a string, b string")


def _tables(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Tables of ``rows`` rows or more each, but for the last."""
    pending: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        pending.append(batch)
        count += batch.num_rows
        if count >= rows:
            yield pa.Table.from_batches(pending)
            pending, count = [], 0
    if pending:
        yield pa.Table.from_batches(pending)


def _in_one_task(edges: DataFrame, most: int) -> DataFrame:
    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for table in _tables(batches, most + 1):
            if len(table) > most:
                raise OptionError(
                    f"There are more than {most:,} pairs, the most that one task may group.\n"
                    "Hint: raise one_task_edges (about 100 bytes of memory per pair), or give a checkpoint"
                )
            ids, components = components_of(table["a"], table["b"])
            yield pa.RecordBatch.from_arrays([ids, components], names=["id", "component"])

    return map_batches(edges.coalesce(1), run, "id string, component string")
