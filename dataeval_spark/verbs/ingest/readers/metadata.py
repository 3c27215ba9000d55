"""Metadata files: rows of a CSV, JSON-lines or parquet file joined to images by path, with types found in the data."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError
from dataeval_spark.frames.unions import union_of_all_columns
from dataeval_spark.kernels.storage.uris import local_path
from dataeval_spark.session.bounded import one_row
from dataeval_spark.tables.contract import identifier
from dataeval_spark.verbs.ingest.accounting import column_entries, entries_of
from dataeval_spark.verbs.ingest.readers.file_matching import matched_findings, resolve_names
from dataeval_spark.verbs.ingest.readers.parquet_files import find_parquet
from dataeval_spark.verbs.ingest.readers.source import COUNTED_FINDINGS_DDL, FINDINGS_DDL, Reading, as_findings
from dataeval_spark.verbs.ingest.readers.text_rows import (
    BROKEN,
    POSITION,
    TableOptions,
    TextRows,
    is_text,
    read_text_rows,
    unreadable_table,
)

PATH_COLUMNS = ("path", "file", "file_name", "filename", "image_path", "filepath", "image", "uri")
CLASS_COLUMNS = ("class_name", "class", "label")
OPTIONS_OF_ROLES = {"path": "--path-column NAME", "class_name": "--label-column NAME"}
# Columns of the workspace's own tables.
RESERVED = ("image_id", "target_index", "run_id")
# From the narrowest type to the widest; codes such as "007" and numbers too long for a bigint stay as written.
TYPE_PATTERNS = (
    ("boolean", r"^(?i:true|false)$"),
    ("bigint", r"^-?(0|[1-9][0-9]{0,17})$"),
    ("double", r"^[-+]?((0|[1-9][0-9]{0,17})(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?$|^(?i:nan|-?inf)$"),
)
MISSING = ("", "NA", "N/A", "null", "None")

# Types of columns that become factors; others are counted as left out.
FACTOR_TYPES = re.compile(r"^(boolean|tinyint|smallint|int|bigint|float|double|decimal.*|string|date|timestamp.*)$")


@dataclass(frozen=True)
class Metadata:
    """Metadata of images: ``rows`` has ``image_id``, ``class_name``, ``split``, ``captured_at`` and the factors."""

    rows: DataFrame
    factors: tuple[str, ...]
    has_class: bool
    findings: DataFrame
    accounting: DataFrame
    uri: str


def image_id(dataset: str) -> Column:
    """Id of an image, from the column ``path``."""
    return F.concat(F.lit(f"{dataset}/"), F.col("path"))


def read_metadata(reading: Reading, listing: DataFrame) -> Metadata | None:
    """Read the metadata file of a source, if one is given, and find the image of each row.

    The column with the path is the one that the options name, else the first of ``path``, ``file``, ``file_name``,
    ``filename``, ``image_path``, ``filepath``, ``image`` and ``uri`` that is there, else the first column. Columns
    named ``class_name`` (or ``class``, ``label``), ``split`` and ``captured_at`` have these values; all
    others are factors. A CSV column is boolean, bigint or double when all its values are, else string;
    a number with leading zeros or more than 18 digits is none. Of several rows that mean one image the
    first is used. A path means a file as `dataeval_spark.verbs.ingest.readers.file_matching` says.

    Parameters
    ----------
    reading : Reading
        Its ``metadata`` is a CSV or TSV (with a header line), JSON-lines or parquet file or folder.
    listing : DataFrame
        Files below SOURCE.

    Raises
    ------
    IngestError
        The file does not exist, has no columns besides the path, or one with a name of our own.
    """
    if not reading.metadata:
        return None
    spark, root, checkpoint, options = reading.spark, reading.root, reading.checkpoint, reading.columns
    if local_path(reading.metadata) is None:
        raise IngestError(
            f"Metadata file {reading.metadata} is not on this machine; expected a path: metadata are read from disks.\n"
            "Hint: copy it here; --metadata FILE (CSV, JSON lines or parquet)"
        )
    path = os.path.abspath(reading.metadata)
    if not os.path.exists(path):
        raise IngestError(f"Metadata file {path} does not exist.\nHint: --metadata FILE (CSV, JSON lines or parquet)")
    raw, about_file = _read(spark, path, options)
    types = {name: type for name, type in raw.dtypes if name != POSITION}
    roles = _roles(list(types), options, path)
    others = [column for column in types if column not in roles.values()]
    factors = tuple(column for column in others if FACTOR_TYPES.match(types[column]))
    _require_own_names(factors, path)
    for role, column in roles.items():
        require_type(column, types, path, OPTIONS_OF_ROLES.get(role, f"rename {column}"))
    # The file's columns stay in a struct: they may have any name, also one of ours.
    source_row = F.struct(*(F.col(identifier(column)) for column in types)).alias("given")
    name = F.col(identifier(roles["path"])).cast("string").alias("name")
    name_rows = checkpoint(raw.select(name, source_row, F.col(POSITION).alias("position")), "metadata_rows")
    with_name = name_rows.where("name IS NOT NULL")
    names = with_name.select("name").distinct()
    files = resolve_names(names, listing, os.path.dirname(path), root, checkpoint, "metadata_names")
    # A file outside SOURCE is no image of this dataset.
    inside = F.col("uri").startswith(f"{root}/")
    files = files.withColumn("uri", F.when(inside, F.col("uri")))
    located = with_name.join(files, on="name", how="inner").withColumn("image_id", image_id(reading.dataset))
    first = F.min_by(F.struct("name", "given", "uri", "image_id", "candidates", "examples"), "position")
    by_file = located.groupBy(F.coalesce("uri", "name")).agg(F.count("*").alias("rows"), first.alias("first"))
    located = checkpoint(by_file.select("rows", "first.*"), "metadata")
    time = _role(roles, "captured_at")
    has_instant = types.get(roles.get("captured_at", "")) == "timestamp"
    captured_at = F.col("given")[roles["captured_at"]] if has_instant else utc_timestamp(time, reading.timezone)
    rows = located.where("uri IS NOT NULL").select(
        "image_id",
        _role(roles, "class_name").alias("class_name"),
        _role(roles, "split").alias("split"),
        captured_at.alias("captured_at"),
        *(F.col("given")[factor].alias(factor) for factor in factors),
    )
    findings = union_of_all_columns(_findings(located, path, time, captured_at), about_file)
    findings = union_of_all_columns(findings, matched_findings(files, path, "Paths"))
    used = {*roles.values(), *factors}
    columns = column_entries(spark, "metadata columns", used, set(types) - used, path)
    accounting = _row_entries(name_rows, located, path).unionByName(columns)
    return Metadata(rows, factors, "class_name" in roles, findings, accounting, path)


def _row_entries(name_rows: DataFrame, located: DataFrame, path: str) -> DataFrame:
    """Entries of the rows: used, without an image, of an image that has another row, or without a path."""
    name = F.coalesce("name", F.lit("(no path)"))
    whole = located.select("name", "uri", F.lit(True).alias("is_first"))
    # The first row of each image is in ``located`` by its name; a later row of the same name is repeated.
    first_row = name_rows.groupBy("name").agg(F.min("position").alias("first_position"))
    rows = (
        name_rows.select("name", "position").join(first_row, on="name", how="left").join(whole, on="name", how="left")
    )
    is_used = F.col("is_first") & F.col("uri").isNotNull() & (F.col("position") == F.col("first_position"))
    is_unmatched = F.col("name").isNull() | (F.col("is_first") & F.col("uri").isNull())
    return entries_of(
        rows,
        path,
        "metadata rows",
        role=F.when(is_used, "description").otherwise("skipped"),
        reason=F.when(is_unmatched, "unmatched").otherwise("repeated"),
        name=name,
    )


def _require_own_names(factors: tuple[str, ...], path: str) -> None:
    for name in factors:
        if name.lower() in RESERVED:
            raise IngestError(
                f"Metadata file {path} has a column {name}, a name that the workspace's own tables use.\n"
                f"Hint: rename it, to source_{name} for example."
            )


def has_type(name: str | None, types: Mapping[str, str], lists: Sequence[str] = ()) -> bool:
    """Whether there is such a column, of texts, numbers or times, or of one of these types of lists."""
    type = types.get(name or "")
    return type is not None and (FACTOR_TYPES.match(type) is not None or type in lists)


def require_type(name: str | None, types: Mapping[str, str], path: str, hint: str, lists: Sequence[str] = ()) -> None:
    """Refuse a column whose values cannot be paths, ids or classes; ``lists`` are types of lists that can be read.

    Raises
    ------
    IngestError
        It holds bytes, structs or lists.
    """
    if name is not None and not has_type(name, types, lists):
        expected = "texts or numbers, or lists of them" if lists else "texts, numbers or times"
        raise IngestError(f"{path}: column {name} holds {types[name]}; expected {expected}.\nHint: {hint}")


def _read(spark: SparkSession, path: str, options: TableOptions) -> tuple[DataFrame, DataFrame]:
    """Rows with their types and their `POSITION`, and findings about the file as a whole."""
    if not is_text(path):
        files = find_parquet(spark, path)
        if files is None:
            raise unreadable_table(path, "it has no files")
        return files.rows(*files.types, POSITION), spark.createDataFrame([], FINDINGS_DDL)
    text = read_text_rows(spark, path, encoding=options.encoding)
    if len(text.frame.columns) < 2:
        raise IngestError(
            f"Metadata file {path} has the columns {text.frame.columns}; expected a path and at least one more.\n"
            "Hint: begin the file with a line of names, such as path,class_name"
        )
    roles = _roles(text.frame.columns, options, path)
    strings = [name for name, type in text.frame.dtypes if type == "string"]
    frame = typed(text.numbered, as_written=tuple(roles.values()), columns=strings)
    return frame, text_findings(spark, text, path)


def text_findings(spark: SparkSession, text: TextRows, path: str) -> DataFrame:
    """Findings about a text file as a whole: its encoding, and lines that are not whole."""
    first = F.substring(F.min(BROKEN), 1, 300)
    # Without a broken line there is no finding.
    lines = text.broken.agg(F.count("*").alias("n"), first.alias("found")).where("n > 0")
    findings = as_findings(
        lines,
        source_file=path,
        location="lines",
        kind="broken_element",
        message="Lines have too few or too many values, or are no JSON object",
        found=F.col("found"),
        expected="one value for each column",
        severity="warning",
        n=F.col("n"),
    )
    if text.encoding is None:
        return findings
    message = "The text is not UTF-8 and was decoded by what it declares, or by a guess"
    row = (path, "file", None, None, "decoded_text", message, text.encoding, "UTF-8, or --encoding NAME", "warning", 1)
    return findings.unionByName(spark.createDataFrame([row], COUNTED_FINDINGS_DDL))


def typed(text: DataFrame, *, as_written: tuple[str, ...] = (), columns: Sequence[str] | None = None) -> DataFrame:
    """Give each string column the narrowest type that all its values have: boolean, bigint, double or string.

    The columns ``as_written`` stay strings: a class "1.0" must not become "1". Columns that are not among ``columns``
    (default: all) have a type already.
    """
    names = text.columns if columns is None else list(columns)
    values = {column: _value(column) for column in names}
    checks = [
        F.count_if(value.isNotNull() & ~value.rlike(pattern)).alias(f"{index}_{type}")
        for index, value in enumerate(values.values())
        for type, pattern in TYPE_PATTERNS
    ]
    present = [F.count(value).alias(f"{index}_n") for index, value in enumerate(values.values())]
    failures = one_row(text, *checks, *present).asDict() if values else {}

    def type_of(index: int) -> str:
        if failures[f"{index}_n"] == 0 or names[index] in as_written:
            return "string"
        return next((type for type, _ in TYPE_PATTERNS if failures[f"{index}_{type}"] == 0), "string")

    typed = {column: value.cast(type_of(i)).alias(column) for i, (column, value) in enumerate(values.items())}
    return text.select(*(typed.get(column, F.col(identifier(column))) for column in text.columns))


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
        F.concat(in_utc.cast("string"), F.lit("Z")).try_cast("timestamp")
    )


def instant_of(column: str | None, types: Mapping[str, str], timezone: str) -> Column:
    """A column as an instant: as it is where it is one, else read by `utc_timestamp`; null without a column."""
    if column is None:
        return F.lit(None).cast("timestamp")
    time = F.col(identifier(column))
    return time if types[column] == "timestamp" else utc_timestamp(time, timezone)


def _value(column: str) -> Column:
    text = F.trim(F.col(identifier(column)))
    return F.when(~text.isin(*MISSING), text)


def _roles(columns: list[str], options: TableOptions, path: str) -> dict[str, str]:
    lowered = {column.lower(): column for column in columns}
    names_of_roles = {"path": PATH_COLUMNS, "class_name": CLASS_COLUMNS}
    names_of_roles |= {name: (name,) for name in ("split", "captured_at")}
    roles = {
        role: next((lowered[name] for name in names if name in lowered), None) for role, names in names_of_roles.items()
    }
    roles["class_name"] = named_column(options.label_column, "label-column", columns, path) or roles["class_name"]
    id_column = named_column(options.id_column, "id-column", columns, path)
    roles["path"] = named_column(options.path_column, "path-column", columns, path) or id_column or roles["path"]
    return {"path": columns[0]} | {role: column for role, column in roles.items() if column}


def named_column(name: str | None, option: str, columns: Sequence[str], path: str) -> str | None:
    """Column that an option names; None if it names none.

    Raises
    ------
    IngestError
        There is no such column.
    """
    if name is None:
        return None
    column = name if name in columns else next((c for c in columns if c.lower() == name.lower()), None)
    if column is None:
        listed = ", ".join(columns[:20])
        raise IngestError(f"{path} has no column {name!r}; it has {listed}.\nHint: --{option} NAME names one of them")
    return column


def _role(roles: dict[str, str], role: str) -> Column:
    return (F.col("given")[roles[role]] if role in roles else F.lit(None)).cast("string")


def _findings(located: DataFrame, path: str, time: Column, captured_at: Column) -> DataFrame:
    name = F.col("name")

    def finding(is_wrong: Column, kind: str, message: str, value: Column, expected: str) -> Column:
        values = {"kind": F.lit(kind), "message": F.lit(message), "found": value.cast("string")}
        values["expected"] = F.lit(expected)
        return F.when(is_wrong, F.struct(*(value.alias(name) for name, value in values.items())))

    is_missing, is_several = F.col("uri").isNull(), F.col("candidates") > 1
    names = F.concat(name, F.lit(": "), "examples")
    doubled = "Several rows mean this image; the first is used"
    is_no_time = time.isNotNull() & captured_at.isNull()
    parts = (
        finding(is_missing & ~is_several, "unmatched_metadata", "No image has this path", name, "a path under SOURCE"),
        finding(
            is_missing & is_several,
            "ambiguous_image",
            "Several files fit this path",
            names,
            "a path that one file alone fits",
        ),
        finding(F.col("rows") > 1, "duplicate_metadata", doubled, F.col("rows"), "1"),
        finding(is_no_time, "bad_time", "captured_at is no time", time, "a time such as 2024-05-01T12:00:00Z"),
    )
    kinds = F.array_compact(F.array(*parts))
    return as_findings(
        located.select("name", "image_id", "uri", F.explode(kinds).alias("k")).select("name", "image_id", "uri", "k.*"),
        source_file=path,
        location=F.concat(F.lit("row "), name),
        image_id=F.when(F.col("uri").isNotNull(), F.col("image_id")),
        **{column: F.col(column) for column in ("kind", "message", "found", "expected")},
    )
