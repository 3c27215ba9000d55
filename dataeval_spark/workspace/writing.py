"""Rows are checked against the contract of their table and written in one commit, in the way the table is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import SchemaError
from dataeval_spark.session.settings import SETTINGS_LOCK, temporary_settings
from dataeval_spark.tables.contract import Table, identifier, sql_string
from dataeval_spark.workspace.delta import TableState, Writer, retrying


@dataclass(frozen=True)
class Target:
    """A table to write: its name in SQL, its path (None in a catalog), and its state before.

    ``before`` is None where nothing can have been committed by the same work: the table was just made, or has no
    rows of the images.
    """

    table: Table
    name: str
    path: str | None
    writer: Writer
    before: TableState | None

    @property
    def app(self) -> str:
        """Id by which, with a number, Delta recognises a commit that is sent again because its answer was lost."""
        return f"dataeval_spark:{self.writer.work_id}:{self.table.name}"


def commit(target: Target, rows: DataFrame, scope: str | None, *, are_of_images: bool) -> None:
    """Write rows in the way of their table: those of new images (``are_of_images``) are added."""
    if are_of_images or target.table.write == "append":
        _save(target, rows, "append")
    elif scope is None:
        _save(target, rows, "overwrite")
    else:
        _save(target, rows, "overwrite", {"replaceWhere": f"`{target.table.scope}` = {sql_string(scope)}"})


def _save(target: Target, rows: DataFrame, mode: str, options: Mapping[str, str] | None = None) -> None:
    save = rows.write.format("delta").mode(mode).option("userMetadata", target.writer.metadata).options(**options or {})
    if target.before is not None:
        # Rows of the same work are added once to a table that grows, whatever was added between.
        version = 1 if target.table.write == "append" else target.before.version
        save = save.option("txnAppId", target.app).option("txnVersion", str(version))
    retrying(lambda: save.saveAsTable(target.name) if target.path is None else save.save(target.path))


def replace_images(target: Target, rows: DataFrame, old: DataFrame) -> None:
    """Replace the rows of the given images, in one commit."""
    # Version 0 is the commit that made the table: nothing to replace.
    if target.before is None or target.before.version == 0 or old.isEmpty():
        _save(target, rows, "append")
        return
    # MERGE's target has no alias on both kinds of location, so the source's columns get names of their own.
    same_key = " AND ".join(f"`{key}` <=> `new_{key}`" for key in target.table.key)
    new_columns = [F.col(identifier(name)).alias(f"new_{name}") for name in rows.columns]
    new = rows.select(*new_columns, F.lit(False).alias("gone"))
    gone = old.join(new, on=F.expr(same_key), how="left_anti").select(*new_columns, F.lit(True).alias("gone"))
    values = {name: F.col(identifier(f"new_{name}")) for name in rows.columns}
    settings = {
        "spark.databricks.delta.commitInfo.userMetadata": target.writer.metadata,
        "spark.databricks.delta.write.txnAppId": target.app,
        "spark.databricks.delta.write.txnVersion": str(target.before.version),
    }
    merge = (
        new.unionByName(gone)
        .mergeInto(target.name, F.expr(same_key))
        .whenMatched(F.col("gone"))
        .delete()
        .whenMatched()
        .update(values)
        .whenNotMatched(~F.col("gone"))
        .insert(values)
    )
    with temporary_settings(rows.sparkSession, settings):
        retrying(merge.merge)


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
