"""Tables and columns under the names that older versions gave them: read as they are, and renamed once.

Of a table that two steps shared, the rows of the one that has its own now are removed: they are computed again.

A table is renamed in place, so its versions stay and snapshots keep what they pin. A column is renamed by one commit
that writes its table, a small one, again; Delta makes its columns nullable then. A migration that was killed is
completed by the next run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pyspark.sql import SparkSession

from dataeval_spark.errors import WorkspaceError
from dataeval_spark.tables import ALL_TABLES
from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.labels import OBJECT_LABEL_ERRORS
from dataeval_spark.workspace.delta import MIGRATION, Row, TableAccess, Writer, none_if_missing
from dataeval_spark.workspace.locations import is_catalog_name, is_local, local_path, quoted
from dataeval_spark.workspace.version import __version__

logger = logging.getLogger("dataeval_spark")

# Tables that two steps shared: the column that named the step, and the step that has a table of its own now.
SHARED = {OBJECT_LABEL_ERRORS: ("step", "box_findings")}


def older_columns(table: Table, stored: Iterable[str]) -> dict[str, str]:
    """Present name of each stored column that still has an older version's name."""
    names = set(stored)
    return {
        column.formerly: column.name
        for column in table.columns
        if column.formerly in names and column.name not in names
    }


class Migration:
    """Older names in one workspace.

    Parameters
    ----------
    spark : SparkSession
        Session with Delta.
    location : str
        Catalog schema or directory, as the workspace writes it.
    access : callable
        Returns the access to a table, by its name.
    """

    def __init__(self, spark: SparkSession, location: str, access: Callable[[str], TableAccess]) -> None:
        self._spark = spark
        self._location = location
        self._access = access
        self._is_catalog = is_catalog_name(location)
        self._present: set[str] = set()

    def stored_name(self, table: Table) -> str:
        """Name under which a table is stored: an older one until the table is renamed."""
        if table.formerly is None or table.name in self._present:
            return table.name
        if not self._exists(table.name) and self._exists(table.formerly):
            return table.formerly  # not for long: another process may migrate the workspace
        self._present.add(table.name)
        return table.name

    def _exists(self, name: str) -> bool:
        if self._is_catalog:
            return self._spark.catalog.tableExists(f"{self._location}.{name}")
        if is_local(self._location):
            return (local_path(self._location) / name).exists()
        return bool(self._access(name).commits(1))

    def rows(self, table: Table, columns: Sequence[str], equal: Mapping[str, Any]) -> list[Row]:
        """Rows with the given values, by the present names of columns; none where there is no such table."""
        access = self._access(self.stored_name(table))
        older = {new: old for old, new in self._older_columns(table, access).items()}
        stored = [older.get(name, name) for name in columns]
        conditions = {older.get(name, name): value for name, value in equal.items()}
        rows = none_if_missing(lambda: access.rows(stored, conditions))
        return [dict(zip(columns, (row[name] for name in stored), strict=True)) for row in rows]

    def _older_columns(self, table: Table, access: TableAccess) -> dict[str, str]:
        is_concerned = any(column.formerly for column in table.columns)  # else its columns need not be looked up
        return older_columns(table, access.columns()) if is_concerned else {}

    def run(self) -> None:
        """Rename tables and columns that have older names, and part tables that two steps shared.

        Raises
        ------
        WorkspaceError
            A table of an object storage has an older name; the message says which folder to move.
        """
        for table in ALL_TABLES:
            stored = self.stored_name(table)
            if stored != table.name:
                self._rename_table(table, stored)
            access = self._access(table.name)
            older = self._older_columns(table, access)
            if older:
                self._rename_columns(table, older)
        for table, (column, step) in SHARED.items():
            access = self._access(table.name)
            if column in access.columns():
                access.separate(column, step, Writer(run_id="", step=MIGRATION, work_id="", code_version=__version__))
                logger.warning(
                    "rows of %s left table %s of workspace %s for a table of their own: the next analyze fills it",
                    *(step, table.name, self._location),
                )

    def _rename_table(self, table: Table, older: str) -> None:
        if self._is_catalog:
            # A name without a schema renames within the schema, in every kind of catalog.
            old, new = quoted(f"{self._location}.{older}"), quoted(table.name)
            self._spark.sql(f"ALTER TABLE {old} RENAME TO {new}")
        elif is_local(self._location):
            folder = local_path(self._location)
            (folder / older).rename(folder / table.name)
        else:
            raise WorkspaceError(
                f"Workspace {self._location} was written by an older version: its table {older} is called "
                f"{table.name} now.\nHint: move the folder {self._location}/{older} to {self._location}/{table.name}"
            )
        logger.warning("table %s of workspace %s is called %s from now on", older, self._location, table.name)

    def _rename_columns(self, table: Table, older: Mapping[str, str]) -> None:
        writer = Writer(run_id="", step=MIGRATION, work_id="", code_version=__version__)
        self._access(table.name).rename_columns(older, writer)
        for old, new in older.items():
            logger.warning(
                "column %s of table %s of workspace %s is called %s from now on", old, table.name, self._location, new
            )
