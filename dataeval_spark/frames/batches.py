"""Kernels applied to the batches or the rows of distributed frames: mapInArrow with the types of a declared schema."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pyarrow as pa
from pyspark.sql import DataFrame

from dataeval_spark.tables.arrow import ROWS_PER_BATCH, Row, arrow_schema, rows_of, with_validity_of_parents

BYTES_PER_BATCH = 32 * 2**20

BatchKernel = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


def map_batches(frame: DataFrame, kernel: BatchKernel, ddl: str) -> DataFrame:
    """Apply a generator of Arrow batches to each partition; fields of structs that are null are null.

    Arrow gives the fields of a null struct any values, and not every engine looks at the struct when it reads one of
    its fields.

    Parameters
    ----------
    frame : DataFrame
        Input rows.
    kernel : callable
        Function that takes the batches of a partition and yields batches with the columns of ``ddl``. It may capture
        plain values only.
    ddl : str
        Columns of the output.

    Examples
    --------
    >>> map_batches(frame, lambda batches: (batch.select(["image_id"]) for batch in batches), "image_id string")
    """
    if "struct<" not in ddl:
        return frame.mapInArrow(kernel, ddl)

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from map(with_validity_of_parents, kernel(batches))

    return frame.mapInArrow(run, ddl)


def map_rows(frame: DataFrame, kernel: Callable[[Iterator[Row]], Iterable[Row]], ddl: str) -> DataFrame:
    """Apply a generator of rows to each partition, streaming, with Arrow on both sides.

    Output batches are bounded by rows and, where rows carry ``content``, by bytes; so memory does not
    grow with the partition.

    Parameters
    ----------
    frame : DataFrame
        Input rows; the kernel sees them as dicts.
    kernel : callable
        Function that takes the rows of a partition and yields rows as dicts. It may capture plain values only.
    ddl : str
        Columns of the output. Values are cast to these types, because mapInArrow itself does not cast.

    Examples
    --------
    >>> map_rows(frame, lambda rows: ({"n": len(row["text"])} for row in rows), "n int")
    """
    schema = arrow_schema(ddl)

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for group in _groups(kernel(rows_of(batches))):
            yield pa.RecordBatch.from_pylist(group, schema=schema)

    return map_batches(frame, run, ddl)


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
