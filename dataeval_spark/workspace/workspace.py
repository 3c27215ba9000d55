"""The lakehouse that holds every result: the only reader and writer of Delta tables.

A workspace is a directory (one Delta table per sub-directory) or a schema of a catalog. Reading a workspace ``at`` a
snapshot gives the pinned version of each table and cannot write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

from deltalake.exceptions import DeltaError
from pyarrow.dataset import Dataset
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from dataeval_spark.errors import TableMissingError, WorkspaceError, filling_command
from dataeval_spark.kernels.storage.uris import refuse_credentials
from dataeval_spark.session.choice import chosen, is_embedded, is_given
from dataeval_spark.session.settings import SETTINGS_LOCK
from dataeval_spark.tables import ALL_TABLES
from dataeval_spark.tables.contract import Table, identifier
from dataeval_spark.tables.images import IMAGES
from dataeval_spark.workspace.delta import Commit, Row, TableAccess, TableState, Target, Writer, is_missing
from dataeval_spark.workspace.delta_local import LocalAccess
from dataeval_spark.workspace.delta_spark import SparkAccess
from dataeval_spark.workspace.failures import engine_error, errors_of_engines, errors_of_writing
from dataeval_spark.workspace.locations import (
    absolute,
    is_catalog_name,
    is_directory_here,
    is_local,
    local_path,
    quoted,
    unwritable,
)
from dataeval_spark.workspace.log_guard import LogGuard
from dataeval_spark.workspace.migration import Migration, older_columns
from dataeval_spark.workspace.scratch import Checkpoint, default_folder, shared_folder, stored_frames
from dataeval_spark.workspace.writing import changes_to_contract, conforming

# Statistics for file skipping on the keys only: with all 50 columns they cost more than small tables themselves.
TABLE_PROPERTIES = {"delta.enableDeletionVectors": "false", "delta.dataSkippingNumIndexedCols": "4"}
# Delta's own auto-compaction rewrites after nearly every small commit; once in this many files is enough.
COMPACT_EVERY, COMPACT_FILES, COMPACT_FILE_BYTES = 8, 24, 16 * 2**20


class Workspace:
    """Tables in one place.

    Parameters
    ----------
    spark : SparkSession
        Session with Delta.
    location : str
        ``catalog.schema`` (exactly one dot, no slash), or a directory (anything with a slash, a scheme, or no dot; a
        directory with a dot is written ``./a.b``).
    scratch : str, optional
        Directory for temporary files; default ``_scratch`` in a workspace directory. Needed for a catalog.
    table_location : str, optional
        Directory under which the tables of a catalog are created as external tables.
    retention_days : int
        Days for which old versions stay readable for snapshots; a property of tables when they are created.
    versions : mapping, optional
        Versions to read; makes the workspace read-only. Use :meth:`at`.

    Examples
    --------
    >>> workspace = Workspace(spark, "main.audit")
    >>> workspace.name(IMAGES)
    '`main`.`audit`.`images`'
    """

    def __init__(
        self,
        spark: SparkSession,
        location: str,
        *,
        scratch: str | None = None,
        table_location: str | None = None,
        retention_days: int = 180,
        versions: Mapping[str, int] | None = None,
    ) -> None:
        refuse_credentials(location, scratch, table_location)
        self.spark = spark
        self.is_catalog = is_catalog_name(location)
        self.location = location if self.is_catalog else absolute(location)
        self._table_location = table_location
        self._retention_days = retention_days
        self.versions = versions
        self.engine = chosen(spark)
        # Paths mean files of this machine only in sessions that say so: elsewhere they may be those of a cluster.
        self._is_one_machine = not is_given(spark)
        self._is_here = self._is_one_machine and is_directory_here(location)
        self._guard = LogGuard(self.location) if self._is_here else None
        default = default_folder(self.location, is_read_only=self.read_only_reason() is not None)
        self.scratch_root = folder = absolute(scratch) if scratch else default
        self._staging = str(local_path(folder)) if folder and is_local(folder) else f"{self.location}/_scratch"
        self._migration = Migration(spark, self.location, self._access_of)
        self._created: set[str] = set()
        self._checked: set[str] = set()

    def read_only_reason(self) -> str | None:
        """Why the tables can be read and not written; None where they can be, or where that is not known."""
        return unwritable(self.location) if self._is_one_machine else None

    # Names and state

    def name(self, table: Table) -> str:
        """Name of a table in SQL."""
        return self._name_of(self._migration.stored_name(table))

    def _name_of(self, stored: str) -> str:
        path = f"{self.location}/{stored}"
        return quoted(f"{self.location}.{stored}") if self.is_catalog else f"delta.{identifier(path)}"

    def path(self, table: Table) -> str:
        return f"{self.location}/{self._migration.stored_name(table)}"

    def state(self, table: Table) -> TableState | None:
        """Version of a table and its writer; None when it does not exist."""
        self._require_whole(table)
        with self._wrapping(f"read the history of {table.name}"):
            commits = self._access(table).commits(8)
        return TableState.from_commits(commits) if commits else None

    def states(self, tables: Iterable[Table] = ALL_TABLES) -> dict[str, TableState]:
        """State of each table that exists."""
        tables = tuple(tables)
        with ThreadPoolExecutor(8) as pool:
            states = pool.map(self.state, tables)
        return {table.name: state for table, state in zip(tables, states, strict=True) if state}

    def commits(self, table: Table) -> list[Commit]:
        """The newest 200 commits of a table, newest first."""
        return self._access(table).commits(200)

    def table_id(self, table: Table) -> str:
        """Delta's own id of a table: a dropped and recreated table has another."""
        return self._access(table).identity()

    def runs_told(self, table: Table) -> set[str] | None:
        """Runs that wrote the rows of a table, where its files tell them without being read; else None."""
        return self._access(table).constants("run_id")

    def bytes_of(self, table: Table) -> int:
        """Bytes of a table by the list of its files; 0 where there is none."""
        return self._access(table).files()[1] if self.state(table) else 0

    def is_untouched(self, table: Table) -> bool:
        """Whether nothing was ever written to a table, or it does not exist; its data are not read."""
        state = self.state(table)
        return state is None or state.version == 0  # the commit that made it

    def exists(self, table: Table) -> bool:
        return table.name in self.versions if self.versions is not None else self.state(table) is not None

    def _access(self, table: Table) -> TableAccess:
        return self._access_of(self._migration.stored_name(table))

    def _access_of(self, stored: str) -> TableAccess:
        path = f"{self.location}/{stored}"
        if self._is_here:
            return LocalAccess(self.spark, path, self._staging)
        if is_embedded(self.spark):
            raise WorkspaceError(
                f"Workspace {self.location} cannot be reached by the embedded engine; it works on directories of this "
                "machine whose names have no '#', no '?' and no '%20'.\nHint: --engine spark"
            )
        place = f"{self._table_location}/{stored}" if self._table_location and self.is_catalog else None
        return SparkAccess(self.spark, self._name_of(stored), None if self.is_catalog else path, place)

    # Reading

    def read(self, table: Table, version: int | None = None) -> DataFrame:
        """The rows of a table, at a version where one is given or pinned.

        Columns that an earlier version of the library did not fill are null; those that it named otherwise have their
        present names.

        Raises
        ------
        TableMissingError
            The table does not exist; the message says which command fills it.
        """
        frame = self._stored(table, version)
        if older := older_columns(table, frame.columns):
            frame = frame.withColumnsRenamed(older)
        stored = set(frame.columns)
        added = [F.lit(None).cast(c.type).alias(c.name) for c in table.columns if c.name not in stored]
        return frame.select("*", *added) if added else frame

    def read_live(self, table: Table) -> DataFrame:
        """A table as analyses see it: of `images` only the live ones, without their bytes."""
        frame = self.read(table)
        return frame.where("deleted_at IS NULL").drop("content") if table is IMAGES else frame

    def _stored(self, table: Table, version: int | None = None) -> DataFrame:
        if self.versions is not None and version is None:
            if table.name not in self.versions:
                raise TableMissingError.from_table(
                    table.name, self.location, "the snapshot was made before it was filled: read the workspace itself"
                )
            version = self.versions[table.name]
        if version is None:
            self._require_whole(table)
        try:
            return self._access(table).read(version)
        except (AnalysisException, DeltaError) as error:
            if not is_missing(error):
                raise engine_error(error, f"read {table.name}", self.location) from error
            raise TableMissingError.from_table(
                table.name, self.location, filling_command(table.name, self.location)
            ) from error

    def read_or_none(self, table: Table) -> DataFrame | None:
        try:
            return self.read(table)
        except TableMissingError:
            return None

    def at(self, versions: Mapping[str, int]) -> Workspace:
        """The same workspace, read-only, with each table at the version given."""
        pinned = Workspace(self.spark, self.location, scratch=self.scratch_root, versions=versions)
        pinned._guard = self._guard  # it has looked at the logs already
        return pinned

    # Creating

    def create(self, tables: Iterable[Table]) -> None:
        """Make the tables that do not exist yet, with types, comments and properties of their contracts."""
        self._require_writable()
        new = [table for table in tables if table.name not in self._created]
        # No MERGE of another thread may be under way: its settings would mark these commits as its own.
        with SETTINGS_LOCK, ThreadPoolExecutor(4) as pool:
            list(pool.map(self._create, new))
        self._created.update(table.name for table in new)

    def _create(self, table: Table) -> None:
        properties = TABLE_PROPERTIES | dict.fromkeys(
            ("delta.logRetentionDuration", "delta.deletedFileRetentionDuration"),
            f"interval {self._retention_days} days",
        )
        with self._wrapping(f"create {table.name}"):
            self._access(table).create(table, properties)

    def open(self) -> None:
        """Make the place for the tables.

        Raises
        ------
        WorkspaceError
            The directory cannot be written, or the schema cannot be made.
        """
        if self.is_catalog:
            with self._wrapping(f"create the schema {self.location}"):
                if not self.spark.catalog.databaseExists(self.location):
                    self.spark.sql(f"CREATE SCHEMA IF NOT EXISTS {quoted(self.location)}")
        elif is_local(self.location):
            try:
                local_path(self.location).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise WorkspaceError(
                    f"The workspace {self.location} cannot be made: {error.strerror}.\n"
                    "Hint: name a directory that you may write."
                ) from error

    def migrate(self) -> None:
        """Rename tables and columns of older versions, or raise WorkspaceError; see `Migration.run`."""
        with self._wrapping("give the tables of an older version their present names"):
            self._migration.run()

    # Writing

    def write(
        self,
        table: Table,
        frame: DataFrame,
        writer: Writer,
        *,
        images: DataFrame | None = None,
        are_new: bool = False,
        scope: str | None = None,
    ) -> TableState:
        """Write a step's result in one commit and return the table's new state.

        A table that the same work has just written (a run killed after its commit) is left unchanged.

        Parameters
        ----------
        table : Table
            Contract; its write mode decides which rows are replaced.
        frame : DataFrame
            Rows with the contract's columns; ``run_id`` is added where it is missing.
        writer : Writer
            Writer named in the commit.
        images : DataFrame, optional
            Column ``image_id``: the images whose rows are replaced (upsert only).
        are_new : bool
            The table has no rows of these images, so none are searched for.
        scope : str, optional
            Value of ``table.scope`` whose rows are replaced.

        Raises
        ------
        SchemaError
            The frame or the existing table differs from the contract.
        """
        before = self.state(table)
        if before is None:
            self.create([table])
            if not table.open:
                self._checked.add(table.name)  # it is as its contract says
        elif before.work_id == writer.work_id:
            return before
        rows = conforming(table, frame, run_id=writer.run_id)
        access = self._access(table)
        if table.name not in self._checked or table.open:
            added, freed = changes_to_contract(table, self.name(table), self._stored(table), access.columns(), rows)
            access.change_columns(added, freed)
            self._checked.add(table.name)
        target = Target(table, writer, None if are_new else before)
        is_added = images is not None or table.write == "append"
        with errors_of_writing(f"write {table.name}", self.location):
            if images is not None and not are_new:
                access.replace_images(target, rows, images)
            else:
                access.write(target, rows, "append" if is_added else "overwrite", None if is_added else scope)
        after = self.state(table)
        if after is not None and after.version % COMPACT_EVERY == 0 and self.compact(table):
            after = self.state(table)
        assert after is not None
        return after

    def rows(self, table: Table, columns: Sequence[str], **equal: Any) -> list[Row]:
        """Rows with the values given, of a table that is known to be small; none where it does not exist."""
        self._require_whole(table)
        with self._wrapping(f"read {table.name}"):
            return self._migration.rows(table, columns, equal)

    def local_dataset(self, table: Table) -> Dataset | None:
        """A table of this machine as an Arrow dataset, for scans that Spark would convert number by number; else None.

        Only of the newest version.
        """
        is_newest = self._is_here and self.versions is None
        return LocalAccess(self.spark, self.path(table), self._staging).dataset() if is_newest else None

    def append_rows(self, table: Table, rows: Sequence[Row], writer: Writer) -> None:
        """Add rows that the workspace keeps about itself."""
        self.create([table])
        with self._wrapping(f"write {table.name}"):
            self._access(table).append(table, rows, writer)

    def replace_rows(self, table: Table, rows: Sequence[Row], writer: Writer, **equal: Any) -> None:
        """Replace the rows with the values given in a table that the workspace keeps about itself."""
        with self._wrapping(f"write {table.name}"):
            self._access(table).replace(table, rows, equal, writer)

    def compact(self, table: Table) -> bool:
        """Merge the files of a table where many are small; return whether they were merged."""
        files, size = self._access(table).files()
        if are_small := files >= COMPACT_FILES and size < COMPACT_FILE_BYTES * files:
            self._access(table).compact()
        return are_small

    def restore(self, table: Table, version: int | None) -> None:
        """Bring back an older version of a table as its newest; None removes all rows."""
        self._require_writable()
        with self._wrapping(f"restore {table.name}"):
            self._access(table).restore(version)

    def _require_writable(self) -> None:
        if self.versions is not None:
            raise WorkspaceError(
                f"Workspace {self.location} is read at a snapshot and cannot be written.\n"
                f'Hint: Workspace(spark, "{self.location}"), without the snapshot'
            )

    def _wrapping(self, action: str) -> AbstractContextManager[None]:
        return errors_of_engines(action, self.location)

    def _require_whole(self, table: Table) -> None:
        """Refuse a table of this machine whose log has lost entries."""
        if self._guard is not None:
            self._guard.require(self._migration.stored_name(table))

    # Scratch

    def shared_folder(self, run_id: str, step: str) -> str | None:
        """A folder of temporary files that driver and workers open by one path; None where there is none."""
        return shared_folder(self.scratch_root, f"{run_id}/{step}", is_one_machine=self._is_one_machine)

    def scratch(self, run_id: str) -> AbstractContextManager[Checkpoint]:
        """A function that stores a frame in temporary files and reads it back; the files go when the block ends."""
        return stored_frames(self.spark, self.location, self.scratch_root, run_id)
