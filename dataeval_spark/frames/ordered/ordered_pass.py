"""The ordered bucket pass: statistics of values in order, without one task that sorts a whole group.

The rows are read two or three times. (1) A sample of the distinct values of each group, by their hashes, gives the
bounds of its buckets, the same for any partitioning; a group of fewer than some 260,000 is one bucket. (2) Where there
are larger ones, the weight of each of their buckets is summed; the driver adds up what is before each. (3) Each bucket
is sorted on its own, and its numbers are merged for the group. This is the scheme of Spark MLlib's
``BinaryClassificationMetrics``, on DataFrames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import BooleanType

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.batches import map_batches
from dataeval_spark.kernels.ordered.bucket import Floats, Statistic
from dataeval_spark.kernels.ordered.chunks import Key, Layout, packed, slices, tables_of, unpacked
from dataeval_spark.kernels.ordered.distinct_sample import DistinctSample
from dataeval_spark.kernels.ordered.exact_totals import ExactTotal, added, read_totals
from dataeval_spark.kernels.ordered.parts import (
    Draws,
    Surroundings,
    large_parts,
    measured,
    merged,
    ranks_of,
    surroundings_of,
    totals_of,
)
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.contract import identifier

BUCKET = 2**18
MAX_GROUPS = 10_000
KEY_TYPES = ("string", "boolean", "tinyint", "smallint", "int", "bigint", "date")
"""Types whose values are equal in the tasks and on the driver."""
MAX_NUMBERS = 4_000_000
"""Sums that come to the driver: buckets of large groups, times weight columns, times replicates."""
HELD_VALUES = 2**20
CHUNK_DDL = "_bucket int, _side int, _values binary, _counts binary, _weights binary, _units binary"
Bounds = Mapping[tuple[Key, str], Floats]


@dataclass(frozen=True)
class _Pass:
    """One pass: its rows, with only the columns of the layout, and what is asked of them."""

    frame: DataFrame
    layout: Layout
    keys: str
    statistics: tuple[Statistic, ...]
    draws: Draws

    @property
    def groups(self) -> tuple[str, ...]:
        return (*self.layout.by, "value_name")


def ordered_statistics(
    frame: DataFrame,
    by: Sequence[str],
    values: Sequence[str],
    weights: Sequence[str],
    statistics: Sequence[Statistic],
    *,
    unit: str | None = None,
    replicates: int = 0,
    seed: int = 0,
) -> DataFrame:
    """Compute statistics of the values of each group in their order.

    One or two small jobs run at once, however many groups there are. The driver holds one row per group and value
    column, and the weights of the buckets of large groups: at most 4,000,000 numbers.

    Parameters
    ----------
    frame : DataFrame
        Rows; computed two or three times, so store them first where that is expensive.
    by : sequence of str
        Grouping columns: texts, whole numbers, booleans or dates; nulls are a group.
    values : sequence of str
        Numeric columns, each of which is a group of its own. Null and NaN are left out, -0.0 is 0.0, and infinities are
        values like others.
    weights : sequence of str
        Columns with the weight of a row, 0 or more and finite: booleans (rows of two samples, say), whole numbers or
        doubles; null is 0. Their sums are exact but for rounding, for any partitions and order of the rows.
    statistics : sequence of Statistic
        What to compute: see :mod:`~dataeval_spark.kernels.ordered.two_samples` and
        :mod:`~dataeval_spark.kernels.ordered.scores`.
    unit : str, optional
        Column with the hash (bigint) of what is drawn in a bootstrap: the image, or its group of duplicates.
    replicates : int
        Bootstrap replicates, in each of which the weights are multiplied by a Poisson variate of the unit.
    seed : int
        Seed of the replicates.

    Returns
    -------
    DataFrame
        ``by``, ``value_name``; with ``replicates`` ``replicate`` (0 is the data); the results of the statistics, null
        where they are not defined. A group has no row if no value in it has a weight.

    Raises
    ------
    OptionError
        There are more than 10,000 groups, or more sums than the driver holds, or a grouping column has another type.

    References
    ----------
    Apache Spark's ``mllib/evaluation/BinaryClassificationMetrics.scala``.

    Examples
    --------
    >>> rows = frame.withColumns({"negative": ~F.col("label"), "positive": F.col("label")})
    >>> ordered_statistics(rows, ["model"], ["score"], ["negative", "positive"], [MANN_WHITNEY, AVERAGE_PRECISION])
    """
    made = _pass_of(frame, by, values, weights, statistics, unit, Draws(replicates, seed))
    bounds = _bounds(made)
    results = {name: type_ for each in made.statistics for name, type_ in each.columns.items()}
    ddl = ", ".join([f"{made.keys}, replicate int", *(f"{name} {type_}" for name, type_ in results.items())])
    if not bounds:
        rows = _in_buckets(made, bounds, _of_whole_groups(made, arrow_schema(ddl)), ddl)
    else:
        part_ddl = f"{made.keys}, _bucket int, replicate int, _parts array<array<double>>"
        surroundings = _surroundings(made, bounds)
        parts = _in_buckets(made, bounds, _of_buckets(made, surroundings, arrow_schema(part_ddl)), part_ddl)
        merge = _merging(made, arrow_schema(ddl))
        rows = parts.groupBy(*map(_quoted, (*made.groups, "replicate"))).applyInArrow(merge, ddl)
    names = [*made.groups, *(["replicate"] if replicates else []), *results]
    return rows.select(*map(_quoted, names))


def value_ranks(frame: DataFrame, by: Sequence[str], values: Sequence[str], weights: Sequence[str] = ()) -> DataFrame:
    """Rank of each distinct value of each group, as of a sort of the whole group.

    Parameters, and what is raised, are those of `ordered_statistics`; without weights each row counts as one.

    Returns
    -------
    DataFrame
        ``by``, ``value_name``, ``value``, ``n`` (weight of the rows with the value), ``below`` (weight of the rows with
        smaller ones) and ``rank``, the mean of the ranks from 1: ``scipy.stats.rankdata`` where weights are counts.

    Examples
    --------
    >>> value_ranks(predictions, ["model"], ["score"]).orderBy("model", "value").show()
    """
    made = _pass_of(frame, by, values, weights, (), None, Draws())
    bounds = _bounds(made)
    surroundings = _surroundings(made, bounds) if bounds else {}
    layout = made.layout
    ddl = f"{made.keys}, value double, n double, below double, rank double"
    schema = arrow_schema(ddl)

    def run(chunks: pa.Table) -> pa.Table:
        key = {name: chunks[name][0].as_py() for name in (*layout.by, "value_name", "_bucket")}
        around = surroundings.get((tuple(key[name] for name in layout.by), key["value_name"], key.pop("_bucket")))
        ranks = ranks_of(unpacked(chunks, layout), 0.0 if around is None else float(around.before[0].sum()))
        keys = [pa.array([value] * ranks.shape[1], schema.field(name).type) for name, value in key.items()]
        return pa.Table.from_arrays([*keys, *map(pa.array, ranks)], schema=schema)

    return _in_buckets(made, bounds, run, ddl)


def _quoted(name: str) -> Column:
    return F.col(identifier(name))


def _pass_of(
    frame: DataFrame,
    by: Sequence[str],
    values: Sequence[str],
    weights: Sequence[str],
    statistics: Sequence[Statistic],
    unit: str | None,
    draws: Draws,
) -> _Pass:
    types = {field.name: field.dataType for field in frame.select(*map(_quoted, (*by, *weights))).schema.fields}
    for name in by:
        if types[name].simpleString() not in KEY_TYPES:
            raise OptionError(
                f"Groups are of {name}, a {types[name].simpleString()}; expected one of {', '.join(KEY_TYPES)}.\n"
                f"Hint: cast {name} to string"
            )
    is_by_side = (
        unit is None and 0 < len(weights) <= 6 and all(isinstance(types[each], BooleanType) for each in weights)
    )
    columns = {name: _quoted(name) for name in (*by, *weights)}
    # A column may be a value and a weight, too.
    columns |= {name: _quoted(name).cast("double").alias(name) for name in (*values, *(() if is_by_side else weights))}
    columns |= {} if unit is None else {unit: _quoted(unit).cast("bigint").alias(unit)}
    keys = ", ".join([*(f"{identifier(name)} {types[name].simpleString()}" for name in by), "value_name string"])
    layout = Layout(tuple(by), tuple(values), tuple(weights), is_by_side, unit)
    return _Pass(frame.select(*columns.values()), layout, keys, tuple(statistics), draws)


def _bounds(made: _Pass) -> dict[tuple[Key, str], Floats]:
    """Bounds of the buckets of each large group."""
    layout, bucket_size = made.layout, BUCKET
    ddl = f"{made.keys}, _rows bigint, _values binary, _counts binary"
    sampled = map_batches(made.frame, _sampling(layout, arrow_schema(ddl)), ddl)
    bounds_ddl = f"{made.keys}, _bounds array<double>"
    schema = arrow_schema(bounds_ddl)

    def bounded_groups(samples: pa.Table) -> pa.Table:
        whole = _sample(samples, 0)
        for at in range(1, samples.num_rows):  # one per task
            whole = whole.merged(_sample(samples, at))
        bounds = whole.bounds(bucket_size, by_rows=not layout.is_by_side)
        key = {name: samples[name][0].as_py() for name in (*layout.by, "value_name")}
        return pa.Table.from_pylist([{**key, "_bounds": bounds.tolist()}], schema=schema)

    groups = sampled.groupBy(*map(_quoted, made.groups)).applyInArrow(bounded_groups, bounds_ddl)
    rows = bounded(groups.limit(MAX_GROUPS + 1), "one row per group and value column")
    if len(rows) > MAX_GROUPS:
        raise OptionError(
            f"Values are ordered in more than {MAX_GROUPS:,} groups by {', '.join(made.groups)}; expected at most that "
            "many.\nHint: group by fewer columns, or by such with fewer values"
        )
    large = {
        (tuple(row[: len(layout.by)]), row["value_name"]): np.array(row["_bounds"]) for row in rows if row["_bounds"]
    }
    numbers = sum(map(len, large.values())) * max(1, len(layout.weights)) * (1 + made.draws.replicates)
    if numbers > MAX_NUMBERS:
        raise OptionError(
            f"The buckets of {len(large):,} groups with {made.draws.replicates:,} replicates have {numbers:,} "
            f"sums; expected at most {MAX_NUMBERS:,}.\nHint: ask for fewer replicates"
        )
    return large


def _sampling(layout: Layout, schema: pa.Schema):  # type: ignore[no-untyped-def]
    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        samples: dict[tuple[Key, str], DistinctSample] = {}
        for table in tables_of(batches, len(layout.values)):
            for rows in slices(table, layout):
                known = samples.get((rows.key, rows.name))
                sample = DistinctSample.of if known is None else known.extended
                samples[rows.key, rows.name] = sample(rows.values, rows.counts)
            if sum(each.values.size for each in samples.values()) > HELD_VALUES:
                yield written(samples)
                samples = {}
        yield written(samples)

    def written(samples: Mapping[tuple[Key, str], DistinctSample]) -> pa.RecordBatch:
        records = [
            {
                **dict(zip(layout.by, key, strict=True)),
                "value_name": name,
                "_rows": each.rows,
                "_values": each.values.tobytes(),
                "_counts": each.counts.tobytes(),
            }
            for (key, name), each in samples.items()
        ]
        return pa.RecordBatch.from_pylist(records, schema=schema)

    return run


def _sample(samples: pa.Table, at: int) -> DistinctSample:
    values, counts = (np.frombuffer(samples[name][at].as_py(), np.float64) for name in ("_values", "_counts"))
    return DistinctSample(values, counts, samples["_rows"][at].as_py())


def _in_buckets(made: _Pass, bounds: Bounds, kernel: Callable[[pa.Table], pa.Table], ddl: str) -> DataFrame:
    """Apply a kernel to the chunks of each bucket.

    Not ``applyInArrow``, for which engines sort the rows of a task with all their bytes.
    """
    names = (*made.groups, "_bucket")

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        buckets: dict[Key, list[pa.RecordBatch]] = {}
        for batch in batches:
            keys = zip(*(batch[name].to_pylist() for name in names), strict=True)
            for row, key in enumerate(keys):  # one per chunk
                buckets.setdefault(key, []).append(batch.slice(row, 1))
        while buckets:
            yield from kernel(pa.Table.from_batches(buckets.popitem()[1])).to_batches()

    return map_batches(_chunks(made, bounds).repartition(*map(_quoted, names)), run, ddl)


def _chunks(made: _Pass, bounds: Bounds) -> DataFrame:
    layout, ddl = made.layout, f"{made.keys}, {CHUNK_DDL}"
    schema = arrow_schema(ddl)

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for table in tables_of(batches, len(layout.values)):
            yield packed(table, layout, bounds, schema)

    return map_batches(made.frame, run, ddl)


def _surroundings(made: _Pass, bounds: Bounds) -> dict[tuple[Key, str, int], Surroundings]:
    """What is before each bucket of the large groups, and after it."""
    layout, draws = made.layout, made.draws
    ddl = f"{made.keys}, _bucket int, _first double, _totals array<string>"
    schema = arrow_schema(ddl)

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        sums: dict[tuple[Key, str, int], tuple[float, list[ExactTotal]]] = {}
        for table in tables_of(batches, len(layout.values)):
            for key, part in large_parts(table, layout, bounds):
                first, totals = float(part.values[0]), totals_of(part, layout, draws)
                known = sums.get(key)
                sums[key] = (first, totals) if known is None else (min(first, known[0]), added(known[1], totals))
        records = [
            {
                **dict(zip(layout.by, key, strict=True)),
                "value_name": name,
                "_bucket": bucket,
                "_first": first,
                "_totals": [each.written() for each in totals],
            }
            for (key, name, bucket), (first, totals) in sums.items()
        ]
        yield pa.RecordBatch.from_pylist(records, schema=schema)

    def add(parts: pa.Table) -> pa.Table:
        totals = reduce(added, map(read_totals, parts["_totals"].to_pylist()))  # one per task
        key = {name: parts[name][0].as_py() for name in (*layout.by, "value_name", "_bucket")}
        record = {**key, "_first": min(parts["_first"].to_pylist()), "_totals": [each.written() for each in totals]}
        return pa.Table.from_pylist([record], schema=schema)

    summed = map_batches(made.frame, run, ddl).groupBy(*map(_quoted, (*made.groups, "_bucket"))).applyInArrow(add, ddl)
    rows = bounded(summed, "one row per bucket of a large group", at_most=MAX_NUMBERS)
    return surroundings_of(
        {
            (tuple(row[: len(layout.by)]), row["value_name"], row["_bucket"]): (
                row["_first"],
                read_totals(row["_totals"]),
            )
            for row in rows
        },
        1 + draws.replicates,
    )


def _of_whole_groups(made: _Pass, schema: pa.Schema):  # type: ignore[no-untyped-def]
    layout, statistics, draws = made.layout, made.statistics, made.draws

    def run(chunks: pa.Table) -> pa.Table:
        key = {name: chunks[name][0].as_py() for name in (*layout.by, "value_name")}
        parts = measured(unpacked(chunks, layout), statistics, draws, None)
        records = [{**key, "replicate": at, **merged([part], statistics)} for at, part in enumerate(parts)]
        return pa.Table.from_pylist(records, schema=schema)

    return run


def _of_buckets(made: _Pass, surroundings: Mapping[tuple[Key, str, int], Surroundings], schema: pa.Schema):  # type: ignore[no-untyped-def]
    layout, statistics, draws = made.layout, made.statistics, made.draws

    def run(chunks: pa.Table) -> pa.Table:
        key = {name: chunks[name][0].as_py() for name in (*layout.by, "value_name", "_bucket")}
        around = surroundings.get((tuple(key[name] for name in layout.by), key["value_name"], key["_bucket"]))
        parts = measured(unpacked(chunks, layout), statistics, draws, around)
        return pa.Table.from_pylist(
            [{**key, "replicate": at, "_parts": p} for at, p in enumerate(parts)], schema=schema
        )

    return run


def _merging(made: _Pass, schema: pa.Schema):  # type: ignore[no-untyped-def]
    layout, statistics = made.layout, made.statistics

    def run(parts: pa.Table) -> pa.Table:
        key = {name: parts[name][0].as_py() for name in (*layout.by, "value_name", "replicate")}
        in_order = parts.sort_by("_bucket")["_parts"].to_pylist()  # one per bucket
        return pa.Table.from_pylist([{**key, **merged(in_order, statistics)}], schema=schema)

    return run
