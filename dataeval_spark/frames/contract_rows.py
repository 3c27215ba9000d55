"""Rows that the driver made, as a frame with the columns of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyspark.sql import DataFrame

from dataeval_spark.tables import Table


def rows_of(frame: DataFrame, table: Table, rows: Sequence[tuple[Any, ...]]) -> DataFrame:
    """Rows of a table without ``run_id``, in the session of a frame."""
    ddl = ", ".join(f"{c.name} {c.type}" for c in table.columns if c.name != "run_id")
    return frame.sparkSession.createDataFrame(list(rows), ddl)


def rows_of_dicts(frame: DataFrame, table: Table, rows: Sequence[Mapping[str, Any]]) -> DataFrame:
    """The same from dictionaries; what a row does not name is null."""
    names = [name for name in table.column_names if name != "run_id"]
    return rows_of(frame, table, [tuple(row.get(name) for name in names) for row in rows])
