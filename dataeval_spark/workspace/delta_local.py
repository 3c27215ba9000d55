"""Access to a table in a directory of this machine, with delta-rs: see `delta.py`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Schema, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError
from pyarrow.dataset import Dataset
from pyspark.sql.types import StructType

from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.images import IMAGES
from dataeval_spark.workspace.delta import Commit, Row, Writer, made_by, none_if_missing, retrying
from dataeval_spark.workspace.locations import absolute, is_catalog_name, is_local


class LocalAccess:
    """Access with delta-rs to a directory of this machine.

    Parameters
    ----------
    path : str
        Directory of the table.
    """

    def __init__(self, path: str) -> None:
        self._path = path

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

    def files(self) -> tuple[int, int]:
        sizes = pa.table(DeltaTable(self._path).get_add_actions(flatten=True))["size_bytes"]
        return len(sizes), pc.sum(sizes).as_py() or 0

    def size(self) -> int:
        """Number of rows by the statistics of the table's files; 0 where there is no table."""
        if not self._exists():
            return 0
        return pc.sum(pa.table(self._table().get_add_actions(flatten=True))["num_records"]).as_py() or 0

    def columns(self) -> list[str]:
        return [field.name for field in self._table().schema().fields] if self._exists() else []

    def rows(self, columns: Sequence[str], equal: Mapping[str, Any]) -> list[Row]:
        condition = pc.scalar(True)
        for column, value in equal.items():
            condition &= pc.field(column).is_null() if value is None else pc.field(column) == value
        rows = DeltaTable(self._path).to_pyarrow_dataset().to_table(columns=list(columns), filter=condition)
        return cast(list[Row], rows.to_pylist())

    def dataset(self) -> Dataset:
        return cast(Dataset, DeltaTable(self._path).to_pyarrow_dataset())

    def append(self, table: Table, rows: Sequence[Row], writer: Writer) -> None:
        self._write(table, rows, writer, mode="append")

    def replace(self, table: Table, rows: Sequence[Row], condition: str, writer: Writer) -> None:
        self._write(table, rows, writer, mode="overwrite", predicate=condition)

    def _write(self, table: Table, rows: Sequence[Row], writer: Writer, **how: Any) -> None:
        data = pa.Table.from_pylist(list(rows), schema=table.arrow_schema)
        commit = CommitProperties(custom_metadata={"userMetadata": writer.metadata})
        retrying(lambda: write_deltalake(self._path, data, commit_properties=commit, **how))

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


def can_open(path: str) -> bool:
    """Whether delta-rs finds a directory: it takes #, ? and %20 in a name for parts of a URI."""
    return re.search(r"[#?]|%[0-9A-Fa-f]{2}", path) is None


@cache
def _schema(table: Table) -> Schema:
    # Delta writes a schema down as Spark does.
    return Schema.from_json(StructType.fromDDL(table.ddl()).json())


def images_here(location: str) -> int:
    """Number of rows of ``images`` in a directory of this machine, without a session; 0 without such a table."""
    path = "" if is_catalog_name(location) else absolute(location)
    if not path or not is_local(path) or not can_open(path):
        return 0
    with suppress(DeltaError, OSError):  # what is wrong with a table is said when it is read
        return LocalAccess(f"{path}/{IMAGES.name}").size()
    return 0
