"""Ingestion: choose the reader of a source, check what it found, and bring the tables up to date with it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError, OptionError
from dataeval_spark.ingest.coco import read_coco
from dataeval_spark.ingest.folder import read_folder
from dataeval_spark.ingest.source import Source, Stage
from dataeval_spark.ingest.table import read_table
from dataeval_spark.locations import absolute
from dataeval_spark.runs import Run, StepRun
from dataeval_spark.synchronization import synchronize
from dataeval_spark.tables import ANNOTATION_FINDINGS, FACTORS, IMAGES, TARGETS
from dataeval_spark.workspace import Workspace

Format = Literal["folder", "coco", "table"]


def ingest(
    workspace: Workspace,
    run: Run,
    stage: Stage,
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
) -> StepRun:
    """Bring the tables `images`, `targets`, `factors` and `annotation_findings` up to date with a source.

    Parameters
    ----------
    workspace : Workspace
        Where to write.
    run : Run
        The run this is part of.
    stage : callable
        Stores a frame in the run's temporary files and reads it back.
    source : str
        Folder, or (format ``table``) a table's path or name.
    format : {"folder", "coco", "table"}, optional
        Default: ``coco`` when annotations are given, else ``folder``.
    annotations : str, optional
        COCO JSON file.
    metadata : str, optional
        CSV or parquet file with a path column; its other columns become factors.
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

    Returns
    -------
    StepRun
        What was new, changed, deleted, skipped and bad.

    Raises
    ------
    IngestError
        The source cannot be read at all, has no images, or the dataset's name is taken.
    """
    started = datetime.now(UTC)
    format = format or ("coco" if annotations else "folder")
    _check_options(format, annotations, metadata, timezone, limit)
    source = absolute(source) if format != "table" or os.path.exists(source) else source
    dataset = dataset or os.path.basename(source.rstrip("/")) or "images"
    workspace.create([IMAGES, TARGETS, FACTORS, ANNOTATION_FINDINGS])
    existing = workspace.read(IMAGES).where(F.col("dataset") == dataset)
    is_new = workspace.is_untouched(IMAGES) or existing.isEmpty()
    reader_options: dict[str, Any] = {"dataset": dataset, "split": split, "limit": limit, "timezone": timezone}
    if format == "table":
        found = read_table(workspace.spark, source, **reader_options)
    else:
        reader_options |= {"stage": stage, "metadata": metadata, "glob": glob}
        if format == "coco":
            found = read_coco(workspace.spark, source, annotations or "", **reader_options)
        else:
            found = read_folder(workspace.spark, source, **reader_options)
    if format == "table":
        _require_own_ids(workspace, found, dataset)
    # Two annotation files over one folder are two datasets: the second must not replace the first unasked.
    source = f"{source} ({os.path.abspath(annotations)})" if annotations else source
    if not is_new:
        _require_own_name(existing, dataset, source, replace)
    outcome = synchronize(workspace, run, stage, found, existing, dataset, source, is_new=is_new, keep_bytes=keep_bytes)
    if outcome["taken"] == 0:
        hint = "--glob '**/*' takes every file" if format == "folder" else "name a source with images"
        raise IngestError(f"SOURCE {source} has no images.\nHint: {hint}")
    return _report(workspace, run, started, outcome, dataset)


def _check_options(
    format: str, annotations: str | None, metadata: str | None, timezone: str, limit: int | None
) -> None:
    OptionError.unless_one_of("ingest.format", format, get_args(Format))
    if limit is not None:
        if not isinstance(limit, int):
            raise OptionError(f"ingest.limit is {limit!r}; expected a whole number.")
        OptionError.unless_between("ingest.limit", limit, 1, 2**31 - 1)
    if format == "coco" and not annotations:
        raise OptionError("ingest.format is 'coco' and no annotation file is given.\nHint: --annotations FILE")
    if format != "coco" and annotations:
        raise OptionError(f"ingest.annotations is given and ingest.format is {format!r}.\nHint: --format coco")
    if format == "table" and metadata:
        raise OptionError("ingest.metadata is for folders and COCO; a table's own columns are its metadata.")
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise OptionError(f"ingest.timezone is {timezone!r}; expected a zone such as 'Europe/Paris'.") from None


def _absolute(source: str) -> str:
    return absolute(source)


def _require_own_name(existing: DataFrame, dataset: str, source: str, replace: bool) -> None:
    others = existing.where((F.col("source") != source) & F.col("deleted_at").isNull()).limit(1).collect()
    if others and not replace:
        raise IngestError(
            f"Dataset {dataset!r} was ingested from {others[0]['source']}, not from {source}.\n"
            "Hint: --dataset NAME for another name, or --replace to let the old images go."
        )


def _require_own_ids(workspace: Workspace, found: Source, dataset: str) -> None:
    """A table gives its own ids: they must not be those of another dataset's images."""
    others = (
        workspace.read(IMAGES).where(F.col("dataset") != dataset).select("image_id", F.col("dataset").alias("other"))
    )
    for row in found.images.join(others, on="image_id", how="inner").select("image_id", "other").limit(1).collect():
        raise IngestError(
            f"Image id {row['image_id']!r} of dataset {dataset!r} is an image of dataset {row['other']!r} already.\n"
            "Hint: make the ids unique in a view, for example concat('val/', id) AS image_id."
        )


def _report(workspace: Workspace, run: Run, started: datetime, outcome: dict[str, Any], dataset: str) -> StepRun:
    parts = [f"{outcome.get(status, 0):,} {status}" for status in ("new", "changed", "deleted")]
    parts += [f"{outcome[key]:,} {text}" for key, text in _EXTRA if outcome.get(key)]
    message = f"dataset {dataset}: {outcome['taken']:,} images ({', '.join(parts)})"
    states = workspace.states([IMAGES, TARGETS, FACTORS, ANNOTATION_FINDINGS])
    outputs = {name: state.version for name, state in states.items()}
    run.record("ingest", "done", started, outputs=outputs, rows=outcome["taken"], message=message)
    seconds = (datetime.now(UTC) - started).total_seconds()
    return StepRun("ingest", "done", seconds, message, outputs, outcome["taken"])


_EXTRA = (("skipped", "files skipped: no images"), ("findings", "bad annotations"))
