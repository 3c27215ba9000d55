"""Checks of rows and existing tables against the contract of their table."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import SchemaError
from dataeval_spark.session.settings import SETTINGS_LOCK
from dataeval_spark.tables.contract import Table, identifier, sql_string


def _types_of(frame: DataFrame) -> dict[str, str]:
    """Type of each column, as in SQL."""
    return {field.name: field.dataType.simpleString() for field in frame.schema.fields}


def conforming(table: Table, frame: DataFrame, *, run_id: str) -> DataFrame:
    """The columns of the contract, in its order, then the additional ones of an open table.

    Raises
    ------
    SchemaError
        A column is missing, unknown or of another type.
    """
    columns = frame.columns
    expected = list(table.column_names)
    if "run_id" in expected and "run_id" not in columns:
        frame = frame.withColumn("run_id", F.lit(run_id))
    extra = [name for name in columns if name not in expected]
    missing = [name for name in expected if name not in frame.columns]
    if missing or (extra and not table.open):
        raise SchemaError(f"Rows for {table.name} lack the columns {missing} and have the unknown columns {extra}.")
    types = _types_of(frame)
    for column in table.columns:
        if types[column.name] != _plain_type(column.type):
            raise SchemaError(
                f"Rows for {table.name}: column {column.name} has type {types[column.name]}; expected {column.type}."
            )
    return frame.select(*(identifier(name) for name in (*expected, *extra)))


def bring_to_contract(table: Table, name: str, stored: DataFrame, rows: DataFrame) -> None:
    """Add the columns that an existing table lacks, and free those that an older version required.

    Parameters
    ----------
    table : Table
        The contract.
    name : str
        The existing table in SQL.
    stored, rows : DataFrame
        The existing table, and the rows to be written, whose columns count where the table is open.

    Raises
    ------
    SchemaError
        The existing table differs in any other way; the message says what to do.
    """
    added = _missing_columns(table, name, _types_of(stored), _types_of(rows))
    free = {column.name for column in table.columns if column.nullable}
    freed = [field.name for field in stored.schema.fields if field.name in free and not field.nullable]
    changes = [f"ADD COLUMNS ({', '.join(added)})"] if added else []
    changes += [f"ALTER COLUMN {identifier(column)} DROP NOT NULL" for column in freed]
    for change in changes:
        with SETTINGS_LOCK:
            stored.sparkSession.sql(f"ALTER TABLE {name} {change}")


def _missing_columns(table: Table, name: str, existing: Mapping[str, str], rows: Mapping[str, str]) -> list[str]:
    """DDL of the columns that an existing table lacks."""
    types = {column.name: _plain_type(column.type) for column in table.columns}
    comments = {column.name: f" COMMENT {sql_string(column.comment)}" for column in table.columns}
    if table.open:
        types = dict(rows) | types
    for column, type in types.items():
        if existing.get(column, type) != type:
            raise SchemaError(
                f"Table {name}: column {column} has type {existing[column]}; this version expects {type}.\n"
                f"Hint: DROP TABLE {name}; then run the step that fills it again."
            )
    unknown = sorted(set(existing) - set(types))
    if unknown and not table.open:
        raise SchemaError(
            f"Table {name} has columns that this version does not know: {', '.join(unknown)}.\n"
            "Hint: pip install --upgrade dataeval_spark"
        )
    return [f"{identifier(c)} {type}{comments.get(c, '')}" for c, type in types.items() if c not in existing]


def _plain_type(type: str) -> str:
    return re.sub(r"\s*([:,])\s*", r"\1", type)
