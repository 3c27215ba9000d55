"""Rows of tables and of text files that people write: CSV, TSV and JSON lines, in any encoding."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError, first_line
from dataeval_spark.frames.batches import map_batches
from dataeval_spark.kernels.formats.text import decode_text
from dataeval_spark.kernels.storage.files import open_file
from dataeval_spark.tables.contract import identifier

CSV_ENDINGS = (".csv", ".tsv", ".txt")
JSON_ENDINGS = (".jsonl", ".ndjson", ".json")
# Endings of files that have rows: other text and JSON may be anything.
ROW_ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson")
# Bytes of a file by which its encoding is known; tasks read them again.
LOOKED_AT = 4 * 2**20
# The column with text that Spark could not read.
BROKEN = "_corrupt_record"


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
    """Rows of a text file; ``broken`` has those that are not whole, and ``encoding`` is None for UTF-8."""

    frame: DataFrame
    broken: DataFrame
    encoding: str | None


def read_text_rows(spark: SparkSession, path: str, *, encoding: str | None = None) -> TextRows:
    """The rows of a CSV, TSV or JSON-lines file.

    All columns of CSV are text. Of JSON lines each column has the type that its values have; a file that holds one
    JSON array is read too.

    Parameters
    ----------
    path : str
        File to read.
    encoding : str, optional
        Encoding that the user names.

    Raises
    ------
    IngestError
        The file cannot be read, or has an encoding that Spark does not read.
    """
    codec = encoding_of(path, encoding)
    is_json = path.lower().endswith(JSON_ENDINGS)
    if is_json and codec not in (None, "utf-16"):
        raise IngestError(f"{path} is JSON in {codec}; expected UTF-8.\nHint: iconv -f {codec} -t UTF-8 {path}")
    # Spark knows few encodings: bytes of the others are read one by one, and put together afterwards.
    of_spark = {None: "UTF-8", "utf-16": "UTF-16"}.get(codec, "ISO-8859-1")
    try:
        if is_json:
            frame = spark.read.option("multiLine", _is_array(path)).json(path)
            if frame.columns in ([], [BROKEN]):
                raise IngestError(f"{path} has no rows; expected JSON objects.\nHint: write one object per line")
        else:
            separator = "\t" if path.lower().endswith(".tsv") else ","
            options: dict[str, Any] = {
                "header": True,
                "sep": separator,
                "multiLine": True,
                "escape": '"',
                "encoding": of_spark,
            }
            names = spark.read.options(**options).csv(path).columns
            schema = ", ".join(f"{identifier(name)} string" for name in (*names, BROKEN))
            frame = spark.read.options(**options, columnNameOfCorruptRecord=BROKEN).schema(schema).csv(path)
    except PySparkException as error:
        first = first_line(error)[:300]
        raise IngestError(f"{path} cannot be read: {first}\nHint: name a CSV, TSV or JSON-lines file") from error
    if codec is not None and of_spark == "ISO-8859-1":
        frame = _put_together(frame, codec)
    if BROKEN not in frame.columns:
        return TextRows(frame, frame.limit(0).select(F.lit("").alias(BROKEN)), codec)
    # Of a broken line of JSON nothing is known; a line of CSV with too few or too many values has the others.
    whole = frame.where(F.col(BROKEN).isNull()) if is_json else frame
    return TextRows(whole.drop(BROKEN), frame.where(F.col(BROKEN).isNotNull()).select("*"), codec)


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
        frame.columns  # noqa: B018  under Connect nothing is looked up before this
        return frame, is_parquet
    except AnalysisException as error:
        first = first_line(error)[:300]
        hint = "a parquet or Delta path, a CSV, TSV or JSON-lines file, or a table's name."
        raise IngestError(f"Table {source} cannot be read: {first}\nHint: {hint}") from error


def _put_together(frame: DataFrame, encoding: str) -> DataFrame:
    """Text whose bytes were read as one character each, in its own encoding; names of columns too."""
    names = [_decoded(name, encoding) or name for name in frame.columns]

    def decode(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            columns = [pa.array([_decoded(text, encoding) for text in column.to_pylist()]) for column in batch.columns]
            yield pa.RecordBatch.from_arrays([column.cast(pa.string()) for column in columns], names=names)

    return map_batches(frame, decode, ", ".join(f"{identifier(name)} string" for name in names))


def _decoded(text: str | None, encoding: str) -> str | None:
    return None if text is None else text.encode("latin-1").decode(encoding, errors="replace")


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
    return "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else encoding


def _is_array(path: str) -> bool:
    with open_file(path) as file:
        return file.read(1024).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")
