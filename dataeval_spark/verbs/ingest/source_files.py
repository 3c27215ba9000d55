"""What ingestion remembers of annotation files and shards, so that only those that changed are read again.

A file's fingerprint is written after the rows made from it, and taken back before they change: whatever a killed run
leaves, a fingerprint in the table means that its rows are there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.session.bounded import one_row
from dataeval_spark.tables.images import FACTORS, IMAGES, INGEST_FINDINGS, SOURCE_FILES, TARGETS
from dataeval_spark.verbs.ingest.readers.source import FILES_DDL, Known
from dataeval_spark.workspace.runs import Run
from dataeval_spark.workspace.workspace import Workspace

KEYS = ("path", "image_id", "fingerprint")


def known(workspace: Workspace, dataset: str) -> Known | None:
    """The files that were read of a dataset, its live images, and all rows; None where no file is remembered."""
    files = _remembered(workspace, dataset)
    if files is None:
        return None
    images = workspace.read(IMAGES).where((F.col("dataset") == dataset) & F.col("deleted_at").isNull())
    return Known(
        files=files,
        images=images,
        targets=workspace.read(TARGETS),
        factors=workspace.read(FACTORS).drop("run_id"),
        findings=workspace.read(INGEST_FINDINGS).where(F.col("dataset") == dataset),
    )


@contextmanager
def remembering(run: Run, dataset: str, files: DataFrame | None, *, is_new: bool) -> Iterator[None]:
    """Bring the tables up to date with what files say in this block, and remember the files when it ends well.

    Parameters
    ----------
    files : DataFrame or None
        Columns of `FILES_DDL`, stored: the files whose rows are in the tables when the block has ended.
    is_new : bool
        The dataset has no images yet, so that none of its files is remembered.
    """
    workspace = run.workspace
    remembered = None if is_new else _remembered(workspace, dataset)
    if files is None and remembered is None:
        yield
        return
    none = workspace.spark.createDataFrame([], FILES_DDL)
    old = (remembered if remembered is not None else none).withColumn("is_old", F.lit(True))
    new = (files if files is not None else none).distinct().withColumn("is_new", F.lit(True))
    both = old.join(new, on=list(KEYS), how="full")
    lost, gained = (
        F.count_if(F.col("is_new").isNull()).alias("lost"),
        F.count_if(F.col("is_old").isNull()).alias("gained"),
    )
    counts = one_row(both, lost, gained)
    if counts["lost"]:
        _write(run, dataset, both.where("is_old AND is_new"), "forget")
    yield
    if counts["lost"] or counts["gained"]:
        _write(run, dataset, new, "remember")


def _remembered(workspace: Workspace, dataset: str) -> DataFrame | None:
    files = workspace.read_or_none(SOURCE_FILES)
    if files is None:
        return None
    files = files.where(F.col("dataset") == dataset).select(*KEYS)
    return None if files.isEmpty() else files


def _write(run: Run, dataset: str, files: DataFrame, work: str) -> None:
    workspace = run.workspace
    rows = files.select(F.lit(dataset).alias("dataset"), *KEYS)
    # Each write is asked for by a comparison with the table, so it has no name but its own.
    writer = run.writer("ingest", f"{run.run_id}:{work}:{dataset}:{uuid4().hex}")
    workspace.write(SOURCE_FILES, rows, writer, scope=dataset)
