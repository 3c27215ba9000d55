"""Ingestion: write what a reader found into `images`, `targets` and `factors`, reading only what is new or changed.

Every write is decided by comparing the source with the tables, so an ingestion that was killed
half-way is completed by running it again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Literal, get_args
from uuid import uuid4
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError, OptionError
from dataeval_spark.frames.batches import map_rows
from dataeval_spark.ingest.coco import read_coco
from dataeval_spark.ingest.folder import read_folder
from dataeval_spark.ingest.source import Source, Stage
from dataeval_spark.ingest.table import read_table
from dataeval_spark.kernels.files import read_file
from dataeval_spark.kernels.hashes import file_hash
from dataeval_spark.locations import absolute
from dataeval_spark.runs import Run, StepRun
from dataeval_spark.tables import (
    ANNOTATION_FINDINGS,
    CHANNEL_STATS,
    DATASET_FINDINGS,
    EMBEDDINGS,
    FACTORS,
    HASHES,
    IMAGE_STATS,
    IMAGES,
    TARGETS,
    UNREADABLE_IMAGES,
    Table,
)
from dataeval_spark.workspace import BYTES_SETTINGS, Workspace, session_settings

Format = Literal["folder", "coco", "table"]
IMAGE_TABLES = (TARGETS, FACTORS, IMAGE_STATS, CHANNEL_STATS, HASHES, UNREADABLE_IMAGES, EMBEDDINGS)
FILES_PER_TASK = 500
ATTRIBUTES = ("uri", "content_length", "modified_at", "captured_at", "split", "source")


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
    source = _absolute(source) if format != "table" or os.path.exists(source) else source
    dataset = dataset or os.path.basename(source.rstrip("/")) or "images"
    workspace.create([IMAGES, TARGETS, FACTORS, ANNOTATION_FINDINGS])
    existing = workspace.read(IMAGES).where(F.col("dataset") == dataset)
    is_new = existing.isEmpty()
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
    outcome = _write(workspace, run, stage, found, existing, dataset, source, is_new=is_new, keep_bytes=keep_bytes)
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


def _write(
    workspace: Workspace,
    run: Run,
    stage: Stage,
    found: Source,
    existing: DataFrame,
    dataset: str,
    source: str,
    *,
    is_new: bool,
    keep_bytes: bool,
) -> dict[str, Any]:
    changes = stage(_changes(found, existing, source, keep_bytes), "changes")
    counts = {row["status"]: row["n"] for row in changes.groupBy("status").agg(F.count("*").alias("n")).collect()}
    counts |= {"taken": sum(n for status, n in counts.items() if status != "deleted")}
    counts["skipped"] = found.skipped.count() if found.skipped is not None else 0
    if counts["taken"] == 0:
        return counts
    if set(counts) & {"new", "changed", "attributes", "deleted"}:
        rows = _image_rows(changes, existing, found, stage, dataset, source, keep_bytes)
        covered = changes.where("status != 'same'").select("image_id")
        with session_settings(workspace.spark, BYTES_SETTINGS):
            _upsert(workspace, run, IMAGES, rows, covered, is_new=is_new)
    factors = _typed_like_table(workspace, run, found.factors, dataset)
    taken = found.images.select("image_id")
    live = workspace.read(IMAGES).where((F.col("dataset") == dataset) & F.col("deleted_at").isNull()).select("image_id")
    with ThreadPoolExecutor(3) as pool:
        synced = [
            pool.submit(_sync, workspace, run, stage, TARGETS, found.targets, taken, live, is_new),
            pool.submit(_sync, workspace, run, stage, FACTORS, factors, taken, live, is_new),
        ]
        counts["findings"] = pool.submit(_write_findings, workspace, run, found.findings, dataset, is_new).result()
        for job in synced:
            job.result()
    if not is_new:
        _drop_deleted(workspace, run, dataset)
    return counts


def _changes(found: Source, existing: DataFrame, source: str, keep_bytes: bool) -> DataFrame:
    """One row per image that is new, changed, deleted or as it was."""
    new = found.images.withColumn("source", F.lit(source))
    old = existing.select(
        "image_id",
        F.col("file_hash").alias("old_hash"),
        F.col("deleted_at").alias("old_deleted_at"),
        F.col("content").isNotNull().alias("old_has_content"),
        *(F.col(name).alias(f"old_{name}") for name in ATTRIBUTES),
    )
    present = found.present.select("image_id").distinct().withColumn("is_present", F.lit(True))
    joined = new.withColumn("is_taken", F.lit(True)).join(old, on="image_id", how="full")
    joined = joined.join(present, on="image_id", how="left")
    same_file = (
        F.col("content_length").eqNullSafe(F.col("old_content_length"))
        & F.col("modified_at").eqNullSafe(F.col("old_modified_at"))
        & F.col("uri").eqNullSafe(F.col("old_uri"))
        & F.col("modified_at").isNotNull()
        & F.col("old_hash").isNotNull()
        & (F.col("old_has_content") | F.lit(not keep_bytes))
    )
    same_rest = F.lit(True)
    for name in ("captured_at", "split", "source"):
        same_rest &= F.col(name).eqNullSafe(F.col(f"old_{name}"))
    was_here = F.col("old_source").isNotNull() & F.col("old_deleted_at").isNull()
    status = (
        F.when(F.col("is_taken").isNull() & F.col("is_present").isNull() & was_here, "deleted")
        .when(F.col("is_taken").isNull(), None)
        .when(~was_here, "new")
        .when(~same_file, "changed")
        .when(~same_rest, "attributes")
        .otherwise("same")
    )
    columns = ("image_id", "uri", "content_length", "modified_at", "captured_at", "split", "old_hash")
    return joined.select(*columns, status.alias("status")).where("status IS NOT NULL")


def _image_rows(
    changes: DataFrame,
    existing: DataFrame,
    found: Source,
    stage: Stage,
    dataset: str,
    source: str,
    keep_bytes: bool,
) -> DataFrame:
    """Rows of `images` for what is new, changed or deleted; new and changed files are read once, to hash them."""
    to_read = changes.where("status IN ('new', 'changed')")
    read = stage(_read(to_read, found, keep_bytes), "read")
    attributes = ("image_id", "uri", "captured_at", "split", "modified_at")
    fresh = to_read.select(*attributes).join(read, on="image_id", how="inner").withColumn("gone", F.lit(False))
    kept = existing.select("image_id", "content", "file_hash", "content_length", F.lit(False).alias("gone"))
    moved = changes.where("status = 'attributes'").select(*attributes).join(kept, on="image_id", how="inner")
    rows = fresh.unionByName(moved).select(
        "image_id",
        "uri",
        "content",
        F.col("content_length").cast("bigint").alias("content_length"),
        "modified_at",
        "file_hash",
        "captured_at",
        "split",
        F.lit(dataset).alias("dataset"),
        F.lit(source).alias("source"),
        F.lit(None).cast("timestamp").alias("deleted_at"),
    )
    deleted = existing.join(changes.where("status = 'deleted'").select("image_id"), on="image_id", how="left_semi")
    marked = deleted.withColumn("deleted_at", F.current_timestamp()).withColumn("content", F.lit(None).cast("binary"))
    return rows.unionByName(marked.drop("run_id"))


def _read(to_read: DataFrame, found: Source, keep_bytes: bool) -> DataFrame:
    ids = to_read.select("image_id")
    files = found.images.select("image_id", "uri", "content").join(ids, on="image_id", how="left_semi")
    tasks = max(1, -(-to_read.count() // FILES_PER_TASK))
    ddl = "image_id string, content binary, content_length bigint, file_hash string"

    def read(rows: Iterator[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
        for row in rows:
            given = row["content"]
            try:
                data = given if given is not None else read_file(row["uri"])
            except OSError:  # the profile reads it again and says why it cannot
                yield {"image_id": row["image_id"]}
                continue
            yield {
                "image_id": row["image_id"],
                "content": data if keep_bytes or given is not None else None,
                "content_length": len(data),
                "file_hash": file_hash(data),
            }

    return map_rows(files.repartition(min(tasks, 10_000)), read, ddl)


def _sync(
    workspace: Workspace,
    run: Run,
    stage: Stage,
    table: Table,
    rows: DataFrame,
    taken: DataFrame,
    live: DataFrame,
    is_new: bool,
) -> None:
    """Replace the rows of the images whose rows differ from the table's."""
    rows = rows.join(live, on="image_id", how="left_semi")
    if is_new:
        if not table.open or len(rows.columns) > 2:  # a dataset without factors writes none
            _upsert(workspace, run, table, rows, live, is_new=True)
        return
    # Only of images that were taken: --limit and --glob must not touch the others.
    old_rows = workspace.read(table).join(taken, on="image_id", how="left_semi")
    if table.open:
        # A factor that the source no longer has is null from now on.
        missing = [(name, type) for name, type in old_rows.dtypes if name not in (*rows.columns, "run_id")]
        rows = rows.select("*", *(F.lit(None).cast(type).alias(name) for name, type in missing))
    new = rows.groupBy("image_id").agg(_content_hash(rows, rows.columns).alias("new_hash"))
    old = old_rows.groupBy("image_id").agg(_content_hash(old_rows, rows.columns).alias("old_hash"))
    differ = new.join(old, on="image_id", how="full").where(~F.col("new_hash").eqNullSafe(F.col("old_hash")))
    changed = stage(differ.select("image_id"), f"changed_{table.name}")
    if not changed.isEmpty():
        _upsert(workspace, run, table, rows.join(changed, on="image_id", how="left_semi"), changed)


def _content_hash(frame: DataFrame, columns: list[str]) -> Column:
    """Order-independent hash of an image's rows; a column the frame lacks counts as null."""
    have = set(frame.columns)
    parts = [F.col(f"`{name}`") if name in have else F.lit(None) for name in sorted(columns) if name != "image_id"]
    # Nulls are written out: without them, two columns that swap their values would hash alike.
    text = F.to_json(F.struct(*(p.alias(f"c{i}") for i, p in enumerate(parts))), {"ignoreNullFields": "false"})
    return F.xxhash64(F.array_join(F.sort_array(F.collect_list(text)), "\n"))


def _typed_like_table(workspace: Workspace, run: Run, factors: DataFrame, dataset: str) -> DataFrame:
    """Leave out factors whose type is not the table's, and say so in `dataset_findings`: never a silent cast."""
    reserved = {"image_id", "target_index", "run_id"}
    have = {name: type for name, type in workspace.read(FACTORS).dtypes if name not in reserved}
    given = {name: type for name, type in factors.dtypes if name not in reserved}
    if not given:
        return factors
    lowered = {name.lower(): name for name in have}
    renamed = {name: lowered.get(clean.lower(), clean) for name, clean in _column_names(given).items()}
    factors = factors.select(
        "image_id", "target_index", *(F.col(f"`{name}`").alias(clean) for name, clean in renamed.items())
    )
    given = {renamed[name]: type for name, type in given.items()}
    conflicts = [
        (name, type, have[lowered[name.lower()]])
        for name, type in given.items()
        if name.lower() in lowered and have[lowered[name.lower()]] != type
    ]
    step = f"ingest {dataset}"
    findings = [
        (
            step,
            "factor_type_conflict",
            name,
            None,
            None,
            "warning",
            f"Factor {name} is {found} in dataset {dataset} and {expected} in the workspace: it was left out",
        )
        for name, found, expected in conflicts
    ]
    names = ("step", "rule", "subject", "value", "threshold", "severity", "message")
    if findings or workspace.exists(DATASET_FINDINGS):
        ddl = ", ".join(c.ddl(comments=False) for c in DATASET_FINDINGS.columns if c.name in names)
        frame = workspace.spark.createDataFrame(findings, ddl)
        workspace.write(DATASET_FINDINGS, frame, run.writer(step, f"{run.run_id}:{step}"), scope=step)
    return factors.drop(*(name for name, _, _ in conflicts))


def _column_names(names: Iterable[str]) -> dict[str, str]:
    """Names that a Delta column can have: a space or one of ,;{}()= becomes an underscore."""
    clean = {name: re.sub(r"[ ,;{}()\n\t=`.]+", "_", name).strip("_") or "factor" for name in names}
    twice = [name for name in clean if [c.lower() for c in clean.values()].count(clean[name].lower()) > 1]
    if twice:
        raise IngestError(
            f"Metadata columns {', '.join(sorted(twice))} have the same name but for case or punctuation."
        )
    return clean


def _write_findings(workspace: Workspace, run: Run, findings: DataFrame, dataset: str, is_new: bool) -> int:
    rows = findings.select(F.lit(dataset).alias("dataset"), "*")
    count = rows.count()
    if is_new:
        if count == 0:
            return 0
    else:
        old = workspace.read(ANNOTATION_FINDINGS).where(F.col("dataset") == dataset).drop("run_id")
        if old.count() == count and rows.exceptAll(old).isEmpty():
            return count
    workspace.write(ANNOTATION_FINDINGS, rows, run.writer("ingest", f"{run.run_id}:findings:{dataset}"), scope=dataset)
    return count


def _drop_deleted(workspace: Workspace, run: Run, dataset: str) -> None:
    """Remove the rows of deleted images from every per-image table."""
    gone = workspace.read(IMAGES).where((F.col("dataset") == dataset) & F.col("deleted_at").isNotNull())
    gone = gone.select("image_id")
    if gone.isEmpty():
        return
    for table in IMAGE_TABLES:
        rows = workspace.read_or_none(table)
        if rows is None:
            continue
        stale = rows.join(gone, on="image_id", how="left_semi").select("image_id").distinct()
        if not stale.isEmpty():
            _upsert(workspace, run, table, rows.limit(0), stale)


def _upsert(
    workspace: Workspace, run: Run, table: Table, rows: DataFrame, images: DataFrame, *, is_new: bool = False
) -> None:
    # Each run does only what its comparison with the tables asks for, so its work has no name but its own.
    writer = run.writer("ingest", f"{run.run_id}:{table.name}:{uuid4().hex}")
    workspace.write(table, rows.drop("run_id"), writer, images=images, are_new=is_new)


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
