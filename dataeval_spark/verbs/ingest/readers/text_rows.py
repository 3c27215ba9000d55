"""Rows of tables and of text files that people write: CSV, TSV and JSON lines, in any encoding."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError, first_line
from dataeval_spark.frames.batches import map_batches
from dataeval_spark.kernels.formats.delimited import BROKEN, POSITION, column_names, text_batches
from dataeval_spark.kernels.formats.json_rows import JsonSchema, infer_schema, is_json_array, json_batches
from dataeval_spark.kernels.formats.json_types import sql_type_of
from dataeval_spark.kernels.formats.text import decode_text
from dataeval_spark.kernels.storage.files import open_file
from dataeval_spark.session.bounded import one_row
from dataeval_spark.tables.contract import identifier
from dataeval_spark.workspace.delta_spark import is_of_engine

CSV_ENDINGS = (".csv", ".tsv", ".txt")
JSON_ENDINGS = (".jsonl", ".ndjson", ".json")
# Endings of files that have rows: other text and JSON may be anything.
ROW_ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson")
# Bytes of a file by which its encoding is known; tasks read them again.
LOOKED_AT = 4 * 2**20
EXTRA_DDL = f"{BROKEN} string, {POSITION} bigint"


def is_text(path: str) -> bool:
    """Whether a path is that of a text file with rows."""
    return path.lower().endswith((*CSV_ENDINGS, *JSON_ENDINGS))


@dataclass(frozen=True)
class TableOptions:
    """Options of a table or text file: columns of label, id, path and image, and the encoding of text."""

    label_column: str | None = None
    id_column: str | None = None
    path_column: str | None = None
    image_column: str | None = None
    encoding: str | None = None


BY_NAME = TableOptions()
"""Columns that are known by their names, and text in UTF-8 or in the encoding that it declares."""


@dataclass(frozen=True)
class TextRows:
    """Rows of a text file, and how it is encoded: ``encoding`` is None for UTF-8.

    Attributes
    ----------
    numbered : DataFrame
        The rows, with their number in the file as `POSITION`. Those of CSV that are not whole have the values that
        they have; of broken JSON nothing is known.
    broken : DataFrame
        Rows that are not whole, with their text as `BROKEN`.
    """

    numbered: DataFrame
    broken: DataFrame
    encoding: str | None

    @property
    def frame(self) -> DataFrame:
        """The rows without their numbers."""
        return self.numbered.drop(POSITION)


def read_text_rows(spark: SparkSession, path: str, *, encoding: str | None = None) -> TextRows:
    """The rows of a CSV, TSV or JSON-lines file, read by one task.

    All columns of CSV are text, and an empty value is null: see
    :func:`dataeval_spark.kernels.formats.delimited.text_batches`. Of JSON lines each column has the type that its
    values have, which another task finds out first: see :func:`dataeval_spark.kernels.formats.json_rows.infer_schema`.
    A file that holds one JSON array is read too.

    Parameters
    ----------
    path : str
        File to read.
    encoding : str, optional
        Encoding that the user names.

    Raises
    ------
    IngestError
        The file cannot be read, or is JSON in another encoding than UTF-8, UTF-16 or UTF-32.
    """
    codec = encoding_of(path, encoding)
    is_json = path.lower().endswith(JSON_ENDINGS)
    if is_json and codec not in (None, "utf-16", "utf-32"):
        raise IngestError(f"{path} is JSON in {codec}; expected UTF-8.\nHint: iconv -f {codec} -t UTF-8 {path}")
    try:
        return _json_rows(spark, path, codec) if is_json else _delimited_rows(spark, path, codec)
    except Exception as error:
        if not is_of_engine(error) and not isinstance(error, OSError):
            raise
        first = first_line(error)[:300]
        raise IngestError(f"{path} cannot be read: {first}\nHint: name a CSV, TSV or JSON-lines file") from error


def _delimited_rows(spark: SparkSession, path: str, codec: str | None) -> TextRows:
    delimiter = "\t" if path.lower().endswith(".tsv") else ","
    names = column_names(path, encoding=codec, delimiter=delimiter)

    def read() -> Iterator[pa.RecordBatch]:
        return text_batches(path, names, encoding=codec, delimiter=delimiter)

    rows = _of_one_task(spark, read, ", ".join((*(f"{identifier(name)} string" for name in names), EXTRA_DDL)))
    return TextRows(rows.drop(BROKEN), rows.where(F.col(BROKEN).isNotNull()).drop(POSITION), codec)


def _json_rows(spark: SparkSession, path: str, codec: str | None) -> TextRows:
    is_array = is_json_array(path, codec)

    def infer() -> Iterator[pa.RecordBatch]:
        text = infer_schema(path, encoding=codec, is_array=is_array).to_text()
        yield pa.RecordBatch.from_pydict({"text": [text]})

    schema = JsonSchema.of_text(one_row(_of_one_task(spark, infer, "text string"))["text"])
    if not schema.columns:
        raise IngestError(f"{path} has no rows; expected JSON objects.\nHint: write one object per line")

    def read() -> Iterator[pa.RecordBatch]:
        return json_batches(path, schema, encoding=codec, is_array=is_array)

    columns = (f"{identifier(name)} {sql_type_of(type_)}" for name, _, type_ in schema.columns)
    rows = _of_one_task(spark, read, ", ".join((*columns, EXTRA_DDL)))
    if not schema.broken:
        return TextRows(rows.drop(BROKEN), spark.createDataFrame([], f"{BROKEN} string"), codec)
    is_broken = F.col(BROKEN).isNotNull()
    return TextRows(rows.where(~is_broken).drop(BROKEN), rows.where(is_broken).drop(POSITION), codec)


def _of_one_task(spark: SparkSession, read: Callable[[], Iterator[pa.RecordBatch]], ddl: str) -> DataFrame:
    """Batches that one task reads; a text file cannot be divided before it is read."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        if any(batch.num_rows for batch in list(batches)):
            yield from read()

    return map_batches(spark.range(0, 1, 1, 1), run, ddl)


def open_table(spark: SparkSession, source: str, *, is_nested: bool = False) -> tuple[DataFrame, bool]:
    """A Delta table, parquet files or a table of the catalog, and whether it is parquet files.

    Parameters
    ----------
    source : str
        Path or name of the table.
    is_nested : bool
        Whether parquet files lie in folders that are no partitions.

    Raises
    ------
    IngestError
        There is none, or it cannot be read.
    """
    is_parquet = False
    try:
        if os.path.isdir(os.path.join(source, "_delta_log")):
            frame = spark.read.format("delta").load(source)
        elif os.path.exists(source) or "/" in source or source.lower().endswith(".parquet"):
            frame, is_parquet = spark.read.option("recursiveFileLookup", is_nested).parquet(source), True
        else:
            frame = spark.read.table(source)
        # Under Connect nothing is looked up before this, and of a missing path some engines say nothing at all.
        if frame.columns:
            return frame, is_parquet
        raise unreadable_table(source, "no table is there, or one without columns")
    except Exception as error:
        if not is_of_engine(error):
            raise
        raise unreadable_table(source, first_line(error)[:300]) from error


def unreadable_table(source: str, reason: str) -> IngestError:
    """The error of a table that cannot be read."""
    hint = "a parquet or Delta path, a CSV, TSV or JSON-lines file, or a table's name."
    if re.search(r"URL scheme is not allowed|No FileSystem for scheme|FileSystem not found", reason):
        reason = f"the engine opens no {source.partition(':')[0]}: URIs."
        hint = "copy it to this machine, or --engine spark with the file system of that storage (such as hadoop-aws)."
    return IngestError(f"Table {source} cannot be read: {reason}\nHint: {hint}")


def encoding_of(path: str, declared: str | None = None) -> str | None:
    """Encoding of a text file; None for UTF-8.

    Raises
    ------
    IngestError
        The file cannot be opened, or no encoding fits.
    """
    try:
        with open_file(path) as file:
            data = file.read(LOOKED_AT)
        if len(data) == LOOKED_AT:  # a character may be cut in two
            data = data[: data.rfind(b"\n") + 1] or data
        _, encoding = decode_text(data, declared=declared)
    except (OSError, ValueError) as error:
        raise IngestError(
            f"{path} cannot be read: {error}.\nHint: --encoding NAME says what the text is encoded in, such as cp1252"
        ) from error
    # A mark of UTF-32 begins with one of UTF-16.
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    return "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else encoding
