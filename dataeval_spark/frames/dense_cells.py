"""Counts and sums of all cells of up to three crossed factors, from one scan of the rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.batches import map_batches
from dataeval_spark.kernels.factors.dense_cells import CellSums, Crossing, cell_count, codes_of_cells, crossings
from dataeval_spark.session.bounded import bounded_arrow
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.contract import identifier

MAX_ORDER = 3
MAX_NUMBERS = 2**23
"""Counts and sums that a task holds, 64 MB: cells times (1 + 2 measures)."""
PART_DDL = "crossing int, counts binary, sums binary"
PART_SCHEMA = arrow_schema(PART_DDL)


def dense_cells(
    frame: DataFrame, factors: Mapping[str, int], measures: Mapping[str, float] | None = None, *, order: int = MAX_ORDER
) -> DataFrame:
    r"""Count the rows of every cell of up to ``order`` crossed factors, and add up measures in them.

    One scan: each task holds an array of all cells, and these are added. 20 factors of 10 values have 1,159,200 cells,
    28 MB with one measure; a task holds at most :math:`2^{23}` numbers, cells times (1 + 2 measures).

    Parameters
    ----------
    frame : DataFrame
        Rows, read once.
    factors : mapping of str to int
        Column with the codes of a factor to the number of its values: codes are 0 to that number less 1. A row whose
        code is null or outside them is in no cell of that factor.
    measures : mapping of str to float, optional
        Numeric column to a constant c that is taken off each value, near the mean where values are far from 0. A row
        with null, NaN or an infinity in a measure is in no cell.
    order : int
        Most factors that are crossed, 1 to 3.

    Returns
    -------
    DataFrame
        One row per cell with rows: ``factors`` (array of names, in the order of ``factors``), ``codes`` (array of int,
        of each of them), ``n``, and of each measure ``sum_NAME``, :math:`\sum (x - c)`, and ``squares_NAME``,
        :math:`\sum (x - c)^2`. Counts are exact; sums depend on the order of rows in their last bits.

    Raises
    ------
    OptionError
        The cells are too many, or ``order`` is out of range.

    Examples
    --------
    >>> cells = dense_cells(rows, {"weather": 4, "hour": 24}, {"error": 0.0}, order=2)
    >>> cells.where("n >= 30").orderBy(F.desc(F.col("sum_error") / F.col("n")))
    """
    measures = measures or {}
    names, sizes = tuple(factors), tuple(factors.values())
    every = crossings(len(sizes), order)
    of_measures = [f"{kind}_{name}" for name in measures for kind in ("sum", "squares")]
    numbers = ", ".join(f"{identifier(name)} double" for name in of_measures)
    ddl = ", ".join(["factors array<string>, codes array<int>, n bigint", *([numbers] if numbers else [])])
    schema = arrow_schema(ddl)

    def rows(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for part in batch.to_pylist():  # one per crossing
                yield _cells_of(every[part["crossing"]], part, names, sizes, schema)

    return map_batches(_summed(frame, factors, measures, order), rows, ddl)


def dense_cell_sums(
    frame: DataFrame, factors: Mapping[str, int], measures: Mapping[str, float] | None = None, *, order: int = MAX_ORDER
) -> CellSums:
    """The sums of `dense_cells` as arrays on the driver: one query, at most 64 MB.

    Parameters, and what is raised, are those of `dense_cells`.

    Examples
    --------
    >>> dense_cell_sums(rows, {"weather": 4, "hour": 24}, order=2).counts[0, 1].reshape(4, 24)
    """
    measures = measures or {}
    parts = bounded_arrow(_summed(frame, factors, measures, order), "one row per crossing")
    sums = CellSums.empty(tuple(factors.values()), order, len(measures))
    every = crossings(len(factors), order)
    for part in parts.to_pylist():  # one per crossing
        sums.counts[every[part["crossing"]]] += np.frombuffer(part["counts"], np.int64)
        sums.sums[every[part["crossing"]]] += np.frombuffer(part["sums"], np.float64).reshape(2 * len(measures), -1)
    return sums


def _summed(frame: DataFrame, factors: Mapping[str, int], measures: Mapping[str, float], order: int) -> DataFrame:
    """Counts and sums of each crossing, as bytes."""
    _check(factors, measures, order)
    sizes, constants = tuple(factors.values()), np.array(list(measures.values()))
    names, of_measures = list(factors), list(measures)
    every = crossings(len(sizes), order)

    def scan(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        sums = CellSums.empty(sizes, order, len(constants))
        for batch in batches:
            codes = np.column_stack([batch[name].fill_null(-1).to_numpy() for name in names])
            values = np.empty((batch.num_rows, len(of_measures)))
            for at, name in enumerate(of_measures):
                values[:, at] = batch[name].to_numpy(zero_copy_only=False) - constants[at]
            is_finite = np.isfinite(values).all(axis=1)
            sums.add(codes[is_finite], values[is_finite])
        records = [
            {"crossing": at, "counts": sums.counts[each].tobytes(), "sums": sums.sums[each].tobytes()}
            for at, each in enumerate(every)
        ]
        yield pa.RecordBatch.from_pylist(records, schema=PART_SCHEMA)

    def add(parts: pa.Table) -> pa.Table:
        counts = np.sum([np.frombuffer(each.as_py(), np.int64) for each in parts["counts"]], axis=0)  # one per task
        sums = np.sum([np.frombuffer(each.as_py(), np.float64) for each in parts["sums"]], axis=0)
        record = {"crossing": parts["crossing"][0].as_py(), "counts": counts.tobytes(), "sums": sums.tobytes()}
        return pa.Table.from_pylist([record], schema=PART_SCHEMA)

    columns = [F.col(identifier(name)).cast("bigint").alias(name) for name in names]
    columns += [F.col(identifier(name)).cast("double").alias(name) for name in of_measures]
    return map_batches(frame.select(*columns), scan, PART_DDL).groupBy("crossing").applyInArrow(add, PART_DDL)


def _check(factors: Mapping[str, int], measures: Mapping[str, float], order: int) -> None:
    if not 1 <= order <= MAX_ORDER:
        raise OptionError(f"order is {order}; expected 1 to {MAX_ORDER} crossed factors.\nHint: order = {MAX_ORDER}")
    cells = cell_count(list(factors.values()), order)
    numbers = cells * (1 + 2 * len(measures))
    if numbers > MAX_NUMBERS:
        largest = max(factors, key=lambda name: factors[name])
        raise OptionError(
            f"{len(factors)} factors crossed up to {order} at a time have {cells:,} cells, {numbers:,} numbers with "
            f"{len(measures)} measures; expected at most {MAX_NUMBERS:,}.\n"
            f"Hint: cross fewer at a time (order = {max(1, order - 1)}), or leave out {largest!r}, which has "
            f"{factors[largest]:,} values"
        )


def _cells_of(
    crossing: Crossing, part: Mapping[str, bytes], names: tuple[str, ...], sizes: tuple[int, ...], schema: pa.Schema
) -> pa.RecordBatch:
    counts = np.frombuffer(part["counts"], np.int64)
    sums = np.frombuffer(part["sums"], np.float64).reshape(-1, counts.size)
    filled = np.flatnonzero(counts)
    codes = codes_of_cells(crossing, sizes, filled).astype(np.int32)
    offsets = pa.array(np.arange(len(filled) + 1, dtype=np.int32) * len(crossing))
    of_cell = [names[at] for at in crossing] * len(filled)
    arrays = [
        pa.ListArray.from_arrays(offsets, pa.array(of_cell, pa.string())),
        pa.ListArray.from_arrays(offsets, pa.array(codes.ravel(), pa.int32())),
        pa.array(counts[filled]),
        *(pa.array(row[filled]) for row in sums),
    ]
    return pa.RecordBatch.from_arrays(
        [each.cast(field.type) for each, field in zip(arrays, schema, strict=True)], schema=schema
    )
