"""Parquet and Delta tables with a column of image bytes or of paths."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError
from dataeval_spark.ingest.metadata import CLASS_COLUMNS, utc_timestamp
from dataeval_spark.ingest.source import FINDINGS_DDL, Source
from dataeval_spark.tables.keys import BOX_TYPE

CONTENT_COLUMNS = ("content", "bytes", "image_bytes", "image", "data")
PATH_COLUMNS = ("path", "uri", "image_path", "file_path", "file", "file_name", "filename")
ID_COLUMNS = ("image_id", "id")
FACTOR_TYPES = re.compile(r"^(boolean|tinyint|smallint|int|bigint|float|double|decimal.*|string|date|timestamp.*)$")


def read_table(
    spark: SparkSession,
    source: str,
    *,
    dataset: str,
    split: str | None = None,
    limit: int | None = None,
    timezone: str = "UTC",
) -> Source:
    """Read images from a table: a parquet or Delta directory, or a table name of the catalog.

    Columns are recognised by name: bytes in ``content`` (or ``bytes``, ``image_bytes``, ``image``,
    ``data`` of binary type), else paths in ``path`` (or ``uri``, ``image_path``, ``file_path``,
    ``file``, ``file_name``, ``filename``); ids in ``image_id`` or ``id``, else the path; ``class_name``,
    ``class`` or ``label``; ``split``; ``captured_at``. Other columns of simple types are factors.

    Raises
    ------
    IngestError
        The table cannot be read, has neither bytes nor paths, or its ids are not unique.
    """
    frame = _open(spark, source)
    types = dict(frame.dtypes)
    content = next((name for name in CONTENT_COLUMNS if types.get(name) == "binary"), None)
    path = next((name for name in PATH_COLUMNS if types.get(name) == "string"), None)
    given_id = next((name for name in ID_COLUMNS if name in types), None)
    if content is None and path is None:
        raise IngestError(
            f"Table {source} has no column with image bytes ({', '.join(CONTENT_COLUMNS)}) or paths "
            f"({', '.join(PATH_COLUMNS)}); it has {', '.join(types)}.\nHint: rename one in a view."
        )
    if given_id is None and path is None:
        raise IngestError(f"Table {source} has no column {' or '.join(ID_COLUMNS)}.\nHint: add one with unique values.")
    label = next((name for name in CLASS_COLUMNS if name in types), None)
    image_id = F.col(given_id).cast("string") if given_id else F.concat(F.lit(f"{dataset}/"), F.col(path or ""))
    rows = frame.withColumn("_id", image_id)
    if limit is not None:
        rows = rows.orderBy("_id").limit(limit)
    _require_unique(rows, source)
    used = {content, path, given_id, label, "split", "captured_at"}
    return Source(
        images=_images(rows, types, content, path, split, timezone, _base(source)),
        targets=_targets(rows, label, source),
        factors=rows.select(
            F.col("_id").alias("image_id"),
            F.lit(None).cast("int").alias("target_index"),
            *(f"`{name}`" for name, type in types.items() if name not in used and FACTOR_TYPES.match(type)),
        ),
        findings=spark.createDataFrame([], FINDINGS_DDL),
        present=frame.select(image_id.alias("image_id")),
    )


def _open(spark: SparkSession, source: str) -> DataFrame:
    try:
        if os.path.isdir(os.path.join(source, "_delta_log")):
            frame = spark.read.format("delta").load(source)
        elif os.path.exists(source) or "/" in source:
            frame = spark.read.parquet(source)
        else:
            frame = spark.read.table(source)
        frame.columns  # noqa: B018  under Connect nothing is looked up before this
        return frame
    except AnalysisException as error:
        first = str(error).splitlines()[0][:300]
        raise IngestError(
            f"Table {source} cannot be read: {first}\nHint: a parquet or Delta path, or a name."
        ) from error


def _require_unique(rows: DataFrame, source: str) -> None:
    for row in rows.groupBy("_id").count().where("count > 1 OR _id IS NULL").limit(1).collect():
        raise IngestError(
            f"Table {source}: image id {row['_id']!r} stands in {row['count']} rows; expected 1 and not null."
        )


def _images(
    rows: DataFrame,
    types: dict[str, str],
    content: str | None,
    path: str | None,
    split: str | None,
    timezone: str,
    base: str,
) -> DataFrame:
    uri: Column = F.lit(None).cast("string")
    if content is None and path is not None:
        # A relative path is relative to the folder of the table.
        absolute = F.col(path).rlike("^(/|[a-z0-9]+:)")
        uri = F.when(absolute, F.col(path)).otherwise(F.concat(F.lit(f"{base}/"), F.col(path)))
    captured = F.col("captured_at") if "captured_at" in types else F.lit(None)
    time = captured if types.get("captured_at") == "timestamp" else utc_timestamp(captured.cast("string"), timezone)
    given = F.col("split").cast("string") if "split" in types else F.lit(None).cast("string")
    return rows.select(
        F.col("_id").alias("image_id"),
        uri.alias("uri"),
        (F.col(content) if content else F.lit(None).cast("binary")).alias("content"),
        (F.length(content) if content else F.lit(None)).cast("bigint").alias("content_length"),
        F.lit(None).cast("timestamp").alias("modified_at"),
        time.alias("captured_at"),
        F.coalesce(given, F.lit(split)).alias("split"),
    )


def _targets(rows: DataFrame, label: str | None, source: str) -> DataFrame:
    class_name = F.col(label).cast("string") if label else F.lit(None).cast("string")
    return rows.where(class_name.isNotNull()).select(
        F.col("_id").alias("image_id"),
        F.lit(0).alias("target_index"),
        class_name.alias("class_name"),
        F.lit(None).cast(BOX_TYPE).alias("box"),
        F.lit(None).cast("boolean").alias("is_crowd"),
        F.lit(source).alias("source"),
        F.lit(None).cast("string").alias("attributes"),
    )


def _base(source: Sequence[str] | str) -> str:
    path = os.path.abspath(str(source))
    return path if os.path.isdir(path) else os.path.dirname(path)
