"""Rows and existing tables against the contract of their table."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import SchemaError
from dataeval_spark.tables.contract import Table, identifier, sql_string


def types_of(frame: DataFrame) -> dict[str, str]:
    """Type of each column, as in SQL."""
    return {field.name: field.dataType.simpleString() for field in frame.schema.fields}


def conforming(table: Table, frame: DataFrame, *, run_id: str) -> DataFrame:
    """The columns of the contract, in its order, then those that an open table may have besides.

    Raises
    ------
    SchemaError
        A column is missing, unknown or of another type.
    """
    given = frame.columns
    expected = list(table.column_names)
    if "run_id" in expected and "run_id" not in given:
        frame = frame.withColumn("run_id", F.lit(run_id))
    extra = [name for name in given if name not in expected]
    missing = [name for name in expected if name not in frame.columns]
    if missing or (extra and not table.open):
        raise SchemaError(f"Rows for {table.name} lack the columns {missing} and have the unknown columns {extra}.")
    found = types_of(frame)
    for column in table.columns:
        if found[column.name] != _plain_type(column.type):
            raise SchemaError(
                f"Rows for {table.name}: column {column.name} has type {found[column.name]}; expected {column.type}."
            )
    return frame.select(*(identifier(name) for name in (*expected, *extra)))


def freed_columns(table: Table, existing: DataFrame) -> list[str]:
    """Columns that an existing table requires and the contract does not: an older version filled them always."""
    free = {column.name for column in table.columns if column.nullable}
    return [field.name for field in existing.schema.fields if field.name in free and not field.nullable]


def missing_columns(table: Table, name: str, existing: Mapping[str, str], rows: Mapping[str, str]) -> list[str]:
    """DDL of the columns that an existing table lacks; those of the rows count where the table is open.

    Parameters
    ----------
    table : Table
        The contract.
    name : str
        The existing table in SQL.
    existing, rows : mapping
        Column to type, of the existing table and of the rows to be written.

    Raises
    ------
    SchemaError
        The existing table differs in any other way; the message says what to do.
    """
    wanted = {column.name: _plain_type(column.type) for column in table.columns}
    comments = {column.name: f" COMMENT {sql_string(column.comment)}" for column in table.columns}
    if table.open:
        wanted = dict(rows) | wanted
    for column, type in wanted.items():
        if existing.get(column, type) != type:
            raise SchemaError(
                f"Table {name}: column {column} has type {existing[column]}; this version expects {type}.\n"
                f"Hint: DROP TABLE {name}; then run the step that fills it again."
            )
    unknown = sorted(set(existing) - set(wanted))
    if unknown and not table.open:
        raise SchemaError(
            f"Table {name} has columns that this version does not know: {', '.join(unknown)}.\n"
            "Hint: pip install --upgrade dataeval_spark"
        )
    return [f"{identifier(c)} {type}{comments.get(c, '')}" for c, type in wanted.items() if c not in existing]


def _plain_type(type: str) -> str:
    return re.sub(r"\s*([:,])\s*", r"\1", type)
