"""The bytes of new and changed files, read once to hash them; and their URIs as tables may keep them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.batches import map_rows
from dataeval_spark.kernels import uris
from dataeval_spark.kernels.decode import UnreadableImage
from dataeval_spark.kernels.hashes import file_hash
from dataeval_spark.kernels.image_size import stored_and_upright_size
from dataeval_spark.kernels.prefetch import read_ahead
from dataeval_spark.kernels.storage import read_bytes
from dataeval_spark.kernels.uris import (
    BUCKET_AUTHORITY,
    BUCKETS,
    CONTAINER_AUTHORITY,
    CONTAINERS,
    HIDDEN,
    HOST_AUTHORITY,
    LOCAL,
    MEMBER,
    NAMED,
    SECRET_NAMES,
    SECRET_PARTS,
    USER_CUT_OFF,
    is_remote,
)
from dataeval_spark.tables.contract import identifier

_SCHEME = "^[A-Za-z][A-Za-z0-9+.-]*"
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
    """A URI as a table may keep it; a signed one is read at ingestion, and is no way to the file afterwards.

    The same as `dataeval_spark.kernels.uris.shown_uri`, in SQL.
    """
    is_member = F.startswith(F.lower(uri), F.lit(MEMBER)) & uri.contains("::")
    place = F.when(is_member, F.substring_index(uri, "::", -1)).otherwise(uri)
    member = F.when(is_member, F.substring(uri, F.lit(1), F.length(uri) - F.length(place))).otherwise("")
    return F.concat(member, _let(place, _shown_place))


def _shown_place(uri: Column) -> Column:
    shown = _let(_without_user(uri), _without_secret_parameters)
    return F.when(uri.rlike(f"{_SCHEME}://"), shown).otherwise(uri)


def with_shown_texts(rows: DataFrame, columns: Sequence[str]) -> DataFrame:
    """Rows in whose texts no URI shows credentials.

    Parameters
    ----------
    rows : DataFrame
        Any columns.
    columns : sequence of str
        Those of texts that may quote a URI.
    """

    def show(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for name in columns:
                texts = batch.column(name)
                if pc.any(pc.match_substring(texts, "://")).as_py():
                    shown = [text and uris.without_credentials(text) for text in texts.to_pylist()]
                    batch = batch.set_column(batch.schema.get_field_index(name), name, pa.array(shown, texts.type))
            yield batch

    return rows.mapInArrow(show, ", ".join(f"{identifier(name)} {type}" for name, type in rows.dtypes))


def _let(value: Column, make: Callable[[Column], Column]) -> Column:
    """An expression of a value that is evaluated once, however often it stands there."""
    return F.get(F.transform(F.array(value), make), F.lit(0))


def _head(uri: Column) -> Column:
    return F.regexp_extract(uri, f"{_SCHEME}://", 0)


def _after(text: Column, start: Column) -> Column:
    """What follows the beginning of a text."""
    return F.substring(text, F.length(start) + 1, F.length(text))


def _is_one_of(head: Column, schemes: tuple[str, ...]) -> Column:
    return F.lower(head).isin(*(f"{scheme}://" for scheme in schemes))


def _has_user(uri: Column) -> Column:
    authority = F.regexp_extract(uri, f"{_SCHEME}://([^/?#]*)", 1)
    is_plain = (
        F.when(_is_one_of(_head(uri), CONTAINERS), authority.rlike(rf"^(?:{CONTAINER_AUTHORITY})\z"))
        .when(_is_one_of(_head(uri), BUCKETS), authority.rlike(rf"^(?:{BUCKET_AUTHORITY})\z"))
        .otherwise(authority.rlike(rf"^(?:{HOST_AUTHORITY})\z"))
    )
    return ~is_plain


def _without_user(uri: Column) -> Column:
    head = _head(uri)
    rest = _after(uri, head)
    container = F.when(_is_one_of(head, CONTAINERS), F.concat(F.regexp_extract(rest, "^[^:@]*", 0), F.lit("@")))
    cut = F.concat(head, F.coalesce(container, F.lit("")), F.substring_index(rest, "@", -1))
    nothing = F.concat(head, F.lit(HIDDEN))
    is_clear = rest.rlike(rf"^{USER_CUT_OFF}\z")
    shown = F.when(is_clear, _let(cut, lambda each: F.when(_has_user(each), nothing).otherwise(each)))
    return F.when(_has_user(uri), F.coalesce(shown, nothing)).otherwise(uri)


def _without_secret_parameters(uri: Column) -> Column:
    path = F.regexp_extract(uri, "^[^?;#]*", 0)
    shown = F.concat(path, _let(_after(uri, path), _without_secret_values))
    return F.when(uri.rlike("[?;#]") & ~_is_one_of(_head(uri), LOCAL), shown).otherwise(uri)


def _without_secret_values(parameters: Column) -> Column:
    def cleaned(hidden: Column) -> Column:
        query = F.substring_index(hidden, "#", 1)
        fragment = _after(hidden, query)
        fragment = F.when(F.length(fragment) > 1, F.lit(f"#{HIDDEN}")).otherwise(fragment)
        shown = F.concat(_each(query, "&;", _if_named), fragment)
        return F.when(hidden == parameters, parameters).otherwise(shown)

    return _let(_each(parameters, "#&;", _without_values), cleaned)


def _each(text: Column, separators: str, change: Callable[[Column], Column]) -> Column:
    """Change the parts of a text between separators, which stay."""
    if not separators:
        return change(text)
    parts = F.split(text, f"[{separators[0]}]", -1)
    return F.array_join(F.transform(parts, lambda part: _each(part, separators[1:], change)), separators[0])


def _if_named(part: Column) -> Column:
    unnamed = _each(part, "?", lambda each: F.when(each == "", each).otherwise(F.lit(HIDDEN)))
    return F.when(part.rlike(NAMED), part).otherwise(unnamed)


def _without_values(part: Column) -> Column:
    def cut(shown: Column) -> Column:
        first = F.concat(F.substring_index(shown, HIDDEN, 1), F.lit(HIDDEN))
        return F.when(shown == part, part).otherwise(first)

    return F.when(part.contains("="), _let(_each(part, "?", _without_value), cut)).otherwise(part)


def _without_value(parameter: Column) -> Column:
    name = F.substring_index(parameter, "=", 1)
    value = F.substring(parameter, F.length(name) + 2, F.length(parameter))
    # A name that is not escaped as it should be is read as it is.
    read = F.coalesce(F.try_url_decode(name), name)
    plain = F.regexp_replace(F.lower(read), "[^a-z0-9]", "")
    is_secret = plain.isin(*SECRET_NAMES) | plain.rlike("|".join(SECRET_PARTS))
    is_given = parameter.contains("=") & (value != "")
    return F.when(is_given & is_secret, F.concat(name, F.lit(f"={HIDDEN}"))).otherwise(parameter)


def _is_slow(row: Mapping[str, Any]) -> bool:
    return row["content"] is None and row["uri"] is not None and is_remote(row["uri"])


def _content(row: Mapping[str, Any]) -> bytes:
    if row["content"] is not None:
        return row["content"]
    if row["uri"] is None:
        raise FileNotFoundError("neither bytes nor a path are given")
    return read_bytes(row["uri"])
