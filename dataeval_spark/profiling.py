"""Running the profile on a workspace: only images that are new or changed, in chunks that a killed run keeps."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.ingest.source import Stage
from dataeval_spark.kernels.decode import MAX_PIXELS
from dataeval_spark.runs import Run, StepRun, work_id
from dataeval_spark.stats.profile import (
    VERSION,
    done,
    fingerprints,
    profile,
    require_encoder,
    tables_of,
    tasks_for,
)
from dataeval_spark.tables import (
    CHANNEL_STATS,
    EMBEDDINGS,
    HASHES,
    IMAGE_STATS,
    IMAGES,
    TARGETS,
    UNREADABLE_IMAGES,
    Table,
)
from dataeval_spark.temporary_settings import BYTES_SETTINGS, temporary_settings
from dataeval_spark.workspace import Workspace

READS = (IMAGES, TARGETS)
WRITES = (IMAGE_STATS, CHANNEL_STATS, HASHES, UNREADABLE_IMAGES, EMBEDDINGS)
OnPending = Callable[[int], None]


def run_profile(
    workspace: Workspace,
    run: Run,
    stage: Stage,
    *,
    encoder: str | None = None,
    per_target: bool = True,
    max_pixels: int = MAX_PIXELS,
    images_per_commit: int = 100_000,
    on_pending: OnPending = lambda images: None,
) -> StepRun:
    """Measure the images that are new or changed.

    Parameters
    ----------
    workspace : Workspace
        Where to read and write.
    run : Run
        The run this is part of.
    stage : callable
        Stores a frame in the run's temporary files and reads it back.
    encoder : {"thumbnail"}, optional
        Embed each image.
    per_target : bool
        Measure boxes too.
    max_pixels : int
        Larger images are refused before they are decoded.
    images_per_commit : int
        Write the tables after each so many images: a run that is killed loses no more than that.
    on_pending : callable
        Told how many images are to be measured, before the first.

    Raises
    ------
    TableMissingError
        Nothing has been ingested.
    """
    started = datetime.now(UTC)
    OptionError.unless_between("profile.images_per_commit", images_per_commit, 1, 10**9)
    options = {"encoder": encoder, "per_target": per_target, "max_pixels": max_pixels}
    require_encoder(encoder)
    images, targets = pending_inputs(workspace)
    wanted = fingerprints(images, targets, per_target=per_target, max_pixels=max_pixels)
    pending = stage(_pending(workspace, wanted, encoder), "pending")
    count = pending.count()
    inputs = workspace.states(READS)
    versions = {name: state.version for name, state in inputs.items()}
    if count == 0:
        message = "up to date: no image is new or changed"
        run.record("profile", "skipped", started, options=options, inputs=versions, message=message)
        return StepRun("profile", "skipped", _seconds(started), message)
    on_pending(count)
    # What is pending is found by comparison with the tables, so the work has no name but its run's.
    work = f"{run.run_id}:profile"
    chunks = -(-count // images_per_commit)
    for chunk in range(chunks):
        rows = pending if chunks == 1 else pending.where(F.pmod(F.xxhash64("image_id"), F.lit(chunks)) == chunk)
        share = -(-count // chunks)
        _measure_chunk(workspace, run, stage, rows, share, f"{work}:{chunk}/{chunks}", f"profile_{chunk}", options)
    unreadable = workspace.read(UNREADABLE_IMAGES).join(pending, on="image_id", how="left_semi").count()
    outputs = {name: state.version for name, state in workspace.states(WRITES).items()}
    message = f"{count:,} images measured" + (f", {unreadable:,} of them unreadable" if unreadable else "")
    run.record(
        "profile",
        "done",
        started,
        options=options,
        work=work_id("profile", VERSION, options, inputs),
        inputs=versions,
        outputs=outputs,
        rows=count,
        message=message,
    )
    return StepRun("profile", "done", _seconds(started), message, outputs, count)


def count_pending(workspace: Workspace, *, encoder: str | None = None, per_target: bool = True, **options: Any) -> int:
    """How many images a profile would measure now."""
    require_encoder(encoder)
    images, targets = pending_inputs(workspace)
    limits = {"max_pixels": options["max_pixels"]} if "max_pixels" in options else {}
    return _pending(workspace, fingerprints(images, targets, per_target=per_target, **limits), encoder).count()


def pending_inputs(workspace: Workspace) -> tuple[DataFrame, DataFrame]:
    """Live images without their bytes, and the targets."""
    return workspace.read(IMAGES).where("deleted_at IS NULL"), workspace.read(TARGETS)


def _pending(workspace: Workspace, wanted: DataFrame, encoder: str | None) -> DataFrame:
    tables: dict[Table, DataFrame] = {}
    for table in WRITES:
        frame = workspace.read_or_none(table)
        if frame is None:
            return wanted
        tables[table] = frame
    # An image is done when all tables of the step have it; one table short, it is measured again.
    return wanted.join(done(tables, encoder=encoder), on=["image_id", "fingerprint"], how="left_anti")


def _measure_chunk(
    workspace: Workspace,
    run: Run,
    stage: Stage,
    rows: DataFrame,
    count: int,
    work: str,
    name: str,
    options: dict[str, Any],
) -> None:
    encoder, max_pixels = options["encoder"], options["max_pixels"]
    contents = workspace.read(IMAGES).where("content IS NOT NULL").select("image_id", "content")
    if contents.isEmpty():
        # Round robin gives equal counts; only paths and boxes are shuffled.
        spread = rows.repartition(tasks_for(count)).withColumn("content", F.lit(None).cast("binary"))
        staged = stage(profile(spread, encoder=encoder, max_pixels=max_pixels), name)
    else:
        # The ids are broadcast, so that the bytes stay where they are.
        with_bytes = contents.join(F.broadcast(rows), on="image_id", how="inner")
        by_path = rows.join(contents.select("image_id"), on="image_id", how="left_anti")
        spread = by_path.repartition(tasks_for(count)).withColumn("content", F.lit(None).cast("binary"))
        both = with_bytes.unionByName(spread)
        with temporary_settings(workspace.spark, BYTES_SETTINGS):
            staged = stage(profile(both, encoder=encoder, max_pixels=max_pixels), name)
    frames = tables_of(staged, encoder=encoder)
    frames[EMBEDDINGS] = _with_other_encoders(workspace, frames[EMBEDDINGS], rows, encoder)
    covered = rows.select("image_id")
    with ThreadPoolExecutor(len(frames)) as pool:
        jobs = [
            pool.submit(workspace.write, table, frame, run.writer("profile", work), images=covered)
            for table, frame in frames.items()
        ]
        for job in jobs:
            job.result()


def _with_other_encoders(workspace: Workspace, new: DataFrame, rows: DataFrame, encoder: str | None) -> DataFrame:
    """Vectors of other encoders stay as long as image and boxes are the same."""
    table = workspace.read_or_none(EMBEDDINGS)
    if table is None:
        return new
    old = table.drop("run_id")
    others = old.where(F.col("encoder") != encoder) if encoder else old
    kept = others.join(rows.select("image_id", "fingerprint"), on=["image_id", "fingerprint"], how="left_semi")
    return new.unionByName(kept)


def _seconds(started: datetime) -> float:
    return (datetime.now(UTC) - started).total_seconds()
