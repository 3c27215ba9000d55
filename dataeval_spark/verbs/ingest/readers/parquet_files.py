"""Parquet files read by tasks, one row group after the other: rows know their file and their number in it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from dataeval_spark.frames.batches import map_batches, map_rows
from dataeval_spark.kernels.formats.folder_values import folder_types, folder_values
from dataeval_spark.kernels.formats.parquet_rows import (
    FILE_COLUMNS,
    RowGroup,
    column_types,
    row_batches,
    rows_of_groups,
)
from dataeval_spark.kernels.storage.files import top_entries, walk
from dataeval_spark.kernels.storage.objects import storage_at
from dataeval_spark.kernels.storage.uris import local_path
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.contract import identifier
from dataeval_spark.verbs.ingest.readers.text_rows import unreadable_table

FOOTER_TASKS = 64
MOST_TASKS = 10_000
BYTES_PER_TASK = 32 * 2**20
FOOTERS_DDL = "number int, rows array<bigint>, names array<string>, types array<string>, error string"
GROUPS_DDL = "uri string, modified_us bigint, `group` int, first_row bigint, position bigint, constants string"


@dataclass(frozen=True)
class ParquetFiles:
    """Parquet files of one table: their row groups, and the types of their columns in Spark SQL by name."""

    groups: DataFrame
    types: Mapping[str, str]

    def rows(self, *columns: str) -> DataFrame:
        """Some columns of all rows; nothing else is read.

        Parameters
        ----------
        columns : str
            Of the files, or of `dataeval_spark.kernels.formats.parquet_rows.FILE_COLUMNS`.
        """
        types = {name: self.types.get(name) or FILE_COLUMNS[name] for name in columns}

        def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                for row in batch.to_pylist():
                    group = RowGroup(**{**row, "constants": json.loads(row["constants"])})
                    yield from row_batches(group, types)

        return map_batches(self.groups, read, ", ".join(f"{identifier(name)} {type}" for name, type in types.items()))


@dataclass(frozen=True)
class _File:
    path: str
    uri: str
    size: int
    modified_us: int | None


def find_parquet(spark: SparkSession, source: str, *, is_nested: bool = False) -> ParquetFiles | None:
    """The parquet files of a path or URI; None where this process finds no file there.

    Columns are those of the first file by name, and after them those of folders such as ``year=2024``. Files and
    folders whose names begin with a dot or an underscore do not count, nor do others beside files named ``.parquet``.

    Parameters
    ----------
    source : str
        A file or a folder.
    is_nested : bool
        Whether names of folders are no values.

    Raises
    ------
    IngestError
        A file is no parquet, or cannot be read.
    """
    files = _files(source)
    if not files:
        return None
    footers = _footers(spark, files)
    for row in footers:
        if row["error"] is not None:
            raise unreadable_table(source, f"{os.path.basename(files[row['number']].uri)}: {row['error'][:300]}")
    types = dict(zip(footers[0]["names"], footers[0]["types"], strict=True))
    constants = [{} if is_nested else folder_values(file.path) for file in files]
    groups, position = [], 0
    for row, file, values in zip(footers, files, constants, strict=True):
        first_row = 0
        for group, n in enumerate(row["rows"]):
            groups.append((file.uri, file.modified_us, group, first_row, position, json.dumps(values)))
            first_row, position = first_row + n, position + n
    size = sum(file.size for file in files)
    tasks = max(1, min(len(groups), MOST_TASKS, -(-size // BYTES_PER_TASK)))
    frame = spark.createDataFrame(groups, GROUPS_DDL).repartition(tasks)
    return ParquetFiles(frame, {**types, **{k: v for k, v in folder_types(constants).items() if k not in types}})


def _footers(spark: SparkSession, files: list[_File]) -> list[Any]:
    """What the footers of the files say, in the order of the files."""

    def read(rows: Iterator[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
        for row in rows:
            try:
                found: dict[str, Any] = {"number": row["number"], "rows": rows_of_groups(row["uri"])}
                if row["number"] == 0:
                    types = column_types(row["uri"])
                    found |= {"names": list(types), "types": list(types.values())}
                yield found
            except (OSError, pa.ArrowException) as error:
                yield {"number": row["number"], "error": str(error)}

    frame = spark.createDataFrame([(number, file.uri) for number, file in enumerate(files)], "number int, uri string")
    tasks = min(len(files), FOOTER_TASKS)
    rows = bounded(map_rows(frame.repartition(tasks), read, FOOTERS_DDL), "one row per file")
    return sorted(rows, key=lambda row: row["number"])


def _files(source: str) -> list[_File]:
    path = local_path(source)
    place = (source if path is None else os.path.abspath(path)).rstrip("/")
    try:
        if path is None:
            with storage_at(source) as (storage, key):
                is_file = storage.kind(key) == "file"
        else:
            is_file = os.path.isfile(path)
        if is_file and path is not None:
            status = os.stat(path)
            return [_File("", place, status.st_size, status.st_mtime_ns // 1000)]
        if is_file:
            folder, _, name = place.rpartition("/")
            entries = (entry for entry in top_entries(folder) if entry.name == name)
            return [_File("", place, entry.size, entry.modified_us) for entry in entries]
        found = (file for file in walk(place) if file.reason is None and not _is_hidden(file.path))
        files = [_File(file.path, f"{place}/{file.path}", file.size, file.modified_us) for file in found]
    except OSError:  # the engine may know more: it says so, or has its own error
        return []
    named = [file for file in files if file.path.lower().endswith(".parquet")]
    return sorted(named or files, key=lambda file: file.path)


def _is_hidden(path: str) -> bool:
    return any(part.startswith((".", "_")) and "=" not in part for part in path.split("/"))
