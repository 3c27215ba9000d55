"""Bring `images`, `targets`, `factors` and `ingest_findings` up to date with a source, writing only differences.

Every write is decided by comparing the source with the tables, so an ingestion that was killed
half-way is completed by running it again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError
from dataeval_spark.frames.contract import rows_of
from dataeval_spark.frames.unions import union_of_all_columns
from dataeval_spark.session.bounded import bounded
from dataeval_spark.session.settings import BYTES_SETTINGS, temporary_settings
from dataeval_spark.tables import ALL_TABLES
from dataeval_spark.tables.contract import Table, identifier
from dataeval_spark.tables.images import FACTORS, IMAGES, INGEST_FINDINGS, TARGETS
from dataeval_spark.tables.runs import DATASET_FINDINGS
from dataeval_spark.verbs.ingest.accounting import account
from dataeval_spark.verbs.ingest.readers.file_bytes import (
    SIZE_COLUMNS,
    read_files,
    with_shown_texts,
    without_credentials,
)
from dataeval_spark.verbs.ingest.readers.source import ROLES, Source, finding_rows
from dataeval_spark.verbs.ingest.sizes import size_findings
from dataeval_spark.workspace.runs import Run
from dataeval_spark.workspace.workspace import Checkpoint

# Tables that lose the rows of a deleted image; `images` keeps its row, marked as deleted.
IMAGE_TABLES = tuple(table for table in ALL_TABLES if table.is_of_images and table is not IMAGES)
FILES_PER_TASK = 500
TABLES_AT_ONCE = 3
# Columns of findings that may quote the source, such as a URI.
FINDING_TEXTS = ("source_file", "location", "message", "found")
DECLARED = ("declared_width", "declared_height")
ATTRIBUTES = ("uri", "content_length", "modified_at", "captured_at", "split", "source", *DECLARED)


def synchronize(
    run: Run,
    contents: Source,
    existing: DataFrame,
    dataset: str,
    source: str,
    *,
    is_new: bool,
    keep_bytes: bool,
    may_empty: bool,
) -> dict[str, Any]:
    workspace = run.workspace
    with ThreadPoolExecutor(TABLES_AT_ONCE) as pool:
        # The reader's findings do not wait for the images.
        findings = pool.submit(_findings, run.checkpoint, contents, dataset)
        changes = run.checkpoint(_changes(contents, existing, source, keep_bytes), "changes")
        counts = {
            row["status"]: row["n"]
            for row in bounded(changes.groupBy("status").agg(F.count("*").alias("n")), "one row per status")
        }
        counts |= {"taken": sum(n for status, n in counts.items() if status != "deleted")}
        counts["is_emptied"] = counts["taken"] == 0 and may_empty and contents.present.isEmpty()
        if counts["taken"] == 0 and not counts["is_emptied"]:
            return counts
        written = None
        if set(counts) & {"new", "changed", "attributes", "deleted"}:
            covered = changes.where("status != 'same'").select("image_id")
            with temporary_settings(workspace.spark, BYTES_SETTINGS):
                written = _image_rows(changes, existing, contents, run.checkpoint, dataset, source, keep_bytes)
                _upsert(run, IMAGES, written, covered, is_new=is_new)
        if is_new and written is not None:  # what was just written need not be read
            images_now = written
        else:
            images_now = workspace.read_live(IMAGES).where(F.col("dataset") == dataset)
        factors = typed_like_table(run, contents.factors, dataset)
        chosen = contents.images.select("image_id")
        live = images_now.select("image_id")
        synced = [
            pool.submit(_sync, run, TARGETS, contents.targets, chosen, live, is_new),
            pool.submit(_sync, run, FACTORS, factors, chosen, live, is_new),
        ]
        sizes = run.checkpoint(
            finding_rows(size_findings(images_now, contents.targets, dataset), dataset), "size_findings"
        )
        all_findings = findings.result().unionByName(sizes)
        _write_findings(run, all_findings, dataset, is_new)
        counts |= _account_and_doubts(all_findings)
        for job in synced:
            job.result()
    if not is_new:
        _drop_deleted(run, dataset)
    return counts


def _changes(contents: Source, existing: DataFrame, source: str, keep_bytes: bool) -> DataFrame:
    """One row per image that is new, changed, deleted or as it was."""
    new = contents.images.withColumn("source", F.lit(source)).withColumn("uri", without_credentials(F.col("uri")))
    if contents.declared is not None:  # unique by image_id
        new = new.join(contents.declared, on="image_id", how="left")
    else:
        new = new.select("*", *(F.lit(None).cast("int").alias(name) for name in DECLARED))
    old = existing.select(
        "image_id",
        F.col("file_hash").alias("old_hash"),
        F.col("deleted_at").alias("old_deleted_at"),
        F.col("content").isNotNull().alias("old_has_content"),
        *(F.col(name).alias(f"old_{name}") for name in ATTRIBUTES),
    )
    present = contents.present.select("image_id").distinct().withColumn("is_present", F.lit(True))
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
    # A row of a table without images has no file that could change.
    has_none = [F.col(name).isNull() for name in ("uri", "old_uri", "content_length", "old_content_length")]
    same_file |= has_none[0] & has_none[1] & has_none[2] & has_none[3] & ~F.coalesce("old_has_content", F.lit(False))
    same_rest = F.lit(True)
    for name in ("captured_at", "split", "source", *DECLARED):
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
    columns = ("image_id", "uri", "content_length", "modified_at", "captured_at", "split", *DECLARED)
    return joined.select(*columns, status.alias("status")).where("status IS NOT NULL")


def _image_rows(
    changes: DataFrame,
    existing: DataFrame,
    contents: Source,
    checkpoint: Checkpoint,
    dataset: str,
    source: str,
    keep_bytes: bool,
) -> DataFrame:
    """Rows of new, changed and deleted images; new and changed files are read once, to hash them."""
    to_read = changes.where("status IN ('new', 'changed')")
    read = checkpoint(_read(to_read, contents, keep_bytes), "read")
    attributes = ("image_id", "uri", "captured_at", "split", "modified_at", *DECLARED)
    fresh = to_read.select(*attributes).join(read, on="image_id", how="inner")
    of_file = existing.select("image_id", "content", "file_hash", "content_length", *SIZE_COLUMNS)
    moved = changes.where("status = 'attributes'").select(*attributes).join(of_file, on="image_id", how="inner")
    constants = {"dataset": F.lit(dataset), "source": F.lit(source), "deleted_at": F.lit(None).cast("timestamp")}
    rows = fresh.unionByName(moved).withColumns(constants)
    deleted = existing.join(changes.where("status = 'deleted'").select("image_id"), on="image_id", how="left_semi")
    deletions = deleted.withColumn("deleted_at", F.current_timestamp()).withColumn(
        "content", F.lit(None).cast("binary")
    )
    return rows.unionByName(deletions.drop("run_id"))


def _read(to_read: DataFrame, contents: Source, keep_bytes: bool) -> DataFrame:
    ids = to_read.select("image_id")
    columns = ("image_id", "uri", "content", "content_length")
    files = contents.images.select(*columns).join(ids, on="image_id", how="left_semi")
    tasks = max(1, -(-to_read.count() // FILES_PER_TASK))
    return read_files(files.repartition(min(tasks, 10_000)), keep_bytes=keep_bytes)


def _sync(run: Run, table: Table, rows: DataFrame, chosen: DataFrame, live: DataFrame, is_new: bool) -> None:
    """Replace the rows of the images whose rows differ from the table's."""
    workspace = run.workspace
    rows = rows.join(live, on="image_id", how="left_semi")
    if is_new:
        if not table.open or len(rows.columns) > 2:  # a dataset without factors writes none
            _upsert(run, table, rows, live, is_new=True)
        return
    # Only of images that were taken: --limit and --glob must not touch the others.
    old_rows = workspace.read(table).join(chosen, on="image_id", how="left_semi")
    if table.open:
        # A factor that the source no longer has is null from now on.
        missing = [(name, type) for name, type in old_rows.dtypes if name not in (*rows.columns, "run_id")]
        rows = rows.select("*", *(F.lit(None).cast(type).alias(name) for name, type in missing))
    new = rows.groupBy("image_id").agg(_content_hash(rows, rows.columns).alias("new_hash"))
    old = old_rows.groupBy("image_id").agg(_content_hash(old_rows, rows.columns).alias("old_hash"))
    differ = new.join(old, on="image_id", how="full").where(~F.col("new_hash").eqNullSafe(F.col("old_hash")))
    changed = run.checkpoint(differ.select("image_id"), f"changed_{table.name}")
    if not changed.isEmpty():
        _upsert(run, table, rows.join(changed, on="image_id", how="left_semi"), changed)


def _content_hash(frame: DataFrame, columns: list[str]) -> Column:
    """Order-independent hash of an image's rows; a column the frame lacks counts as null."""
    have = set(frame.columns)
    parts = [F.col(identifier(name)) if name in have else F.lit(None) for name in sorted(columns) if name != "image_id"]
    # A hash passes over nulls: without a mark of them, two columns that swap their values would hash alike.
    of_row = F.xxhash64(*(value for part in parts for value in (part.isNull(), part)))
    return F.xxhash64(F.sort_array(F.collect_list(of_row)))


def _findings(checkpoint: Checkpoint, contents: Source, dataset: str) -> DataFrame:
    """Findings of the reader, and the account of the entries: rows of `ingest_findings`, stored."""
    rows = union_of_all_columns(contents.findings, account(contents.accounting))
    return checkpoint(with_shown_texts(finding_rows(rows, dataset), FINDING_TEXTS), "findings")


def _account_and_doubts(findings: DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Rows about the entries (``account``), and about how many each finding concerns (``doubts``)."""
    of_account = F.col("kind").isin(*ROLES)
    # Of the account each place counts; of other findings the kind.
    groups = findings.groupBy(F.when(of_account, F.col("location")).alias("location"), "severity", "kind")
    is_option = of_account | F.startswith("expected", F.lit("--"))
    counted = groups.agg(
        F.sum("n").alias("n"),
        F.min("found").alias("found"),
        F.min(F.when(is_option, F.col("expected"))).alias("option"),
    )
    rows = [
        row.asDict() for row in bounded(counted.orderBy("location", "severity", "kind").limit(400), "kinds of findings")
    ]
    return {
        "account": [row for row in rows if row["location"] is not None],
        "doubts": [row for row in rows if row["location"] is None],
    }


def _write_findings(run: Run, rows: DataFrame, dataset: str, is_new: bool) -> None:
    workspace = run.workspace
    if not is_new:
        count = rows.count()
        old = workspace.read(INGEST_FINDINGS).where(F.col("dataset") == dataset).drop("run_id")
        if old.count() == count and rows.exceptAll(old.select(*rows.columns)).isEmpty():
            return
    workspace.write(INGEST_FINDINGS, rows, run.writer("ingest", f"{run.run_id}:findings:{dataset}"), scope=dataset)


def _drop_deleted(run: Run, dataset: str) -> None:
    """Remove the rows of deleted images from every per-image table."""
    workspace = run.workspace
    gone = workspace.read(IMAGES).where((F.col("dataset") == dataset) & F.col("deleted_at").isNotNull())
    gone = gone.select("image_id")
    if gone.isEmpty():
        return

    def drop(table: Table) -> None:
        rows = workspace.read_or_none(table)
        if rows is None:
            return
        stale = rows.join(gone, on="image_id", how="left_semi").select("image_id").distinct()
        if not stale.isEmpty():
            # Not with the columns that the table has: an older version may have made it.
            none = rows.limit(0) if table.open else workspace.spark.createDataFrame([], table.ddl(comments=False))
            _upsert(run, table, none, stale)

    with ThreadPoolExecutor(TABLES_AT_ONCE) as pool:
        for job in [pool.submit(drop, table) for table in IMAGE_TABLES]:
            job.result()


def _upsert(run: Run, table: Table, rows: DataFrame, images: DataFrame, *, is_new: bool = False) -> None:
    # Each run does only what its comparison with the tables asks for, so its work has no name but its own.
    workspace = run.workspace
    writer = run.writer("ingest", f"{run.run_id}:{table.name}:{uuid4().hex}")
    workspace.write(table, rows.drop("run_id"), writer, images=images, are_new=is_new)


def typed_like_table(run: Run, factors: DataFrame, dataset: str) -> DataFrame:
    """Leave out factors whose type is not the table's, with a row of `dataset_findings`: never a silent cast."""
    workspace = run.workspace
    reserved = {"image_id", "target_index", "run_id"}
    have = {name: type for name, type in workspace.read(FACTORS).dtypes if name not in reserved}
    types = {name: type for name, type in factors.dtypes if name not in reserved}
    if not types:
        return factors
    lowered = {name.lower(): name for name in have}
    renamed = {name: lowered.get(clean.lower(), clean) for name, clean in _column_names(types).items()}
    factors = factors.select(
        "image_id", "target_index", *(F.col(identifier(name)).alias(clean) for name, clean in renamed.items())
    )
    types = {renamed[name]: type for name, type in types.items()}
    conflicts = [
        (name, type, have[lowered[name.lower()]])
        for name, type in types.items()
        if name.lower() in lowered and have[lowered[name.lower()]] != type
    ]
    step = f"ingest {dataset}"
    messages = {
        name: f"Factor {name} is {factor_type} in dataset {dataset} and {expected} in the workspace: it was left out"
        for name, factor_type, expected in conflicts
    }
    findings = [
        (step, "factor_type_conflict", name, None, None, "warning", message) for name, message in messages.items()
    ]
    if findings or workspace.exists(DATASET_FINDINGS):
        frame = rows_of(factors, DATASET_FINDINGS, findings)
        workspace.write(DATASET_FINDINGS, frame, run.writer(step, f"{run.run_id}:{step}"), scope=step)
    return factors.drop(*messages)


def _column_names(names: Iterable[str]) -> dict[str, str]:
    """Names that a Delta column can have: a space or one of ,;{}()= becomes an underscore."""
    clean = {name: re.sub(r"[ ,;{}()\n\t=`.]+", "_", name).strip("_") or "factor" for name in names}
    twice = [name for name in clean if [c.lower() for c in clean.values()].count(clean[name].lower()) > 1]
    if twice:
        raise IngestError(
            f"Metadata columns {', '.join(sorted(twice))} differ only in case or punctuation; expected names "
            "that a table can tell apart.\nHint: rename all but one of them in the metadata"
        )
    return clean
