"""Parquet and Delta tables, CSV and JSON lines: image bytes, paths, or labels and metadata alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError
from dataeval_spark.frames.contract import literal_map
from dataeval_spark.frames.number_texts import id_text
from dataeval_spark.kernels.formats.parquet_rows import FILE_NAME, FILE_TIME, ROW_INDEX
from dataeval_spark.options import BoxFormat
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.contract import identifier
from dataeval_spark.verbs.ingest.accounting import column_entries, entries_of
from dataeval_spark.verbs.ingest.readers.file_bytes import without_credentials
from dataeval_spark.verbs.ingest.readers.huggingface import (
    OBJECT_COLUMNS,
    Features,
    has_boxes,
    is_image_struct,
    object_rows,
    read_features,
)
from dataeval_spark.verbs.ingest.readers.metadata import (
    CLASS_COLUMNS,
    FACTOR_TYPES,
    has_type,
    instant_of,
    named_column,
    require_type,
    text_findings,
    typed,
)
from dataeval_spark.verbs.ingest.readers.parquet_files import find_parquet
from dataeval_spark.verbs.ingest.readers.source import (
    COUNTED_FINDINGS_DDL,
    FINDINGS_DDL,
    Reading,
    Source,
    all_findings,
    as_findings,
    as_targets,
    class_targets,
)
from dataeval_spark.verbs.ingest.readers.text_rows import TableOptions, is_text, open_table, read_text_rows
from dataeval_spark.verbs.text import plural

CONTENT_COLUMNS = ("content", "bytes", "image_bytes", "image", "data", "img")
PATH_COLUMNS = (
    *("path", "uri", "image_path", "file_path", "filepath", "file", "file_name", "filename"),
    *("image", "img"),  # of text
)
ID_COLUMNS = ("image_id", "id")
# About the file that a row of parquet comes from; Spark has them as columns of _metadata.
FILE_COLUMNS = (FILE_NAME, ROW_INDEX, FILE_TIME)
LABEL_LISTS = ("array<string>", "array<bigint>", "array<int>")


@dataclass(frozen=True)
class Roles:
    """Columns of a table by role; None where there is none."""

    content: str | None
    path: str | None
    id: str | None
    label: str | None
    objects: str | None

    def used(self) -> set[str]:
        """All columns with a role."""
        roles = (self.content, self.path, self.id, self.label, self.objects)
        return {name for name in roles if name} | {"split", "captured_at"}


@dataclass(frozen=True)
class Table:
    """A table that is open.

    Attributes
    ----------
    rows : callable
        Gives the columns that it is called with; of parquet files `FILE_COLUMNS` too.
    types : dict of str to str
        Types of its columns.
    is_parquet : bool
        Whether it consists of parquet files.
    findings : DataFrame
        Findings about it as a whole.
    """

    rows: Callable[..., DataFrame]
    types: dict[str, str]
    is_parquet: bool
    findings: DataFrame


def read_table(reading: Reading, *, box_format: BoxFormat = "xywh") -> Source:
    """Read images, or labels and metadata without images, from a table.

    It is a parquet or Delta path, a CSV, TSV or JSON-lines file, or a table name of the catalog. Columns are those
    that the user names, else they are recognised: bytes in ``content`` (or ``bytes``, ``image_bytes``, ``image``,
    ``data``, ``img`` of binary type, or of a struct of bytes and path), else in the one column of such a struct;
    else paths in ``path`` (or ``uri``, ``image_path``, ``file_path``, ``filepath``, ``file``, ``file_name``,
    ``filename``, ``image``, ``img`` of text); ids in ``image_id`` or ``id``, else the path; ``class_name``,
    ``class`` or ``label``, else the one column of numbered classes; ``split``; ``captured_at``. Other columns of
    simple types are factors. A list of classes is a target each. A table without bytes and paths has images of
    which only labels and metadata are known.

    Parquet of Hugging Face datasets is read too: an ``image`` of bytes and path (its id, where the table has none, is
    the parquet file's name and the row's number in it, its split the word before the first dash of that name), class
    numbers with the names in the file's metadata (a number below 0 is no label), and ``objects`` with boxes as targets.

    Parameters
    ----------
    reading : Reading
        SOURCE is the path or name of the table; a glob does not apply.
    box_format : {"xywh", "xyxy"}
        Form of the boxes of objects, in pixels: left, top, width, height, or the corners.

    Raises
    ------
    IngestError
        The table cannot be read, two columns may be the image or the label, or ids are missing or not unique.
    """
    spark, source, limit = reading.spark, reading.root, reading.limit
    table = _open(spark, source, reading.columns)
    types = table.types
    features = read_features(source) if table.is_parquet else Features()
    roles = _roles(types, features, reading.columns, source)
    used = roles.used()
    factors = [name for name, type in types.items() if name not in used and FACTOR_TYPES.match(type)]
    # Bytes of images are read for the images alone.
    narrow = [name for name in types if name in used | {*factors, "width", "height"} and name != roles.content]
    image_id = _image_id(roles, types, reading, is_parquet=table.is_parquet)
    everything = table.rows(*narrow).withColumn("_id", image_id)
    rows = everything if limit is None else everything.orderBy("_id").limit(limit)
    _require_unique(rows, source)
    if roles.objects:
        with_id = rows.withColumn("image_id", F.col("_id"))
        has_size = {"width", "height"} <= set(types)
        elements = object_rows(with_id, roles.objects, features, box_format=box_format, has_size=has_size)
        targets, findings = _objects(reading.checkpoint(elements, "objects"), source)
    else:
        targets, findings = _labels(rows, roles.label, types, features, source)
    with_content = rows
    if roles.content:
        with_content = table.rows(*narrow, roles.content).withColumn("_id", image_id)
        if limit is not None:
            with_content = with_content.join(rows.select("_id"), on="_id", how="left_semi")
    without_images = None if roles.content or roles.path else _without_images(spark, source, types)
    return Source(
        images=_images(with_content, types, roles, reading, is_parquet=table.is_parquet),
        targets=targets,
        factors=rows.select(
            F.col("_id").alias("image_id"),
            F.lit(None).cast("int").alias("target_index"),
            *(_factor(name, features) for name in factors),
        ),
        findings=all_findings(findings, table.findings, without_images),
        present=everything.select(F.col("_id").alias("image_id")),
        accounting=_entries(spark, everything, rows, types, used & set(types), factors, source),
        labels_from=f"column {roles.objects or roles.label}" if roles.objects or roles.label else "",
    )


def _image_id(roles: Roles, types: dict[str, str], reading: Reading, *, is_parquet: bool) -> Column:
    """Id of a row's image: its own, else its path, else its number in a parquet file."""
    prefix = F.lit(f"{reading.dataset}/")
    if roles.id:
        own_id = id_text(identifier(roles.id), types[roles.id])
        # Ids of a text file are those of one dataset; those of a table may be used as they are.
        return F.concat(prefix, own_id) if is_text(reading.root) else own_id
    if roles.path:
        return F.concat(prefix, without_credentials(F.col(identifier(roles.path))))
    if is_parquet:
        return F.concat(prefix, "_file_name", F.lit("/"), F.col("_row_index").cast("string"))
    raise IngestError(
        f"Table {reading.root} has no column that names its rows; it has {', '.join(types)}.\n"
        "Hint: --id-column NAME, a column with unique values"
    )


def _open(spark: SparkSession, source: str, options: TableOptions) -> Table:
    if is_text(source) and os.path.isfile(source):
        text = read_text_rows(spark, source, encoding=options.encoding)
        strings = [name for name, type in text.frame.dtypes if type == "string"]
        # A class or an id stays as it is written.
        names = (*CLASS_COLUMNS, *ID_COLUMNS, *PATH_COLUMNS, "split", "captured_at")
        written = {name for name in strings if name.lower() in names}
        written |= {name for name in (options.label_column, options.id_column, options.path_column) if name}
        frame = typed(text.frame, as_written=tuple(written), columns=strings)
        return Table(_selection(frame), dict(frame.dtypes), False, text_findings(spark, text, source))
    none = spark.createDataFrame([], FINDINGS_DDL)
    is_nested = _is_nested(source)
    files = None
    if ("/" in source or os.path.exists(source)) and not os.path.isdir(os.path.join(source, "_delta_log")):
        files = find_parquet(spark, source, is_nested=is_nested)
    if files is not None:
        found = files
        types = dict(found.rows(*found.types).dtypes)
        return Table(lambda *columns: found.rows(*columns, *FILE_COLUMNS), types, True, none)
    frame, is_parquet = open_table(spark, source, is_nested=is_nested)
    types = dict(frame.dtypes)
    if is_parquet:  # in a place that the engine alone can reach
        frame = frame.select("*", *(F.col(f"_metadata.{name[1:]}").alias(name) for name in FILE_COLUMNS))
    return Table(_selection(frame, FILE_COLUMNS if is_parquet else ()), types, is_parquet, none)


def _selection(frame: DataFrame, more: Sequence[str] = ()) -> Callable[..., DataFrame]:
    return lambda *columns: frame.select(*map(identifier, columns), *more)


def _is_nested(source: str) -> bool:
    """Whether the files of a folder lie in folders that are no partitions, as in the ``data`` of a repository."""
    if not os.path.isdir(source):
        return False
    with os.scandir(source) as entries:
        folders = [entry.name for entry in entries if entry.is_dir() and not entry.name.startswith(("_", "."))]
    return bool(folders) and not any("=" in name for name in folders)


def _roles(types: dict[str, str], features: Features, options: TableOptions, source: str) -> Roles:
    names = list(types)
    content = named_column(options.image_column, "image-column", names, source)
    if content is None:
        content_columns = [
            name for name in CONTENT_COLUMNS if types.get(name) == "binary" or is_image_struct(types.get(name, ""))
        ]
        others = [name for name in names if name in features.images or is_image_struct(types[name])]
        content = content_columns[0] if content_columns else _one(others, "images", "image-column", source)
    path = named_column(options.path_column, "path-column", names, source)
    if path is None:
        path = next((name for name in PATH_COLUMNS if types.get(name) == "string" and name != options.id_column), None)
    given_id = named_column(options.id_column, "id-column", names, source)
    require_type(given_id, types, source, "--id-column NAME")
    given_id = given_id or next((name for name in ID_COLUMNS if has_type(name, types)), None)
    label = named_column(options.label_column, "label-column", names, source)
    require_type(label, types, source, "--label-column NAME", LABEL_LISTS)
    objects = None if label else next((name for name in OBJECT_COLUMNS if has_boxes(types.get(name, ""))), None)
    if label is None and objects is None:
        label = next((name for name in CLASS_COLUMNS if has_type(name, types, LABEL_LISTS)), None)
        classes = [name for name in names if name in features.columns and name != content]
        label = label or _one(classes, "classes", "label-column", source)
    return Roles(content, path, given_id, label, objects)


def _one(columns: list[str], what: str, option: str, source: str) -> str | None:
    """The only column of its kind.

    Raises
    ------
    IngestError
        There are several, and it is not clear which is meant.
    """
    if len(columns) > 1:
        raise IngestError(
            f"Table {source} has several columns of {what}: {', '.join(columns)}.\nHint: --{option} {columns[0]}"
        )
    return columns[0] if columns else None


def _factor(name: str, features: Features) -> Column:
    """A column as a factor: numbered classes by their names."""
    names = features.columns.get(name)
    if not names:
        return F.col(identifier(name))
    name_of_id = literal_map(names)
    return F.try_element_at(name_of_id, F.col(identifier(name)).try_cast("int")).alias(name)


def _without_images(spark: SparkSession, source: str, types: dict[str, str]) -> DataFrame:
    message = "The table has neither bytes nor paths of images: only labels and metadata are known"
    expected = "--image-column NAME or --path-column NAME where one of the columns is that of the images"
    row = (source, "columns", None, None, "no_images", message, ", ".join(types)[:300], expected, "warning", 1)
    return spark.createDataFrame([row], COUNTED_FINDINGS_DDL)


def _entries(
    spark: SparkSession,
    everything: DataFrame,
    rows: DataFrame,
    types: dict[str, str],
    used: set[str],
    factors: list[str],
    source: str,
) -> DataFrame:
    chosen = rows.select("_id", F.lit(True).alias("is_taken"))
    marked = everything.select("_id").join(chosen, on="_id", how="left")
    role = F.when(F.col("is_taken"), "images").otherwise("skipped")
    meaningful = used | set(factors)
    columns = column_entries(spark, "columns", meaningful, set(types) - meaningful, source)
    entries = entries_of(marked, source, "rows", role=role, reason="not_asked_for", name=F.col("_id"))
    return entries.unionByName(columns)


def _require_unique(rows: DataFrame, source: str) -> None:
    for row in bounded(rows.groupBy("_id").count().where("count > 1 OR _id IS NULL").limit(1), "one row"):
        raise IngestError(
            f"Table {source}: image id {row['_id']!r} is the id of {plural(row['count'], 'row')}; "
            "expected a different id in each row, and none that is null.\n"
            "Hint: --id-column NAME, a column with unique values"
        )


def _images(rows: DataFrame, types: dict[str, str], roles: Roles, reading: Reading, *, is_parquet: bool) -> DataFrame:
    content, path, source = roles.content, roles.path, reading.root
    is_struct = is_image_struct(types.get(content or "", ""))
    column = identifier(content or "")
    data = F.col(f"{column}.bytes" if is_struct else column) if content else F.lit(None).cast("binary")
    uri: Column = F.lit(None).cast("string")
    if path is not None or is_struct:
        # A relative path is relative to the folder of the table.
        name = F.col(f"{column}.path" if is_struct else identifier(path or ""))
        is_absolute = name.rlike("^(/|[a-z0-9]+:)")
        place = F.when(is_absolute, name).otherwise(F.concat(F.lit(f"{_base(source)}/"), name))
        uri = F.when(data.isNull(), place)
    if content is not None:
        # A row that should have an image and has none is one that cannot be read.
        uri = F.when(data.isNull(), F.coalesce(uri, F.concat(F.lit(f"{source}#"), F.col("_id")))).otherwise(uri)
    captured = "captured_at" if "captured_at" in types else None
    source_split = F.col("split").cast("string") if "split" in types else F.lit(None).cast("string")
    if "split" not in types and is_struct and is_parquet:
        source_split = F.nullif(F.regexp_extract("_file_name", r"^([A-Za-z]+)-", 1), F.lit(""))
    # Bytes in a file that has not changed are not read again; files elsewhere have times of their own.
    modified_at = F.col("_file_modification_time") if content and is_parquet else F.lit(None)
    return rows.select(
        F.col("_id").alias("image_id"),
        uri.alias("uri"),
        data.alias("content"),
        F.length(data).cast("bigint").alias("content_length"),
        F.when(data.isNotNull(), modified_at).cast("timestamp").alias("modified_at"),
        instant_of(captured, types, reading.timezone).alias("captured_at"),
        F.coalesce(source_split, F.lit(reading.split)).alias("split"),
    )


def _labels(
    rows: DataFrame, label: str | None, types: dict[str, str], features: Features, source: str
) -> tuple[DataFrame, DataFrame]:
    """Targets and findings of the column with the class of an image, or with a list of its classes."""
    column = F.col(identifier(label)) if label else F.lit(None).cast("string")
    if label and types[label] in LABEL_LISTS:
        labelled = rows.select("_id", F.posexplode(column).alias("index", "value"))
    else:
        labelled = rows.select("_id", F.lit(0).alias("index"), column.alias("value"))
    names = features.columns.get(label or "", {})
    class_name = F.col("value").cast("string")
    labelled = labelled.where(F.col("value").isNotNull())
    if names:
        number = F.col("value").try_cast("int")
        name_of_id = literal_map(names)
        class_name = F.try_element_at(name_of_id, number)
        labelled = labelled.where(F.coalesce(number >= 0, F.lit(True)))  # -1 and -100 say that there is no label
    keys = (F.col("_id").alias("image_id"), F.col("index").alias("target_index"))
    findings = as_findings(
        labelled.where(class_name.isNull()),
        source_file=source,
        location=F.concat(F.lit(f"{label} of "), "_id"),
        image_id=F.col("_id"),
        target_index=F.col("index"),
        kind="unknown_class",
        message="No class has this number",
        found=F.col("value"),
        expected=f"a number from 0 to {len(names) - 1}, or -1",
    )
    return class_targets(labelled.select(*keys, class_name.alias("class_name")), source), findings


def _objects(elements: DataFrame, source: str) -> tuple[DataFrame, DataFrame]:
    """Targets and findings of the column with objects."""
    place = F.concat(F.lit(f"{os.path.basename(source.rstrip('/'))}:"), "location")
    columns = ("image_id", "target_index", "kind", "message", "found", "expected")
    findings = as_findings(
        elements.where("element = 'finding'"),
        source_file=source,
        location=F.concat("location", F.lit(" of "), "image_id"),
        **{name: F.col(name) for name in columns},
    )
    return as_targets(elements.where("element = 'target'"), place), findings


def _base(source: str) -> str:
    path = os.path.abspath(source)
    return path if os.path.isdir(path) else os.path.dirname(path)
