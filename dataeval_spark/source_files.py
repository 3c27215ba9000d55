"""What ingestion remembers of annotation files and shards, so that only those that changed are read again.

A file's fingerprint is written after the rows made from it, and taken back before they change: whatever a killed run
leaves, a fingerprint in the table means that its rows are there.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.ingest.source import FILES_DDL, Known
from dataeval_spark.runs import Run
from dataeval_spark.tables import ANNOTATION_FINDINGS, FACTORS, IMAGES, SOURCE_FILES, TARGETS
from dataeval_spark.workspace import Workspace

KEYS = ("path", "image_id", "fingerprint")


def known(workspace: Workspace, dataset: str) -> Known | None:
    """The files that were read of a dataset, and the rows of its live images; None where no file is remembered."""
    files = _remembered(workspace, dataset)
    if files is None:
        return None
    images = workspace.read(IMAGES).where((F.col("dataset") == dataset) & F.col("deleted_at").isNull())
    ids = images.select("image_id")
    targets = workspace.read(TARGETS)
    # A table that an older version made has no such column until something is written to it.
    if "attributes" not in targets.columns:
        targets = targets.withColumn("attributes", F.lit(None).cast("string"))
    return Known(
        files=files,
        images=images,
        targets=targets.join(ids, on="image_id", how="left_semi"),
        factors=workspace.read(FACTORS).join(ids, on="image_id", how="left_semi").drop("run_id"),
        findings=workspace.read(ANNOTATION_FINDINGS).where(F.col("dataset") == dataset),
    )


def forget(workspace: Workspace, run: Run, dataset: str, files: DataFrame | None) -> None:
    """Take back the fingerprints of files that are to be read, before their rows change."""
    remembered = _remembered(workspace, dataset)
    if remembered is None:
        return
    same = F.lit(True)
    for key in KEYS:
        same &= F.col(f"old.{key}").eqNullSafe(F.col(f"new.{key}"))
    files = files if files is not None else remembered.limit(0)
    kept = remembered.alias("old").join(files.alias("new"), on=same, how="left_semi")
    if kept.count() < remembered.count():
        _write(workspace, run, dataset, kept, "forget")


def remember(workspace: Workspace, run: Run, dataset: str, files: DataFrame | None) -> None:
    """Write the fingerprints of all files whose rows are in the tables now."""
    remembered = _remembered(workspace, dataset)
    if files is None and remembered is None:
        return
    old = remembered if remembered is not None else workspace.spark.createDataFrame([], FILES_DDL)
    new = files if files is not None else old.limit(0)
    new = new.select(*KEYS).distinct()
    if new.count() != old.count() or not new.exceptAll(old).isEmpty():
        _write(workspace, run, dataset, new, "remember")


def _remembered(workspace: Workspace, dataset: str) -> DataFrame | None:
    files = workspace.read_or_none(SOURCE_FILES)
    if files is None:
        return None
    files = files.where(F.col("dataset") == dataset).select(*KEYS)
    return None if files.isEmpty() else files


def _write(workspace: Workspace, run: Run, dataset: str, files: DataFrame, work: str) -> None:
    rows = files.select(F.lit(dataset).alias("dataset"), *KEYS)
    workspace.write(SOURCE_FILES, rows, run.writer("ingest", f"{run.run_id}:{work}:{dataset}"), scope=dataset)
