"""Parquet files of a Delta table on this machine: taken over from an engine, or written again without some rows."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake.transaction import AddAction, RemoveAction

from dataeval_spark.errors import SchemaError

# Statistics on the keys only: a file is skipped by them, or known to hold one scope.
INDEXED_COLUMNS = 4
# Engines cut long texts in their statistics; these are whole.
LONGEST_TEXT = 31
UTC_TIME = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class Keep:
    """A rule which rows of a file are kept: a column, and what is true of its values in rows that are."""

    column: str
    is_kept: Callable[[pa.Array], pa.Array]


def adopt(staged: Path, table: Path, required: Iterable[str]) -> list[AddAction]:
    """Move the files that an engine wrote to a folder into that of a table; what adds them to it.

    Parameters
    ----------
    staged, table : Path
        Folders on one file system, or on two: then the files are copied.
    required : iterable of str
        Columns that have no nulls.

    Raises
    ------
    SchemaError
        A required column has a null.
    """
    sources = [(path, pq.read_metadata(path)) for path in sorted(staged.rglob("*.parquet"))]
    filled = [(path, metadata) for path, metadata in sources if metadata.num_rows]
    for path, metadata in filled:
        _require_values(path, metadata, required)
    added = []
    for path, metadata in filled:
        target = table / f"part-{uuid4()}.parquet"
        shutil.move(path, target)
        added.append(_add(target, metadata))
    return added


def rewritten(path: Path, keep: Keep) -> AddAction | None:
    """Write the rows of a file that are kept into a new one beside it; None where none is kept."""
    target = path.with_name(f"part-{uuid4()}.parquet")
    source = pq.ParquetFile(path, coerce_int96_timestamp_unit="us")
    schema = source.schema_arrow
    for place, field in enumerate(schema):
        # The oldest form of a time in parquet has no zone, and Delta means UTC by it.
        if pa.types.is_timestamp(field.type):
            schema = schema.set(place, field.with_type(UTC_TIME))
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for batch in source.iter_batches():
            kept = batch.filter(keep.is_kept(batch[keep.column]))
            if kept.num_rows:
                writer.write_batch(kept.cast(schema))
    metadata = pq.read_metadata(target)
    if metadata.num_rows:
        return _add(target, metadata)
    target.unlink()
    return None


def any_goes(path: Path, keep: Keep) -> bool:
    """Whether any row of a file is not kept; only then it need be written again."""
    batches = pq.ParquetFile(path).iter_batches(columns=[keep.column])
    return any(not pc.all(keep.is_kept(batch[keep.column])).as_py() for batch in batches)


def constants(paths: Iterable[Path], column: str) -> set[str] | None:
    """Texts of a column that is one text in each group of rows, by the footers of the files; None where it is not."""
    found = set()
    for path in paths:
        metadata = pq.read_metadata(path)
        names = [metadata.schema.column(number).path for number in range(metadata.num_columns)]
        if metadata.num_rows and column not in names:
            return None
        for group in range(metadata.num_row_groups if metadata.num_rows else 0):
            chunk = metadata.row_group(group).column(names.index(column)).statistics
            if chunk is None or not chunk.has_min_max or chunk.null_count or chunk.min != chunk.max:
                return None
            if not _is_whole(chunk.min):
                return None
            found.add(str(chunk.min))
    return found


def removal(name: str, size: int | None) -> RemoveAction:
    """What removes a file from its table; older versions still read it."""
    return RemoveAction(name, True, _now(), size)


def rows_of(actions: Iterable[AddAction]) -> int:
    """Number of rows in files that are added."""
    return sum(json.loads(action.stats)["numRecords"] for action in actions)


def _add(path: Path, metadata: pq.FileMetaData) -> AddAction:
    stats = json.dumps({"numRecords": metadata.num_rows, **_statistics(metadata)})
    return AddAction(path.name, path.stat().st_size, {}, _now(), True, stats)


def _now() -> int:
    return time.time_ns() // 1_000_000


def _statistics(metadata: pq.FileMetaData) -> dict[str, Mapping[str, Any]]:
    """Delta's statistics of the first columns, as far as the file's own are whole."""
    smallest: dict[str, Any] = {}
    largest: dict[str, Any] = {}
    nulls: dict[str, int] = {}
    for column in range(min(INDEXED_COLUMNS, metadata.num_columns)):
        name = metadata.schema.column(column).path
        chunks = [metadata.row_group(group).column(column).statistics for group in range(metadata.num_row_groups)]
        if "." in name or any(chunk is None or not chunk.has_null_count for chunk in chunks):
            continue
        nulls[name] = sum(chunk.null_count for chunk in chunks)
        ranges = [(chunk.min, chunk.max) for chunk in chunks if chunk.has_min_max]
        if ranges and all(_is_whole(end) for pair in ranges for end in pair):
            smallest[name] = min(low for low, _ in ranges)
            largest[name] = max(high for _, high in ranges)
    return {"minValues": smallest, "maxValues": largest, "nullCount": nulls}


def _is_whole(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= LONGEST_TEXT
    return isinstance(value, int) and not isinstance(value, bool)


def _require_values(path: Path, metadata: pq.FileMetaData, required: Iterable[str]) -> None:
    names = set(required)
    for column in range(metadata.num_columns):
        name = metadata.schema.column(column).path
        if name not in names:
            continue
        chunks = [metadata.row_group(group).column(column).statistics for group in range(metadata.num_row_groups)]
        if all(chunk is not None and chunk.has_null_count for chunk in chunks):
            nulls = sum(chunk.null_count for chunk in chunks)
        else:
            nulls = pq.read_table(path, columns=[name])[name].null_count
        if nulls:
            raise SchemaError(
                f"Column {name} of the new rows is null in {nulls:,} of {metadata.num_rows:,}; expected a value in "
                "each row.\nHint: docs/tables.md says which columns are required."
            )
