"""Rows that the driver made, as a frame with the columns of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyspark.sql import DataFrame

from dataeval_spark.tables.contract import Table


def rows_of(frame: DataFrame, table: Table, rows: Sequence[tuple[Any, ...]]) -> DataFrame:
    """Rows of a table without ``run_id``, in the session of a frame."""
    return frame.sparkSession.createDataFrame(list(rows), table.result_ddl)


def rows_of_dicts(frame: DataFrame, table: Table, rows: Sequence[Mapping[str, Any]]) -> DataFrame:
    """The same from dictionaries; what a row does not name is null."""
    names = table.result_names
    return rows_of(frame, table, [tuple(row.get(name) for name in names) for row in rows])
