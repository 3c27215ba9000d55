"""Access to a table in a directory of this machine, with delta-rs: see `delta.py`."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from threading import RLock
from typing import Any, Literal, cast
from urllib.parse import unquote
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import CommitProperties, DeltaTable, Field, Schema, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, RemoveAction
from pyarrow.dataset import Dataset
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructField, StructType

from dataeval_spark.errors import WorkspaceError
from dataeval_spark.tables import CURRENT_NAMES
from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.images import IMAGES
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
from dataeval_spark.workspace.local_files import Keep, adopt, any_goes, constants, removal, rewritten, rows_of
from dataeval_spark.workspace.locations import absolute, is_directory_here
from dataeval_spark.workspace.repairs import unreadable
from dataeval_spark.workspace.table_log import flaw_of_size

# Threads of this process commit to a table one after another; other processes are met by trying again.
_COMMITTING: dict[str, RLock] = defaultdict(RLock)


class LocalAccess:
    """Access with delta-rs to a directory of this machine.

    The engine writes rows to parquet files in a folder for temporary files; these are moved into the table's directory
    and become part of it by one commit. No row goes through this process.

    Parameters
    ----------
    spark : SparkSession
        Session of the engine that reads and computes rows.
    path : str
        Directory of the table.
    staging : str
        Folder for temporary files.
    """

    def __init__(self, spark: SparkSession, path: str, staging: str) -> None:
        self._spark = spark
        self._path = path
        self._staging = staging

    def commits(self, limit: int) -> list[Commit]:
        return [
            Commit(
                entry["version"],
                self._committed_at(entry["version"]),
                entry.get("operation", ""),
                entry.get("operationMetrics") or {},
                made_by(entry.get("userMetadata")),
            )
            for entry in none_if_missing(lambda: self._history(limit))
        ]

    def _history(self, limit: int) -> list[dict[str, Any]]:
        # delta-rs counts versions down from the one that it opened, and lists commits that came since: one that another
        # thread made meanwhile would shift the versions of all.
        while True:
            table = self._table()
            history = table.history(limit)
            if not self._log_file(table.version() + 1).exists():
                return history

    def create(self, table: Table, properties: Mapping[str, str]) -> None:
        if self._exists():
            return
        try:
            DeltaTable.create(
                self._path, _schema(table), mode="ignore", description=table.doc, configuration=dict(properties)
            )
        except CommitFailedError:
            if not self._exists():  # else another process made it at the same time
                raise
            return
        self._write_checksum()

    def _write_checksum(self) -> None:
        """Write the version checksum of the Delta protocol, so that Spark need not compute what an empty table has."""
        first = Path(self._path) / "_delta_log" / f"{0:020}.json"
        actions: Row = {}
        for line in first.read_text().splitlines():
            actions |= json.loads(line)
        if "add" in actions:  # another process made it, and with rows
            return
        checksum = {
            "tableSizeBytes": 0,
            "numFiles": 0,
            "numMetadata": 1,
            "numProtocol": 1,
            "setTransactions": [],
            "domainMetadata": [],
            "metadata": actions["metaData"],
            "protocol": actions["protocol"],
            "allFiles": [],
        }
        part = first.with_suffix(".crc.part")
        part.write_text(json.dumps(checksum))
        part.replace(first.with_suffix(".crc"))

    def identity(self) -> str:
        return str(self._table().metadata().id)

    def constants(self, column: str) -> set[str] | None:
        return constants((Path(self._path) / unquote(file.name) for file in _files(self._table())), column)

    def files(self) -> tuple[int, int]:
        sizes = pa.table(DeltaTable(self._path).get_add_actions(flatten=True))["size_bytes"]
        return len(sizes), pc.sum(sizes).as_py() or 0

    def columns(self) -> dict[str, bool]:
        fields = self._table().schema().fields if self._exists() else []
        return {field.name: field.nullable for field in fields}

    def read(self, version: int | None) -> DataFrame:
        table = DeltaTable(self._path, version=version)
        if _needs_a_reader_of_delta(table):
            reader = self._spark.read.format("delta")
            return reader.option("versionAsOf", table.version()).load(self._path)
        # The files of this version: what is committed later does not change what the frame gives.
        schema = StructType.fromJson(json.loads(table.schema().to_json()))
        plain = StructType([StructField(field.name, field.dataType) for field in schema.fields])
        files = {f"{self._path}/{unquote(file.name)}": file.size for file in _files(table)}
        # An engine may take a file that is gone or empty for one without rows.
        flaw = next(filter(None, (flaw_of_size(path, size) for path, size in files.items())), None)
        if flaw is not None and version is None:
            location, _, name = self._path.rpartition("/")
            raise WorkspaceError(unreadable(location, CURRENT_NAMES.get(name, name), flaw))
        if flaw is not None:
            raise WorkspaceError(
                f"Version {table.version()} of table {self._path} has lost a file: {flaw.file} {flaw.reason}; expected "
                "it until delta.deletedFileRetentionDuration is over.\nHint: copy the table back from what "
                f"`dataeval-spark snapshot export` wrote, or remove {self._path} and run the verb that fills it."
            )
        paths = list(files)
        return self._spark.read.schema(plain).parquet(*paths) if paths else self._spark.createDataFrame([], plain)

    def rows(self, columns: Sequence[str], equal: Mapping[str, Any]) -> list[Row]:
        condition = pc.scalar(True)
        for column, value in equal.items():
            condition &= pc.field(column).is_null() if value is None else pc.field(column) == value
        dataset = DeltaTable(self._path).to_pyarrow_dataset()
        # A column that an older version did not write is null.
        stored = [name for name in columns if name in dataset.schema.names]
        rows = dataset.to_table(columns=stored, filter=condition).to_pylist()
        return [{name: row.get(name) for name in columns} for row in rows]

    def dataset(self) -> Dataset:
        return cast(Dataset, DeltaTable(self._path).to_pyarrow_dataset())

    def append(self, table: Table, rows: Sequence[Row], writer: Writer) -> None:
        self._write(table, rows, writer, mode="append", schema_mode="merge")

    def replace(self, table: Table, rows: Sequence[Row], equal: Mapping[str, Any], writer: Writer) -> None:
        # In delta-rs a backslash escapes nothing.
        predicate = condition_of(equal, lambda text: "'" + text.replace("'", "''") + "'")
        self._write(table, rows, writer, mode="overwrite", predicate=predicate, schema_mode="merge")

    def _write(self, table: Table, rows: Sequence[Row], writer: Writer, **how: Any) -> None:
        data = pa.Table.from_pylist(list(rows), schema=table.arrow_schema)
        commit = CommitProperties(custom_metadata={"userMetadata": writer.metadata})
        with _COMMITTING[self._path]:
            retrying(lambda: write_deltalake(self._path, data, commit_properties=commit, **how))

    def write(self, target: Target, rows: DataFrame, mode: Literal["append", "overwrite"], scope: str | None) -> None:
        column = target.table.scope

        def replaced(file: _File) -> tuple[bool, Keep | None]:
            if mode == "append" or scope is None or column is None:
                return mode == "overwrite", None
            keep = Keep(column, lambda values: pc.fill_null(pc.not_equal(values, scope), True))
            return file.may_hold(column, scope), keep

        with self._staged(target.writer, {"rows": rows}) as folders:
            self._commit(target, folders["rows"], replaced)

    def replace_images(self, target: Target, rows: DataFrame, images: DataFrame) -> None:
        if not self.files()[0]:  # no rows to replace: which images these are need not be computed
            self.write(target, rows, "append", None)
            return
        with self._staged(target.writer, {"rows": rows, "images": images.select("image_id").distinct()}) as folders:
            ids = ds.dataset(folders["images"], format="parquet").to_table()["image_id"].combine_chunks()

            def replaced(file: _File) -> tuple[bool, Keep | None]:
                return True, Keep("image_id", lambda values: pc.invert(pc.is_in(values, value_set=ids)))

            self._commit(target, folders["rows"], replaced)

    @contextmanager
    def _staged(self, writer: Writer, frames: Mapping[str, DataFrame]) -> Iterator[dict[str, Path]]:
        """Write frames to folders of this run's temporary files; the folders go when the block ends."""
        root = Path(self._staging) / (writer.run_id or "_") / f"commit-{uuid4().hex}"
        try:
            for name, frame in frames.items():
                frame.write.parquet(str(root / name))
            yield {name: root / name for name in frames}
        finally:
            shutil.rmtree(root, ignore_errors=True)

    def _commit(self, target: Target, staged: Path, replaced: Callable[[_File], tuple[bool, Keep | None]]) -> None:
        """Add the staged files, and remove what they replace: whole files, or rows of files, which are written again.

        Parameters
        ----------
        target : Target
            The table, the work that writes it and its state before.
        staged : Path
            Folder of the new files.
        replaced : callable
            Says of a file whether rows of it may be replaced, and which are kept (None: none is).
        """
        required = [column.name for column in target.table.columns if not column.nullable]
        added = adopt(staged, Path(self._path), required)
        metadata = json.dumps({**vars(target.writer), "rows": rows_of(added)}, sort_keys=True)
        version = target.app_version
        marks = [] if version is None else [Transaction(target.app, version)]
        properties = CommitProperties(custom_metadata={"userMetadata": metadata}, app_transactions=marks)

        def commit() -> None:
            table = self._table()
            last = None if version is None else table.transaction_version(target.app)
            if version is not None and last is not None and last >= version:
                return
            changes = [change for file in _files(table) for change in self._change(file, *replaced(file))]
            table.create_write_transaction([*changes, *added], "append", table.schema(), commit_properties=properties)

        with _COMMITTING[self._path]:
            retrying(commit)

    def _change(self, file: _File, is_replaced: bool, keep: Keep | None) -> list[AddAction | RemoveAction]:
        """What replaces a file of which some rows go."""
        if not is_replaced:
            return []
        if keep is None:
            return [removal(file.name, file.size)]
        path = Path(self._path) / unquote(file.name)
        if not any_goes(path, keep):
            return []
        rest = rewritten(path, keep)
        return [removal(file.name, file.size), *([rest] if rest else [])]

    def change_columns(self, added: Sequence[StructField], freed: Sequence[str]) -> None:
        with _COMMITTING[self._path]:
            if added:
                self._table().alter.add_columns([Field.from_json(field.json()) for field in added])
            for column in freed:
                self._table().alter.drop_column_not_null(column)

    def rename_columns(self, names: Mapping[str, str], writer: Writer) -> None:
        stored = self.dataset().to_table()  # a small table
        data = stored.rename_columns([names.get(name, name) for name in stored.column_names])
        commit = CommitProperties(custom_metadata={"userMetadata": writer.metadata})
        write_deltalake(self._path, data, mode="overwrite", schema_mode="overwrite", commit_properties=commit)

    def separate(self, column: str, value: str, writer: Writer) -> None:
        kept = self.dataset().to_table(filter=pc.field(column) != value).drop_columns([column])
        commit = CommitProperties(custom_metadata={"userMetadata": writer.metadata})
        write_deltalake(self._path, kept, mode="overwrite", schema_mode="overwrite", commit_properties=commit)

    def compact(self) -> None:
        with _COMMITTING[self._path]:
            retrying(lambda: self._table().optimize.compact())

    def restore(self, version: int | None) -> None:
        with _COMMITTING[self._path]:
            table = self._table()
            if version is None:
                table.delete()
            elif version != table.version():  # delta-rs refuses the version that the table has
                table.restore(version)

    def _table(self) -> DeltaTable:
        return DeltaTable(self._path)

    def _exists(self) -> bool:
        return DeltaTable.is_deltatable(self._path)

    def _log_file(self, version: int) -> Path:
        return Path(self._path) / "_delta_log" / f"{version:020}.json"

    def _committed_at(self, version: int) -> datetime:
        # What DESCRIBE HISTORY shows: both kinds of access must give a state the same identity.
        status = self._log_file(version).stat()
        return datetime.fromtimestamp(status.st_mtime_ns // 1_000_000 / 1000, UTC)


@dataclass(frozen=True)
class _File:
    """A file of a table, and the least and the greatest value of each column that has them."""

    name: str
    size: int
    least: Mapping[str, Any]
    greatest: Mapping[str, Any]

    def may_hold(self, column: str, value: str) -> bool:
        low, high = self.least.get(column), self.greatest.get(column)
        return low is None or high is None or low <= value <= high


def _files(table: DeltaTable) -> list[_File]:
    rows = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    return [
        _File(
            row["path"],
            row["size_bytes"],
            {name.removeprefix("min."): value for name, value in row.items() if name.startswith("min.")},
            {name.removeprefix("max."): value for name, value in row.items() if name.startswith("max.")},
        )
        for row in rows
    ]


def _needs_a_reader_of_delta(table: DeltaTable) -> bool:
    """Whether the files alone do not tell the rows: somebody gave the table partitions or a feature such as deletion
    vectors or other names of columns."""
    return table.protocol().min_reader_version > 1 or bool(table.metadata().partition_columns)


@cache
def _schema(table: Table) -> Schema:
    comments = {column.name: {"comment": column.comment} for column in table.columns}
    fields = Schema.from_arrow(table.arrow_schema).fields
    return Schema([Field(f.name, f.type, nullable=f.nullable, metadata=comments[f.name]) for f in fields])


def size_of(path: str) -> tuple[int, int]:
    """Rows and bytes of a table by the list of its files; zeros where there is no table."""
    if not DeltaTable.is_deltatable(path):
        return 0, 0
    files = pa.table(DeltaTable(path).get_add_actions(flatten=True))
    return pc.sum(files["num_records"]).as_py() or 0, pc.sum(files["size_bytes"]).as_py() or 0


def images_here(location: str) -> tuple[int, int]:
    """Rows and bytes of ``images`` in a directory of this machine, without a session; zeros without such a table."""
    if not is_directory_here(location):
        return 0, 0
    with suppress(DeltaError, OSError):  # what is wrong with a table is said when it is read
        return size_of(f"{absolute(location)}/{IMAGES.name}")
    return 0, 0
