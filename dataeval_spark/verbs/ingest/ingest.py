"""Ingestion: choose the reader of a source, check its result, and bring the tables up to date with it."""

from __future__ import annotations

import codecs
import os
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dataeval_spark.errors import IngestError, OptionError
from dataeval_spark.kernels.storage.uris import is_uri, refuse_credentials
from dataeval_spark.options import IngestFormat, IngestOptions
from dataeval_spark.verbs.ingest.readers.coco import read_coco
from dataeval_spark.verbs.ingest.readers.detect import detect_format
from dataeval_spark.verbs.ingest.readers.folder import read_folder
from dataeval_spark.verbs.ingest.readers.maite import MapStyle, read_maite
from dataeval_spark.verbs.ingest.readers.source import KnownRows, Source
from dataeval_spark.verbs.ingest.readers.table import read_table
from dataeval_spark.verbs.ingest.readers.text_rows import TableOptions
from dataeval_spark.verbs.ingest.readers.voc import read_voc
from dataeval_spark.verbs.ingest.readers.webdataset import read_webdataset
from dataeval_spark.verbs.ingest.readers.yolo import read_yolo
from dataeval_spark.verbs.ingest.update import bring_up_to_date, report
from dataeval_spark.workspace.locations import absolute
from dataeval_spark.workspace.runs import Run, StepRun


def ingest(
    run: Run,
    source: str,
    options: IngestOptions,
) -> StepRun:
    """Bring the tables of images, labels and metadata up to date with a source.

    They are `images`, `targets`, `factors`, `ingest_findings` and `source_files`.

    Parameters
    ----------
    run : Run
        The run that this is part of.
    source : str
        Folder, or (format ``table``) a table's path or name or a file of rows, or (format ``webdataset``) one tar file.
    options : IngestOptions
        Format, name and other options of the reader. The default format is that of
        :func:`dataeval_spark.verbs.ingest.readers.detect.detect_format`.

    Returns
    -------
    StepRun
        Numbers of new, changed, deleted, skipped and bad entries.

    Raises
    ------
    IngestError
        The source cannot be read at all, has no images, or the dataset's name is taken.
    """
    workspace = run.workspace
    started = datetime.now(UTC)
    refuse_credentials(source, options.annotations, options.metadata)
    format, annotations, reason = options.format, options.annotations, ""
    if annotations and not is_uri(annotations):
        annotations = os.path.abspath(annotations)
    if format is None:
        format, reason = cast(tuple[IngestFormat, str], detect_format(source, annotations))
    columns = TableOptions(**{each.name: getattr(options, each.name) for each in fields(TableOptions)})
    _check_options(format, options)
    _check_columns(format, columns, options.metadata)
    source = absolute(source) if format != "table" or os.path.exists(source) else source
    dataset = options.dataset or default_name(source)
    common = {"dataset": dataset, "split": options.split, "limit": options.limit, "timezone": options.timezone}
    arguments: dict[str, Any] = {**common, "checkpoint": run.checkpoint}
    arguments |= {"box_format": options.box_format} if format == "table" else {"glob": options.glob}
    if format in ("folder", "coco", "voc", "yolo"):
        arguments |= {"metadata": options.metadata}
    if format != "webdataset":
        arguments |= {"columns": columns}
    if format == "folder":
        arguments |= {"layout": options.layout}
    if format == "voc":
        arguments |= {"one_based": options.voc_one_based}

    def read(known_rows: KnownRows | None) -> Source:
        spark = workspace.spark
        if format == "table":
            return read_table(spark, source, **arguments)
        if format == "coco":
            return read_coco(spark, source, annotations or "", **arguments)
        if format == "voc":
            return read_voc(spark, source, annotations, known_rows=known_rows, **arguments)
        if format == "yolo":
            return read_yolo(spark, source, annotations, known_rows=known_rows, **arguments)
        if format == "webdataset":
            return read_webdataset(spark, source, known_rows=known_rows, **arguments)
        return read_folder(spark, source, **arguments)

    # Two annotation files over one folder are two datasets: the second must not replace the first unasked.
    place = f"{source} ({annotations})" if annotations else source
    outcome = bring_up_to_date(
        run,
        read,
        dataset,
        place,
        format,
        keep_bytes=options.keep_bytes,
        may_replace=options.replace,
        has_own_ids=format == "table",
    )
    if outcome["taken"] == 0:
        hint = "--glob '**/*' takes every file" if format == "folder" else "name a source with images"
        raise IngestError(f"SOURCE {place} has no images.\nHint: {hint}")
    note = f"read as {format}" + (f" ({reason})" if reason else "") + ": "
    return report(run, started, outcome, dataset, note)


def ingest_maite(
    run: Run,
    data: MapStyle,
    name: str,
    options: IngestOptions,
) -> StepRun:
    """Bring the tables of images, labels and metadata up to date with a MAITE data set.

    Parameters
    ----------
    data : MapStyle
        See :func:`dataeval_spark.verbs.ingest.readers.maite.read_maite`.
    name : str
        Name of the dataset.
    options : IngestOptions
        Split, time zone, and whether images of another source are replaced.
    run
        As in :func:`ingest`. The images' bytes are kept in the table.

    Raises
    ------
    IngestError
        No item can be read, or the dataset's name is taken by another source.
    """
    workspace = run.workspace
    started = datetime.now(UTC)
    _check_timezone(options.timezone)

    def read(known_rows: KnownRows | None) -> Source:
        spark, split, timezone = workspace.spark, options.split, options.timezone
        return read_maite(spark, data, dataset=name, checkpoint=run.checkpoint, split=split, timezone=timezone)

    outcome = bring_up_to_date(
        run,
        read,
        name,
        f"maite:{name}",
        "maite",
        keep_bytes=True,
        may_replace=options.replace,
        has_own_ids=False,
    )
    return report(run, started, outcome, name)


def default_name(source: str) -> str:
    """Default name of a dataset: the last name of its source."""
    return os.path.basename(source.rstrip("/")).removesuffix(".tar") or "images"


def _check_options(format: str, options: IngestOptions) -> None:
    limit, annotations = options.limit, options.annotations
    if limit is not None:
        if not isinstance(limit, int):
            raise OptionError(f"ingest.limit is {limit!r}; expected a whole number.")
        OptionError.unless_between("ingest.limit", limit, 1, 2**31 - 1)
    if format == "coco" and not annotations:
        raise OptionError("ingest.format is 'coco' and no annotation file is given.\nHint: --annotations FILE")
    if format in ("folder", "table", "webdataset") and annotations:
        raise OptionError(
            f"ingest.annotations is given and ingest.format is {format!r}.\nHint: --format coco, voc or yolo"
        )
    if format in ("table", "webdataset") and options.metadata:
        raise OptionError(f"ingest.metadata is for files in folders; what a {format} says itself is its metadata.")
    for name, only in (("voc_one_based", "voc"), ("image_column", "table"), ("layout", "folder")):
        if getattr(options, name) and format != only:
            raise OptionError(f"ingest.{name} is given and ingest.format is {format!r}.\nHint: --format {only}")
    _check_timezone(options.timezone)


def _check_columns(format: str, columns: TableOptions, metadata: str | None) -> None:
    options = [name.replace("_", "-") for name, value in vars(columns).items() if value is not None]
    if options and format != "table" and metadata is None:
        raise OptionError(
            f"--{options[0]} is about a table or a metadata file, and ingest.format is {format!r} without metadata.\n"
            "Hint: --metadata FILE, or --format table"
        )
    if columns.encoding is not None:
        try:
            codecs.lookup(columns.encoding)
        except LookupError:
            raise OptionError(
                f"ingest.encoding is {columns.encoding!r}, which is no known encoding.\nHint: --encoding cp1252"
            ) from None


def _check_timezone(timezone: str) -> None:
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise OptionError(f"ingest.timezone is {timezone!r}; expected a zone such as 'Europe/Paris'.") from None
