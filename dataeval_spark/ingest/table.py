"""Parquet and Delta tables with a column of image bytes or of paths."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError
from dataeval_spark.ingest.file_bytes import without_credentials
from dataeval_spark.ingest.huggingface import (
    IMAGE_TYPE,
    OBJECT_COLUMNS,
    Features,
    has_boxes,
    object_rows,
    read_features,
)
from dataeval_spark.ingest.metadata import CLASS_COLUMNS, utc_timestamp
from dataeval_spark.ingest.source import Source, Stage
from dataeval_spark.kernels.objects import BoxFormat
from dataeval_spark.tables.contract import identifier
from dataeval_spark.tables.keys import BOX_TYPE

CONTENT_COLUMNS = ("content", "bytes", "image_bytes", "image", "data")
PATH_COLUMNS = ("path", "uri", "image_path", "file_path", "file", "file_name", "filename")
ID_COLUMNS = ("image_id", "id")
# What Spark knows of the file that a row of parquet comes from.
FILE_COLUMNS = ("file_name", "row_index", "file_modification_time")
FACTOR_TYPES = re.compile(r"^(boolean|tinyint|smallint|int|bigint|float|double|decimal.*|string|date|timestamp.*)$")


def read_table(
    spark: SparkSession,
    source: str,
    *,
    dataset: str,
    stage: Stage | None = None,
    split: str | None = None,
    limit: int | None = None,
    timezone: str = "UTC",
    box_format: BoxFormat = "xywh",
) -> Source:
    """Read images from a table: a parquet or Delta directory, or a table name of the catalog.

    Columns are recognised by name: bytes in ``content`` (or ``bytes``, ``image_bytes``, ``image``,
    ``data`` of binary type), else paths in ``path`` (or ``uri``, ``image_path``, ``file_path``,
    ``file``, ``file_name``, ``filename``); ids in ``image_id`` or ``id``, else the path; ``class_name``,
    ``class`` or ``label``; ``split``; ``captured_at``. Other columns of simple types are factors.

    Parquet of Hugging Face datasets is read too: an ``image`` of bytes and path (its id, where the table has none, is
    the parquet file's name and the row's number in it, its split the word before the first dash of that name), class
    numbers with the names in the file's metadata (-1 is no label), and ``objects`` with boxes as targets.

    Parameters
    ----------
    source : str
        Path or name of the table.
    stage : callable, optional
        Stores a frame in temporary files and reads it back: objects are then parsed once.
    box_format : {"xywh", "xyxy"}
        What the boxes of objects are: left, top, width, height, or the corners; pixels.
    dataset, split, limit, timezone
        As in :func:`dataeval_spark.ingest.folder.read_folder`.

    Raises
    ------
    IngestError
        The table cannot be read, has neither bytes nor paths, or its ids are not unique.
    """
    frame, is_parquet = _open(spark, source)
    types = dict(frame.dtypes)
    content = next((name for name in CONTENT_COLUMNS if types.get(name) in ("binary", IMAGE_TYPE)), None)
    is_struct = types.get(content or "") == IMAGE_TYPE
    path = next((name for name in PATH_COLUMNS if types.get(name) == "string"), None)
    given_id = next((name for name in ID_COLUMNS if name in types), None)
    if content is None and path is None:
        raise IngestError(
            f"Table {source} has no column with image bytes ({', '.join(CONTENT_COLUMNS)}) or paths "
            f"({', '.join(PATH_COLUMNS)}); it has {', '.join(types)}.\nHint: rename one in a view."
        )
    if given_id is None and path is None and not (is_struct and is_parquet):
        raise IngestError(f"Table {source} has no column {' or '.join(ID_COLUMNS)}.\nHint: add one with unique values.")
    label = next((name for name in CLASS_COLUMNS if name in types), None)
    objects = next((name for name in OBJECT_COLUMNS if has_boxes(types.get(name, ""))), None)
    if is_parquet and content:
        of_file = (F.col(f"_metadata.{name}").alias(f"_{name}") for name in FILE_COLUMNS)
        frame = frame.select("*", *of_file)
    row_in_file = F.concat("_file_name", F.lit("/"), F.col("_row_index").cast("string"))
    made_id = F.concat(F.lit(f"{dataset}/"), without_credentials(F.col(path)) if path else row_in_file)
    image_id = F.col(given_id).cast("string") if given_id else made_id
    rows = frame.withColumn("_id", image_id)
    if limit is not None:
        rows = rows.orderBy("_id").limit(limit)
    _require_unique(rows, source)
    features = read_features(source) if is_parquet and (is_struct or objects) else Features()
    used = {content, path, given_id, label, "split", "captured_at"}
    targets, findings = _labels(rows, label, features, source)
    if objects:
        named = rows.withColumn("image_id", F.col("_id"))
        elements = object_rows(
            named, objects, features, box_format=box_format, has_size={"width", "height"} <= set(types)
        )
        targets, findings = _objects(stage(elements, "objects") if stage else elements, source)
    return Source(
        images=_images(rows, types, content, path, split, timezone, _base(source), is_parquet=is_parquet),
        targets=targets,
        factors=rows.select(
            F.col("_id").alias("image_id"),
            F.lit(None).cast("int").alias("target_index"),
            *(identifier(name) for name, type in types.items() if name not in used and FACTOR_TYPES.match(type)),
        ),
        findings=findings,
        present=frame.select(image_id.alias("image_id")),
    )


def _open(spark: SparkSession, source: str) -> tuple[DataFrame, bool]:
    """The table, and whether it is one of parquet files."""
    try:
        is_parquet = False
        if os.path.isdir(os.path.join(source, "_delta_log")):
            frame = spark.read.format("delta").load(source)
        elif os.path.exists(source) or "/" in source:
            frame, is_parquet = spark.read.parquet(source), True
        else:
            frame = spark.read.table(source)
        frame.columns  # noqa: B018  under Connect nothing is checked before this
        return frame, is_parquet
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
    *,
    is_parquet: bool,
) -> DataFrame:
    is_struct = types.get(content or "") == IMAGE_TYPE
    column = identifier(content or "")
    data = F.col(f"{column}.bytes" if is_struct else column) if content else F.lit(None).cast("binary")
    uri: Column = F.lit(None).cast("string")
    if content is None or is_struct:
        # A relative path is relative to the folder of the table.
        name = F.col(f"{column}.path" if is_struct else path or "")
        absolute = name.rlike("^(/|[a-z0-9]+:)")
        uri = F.when(data.isNull(), F.when(absolute, name).otherwise(F.concat(F.lit(f"{base}/"), name)))
    captured = F.col("captured_at") if "captured_at" in types else F.lit(None)
    time = captured if types.get("captured_at") == "timestamp" else utc_timestamp(captured.cast("string"), timezone)
    given = F.col("split").cast("string") if "split" in types else F.lit(None).cast("string")
    if "split" not in types and is_struct and is_parquet:
        given = F.nullif(F.regexp_extract("_file_name", r"^([A-Za-z]+)-", 1), F.lit(""))
    # Bytes in a file that has not changed are not read again; files elsewhere have times of their own.
    modified_at = F.col("_file_modification_time") if content and is_parquet else F.lit(None)
    return rows.select(
        F.col("_id").alias("image_id"),
        uri.alias("uri"),
        data.alias("content"),
        F.length(data).cast("bigint").alias("content_length"),
        F.when(data.isNotNull(), modified_at).cast("timestamp").alias("modified_at"),
        time.alias("captured_at"),
        F.coalesce(given, F.lit(split)).alias("split"),
    )


def _labels(rows: DataFrame, label: str | None, features: Features, source: str) -> tuple[DataFrame, DataFrame]:
    """Targets and findings of the column with the class of an image."""
    value = F.col(label).cast("string") if label else F.lit(None).cast("string")
    names = features.columns.get(label or "", {})
    class_name = value
    if names:
        number = F.col(label or "").try_cast("int")
        class_name = F.get(F.array(*(F.lit(name) for name in names.values())), number)
        rows = rows.where(number != -1)
    labelled = rows.where(value.isNotNull())
    targets = labelled.select(
        F.col("_id").alias("image_id"),
        F.lit(0).alias("target_index"),
        class_name.alias("class_name"),
        F.lit(None).cast(BOX_TYPE).alias("box"),
        F.lit(None).cast("boolean").alias("is_crowd"),
        F.lit(source).alias("source"),
        F.lit(None).cast("string").alias("attributes"),
    )
    findings = labelled.where(class_name.isNull()).select(
        F.lit(source).alias("source_file"),
        F.concat(F.lit(f"{label} of "), "_id").alias("location"),
        F.col("_id").alias("image_id"),
        F.lit(0).alias("target_index"),
        F.lit("unknown_class").alias("kind"),
        F.lit("No class has this number").alias("message"),
        value.alias("found"),
        F.lit(f"a number below {len(names)}, or -1").alias("expected"),
    )
    return targets, findings


def _objects(elements: DataFrame, source: str) -> tuple[DataFrame, DataFrame]:
    """Targets and findings of the column with objects."""
    targets = elements.where("element = 'target'").select(
        *("image_id", "target_index", "class_name", "box", "is_crowd"),
        F.concat(F.lit(f"{os.path.basename(source.rstrip('/'))}:"), "location").alias("source"),
        "attributes",
    )
    findings = elements.where("element = 'finding'").select(
        F.lit(source).alias("source_file"),
        F.concat("location", F.lit(" of "), "image_id").alias("location"),
        *("image_id", "target_index", "kind", "message", "found", "expected"),
    )
    return targets, findings


def _base(source: Sequence[str] | str) -> str:
    path = os.path.abspath(str(source))
    return path if os.path.isdir(path) else os.path.dirname(path)
