"""A dataset in the tables: bring them up to date with what a reader found, and say what was done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.images import FACTORS, IMAGES, INGEST_FINDINGS, SOURCE_FILES, TARGETS
from dataeval_spark.verbs.ingest import source_files
from dataeval_spark.verbs.ingest.accounting import summary
from dataeval_spark.verbs.ingest.readers.source import Known, Source
from dataeval_spark.verbs.ingest.sync import synchronize
from dataeval_spark.verbs.ingest.understanding import Understanding
from dataeval_spark.verbs.text import plural
from dataeval_spark.workspace.runs import Run, StepRun
from dataeval_spark.workspace.workspace import Workspace

TABLES = (IMAGES, TARGETS, FACTORS, INGEST_FINDINGS, SOURCE_FILES)


def bring_up_to_date(
    run: Run,
    read: Callable[[Known | None], Source],
    dataset: str,
    source: str,
    format: str,
    *,
    keep_bytes: bool,
    may_replace: bool,
    has_own_ids: bool,
) -> dict[str, Any]:
    """Read a source, given what the workspace has of the dataset, and write what differs; counts of what was done.

    Raises
    ------
    IngestError
        The dataset's name is taken by another source, or an id by another dataset.
    """
    workspace = run.workspace
    workspace.create(TABLES)
    existing = workspace.read(IMAGES).where(F.col("dataset") == dataset)
    is_new = workspace.is_untouched(IMAGES) or existing.isEmpty()
    if is_new:  # the table need not be asked again
        existing = existing.limit(0)
    found = read(None if is_new else source_files.known(workspace, dataset))
    if has_own_ids:
        _require_own_ids(workspace, found, dataset)
    if not is_new:
        _require_own_name(existing, dataset, source, may_replace)
    files = run.checkpoint(found.files, "source_files") if found.files is not None else None
    understanding = Understanding.of(found)
    doubts = understanding.doubts(found.images, source, format)
    found = replace(found, findings=found.findings.unionByName(doubts, allowMissingColumns=True))
    with source_files.remembering(run, dataset, files, is_new=is_new):
        outcome = synchronize(run, found, existing, dataset, source, is_new=is_new, keep_bytes=keep_bytes)
    return {**outcome, "understanding": str(understanding)}


def _require_own_name(existing: DataFrame, dataset: str, source: str, replace: bool) -> None:
    others = bounded(existing.where((F.col("source") != source) & F.col("deleted_at").isNull()).limit(1), "one row")
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
    for row in bounded(
        found.images.join(others, on="image_id", how="inner").select("image_id", "other").limit(1), "one row"
    ):
        raise IngestError(
            f"Image id {row['image_id']!r} of dataset {dataset!r} is an image of dataset {row['other']!r} already.\n"
            "Hint: make the ids unique in a view, for example concat('val/', id) AS image_id."
        )


def report(run: Run, started: datetime, outcome: dict[str, Any], dataset: str, note: str = "") -> StepRun:
    workspace = run.workspace
    parts = [f"{outcome.get(status, 0):,} {status}" for status in ("new", "changed", "deleted")]
    lines = [
        f"dataset {dataset}: {plural(outcome['taken'], 'image')} ({', '.join(parts)})",
        f"{note}{outcome['understanding']}",
    ]
    lines.append(summary(outcome["account"]))
    for severity in ("error", "warning"):
        kinds = [_doubt(row) for row in outcome["doubts"] if row["severity"] == severity]
        lines += [f"{severity}s: {', '.join(kinds)}"] if kinds else []
    message = "\n    ".join(lines)
    states = workspace.states(TABLES)
    return run.finish("ingest", "done", started, message, outputs=states, rows=outcome["taken"])


def _doubt(row: Mapping[str, Any]) -> str:
    """A kind of finding with its number, and the option that reads the source otherwise, where there is one."""
    text = f"{row['kind'].replace('_', ' ')} {row['n']:,}"
    return f"{text} ({row['option']})" if row["option"] else text
