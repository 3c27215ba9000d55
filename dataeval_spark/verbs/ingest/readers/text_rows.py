"""Rows of tables and of text files that people write: CSV, TSV and JSON lines, in any encoding."""

from __future__ import annotations

import codecs
import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from typing import TextIO

import pyarrow as pa
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError, first_line
from dataeval_spark.frames.batches import map_batches
from dataeval_spark.kernels.formats.csv_rows import column_names, csv_records
from dataeval_spark.kernels.formats.json_rows import as_type, common_type, ddl_of, json_objects, type_of
from dataeval_spark.kernels.formats.text import decode_text
from dataeval_spark.kernels.storage.files import open_file
from dataeval_spark.session.bounded import one_row
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.contract import identifier

CSV_ENDINGS = (".csv", ".tsv", ".txt")
JSON_ENDINGS = (".jsonl", ".ndjson", ".json")
# Endings of files that have rows: other text and JSON may be anything.
ROW_ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson")
# Bytes of a file by which its encoding is known; tasks read them again.
LOOKED_AT = 4 * 2**20
ROWS_PER_BATCH = 4096
# The column with text that is no whole row.
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
        The file cannot be read, or is JSON in an encoding that JSON must not have.
    """
    codec = encoding_of(path, encoding)
    if path.lower().endswith(JSON_ENDINGS):
        return _json_rows(spark, path, codec)
    separator = "\t" if path.lower().endswith(".tsv") else ","
    with _opened(path, codec) as file:
        header = next(csv_records(file, separator), None)
    names = column_names(header.values) if header else []
    width = len(names)

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with _opened(path, codec) as file:
            records = csv_records(file, separator)
            next(records, None)
            while some := list(islice(records, ROWS_PER_BATCH)):
                rows = [record.values + [None] * (width - len(record.values)) for record in some]
                columns = [pa.array([row[place] for row in rows], pa.string()) for place in range(width)]
                broken = [None if len(record.values) == width else record.text for record in some]
                yield pa.RecordBatch.from_arrays([*columns, pa.array(broken, pa.string())], names=[*names, BROKEN])

    ddl = ", ".join(f"{identifier(name)} string" for name in (*names, BROKEN))
    # A line with too few or too many values has the others.
    frame = map_batches(_one_row(spark), run, ddl)
    return TextRows(frame.drop(BROKEN), frame.where(F.col(BROKEN).isNotNull()), codec)


def _json_rows(spark: SparkSession, path: str, codec: str | None) -> TextRows:
    if codec not in (None, "utf-16"):
        raise IngestError(f"{path} is JSON in {codec}; expected UTF-8.\nHint: iconv -f {codec} -t UTF-8 {path}")
    is_whole = _is_array(path)

    def find_type(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with _opened(path, codec) as file:
            types = (type_of(row) for row in json_objects(file, is_whole=is_whole) if isinstance(row, dict))
            yield pa.RecordBatch.from_pydict({"type": [json.dumps(reduce(common_type, types, {}))]})

    type = json.loads(one_row(map_batches(_one_row(spark), find_type, "type string"))["type"])
    columns = {name: ddl for name, each in sorted(type.items()) if (ddl := ddl_of(each)) is not None}
    if not columns:
        raise IngestError(f"{path} has no rows; expected JSON objects.\nHint: write one object per line")
    ddl = ", ".join(f"{identifier(name)} {type}" for name, type in {**columns, BROKEN: "string"}.items())

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        schema = arrow_schema(ddl)
        with _opened(path, codec) as file:
            found = json_objects(file, is_whole=is_whole)
            while some := list(islice(found, ROWS_PER_BATCH)):
                rows = [as_type(row, type) if isinstance(row, dict) else {BROKEN: row} for row in some]
                yield pa.RecordBatch.from_pylist(rows, schema=schema)

    frame = map_batches(_one_row(spark), run, ddl)
    # Of a broken line of JSON nothing is known.
    whole = frame.where(F.col(BROKEN).isNull()).drop(BROKEN)
    return TextRows(whole, frame.where(F.col(BROKEN).isNotNull()), codec)


def _one_row(spark: SparkSession) -> DataFrame:
    """A frame for kernels that read one file in one task, in its order."""
    return spark.range(0, 1, 1, 1)


def _opened(path: str, codec: str | None) -> TextIO:
    """A text file with its line ends translated; bytes that are no characters are replaced."""
    return io.TextIOWrapper(open_file(path), encoding=codec or "utf-8-sig", errors="replace")


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
