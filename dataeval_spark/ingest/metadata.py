"""Metadata files: rows of a CSV or parquet file joined to images by path, with types found in the data."""

from __future__ import annotations

import os
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError
from dataeval_spark.ingest.listing import resolve_names
from dataeval_spark.ingest.source import Stage
from dataeval_spark.tables.contract import identifier

PATH_COLUMNS = ("path", "file", "file_name", "filename", "image_path", "filepath", "image", "uri")
CLASS_COLUMNS = ("class_name", "class", "label")
SPLIT_COLUMNS = ("split",)
TIME_COLUMNS = ("captured_at",)
# Columns of the workspace's own tables.
RESERVED = ("image_id", "target_index", "run_id")
# From the narrowest type to the widest; codes such as "007" and numbers too long for a bigint stay as written.
TYPE_PATTERNS = (
    ("boolean", r"^(?i:true|false)$"),
    ("bigint", r"^-?(0|[1-9][0-9]{0,17})$"),
    ("double", r"^[-+]?((0|[1-9][0-9]{0,17})(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?$|^(?i:nan|-?inf)$"),
)
MISSING = ("", "NA", "N/A", "null", "None")


@dataclass(frozen=True)
class Metadata:
    """Metadata of images: ``rows`` has ``image_id``, ``class_name``, ``split``, ``captured_at`` and the factors."""

    rows: DataFrame
    factors: tuple[str, ...]
    has_class: bool
    findings: DataFrame


def read_metadata(
    spark: SparkSession, path: str, listing: DataFrame, image_id: Column, timezone: str, stage: Stage, root: str
) -> Metadata:
    """Read a metadata file and find the image of each row.

    The column with the path is the first of ``path``, ``file``, ``file_name``, ``filename``,
    ``image_path``, ``filepath``, ``image`` and ``uri`` that is there, else the first column. Columns
    named ``class_name`` (or ``class``, ``label``), ``split`` and ``captured_at`` are what they say; all
    others are factors. A CSV column is boolean, bigint or double when all its values are, else string;
    a number with leading zeros or more than 18 digits is none. Of several rows that mean one image the
    first is used.

    Parameters
    ----------
    path : str
        CSV (with a header line) or parquet file or folder.
    listing : DataFrame
        Files below SOURCE.
    image_id : Column
        Image id from the column ``path`` of the listing.
    timezone : str
        Zone of capture times that name none.
    stage : callable
        Stores a frame in temporary files and reads it back.
    root : str
        SOURCE.

    Raises
    ------
    IngestError
        The file does not exist, has no columns besides the path, or one with a name of our own.
    """
    path = os.path.abspath(path)
    if not os.path.exists(path):
        raise IngestError(f"Metadata file {path} does not exist.\nHint: --metadata FILE (CSV or parquet)")
    raw = _read(spark, path)
    roles = _roles(raw.columns)
    factors = tuple(column for column in raw.columns if column not in roles.values())
    _require_own_names(factors, path)
    # The file's columns stay in a struct: they may have any name, also one of ours.
    given = F.struct(*(F.col(identifier(column)) for column in raw.columns))
    named = raw.select(F.col(identifier(roles["path"])).cast("string").alias("name"), given.alias("given"))
    named = named.where("name IS NOT NULL").withColumn("position", F.monotonically_increasing_id())
    files = resolve_names(named.select("name").distinct(), listing, os.path.dirname(path), root)
    # A file outside SOURCE is no image of this dataset.
    inside = F.col("uri").startswith(f"{root}/")
    files = files.withColumn("uri", F.when(inside, F.col("uri")))
    located = named.join(files, on="name", how="inner").withColumn("image_id", image_id)
    first = F.min_by(F.struct("name", "given", "uri", "image_id"), "position")
    by_file = located.groupBy(F.coalesce("uri", "name")).agg(F.count("*").alias("rows"), first.alias("first"))
    located = stage(by_file.select("rows", "first.*"), "metadata")
    time = _role(roles, "captured_at")
    has_instant = dict(raw.dtypes).get(roles.get("captured_at", "")) == "timestamp"
    captured_at = F.col("given")[roles["captured_at"]] if has_instant else utc_timestamp(time, timezone)
    rows = located.where("uri IS NOT NULL").select(
        "image_id",
        _role(roles, "class_name").alias("class_name"),
        _role(roles, "split").alias("split"),
        captured_at.alias("captured_at"),
        *(F.col("given")[factor].alias(factor) for factor in factors),
    )
    return Metadata(rows, factors, "class_name" in roles, _findings(located, path, time, captured_at))


def _require_own_names(factors: tuple[str, ...], path: str) -> None:
    for name in factors:
        if name.lower() in RESERVED:
            raise IngestError(
                f"Metadata file {path} has a column {name}, which is a column of the workspace's own tables.\n"
                f"Hint: rename it, to source_{name} for example."
            )


def _read(spark: SparkSession, path: str) -> DataFrame:
    if not path.lower().endswith((".csv", ".tsv", ".txt")):
        return spark.read.parquet(path)
    separator = "\t" if path.lower().endswith(".tsv") else ","
    text = spark.read.csv(path, header=True, sep=separator, multiLine=True, escape='"')
    if len(text.columns) < 2:
        raise IngestError(
            f"Metadata file {path} has the columns {text.columns}; expected a path and at least one more."
        )
    return typed(text, as_written=tuple(_roles(text.columns).values()))


def typed(text: DataFrame, *, as_written: tuple[str, ...] = ()) -> DataFrame:
    """Give each string column the narrowest type that all its values have: boolean, bigint, double or string.

    The columns ``as_written`` stay strings: a class "1.0" must not become "1".
    """
    values = {column: _value(column) for column in text.columns}
    checks = [
        F.count_if(value.isNotNull() & ~value.rlike(pattern)).alias(f"{index}_{type}")
        for index, value in enumerate(values.values())
        for type, pattern in TYPE_PATTERNS
    ]
    present = [F.count(value).alias(f"{index}_n") for index, value in enumerate(values.values())]
    failures = text.agg(*checks, *present).collect()[0]  # one row

    def type_of(index: int) -> str:
        if failures[f"{index}_n"] == 0 or text.columns[index] in as_written:
            return "string"
        return next((type for type, _ in TYPE_PATTERNS if failures[f"{index}_{type}"] == 0), "string")

    return text.select(*(value.cast(type_of(i)).alias(c) for i, (c, value) in enumerate(values.items())))


def utc_timestamp(text: Column, timezone: str) -> Column:
    """Read a time as an instant: with its own offset, else as local time of ``timezone``.

    Casting a zone-less string to TIMESTAMP would use the session's time zone; this does not. A date
    alone is midnight. Null when it is no time.
    """
    text = F.trim(text.cast("string"))
    # After the time of day: Z, an offset or the name of a zone.
    is_zoned = text.rlike(r":[0-9]{2}[0-9.:]* ?[A-Za-z+-]")
    local = text.try_cast("timestamp_ntz")
    in_utc = F.convert_timezone(F.lit(timezone), F.lit("UTC"), local)
    return F.when(is_zoned, text.try_cast("timestamp")).otherwise(
        F.concat(F.date_format(in_utc, "yyyy-MM-dd'T'HH:mm:ss.SSSSSS"), F.lit("Z")).try_cast("timestamp")
    )


def _value(column: str) -> Column:
    text = F.trim(F.col(identifier(column)))
    return F.when(~text.isin(*MISSING), text)


def _roles(columns: list[str]) -> dict[str, str]:
    lowered = {column.lower(): column for column in columns}
    wanted = {"path": PATH_COLUMNS, "class_name": CLASS_COLUMNS, "split": SPLIT_COLUMNS, "captured_at": TIME_COLUMNS}
    roles = {role: next((lowered[name] for name in names if name in lowered), None) for role, names in wanted.items()}
    return {"path": columns[0]} | {role: column for role, column in roles.items() if column}


def _role(roles: dict[str, str], role: str) -> Column:
    return (F.col("given")[roles[role]] if role in roles else F.lit(None)).cast("string")


def _findings(located: DataFrame, path: str, time: Column, captured_at: Column) -> DataFrame:
    name = F.col("name")

    def finding(kind: str, message: str, found: Column, expected: str) -> Column:
        return F.struct(
            F.lit(kind).alias("kind"),
            F.lit(message).alias("message"),
            found.cast("string").alias("found"),
            F.lit(expected).alias("expected"),
        )

    kinds = F.array_compact(
        F.array(
            F.when(
                F.col("uri").isNull(),
                finding("unmatched_metadata", "No image has this path", name, "a path under SOURCE"),
            ),
            F.when(
                F.col("rows") > 1,
                finding("duplicate_metadata", "Several rows mean this image; the first is used", F.col("rows"), "1"),
            ),
            F.when(
                time.isNotNull() & captured_at.isNull(),
                finding("bad_time", "captured_at is no time", time, "a time such as 2024-05-01T12:00:00Z"),
            ),
        )
    )
    return located.select("name", "image_id", "uri", F.explode(kinds).alias("k")).select(
        F.lit(path).alias("source_file"),
        F.concat(F.lit("row "), name).alias("location"),
        F.when(F.col("uri").isNotNull(), F.col("image_id")).alias("image_id"),
        F.lit(None).cast("int").alias("target_index"),
        "k.*",
    )
