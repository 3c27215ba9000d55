"""Counts of the codes of two factors together, for all pairs of factors in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import combinations_with_replacement

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.factors.factor_codes import from_maps
from dataeval_spark.kernels.factors.independence import table_effect
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.bias import CONTINGENCY

LABEL = "class_name"
ROWS_AT_ONCE = 262_144
_DENSE_CELLS_PER_ROW = 4
_SMALL_TABLE = 65_536
PAIRS_DDL = CONTINGENCY.ddl_without("design_effect")
SCHEMA = arrow_schema(PAIRS_DDL)
LABEL_COUNTS_DDL = "factor string, value string, class_name string, n bigint"

Codes = NDArray[np.int64]


def pair_counts(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Partial counts of value pairs, for every pair of factors once and each factor with itself.

    Parameters
    ----------
    batches : iterator of RecordBatch
        ``class_name`` and ``bins``, a map from factor to code. Counted 262,144 rows at a time, so that memory does
        not grow with the partition.

    Yields
    ------
    RecordBatch
        Factors, values and rows. The value of a factor is its code as text, of ``class_name`` the class.
    """
    buffer: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        buffer.append(batch)
        rows += batch.num_rows
        if rows >= ROWS_AT_ONCE:
            yield from _counted(buffer)
            buffer, rows = [], 0
    if rows:
        yield from _counted(buffer)


def label_counts(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Partial counts of each factor's values against the label only, as `LABEL_COUNTS_DDL`."""
    for batch in batches:
        if batch.num_rows == 0:
            continue
        names, codes, values = code_columns(pa.Table.from_batches([batch]))
        label = names.index(LABEL)
        for i, name in enumerate(names):
            if i != label:
                cells = _pair((name, LABEL), (codes[i], codes[label]), (values[i], values[label]))
                columns = [cells.column(column) for column in ("factor_a", "value_a", "value_b", "n")]
                yield pa.RecordBatch.from_arrays(columns, names=["factor", "value", LABEL, "n"])


def label_counts_by(batches: Iterator[pa.RecordBatch], keys: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """`label_counts` of the rows of each group: the columns ``keys`` (text, none of them null) come first."""
    for batch in batches:
        groups = pa.Table.from_batches([batch.select(list(keys))]).group_by(list(keys)).aggregate([])
        for group in groups.to_pylist():
            mask = reduce(pc.and_, (pc.equal(batch.column(key), group[key]) for key in keys))
            of_group = batch.filter(mask).select([LABEL, "bins"])
            for counts in label_counts(iter([of_group])):
                key_columns = [pa.array([group[key]] * counts.num_rows, pa.string()) for key in keys]
                yield pa.RecordBatch.from_arrays([*key_columns, *counts.columns], names=[*keys, *counts.schema.names])


def _counted(batches: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    table = pa.Table.from_batches(batches).combine_chunks()
    names, codes, values = code_columns(table)
    for a, b in combinations_with_replacement(range(len(names)), 2):
        yield _pair((names[a], names[b]), (codes[a], codes[b]), (values[a], values[b]))


def code_columns(table: pa.Table) -> tuple[list[str], list[Codes], list[list[str]]]:
    """Factors (the label among them) by name, their codes from 0 on, and the value of each code."""
    chunks = table["bins"].chunks
    maps = chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks)
    names, matrix = from_maps(maps)
    matrix = np.nan_to_num(matrix, nan=-1.0).astype(np.int64)
    labels = table[LABEL].combine_chunks().dictionary_encode()
    codes: dict[str, Codes] = {name: np.ascontiguousarray(matrix[:, i] + 1) for i, name in enumerate(names)}
    values = {name: [str(code - 1) for code in range(column.max(initial=0) + 1)] for name, column in codes.items()}
    codes[LABEL] = labels.indices.to_numpy().astype(np.int64)
    values[LABEL] = labels.dictionary.to_pylist()
    ordered = sorted(codes)
    return ordered, [codes[name] for name in ordered], [values[name] for name in ordered]


def _pair(
    names: tuple[str, str], codes: tuple[Codes, Codes], values: tuple[Sequence[str], Sequence[str]]
) -> pa.RecordBatch:
    columns = len(values[1])
    cells = codes[0] * columns + codes[1]
    if len(values[0]) * columns <= _DENSE_CELLS_PER_ROW * cells.size + _SMALL_TABLE:
        counts = np.bincount(cells)
        filled = np.flatnonzero(counts)
        counts = counts[filled]
    else:
        filled, counts = np.unique(cells, return_counts=True)
    rows = len(filled)
    return pa.RecordBatch.from_arrays(
        [
            pa.array([names[0]] * rows, pa.string()),
            pa.array(values[0], pa.string()).take(pa.array(filled // columns)),
            pa.array([names[1]] * rows, pa.string()),
            pa.array(values[1], pa.string()).take(pa.array(filled % columns)),
            pa.array(counts, pa.int64()),
        ],
        schema=SCHEMA,
    )


def effect_of(classes: Sequence[str] | None, n: Sequence[int], effects: Sequence[float]) -> float:
    """Design effect of a table whose cells are given one by one, with the rows and the design effect of each.

    The class of each cell is None where neither side of the table is the class; then all cells have one effect.

    Raises
    ------
    OptionError
        The effects are not known: the table was written by an earlier version.
    """
    if any(effect is None for effect in effects):
        raise OptionError(
            "The table contingency was written by an earlier version and has no design_effect.\n"
            "Hint: dataeval-spark analyze contingency, then the step again"
        )
    if classes is None:
        return float(effects[0])
    _, first, place = np.unique(np.asarray(classes, object), return_index=True, return_inverse=True)
    counts = np.bincount(place, weights=np.asarray(n, np.float64))
    return table_effect(counts, np.asarray(effects, np.float64)[first])


def table_of(first: Sequence[str], second: Sequence[str], n: Sequence[int]) -> tuple[list[str], list[str], Codes]:
    """Row values, column values and the contingency table of cells given one by one."""
    rows, at_row = np.unique(np.asarray(first, object), return_inverse=True)
    columns, at_column = np.unique(np.asarray(second, object), return_inverse=True)
    table = np.zeros((rows.size, columns.size), np.int64)
    np.add.at(table, (at_row, at_column), np.asarray(n, np.int64))
    return rows.tolist(), columns.tolist(), table
