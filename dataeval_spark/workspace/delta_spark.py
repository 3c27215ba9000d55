"""Access to a table through Spark SQL (see `delta.py`), and hints for the errors of Spark and Delta."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructField

from dataeval_spark.errors import first_line
from dataeval_spark.session import jars
from dataeval_spark.session.bounded import bounded, one_row
from dataeval_spark.session.settings import SETTINGS_LOCK, temporary_settings
from dataeval_spark.tables.contract import Table, identifier, sql_string
from dataeval_spark.workspace.delta import (
    Commit,
    Row,
    Target,
    Writer,
    condition_of,
    made_by,
    none_if_missing,
    retrying,
)

RIGHTS = "USE CATALOG, USE SCHEMA, CREATE TABLE, SELECT and MODIFY (and CREATE SCHEMA where it does not exist)"


class SparkAccess:
    """Access through Spark SQL to a catalog, or to any directory that the session can reach.

    Parameters
    ----------
    spark : SparkSession
        Session with Delta.
    name : str
        The table in SQL.
    path : str or None
        Directory of the table; None in a catalog.
    location : str or None
        Place for the table of a catalog; default the catalog's own.
    """

    def __init__(self, spark: SparkSession, name: str, path: str | None, location: str | None = None) -> None:
        self._spark = spark
        self._name = name
        self._path = path
        self._location = location

    def commits(self, limit: int) -> list[Commit]:
        history = f"DESCRIBE HISTORY {self._name} LIMIT {limit}"
        return [
            Commit(
                row["version"],
                row["timestamp"].astimezone(UTC),
                row["operation"],
                row["operationMetrics"] or {},
                made_by(row["userMetadata"]),
            )
            for row in none_if_missing(lambda: bounded(self._spark.sql(history), "the caller's limit"))
        ]

    def create(self, table: Table, properties: Mapping[str, str]) -> None:
        assignments = ", ".join(f"'{key}' = '{value}'" for key, value in properties.items())
        location = f" LOCATION {sql_string(self._location)}" if self._location else ""
        statement = (
            f"CREATE TABLE IF NOT EXISTS {self._name} ({table.ddl()}) USING DELTA{location} "
            f"COMMENT {sql_string(table.doc)} TBLPROPERTIES ({assignments})"
        )
        retrying(lambda: self._spark.sql(statement))

    def identity(self) -> str:
        return str(one_row(self._spark.sql(f"DESCRIBE DETAIL {self._name}").select("id"))["id"])

    def constants(self, column: str) -> set[str] | None:
        return None  # Spark does not show the footers of its files

    def files(self) -> tuple[int, int]:
        detail = one_row(self._spark.sql(f"DESCRIBE DETAIL {self._name}").select("numFiles", "sizeInBytes"))
        return detail["numFiles"], detail["sizeInBytes"]

    def columns(self) -> dict[str, bool]:
        fields = none_if_missing(lambda: self.read(None).schema.fields)
        return {field.name: field.nullable for field in fields}

    def read(self, version: int | None) -> DataFrame:
        reader = self._spark.read.format("delta")
        if version is not None:
            reader = reader.option("versionAsOf", version)
        frame = reader.load(self._path) if self._path else reader.table(self._name)
        frame.columns  # noqa: B018  under Connect nothing is checked before this
        return frame

    def rows(self, columns: Sequence[str], equal: Mapping[str, Any]) -> list[Row]:
        frame = self.read(None)
        for column, value in equal.items():
            frame = frame.where(F.col(column).eqNullSafe(F.lit(value)))
        # A column that an older version did not write is null.
        stored = [name for name in columns if name in frame.columns]
        rows = bounded(frame.select(*stored), "rows of the tables runs and snapshots")
        found = [_in_utc(row.asDict(recursive=True)) for row in rows]
        return [{name: row.get(name) for name in columns} for row in found]

    def append(self, table: Table, rows: Sequence[Row], writer: Writer) -> None:
        self._save(self._frame(table, rows), writer, "append", {"mergeSchema": "true"})

    def replace(self, table: Table, rows: Sequence[Row], equal: Mapping[str, Any], writer: Writer) -> None:
        replaced = {"replaceWhere": condition_of(equal, sql_string), "mergeSchema": "true"}
        self._save(self._frame(table, rows), writer, "overwrite", replaced)

    def _frame(self, table: Table, rows: Sequence[Row]) -> DataFrame:
        values = [tuple(row[name] for name in table.column_names) for row in rows]
        return self._spark.createDataFrame(values, table.ddl(comments=False))

    def _save(self, frame: DataFrame, writer: Writer, mode: str, options: Mapping[str, str]) -> None:
        save = frame.coalesce(1).write.format("delta").mode(mode)
        save = save.option("userMetadata", writer.metadata).options(**options)
        retrying(lambda: save.save(self._path) if self._path else save.saveAsTable(self._name))

    def write(self, target: Target, rows: DataFrame, mode: Literal["append", "overwrite"], scope: str | None) -> None:
        save = rows.write.format("delta").mode(mode).option("userMetadata", target.writer.metadata)
        if scope is not None:
            save = save.option("replaceWhere", f"`{target.table.scope}` = {sql_string(scope)}")
        if target.app_version is not None:
            save = save.option("txnAppId", target.app).option("txnVersion", str(target.app_version))
        retrying(lambda: save.save(self._path) if self._path else save.saveAsTable(self._name))

    def replace_images(self, target: Target, rows: DataFrame, images: DataFrame) -> None:
        old = self.read(None).join(images.select("image_id").distinct(), on="image_id", how="left_semi")
        # Version 0 is the commit that made the table: nothing to replace.
        if target.before is None or target.before.version == 0 or old.isEmpty():
            self.write(target, rows, "append", None)
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
            "spark.databricks.delta.write.txnVersion": str(target.app_version),
        }
        merge = (
            new.unionByName(gone)
            .mergeInto(self._name, F.expr(same_key))
            .whenMatched(F.col("gone"))
            .delete()
            .whenMatched()
            .update(values)
            .whenNotMatched(~F.col("gone"))
            .insert(values)
        )
        with temporary_settings(self._spark, settings):
            retrying(merge.merge)

    def change_columns(self, added: Sequence[StructField], freed: Sequence[str]) -> None:
        columns = ", ".join(_ddl(field) for field in added)
        changes = [f"ADD COLUMNS ({columns})"] if added else []
        changes += [f"ALTER COLUMN {identifier(column)} DROP NOT NULL" for column in freed]
        for change in changes:
            with SETTINGS_LOCK:
                self._spark.sql(f"ALTER TABLE {self._name} {change}")

    def rename_columns(self, names: Mapping[str, str], writer: Writer) -> None:
        self._rewrite(self.read(None).withColumnsRenamed(dict(names)), writer)

    def separate(self, column: str, value: str, writer: Writer) -> None:
        self._rewrite(self.read(None).where(F.col(column) != value).drop(column), writer)

    def _rewrite(self, rows: DataFrame, writer: Writer) -> None:
        save = rows.write.format("delta").mode("overwrite")
        save = save.option("overwriteSchema", "true").option("userMetadata", writer.metadata)
        retrying(lambda: save.save(self._path) if self._path else save.saveAsTable(self._name))

    def compact(self) -> None:
        with SETTINGS_LOCK:
            self._spark.sql(f"OPTIMIZE {self._name}")

    def restore(self, version: int | None) -> None:
        if version is None:
            self._spark.sql(f"DELETE FROM {self._name}")
        else:
            self._spark.sql(f"RESTORE TABLE {self._name} TO VERSION AS OF {version}")


def _ddl(field: StructField) -> str:
    comment = field.metadata.get("comment")
    written = f" COMMENT {sql_string(comment)}" if comment else ""
    return f"{identifier(field.name)} {field.dataType.simpleString()}{written}"


def _in_utc(row: Row) -> Row:
    """Add the zone to collected timestamps, which are naive and in the zone of this process, as delta-rs does."""
    return {name: value.astimezone(UTC) if isinstance(value, datetime) else value for name, value in row.items()}


def is_of_engine(error: BaseException) -> bool:
    """Whether an error is Spark's: PySpark's own, or one of the JVM that PySpark does not know."""
    return isinstance(error, PySparkException) or type(error).__module__.startswith("py4j.")


def engine_message(error: BaseException) -> str:
    """First line of an engine's error, without the stack that follows."""
    return first_line(error)[:500]


def hint_for(message: str, catalog: str | None) -> str:
    """Hint for an engine's error; ``catalog`` is the schema's name where the workspace is one."""
    if re.search(r"PERMISSION|INSUFFICIENT|ACCESS_DENIED|Permission denied|not have", message):
        return f"GRANT the rights {RIGHTS} on {catalog} to this user." if catalog else "name a directory you may write."
    if re.search(r"No FileSystem for scheme|UnsupportedFileSystem|ClassNotFoundException.*FileSystem", message):
        return (
            "Spark reads and writes tables by Hadoop's file systems: add the one of this scheme, such as "
            "spark-submit --packages org.apache.hadoop:hadoop-aws:VERSION and s3a:// URIs; or name a local directory."
        )
    # Delta's catalog is in the stack of other errors too, so this comes last.
    if re.search("Failed to find data source: delta|DeltaCatalog|DATA_SOURCE_NOT_FOUND", message):
        return f"this Spark session has no Delta: spark-submit --packages {jars.coordinates()} ..."
    return "run again with --verbose to see the whole error."
