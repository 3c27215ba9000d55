"""The bytes of new and changed files, read once to hash them; and their URIs as tables may keep them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.batches import map_rows
from dataeval_spark.kernels.decode import UnreadableImage
from dataeval_spark.kernels.hashes import file_hash
from dataeval_spark.kernels.image_size import stored_and_upright_size
from dataeval_spark.kernels.prefetch import read_ahead
from dataeval_spark.kernels.storage import read_bytes
from dataeval_spark.kernels.uris import CONTAINER_PASSWORD, SECRET_PARAMETER, USER_INFO, is_remote

SIZE_COLUMNS = ("stored_width", "stored_height", "upright_width", "upright_height")
BYTES_DDL = (
    "image_id string, content binary, content_length bigint, file_hash string, stored_width int, stored_height int, "
    "upright_width int, upright_height int"
)


def read_files(files: DataFrame, *, keep_bytes: bool) -> DataFrame:
    """Length, hash and size in pixels of each file, with its bytes where they are to be kept.

    Objects of a storage are read ahead.

    Parameters
    ----------
    files : DataFrame
        ``image_id``, ``uri``, ``content`` (bytes that the source itself gives, else null) and ``content_length``.
    keep_bytes : bool
        Give the bytes of files too.

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
    """A URI as a table may keep it; a signed one is read at ingestion, and is no way to the file afterwards."""
    shown = F.regexp_replace(F.regexp_replace(uri, USER_INFO, "$1"), CONTAINER_PASSWORD, "$1")
    return F.regexp_replace(shown, SECRET_PARAMETER, "$1***")


def _is_slow(row: Mapping[str, Any]) -> bool:
    return row["content"] is None and row["uri"] is not None and is_remote(row["uri"])


def _content(row: Mapping[str, Any]) -> bytes:
    if row["content"] is not None:
        return row["content"]
    if row["uri"] is None:
        raise FileNotFoundError("neither bytes nor a path are given")
    return read_bytes(row["uri"])
