"""Rows of parquet files in batches of a bounded size, each with its file's name and its number in the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dataeval_spark.kernels.formats.delimited import POSITION
from dataeval_spark.kernels.storage.files import open_file
from dataeval_spark.kernels.storage.uris import local_path
from dataeval_spark.tables.arrow import arrow_type, sql_type

FILE_NAME, ROW_INDEX, FILE_TIME = "_file_name", "_row_index", "_file_modification_time"
FILE_COLUMNS = {FILE_NAME: "string", ROW_INDEX: "bigint", FILE_TIME: "timestamp", POSITION: "bigint"}
"""Columns about the place of a row: see `row_batches`."""
# Rows of a batch: many where they are short, and few where they hold images.
MOST_ROWS, ROWS_OF_IMAGES = 4096, 64
BYTES_PER_BATCH = 32 * 2**20
LONG_ROW = 2048
# Columns are read in pieces of this size, not as a whole: those with images may be larger than the memory.
READ_AHEAD = 2**20


@dataclass(frozen=True)
class RowGroup:
    """A row group of a file, with what is known of the file.

    Attributes
    ----------
    uri : str
        Place of the file.
    modified_us : int or None
        Time of its last change, in microseconds since 1970.
    group : int
        Number of the row group in the file, from 0.
    first_row : int
        Number of its first row in the file, from 0.
    position : int
        Number of its first row in all files, in the order of their names.
    constants : dict
        Values that all its rows share, by column: those of folders such as ``year=2024``.
    """

    uri: str
    modified_us: int | None
    group: int
    first_row: int
    position: int
    constants: Mapping[str, str | None]


def rows_of_groups(uri: str) -> list[int]:
    """Numbers of rows of the row groups of a file, from its footer.

    Raises
    ------
    OSError
        The file cannot be read.
    pyarrow.ArrowInvalid
        It is no parquet.
    """
    with _opened(uri) as file:
        return [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]


def column_types(uri: str) -> dict[str, str]:
    """Types of the columns of a file in Spark SQL, from its footer; raises as `rows_of_groups`."""
    with _opened(uri) as file:
        types = {field.name: sql_type(field.type) for field in file.schema_arrow}
        leaves = [file.schema.column(number) for number in range(len(file.schema))]
        # The older form of times, which Spark writes, is one of instants; pyarrow takes it for one of local times.
        starts = tuple(f"{leaf.path}." for leaf in leaves if leaf.physical_type == "INT96")
    of_instants = [name for name in types if any(start.startswith(f"{name}.") for start in starts)]
    return types | {name: types[name].replace("timestamp_ntz", "timestamp") for name in of_instants}


def row_batches(group: RowGroup, types: Mapping[str, str]) -> Iterator[pa.RecordBatch]:
    """Rows of a row group in the columns of ``types``.

    A column that the file does not have is null. A batch has at most 32 MiB, or one row. Columns of `FILE_COLUMNS` are
    the last part of the file's URI, the number of the row in the file, the time of the file's last change (in whole
    milliseconds, as Spark has it) and the number of the row in all files.

    Parameters
    ----------
    group : RowGroup
        What to read.
    types : dict of str to str
        Types in Spark SQL by column, to which the values are cast.

    Raises
    ------
    OSError
        The file cannot be read.
    pyarrow.ArrowInvalid
        Values of this file do not fit into their column's type.
    """
    with _opened(group.uri) as file:
        names = [name for name in types if name in file.schema_arrow.names]
        size = _batch_size(file.metadata.row_group(group.group), names)
        done = 0
        for batch in file.iter_batches(size, [group.group], columns=names):
            for part in _parts(batch):
                columns = [_column(name, type_, part, group, done) for name, type_ in types.items()]
                yield pa.RecordBatch.from_arrays(columns, names=list(types))
                done += part.num_rows


def _opened(uri: str) -> pq.ParquetFile:
    path = local_path(uri)
    source = open_file(uri) if path is None else path
    # In nanoseconds, years after 2262 would be other ones.
    return pq.ParquetFile(source, buffer_size=READ_AHEAD, pre_buffer=False, coerce_int96_timestamp_unit="us")


def _batch_size(metadata: Any, names: list[str]) -> int:
    """Number of rows to read at once, by the mean length of the rows of a group."""
    columns = [metadata.column(number) for number in range(metadata.num_columns)]
    starts = tuple(f"{name}." for name in names)
    size = sum(each.total_uncompressed_size for each in columns if f"{each.path_in_schema}.".startswith(starts))
    mean = size / max(1, metadata.num_rows)
    return max(1, min(MOST_ROWS if mean < LONG_ROW else ROWS_OF_IMAGES, int(BYTES_PER_BATCH / max(1, mean))))


def _parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """A batch cut in halves until each part is within the bound of bytes, or one row."""
    if batch.num_rows < 2 or batch.nbytes <= BYTES_PER_BATCH:
        yield batch
        return
    half = batch.num_rows // 2
    yield from _parts(batch.slice(0, half))
    yield from _parts(batch.slice(half))


def _column(name: str, type_: str, batch: pa.RecordBatch, group: RowGroup, done: int) -> pa.Array:
    n, arrow = batch.num_rows, arrow_type(type_)
    if name in batch.schema.names:
        return _cast(batch.column(name), arrow)
    if name == FILE_NAME:
        return pa.repeat(pa.scalar(group.uri.rstrip("/").rpartition("/")[2], arrow), n)
    if name in (ROW_INDEX, POSITION):
        first = done + (group.first_row if name == ROW_INDEX else group.position)
        return pa.array(range(first, first + n), arrow)
    if name == FILE_TIME:
        milliseconds = None if group.modified_us is None else group.modified_us // 1000 * 1000
        return pa.repeat(pa.scalar(milliseconds, arrow), n)
    value = group.constants.get(name)
    return pa.nulls(n, arrow) if value is None else pa.repeat(pa.scalar(value, pa.string()), n).cast(arrow)


def _cast(column: pa.Array, type_: pa.DataType) -> pa.Array:
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    # Nanoseconds become microseconds, of which Spark's times have whole ones.
    return column if column.type == type_ else pc.cast(column, options=pc.CastOptions(type_, allow_time_truncate=True))
