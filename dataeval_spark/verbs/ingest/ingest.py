"""Ingestion: choose the reader of a source, check its result, and bring the tables up to date with it."""

from __future__ import annotations

import codecs
import os
from dataclasses import fields
from datetime import UTC, datetime
from typing import cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dataeval_spark.errors import IngestError, OptionError
from dataeval_spark.kernels.storage.files import IMAGE_EXTENSIONS
from dataeval_spark.kernels.storage.uris import is_uri, refuse_credentials
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.options import IngestFormat, IngestOptions
from dataeval_spark.verbs.ingest.readers.coco import read_coco
from dataeval_spark.verbs.ingest.readers.detect import detect_format
from dataeval_spark.verbs.ingest.readers.folder import read_folder
from dataeval_spark.verbs.ingest.readers.listing import no_images
from dataeval_spark.verbs.ingest.readers.maite import MapStyle, read_maite
from dataeval_spark.verbs.ingest.readers.source import KnownRows, Reading, Source
from dataeval_spark.verbs.ingest.readers.table import read_table
from dataeval_spark.verbs.ingest.readers.text_rows import TableOptions
from dataeval_spark.verbs.ingest.readers.voc import read_voc
from dataeval_spark.verbs.ingest.readers.webdataset import read_webdataset
from dataeval_spark.verbs.ingest.readers.yolo import read_yolo
from dataeval_spark.verbs.ingest.update import bring_up_to_date, report
from dataeval_spark.verbs.text import plural
from dataeval_spark.workspace.locations import absolute
from dataeval_spark.workspace.runs import Run, StepRun


def ingest(run: Run, source: str, options: IngestOptions) -> StepRun:
    """Bring the tables of images, labels and metadata up to date with a source.

    They are `images`, `targets`, `factors`, `ingest_findings` and `source_files`.

    Parameters
    ----------
    run : Run
        The run that this is part of.
    source : str
        Folder or one image, or (format ``table``) a table's path or name or a file of rows, or (format ``webdataset``)
        one tar file.
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
        The source cannot be read at all, has no images (with ``allow_empty``: and never had any), or the dataset's name
        is taken.
    """
    workspace = run.workspace
    started = datetime.now(UTC)
    refuse_credentials(source, options.annotations, options.metadata)
    format, annotations, reason = options.format, options.annotations, ""
    if annotations and not is_uri(annotations):
        annotations = os.path.abspath(annotations)
    if format is None:
        format, reason = cast(tuple[IngestFormat, str], detect_format(source, annotations))
    _check_options(format, options)
    source = absolute(source) if format != "table" or os.path.exists(source) else source
    dataset = options.dataset or default_name(source)
    columns = TableOptions(**{each.name: getattr(options, each.name) for each in fields(TableOptions)})
    how = {name: getattr(options, name) for name in ("metadata", "split", "glob", "limit", "timezone")}

    def read(known_rows: KnownRows | None) -> Source:
        reading = Reading(
            workspace.spark, source, dataset, run.checkpoint, known_rows=known_rows, columns=columns, **how
        )
        if format == "table":
            return read_table(reading, box_format=options.box_format)
        if format == "coco":
            return read_coco(reading, annotations or "")
        if format == "voc":
            return read_voc(reading, annotations, one_based=options.voc_one_based)
        if format == "yolo":
            return read_yolo(reading, annotations)
        if format == "webdataset":
            return read_webdataset(reading)
        return read_folder(reading, layout=options.layout)

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
        may_empty=options.allow_empty,
        has_own_ids=format == "table",
    )
    if outcome["taken"] == 0 and not outcome["is_emptied"]:
        remedy = emptying(dataset, outcome.get("deleted", 0))
        if format == "folder":
            raise no_images(workspace.spark, source, options.glob, remedy)
        raise IngestError(f"SOURCE {place} has no images.\nHint: name a source with images{remedy}")
    note = f"read as {format}" + (f" ({reason})" if reason else "") + ": "
    return report(run, started, outcome, dataset, note)


def ingest_maite(run: Run, data: MapStyle, name: str, options: IngestOptions) -> StepRun:
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
        run, read, name, f"maite:{name}", "maite", keep_bytes=True, may_replace=options.replace, has_own_ids=False
    )
    return report(run, started, outcome, name)


def emptying(dataset: str, images: int) -> str:
    """End of a hint for a source without images: how a dataset that had some is emptied."""
    return f", or --allow-empty to remove all {plural(images, 'image')} of dataset {dataset}" if images else ""


def default_name(source: str) -> str:
    """Default name of a dataset: the last name of its source, that of an image without its ending."""
    name, ending = os.path.splitext(os.path.basename(source.rstrip("/")))
    return (name if ending.lower() in (".tar", *IMAGE_EXTENSIONS) else name + ending) or "images"


def _check_options(format: str, options: IngestOptions) -> None:
    limit, annotations = options.limit, options.annotations
    if limit is not None:
        if not isinstance(limit, int):
            raise OptionError(f"ingest.limit is {limit!r}; expected a whole number.\nHint: --limit 1000")
        within("ingest.limit", limit)
    if format == "coco" and not annotations:
        raise OptionError(
            "ingest.format is 'coco', which needs an annotation file, and none is given.\nHint: --annotations FILE"
        )
    if format in ("folder", "table", "webdataset") and annotations:
        raise OptionError(
            f"ingest.annotations is {annotations!r}, but ingest.format {format!r} reads no annotation files.\n"
            "Hint: --format coco, --format voc or --format yolo"
        )
    if format in ("table", "webdataset") and options.metadata:
        raise OptionError(
            f"ingest.metadata is {options.metadata!r}, but ingest.format is {format!r}, whose metadata are in SOURCE.\n"
            "Hint: leave --metadata out"
        )
    for name, only in (("voc_one_based", "voc"), ("image_column", "table"), ("layout", "folder")):
        if getattr(options, name) and format != only:
            raise OptionError(
                f"ingest.{name} applies to ingest.format {only!r} alone, and the format is {format!r}.\n"
                f"Hint: --format {only}"
            )
    _check_columns(format, options)
    _check_timezone(options.timezone)


def _check_columns(format: str, options: IngestOptions) -> None:
    given = [each.name for each in fields(TableOptions) if getattr(options, each.name) is not None]
    if given and format != "table" and options.metadata is None:
        raise OptionError(
            f"ingest.{given[0]} applies to a table or a metadata file, but ingest.format is {format!r} and no metadata "
            "file is given.\nHint: --metadata FILE, or --format table"
        )
    if options.encoding is not None:
        try:
            codecs.lookup(options.encoding)
        except LookupError:
            raise OptionError(
                f"ingest.encoding is {options.encoding!r}; expected the name of an encoding.\nHint: --encoding cp1252"
            ) from None


def _check_timezone(timezone: str) -> None:
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise OptionError(
            f"ingest.timezone is {timezone!r}; expected the name of a time zone.\nHint: --timezone Europe/Paris"
        ) from None
