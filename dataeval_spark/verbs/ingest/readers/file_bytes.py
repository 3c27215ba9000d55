"""Bytes of new and changed files, read once to hash them, and their URIs in the form that tables may keep."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.batches import map_batches, map_rows
from dataeval_spark.kernels.images.decoding.decode import UnreadableImage
from dataeval_spark.kernels.images.decoding.image_size import stored_and_upright_size
from dataeval_spark.kernels.images.hashes import file_hash
from dataeval_spark.kernels.storage import uris
from dataeval_spark.kernels.storage.files import read_file
from dataeval_spark.kernels.storage.prefetch import read_ahead
from dataeval_spark.kernels.storage.uris import is_remote
from dataeval_spark.tables.contract import identifier

SIZE_COLUMNS = ("stored_width", "stored_height", "upright_width", "upright_height")
BYTES_DDL = (
    "image_id string, content binary, content_length bigint, file_hash string, stored_width int, stored_height int, "
    "upright_width int, upright_height int"
)


def read_files(files: DataFrame, *, keep_bytes: bool) -> DataFrame:
    """Length, hash and size in pixels of each file, with its bytes if they are kept.

    Objects of a storage are read ahead.

    Parameters
    ----------
    files : DataFrame
        ``image_id``, ``uri``, ``content`` (bytes that the source itself gives, else null) and ``content_length``.
    keep_bytes : bool
        Return the bytes of files too.

    Returns
    -------
    DataFrame
        Columns of ``BYTES_DDL``; of a file that cannot be read only the id.
    """

    def read(rows: Iterator[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
        for row, data in read_ahead(rows, _content, is_slow=_is_slow, size=lambda row: row["content_length"]):
            if isinstance(data, OSError):  # the profile reads it again and says why it cannot
                yield {"image_id": row["image_id"]}
                continue
            if isinstance(data, Exception):
                raise data
            yield {
                "image_id": row["image_id"],
                "content": data if keep_bytes or row["content"] is not None else None,
                "content_length": len(data),
                "file_hash": file_hash(data),
                **_sizes(data),
            }

    return map_rows(files, read, BYTES_DDL)


def _sizes(data: bytes) -> Mapping[str, int]:
    try:
        stored, upright = stored_and_upright_size(BytesIO(data))
    except UnreadableImage:  # the profile says so
        return {}
    return dict(zip(SIZE_COLUMNS, (*stored, *upright), strict=True))


def without_credentials(uri: Column) -> Column:
    """URI in the form that a table may keep; a signed one is read at ingestion and cannot open the file later.

    See `dataeval_spark.kernels.storage.uris.shown_uri`.
    """
    return F.pandas_udf(_shown_uris, "string")(uri)  # type: ignore[call-overload]


def _shown_uris(texts: pd.Series) -> pd.Series:
    return pd.Series([text if text is None else uris.shown_uri(text) for text in texts], dtype=object)


def with_shown_texts(rows: DataFrame, columns: Sequence[str]) -> DataFrame:
    """Rows with the credentials of URIs removed from their texts.

    Parameters
    ----------
    rows : DataFrame
        Any columns.
    columns : sequence of str
        Columns of texts that may quote a URI.
    """

    def show(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for name in columns:
                texts = batch.column(name)
                if pc.any(pc.match_substring(texts, "://")).as_py():
                    clean = [text and uris.without_credentials(text) for text in texts.to_pylist()]
                    batch = batch.set_column(batch.schema.get_field_index(name), name, pa.array(clean, texts.type))
            yield batch

    return map_batches(rows, show, ", ".join(f"{identifier(name)} {type}" for name, type in rows.dtypes))


def _is_slow(row: Mapping[str, Any]) -> bool:
    return row["content"] is None and row["uri"] is not None and is_remote(row["uri"])


def _content(row: Mapping[str, Any]) -> bytes:
    if row["content"] is not None:
        return row["content"]
    if row["uri"] is None:
        raise FileNotFoundError("the source has neither its bytes nor its path")
    return read_file(row["uri"])
