"""From a kernel on rows to a distributed frame: mapInArrow with the types of a declared schema."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

ROWS_PER_BATCH = 256
BYTES_PER_BATCH = 32 * 2**20

Row = Mapping[str, Any]


def map_rows(frame: DataFrame, kernel: Callable[[Iterator[Row]], Iterable[Row]], ddl: str) -> DataFrame:
    """Apply a generator of rows to each partition, streaming, with Arrow on both sides.

    Output batches are bounded by rows and, where rows carry ``content``, by bytes; so memory does not
    grow with the partition.

    Parameters
    ----------
    frame : DataFrame
        Input rows; the kernel sees them as dicts.
    kernel : callable
        Takes the rows of a partition and yields rows as dicts. It may capture plain values only.
    ddl : str
        Columns of the output. Values are cast to these types, because mapInArrow itself does not cast.

    Examples
    --------
    >>> map_rows(frame, lambda rows: ({"n": len(row["text"])} for row in rows), "n int")
    """
    spark_schema = cast(StructType, StructType.fromDDL(ddl))
    schema = to_arrow_schema(spark_schema)

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        rows = (row for batch in batches for row in _rows(batch))
        for group in _groups(kernel(rows)):
            yield pa.RecordBatch.from_pylist(group, schema=schema)

    return frame.mapInArrow(run, spark_schema)


def append_columns(
    frame: DataFrame, columns: Sequence[str], kernel: Callable[[Iterator[Row]], Iterable[Row]], ddl: str
) -> DataFrame:
    """Add the columns that a generator of rows gives, one row for each; the others pass as they are, of any type.

    Parameters
    ----------
    frame : DataFrame
        Input rows.
    columns : sequence of str
        What the kernel sees.
    kernel : callable
        Takes the rows of a batch and yields as many.
    ddl : str
        Columns to add.

    Examples
    --------
    >>> append_columns(frame, ["text"], lambda rows: ({"n": len(row["text"])} for row in rows), "n int")
    """
    added = cast(StructType, StructType.fromDDL(ddl))
    schema = to_arrow_schema(added)

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            made = pa.RecordBatch.from_pylist(list(kernel(_rows(batch.select(list(columns))))), schema=schema)
            names = [*batch.schema.names, *made.schema.names]
            yield pa.RecordBatch.from_arrays([*batch.columns, *made.columns], names=names)

    return frame.mapInArrow(run, StructType([*frame.schema.fields, *added.fields]))


def _rows(batch: pa.RecordBatch) -> Iterator[Row]:
    # Slices of 64: to_pylist of a whole batch would hold every image's bytes twice.
    for start in range(0, batch.num_rows, 64):
        yield from batch.slice(start, 64).to_pylist()


def _groups(rows: Iterable[Row]) -> Iterator[list[Row]]:
    group: list[Row] = []
    size = 0
    for row in rows:
        group.append(row)
        size += len(row.get("content") or b"")
        if len(group) >= ROWS_PER_BATCH or size >= BYTES_PER_BATCH:
            yield group
            group, size = [], 0
    if group:
        yield group
