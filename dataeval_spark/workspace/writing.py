"""Rows and stored tables are checked against the contract of their table."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructField

from dataeval_spark.errors import SchemaError
from dataeval_spark.tables.contract import Table, identifier


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
    unknown = [] if table.open else extra
    if missing or unknown:
        faults = [f"lack {', '.join(missing)}"] if missing else []
        faults += [f"have unknown columns: {', '.join(unknown)}"] if unknown else []
        raise SchemaError(
            f"Rows for table {table.name} {' and '.join(faults)}; expected {', '.join(expected)}.\n"
            "Hint: docs/tables.md says what each column holds."
        )
    types = _types_of(frame)
    for column in table.columns:
        if types[column.name] != _plain_type(column.type):
            raise SchemaError(
                f"Rows for table {table.name}: column {column.name} has type {types[column.name]}; "
                f'expected {column.type}.\nHint: F.col("{column.name}").cast("{column.type}")'
            )
    return frame.select(*(identifier(name) for name in (*expected, *extra)))


def changes_to_contract(
    table: Table, name: str, stored: DataFrame, may_be_null: Mapping[str, bool], rows: DataFrame
) -> tuple[list[StructField], list[str]]:
    """Columns that an existing table lacks, and names of those that an older version required and this one does not.

    Parameters
    ----------
    table : Table
        The contract.
    name : str
        The existing table in SQL.
    stored, rows : DataFrame
        The existing table, and the rows to be written, which conform to the contract.
    may_be_null : mapping of str to bool
        Whether each column of the existing table may be null.

    Raises
    ------
    SchemaError
        The existing table differs in any other way; the message says what to do.
    """
    existing, types = _types_of(stored), _types_of(rows)
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
    comments = {column.name: {"comment": column.comment} for column in table.columns}
    added = [
        StructField(field.name, field.dataType, True, comments.get(field.name, {}))
        for field in rows.schema.fields
        if field.name not in existing
    ]
    free = {column.name for column in table.columns if column.nullable}
    freed = [column for column, is_nullable in may_be_null.items() if column in free and not is_nullable]
    return added, freed


def _plain_type(type: str) -> str:
    return re.sub(r"\s*([:,])\s*", r"\1", type)
