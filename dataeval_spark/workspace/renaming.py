"""Tables that an older version made under another name: where they lie, and the name that they get now."""

from __future__ import annotations

import logging
from pathlib import Path

from pyspark.sql import SparkSession

from dataeval_spark.errors import WorkspaceError
from dataeval_spark.tables import ALL_TABLES
from dataeval_spark.tables.contract import Table, identifier
from dataeval_spark.workspace.delta_spark import SparkAccess, errors_of_engines
from dataeval_spark.workspace.locations import is_local, local_path, quoted

logger = logging.getLogger("dataeval_spark")


def folder_of(table: Table, folder: Path) -> Path:
    """The folder of a table below that of the workspace: the one of its former name, where only that exists."""
    former = folder / (table.formerly or table.name)
    return former if former.exists() and not (folder / table.name).exists() else folder / table.name


def rename_older_tables(spark: SparkSession, location: str, *, is_catalog: bool) -> None:
    """Rename the tables that an older version made; their versions stay, so snapshots keep what they pin.

    Raises
    ------
    WorkspaceError
        A table cannot be renamed; object storage renames no folder.
    """
    for table in ALL_TABLES:
        if table.formerly is None:
            continue
        with errors_of_engines(f"rename {table.formerly} to {table.name}", location, is_catalog=is_catalog):
            if is_catalog:
                is_renamed = _rename_in_catalog(spark, table, location)
            elif is_local(location):
                is_renamed = _rename_folder(table, local_path(location))
            else:
                is_renamed = _refuse_former_name(spark, table, location)
        if is_renamed:
            logger.warning("table %s of workspace %s is called %s from now on", table.formerly, location, table.name)


def _rename_in_catalog(spark: SparkSession, table: Table, schema: str) -> bool:
    old, new = f"{schema}.{table.formerly}", f"{schema}.{table.name}"
    if not spark.catalog.tableExists(old) or spark.catalog.tableExists(new):
        return False
    spark.sql(f"ALTER TABLE {quoted(old)} RENAME TO {quoted(new)}")
    return True


def _rename_folder(table: Table, folder: Path) -> bool:
    present = folder_of(table, folder)
    if present.name == table.name:
        return False
    present.rename(folder / table.name)
    return True


def _refuse_former_name(spark: SparkSession, table: Table, location: str) -> bool:
    new, old = (f"{location}/{name}" for name in (table.name, table.formerly))
    if not _is_table(spark, new) and _is_table(spark, old):
        raise WorkspaceError(
            f"Workspace {location} was written by an older version: its table {table.formerly} is called "
            f"{table.name} now.\nHint: move the folder {old} to {new}"
        )
    return False


def _is_table(spark: SparkSession, path: str) -> bool:
    return bool(SparkAccess(spark, f"delta.{identifier(path)}", path).commits(1))
