"""Ingestion: choose the reader of a source, check what it found, and bring the tables up to date with it."""

from __future__ import annotations

import codecs
import os
from datetime import UTC, datetime
from typing import Any, Literal, cast, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dataeval_spark.dataset_update import bring_up_to_date, report
from dataeval_spark.errors import IngestError, OptionError
from dataeval_spark.ingest.coco import read_coco
from dataeval_spark.ingest.detect import detect_format
from dataeval_spark.ingest.folder import read_folder
from dataeval_spark.ingest.maite import MapStyle, read_maite
from dataeval_spark.ingest.source import Known, Source
from dataeval_spark.ingest.table import read_table
from dataeval_spark.ingest.text_rows import TableOptions
from dataeval_spark.ingest.voc import read_voc
from dataeval_spark.ingest.webdataset import read_webdataset
from dataeval_spark.ingest.yolo import read_yolo
from dataeval_spark.kernels.objects import BoxFormat
from dataeval_spark.kernels.uris import is_uri
from dataeval_spark.locations import absolute, refuse_credentials
from dataeval_spark.runs import Run, StepRun

Format = Literal["folder", "coco", "voc", "yolo", "webdataset", "table"]


def ingest(
    run: Run,
    source: str,
    *,
    format: Format | None = None,
    annotations: str | None = None,
    metadata: str | None = None,
    dataset: str | None = None,
    split: str | None = None,
    glob: str | None = None,
    limit: int | None = None,
    keep_bytes: bool = False,
    replace: bool = False,
    timezone: str = "UTC",
    voc_one_based: bool = False,
    box_format: BoxFormat = "xywh",
    layout: str | None = None,
    label_column: str | None = None,
    id_column: str | None = None,
    path_column: str | None = None,
    image_column: str | None = None,
    encoding: str | None = None,
) -> StepRun:
    """Bring the tables of images, labels and metadata up to date with a source.

    They are `images`, `targets`, `factors`, `ingest_findings` and `source_files`.

    Parameters
    ----------
    run : Run
        The run that this is part of.
    source : str
        Folder, or (format ``table``) a table's path or name or a file of rows, or (format ``webdataset``) one tar file.
    format : {"folder", "coco", "voc", "yolo", "webdataset", "table"}, optional
        Default: what the annotations and SOURCE show beyond doubt, else ``folder``; see
        :func:`dataeval_spark.ingest.detect.detect_format`.
    annotations : str, optional
        COCO JSON file; folder with Pascal VOC or YOLO files, where they are not below SOURCE; YOLO's data set file.
    metadata : str, optional
        CSV, TSV, JSON-lines or parquet file with a path column; its other columns become factors.
    dataset : str, optional
        Name of the dataset; default the last name of the source.
    split : str, optional
        Split of the images that the source gives none.
    glob : str, optional
        Take files whose relative path matches, image or not.
    limit : int, optional
        Take the first so many images, by path.
    keep_bytes : bool
        Copy the files' bytes into the table instead of keeping them by reference.
    replace : bool
        Let the dataset's images from another source go.
    timezone : str
        Zone of capture times that name none.
    voc_one_based : bool
        Pascal VOC boxes count pixels from 1: subtract 1 from xmin and ymin.
    box_format : {"xywh", "xyxy"}
        What the boxes in a table's column of objects are: left, top, width, height, or the corners; pixels.
    layout : str, optional
        Meaning of the folders above the images, from the top: ``class``, ``split/class``, ``-/class``, ``-`` for none;
        by default what their names show. For format ``folder``.
    label_column, id_column, path_column : str, optional
        Columns of a table or of the metadata file with the class, the image's id and its path; by default those of
        usual names.
    image_column : str, optional
        Column of a table with the bytes of the images.
    encoding : str, optional
        Encoding of a metadata file or table of text, where it is not UTF-8; by default what its bytes show.

    Returns
    -------
    StepRun
        What was new, changed, deleted, skipped and bad.

    Raises
    ------
    IngestError
        The source cannot be read at all, has no images, or the dataset's name is taken.
    """
    workspace = run.workspace
    started = datetime.now(UTC)
    refuse_credentials(source, annotations, metadata)
    if annotations and not is_uri(annotations):
        annotations = os.path.abspath(annotations)
    reason = ""
    if format is None:
        format, reason = cast(tuple[Format, str], detect_format(source, annotations))
    _check_options(format, annotations, metadata, timezone, limit, voc_one_based)
    OptionError.unless_one_of("ingest.box_format", box_format, get_args(BoxFormat))
    source = absolute(source) if format != "table" or os.path.exists(source) else source
    dataset = dataset or default_name(source)
    options: dict[str, Any] = {"dataset": dataset, "split": split, "limit": limit, "timezone": timezone}
    options |= {"stage": run.stage}
    columns = TableOptions(label_column, id_column, path_column, image_column, encoding)
    _check_columns(format, columns, metadata, layout)
    options |= {"box_format": box_format} if format == "table" else {"glob": glob}
    if format in ("folder", "coco", "voc", "yolo"):
        options |= {"metadata": metadata, "columns": columns}
    if format == "table":
        options |= {"columns": columns}
    if format == "folder":
        options |= {"layout": layout}
    if format == "voc":
        options |= {"one_based": voc_one_based}

    def read(known: Known | None) -> Source:
        spark = workspace.spark
        if format == "table":
            return read_table(spark, source, **options)
        if format == "coco":
            return read_coco(spark, source, annotations or "", **options)
        if format == "voc":
            return read_voc(spark, source, annotations, known=known, **options)
        if format == "yolo":
            return read_yolo(spark, source, annotations, known=known, **options)
        if format == "webdataset":
            return read_webdataset(spark, source, known=known, **options)
        return read_folder(spark, source, **options)

    # Two annotation files over one folder are two datasets: the second must not replace the first unasked.
    named = f"{source} ({annotations})" if annotations else source
    outcome = bring_up_to_date(
        run,
        read,
        dataset,
        named,
        format,
        keep_bytes=keep_bytes,
        may_replace=replace,
        has_own_ids=format == "table",
    )
    if outcome["taken"] == 0:
        hint = "--glob '**/*' takes every file" if format == "folder" else "name a source with images"
        raise IngestError(f"SOURCE {named} has no images.\nHint: {hint}")
    note = f"read as {format}" + (f" ({reason})" if reason else "") + ": "
    return report(run, started, outcome, dataset, note)


def ingest_maite(
    run: Run,
    data: MapStyle,
    *,
    name: str,
    split: str | None = None,
    replace: bool = False,
    timezone: str = "UTC",
) -> StepRun:
    """Bring the tables of images, labels and metadata up to date with a MAITE data set.

    Parameters
    ----------
    data : MapStyle
        See :func:`dataeval_spark.ingest.maite.read_maite`.
    name : str
        Name of the dataset.
    run, split, replace, timezone
        As in :func:`ingest`. The images' bytes are kept in the table.

    Raises
    ------
    IngestError
        No item can be read, or the dataset's name is taken by another source.
    """
    workspace = run.workspace
    started = datetime.now(UTC)
    _check_timezone(timezone)

    def read(known: Known | None) -> Source:
        return read_maite(workspace.spark, data, dataset=name, stage=run.stage, split=split, timezone=timezone)

    outcome = bring_up_to_date(
        run,
        read,
        name,
        f"maite:{name}",
        "maite",
        keep_bytes=True,
        may_replace=replace,
        has_own_ids=False,
    )
    return report(run, started, outcome, name)


def default_name(source: str) -> str:
    """Name of a dataset that was given none: the last name of its source."""
    return os.path.basename(source.rstrip("/")).removesuffix(".tar") or "images"


def _check_options(
    format: str,
    annotations: str | None,
    metadata: str | None,
    timezone: str,
    limit: int | None,
    voc_one_based: bool,
) -> None:
    OptionError.unless_one_of("ingest.format", format, get_args(Format))
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
    if format in ("table", "webdataset") and metadata:
        raise OptionError(f"ingest.metadata is for files in folders; what a {format} says itself is its metadata.")
    if format != "voc" and voc_one_based:
        raise OptionError(f"ingest.voc_one_based is given and ingest.format is {format!r}.\nHint: --format voc")
    _check_timezone(timezone)


def _check_columns(format: str, columns: TableOptions, metadata: str | None, layout: str | None) -> None:
    given = [name.replace("_", "-") for name, value in vars(columns).items() if value is not None]
    if format != "table" and columns.image_column is not None:
        raise OptionError(f"ingest.image_column is given and ingest.format is {format!r}.\nHint: --format table")
    if given and format != "table" and metadata is None:
        raise OptionError(
            f"--{given[0]} is about a table or a metadata file, and ingest.format is {format!r} without metadata.\n"
            "Hint: --metadata FILE, or --format table"
        )
    if columns.encoding is not None:
        try:
            codecs.lookup(columns.encoding)
        except LookupError:
            raise OptionError(
                f"ingest.encoding is {columns.encoding!r}, which is no known encoding.\nHint: --encoding cp1252"
            ) from None
    if layout is not None and format != "folder":
        raise OptionError(f"ingest.layout is given and ingest.format is {format!r}.\nHint: --format folder")


def _check_timezone(timezone: str) -> None:
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise OptionError(f"ingest.timezone is {timezone!r}; expected a zone such as 'Europe/Paris'.") from None
