"""Commits of rows to a Delta table: one function per way in which a table is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.session.settings import temporary_settings
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


def append(target: Target, rows: DataFrame) -> None:
    """Add rows."""
    _save(target, rows, "append")


def replace_all(target: Target, rows: DataFrame) -> None:
    """Replace all rows."""
    _save(target, rows, "overwrite")


def replace_scope(target: Target, rows: DataFrame, scope: str) -> None:
    """Replace the rows with one value in the table's scope column."""
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
        append(target, rows)
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
