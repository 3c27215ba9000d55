"""Running the profile on a workspace: only images that are new or changed, in chunks that a killed run keeps."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.profile.options import VERSION, check
from dataeval_spark.analyses.profile.profile import (
    custom_columns,
    custom_failures,
    fingerprints,
    profile,
    profiled_images,
    tables_of,
    tasks_for,
)
from dataeval_spark.kernels.encoders.registry import encoder_record
from dataeval_spark.kernels.images.custom_statistics import PREFIX
from dataeval_spark.options import ProfileOptions, changed
from dataeval_spark.session.bounded import bounded, one_row
from dataeval_spark.session.settings import BYTES_SETTINGS, temporary_settings
from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.images import HAS_IMAGE, IMAGES, TARGETS
from dataeval_spark.tables.profile import (
    BACKGROUND_STATS,
    CHANNEL_GROUP_STATS,
    CHANNEL_STATS,
    EMBEDDINGS,
    HASHES,
    IMAGE_STATS,
    UNREADABLE_IMAGES,
)
from dataeval_spark.verbs.text import listed, plural
from dataeval_spark.workspace.runs import Run, StepRun, work_id
from dataeval_spark.workspace.workspace import Checkpoint, Workspace

READS = (IMAGES, TARGETS)
WRITES = (
    IMAGE_STATS,
    CHANNEL_STATS,
    CHANNEL_GROUP_STATS,
    BACKGROUND_STATS,
    HASHES,
    UNREADABLE_IMAGES,
    EMBEDDINGS,
)
OnPending = Callable[[int], None]


def run_profile(
    run: Run,
    options: ProfileOptions,
    *,
    on_pending: OnPending = lambda images: None,
) -> StepRun:
    """Measure the images that are new or changed.

    Parameters
    ----------
    run : Run
        The run that this is part of.
    options : ProfileOptions
        Measurements to make, and their settings.
    on_pending : callable
        Called with the number of images to measure, before the first.

    Raises
    ------
    OptionError
        An option has a value that it cannot have.
    TableMissingError
        Nothing has been ingested.
    """
    workspace = run.workspace
    started = datetime.now(UTC)
    check(options)
    # How often the tables are written decides no result.
    recorded = {name: value for name, value in changed(options).items() if name != "images_per_commit"}
    if options.encoder is not None:
        # Preprocessing of the vectors, which the hash in `encoder_version` does not name.
        recorded["encoder_record"] = vars(encoder_record(options.encoder))
    images, targets = pending_inputs(workspace)
    all_prints = fingerprints(images, targets, options)
    pending = run.checkpoint(_pending(workspace, all_prints, options), "pending")
    count = pending.count()
    inputs = workspace.states(READS)
    if count == 0:
        is_empty = images.isEmpty()
        message = "the workspace has no images to measure" if is_empty else "up to date: no image is new or changed"
        return run.finish("profile", "skipped", started, message, options=recorded, inputs=inputs)
    on_pending(count)
    # What is pending is found by comparison with the tables, so the work has no name but its run's.
    work = f"{run.run_id}:profile"
    chunks = -(-count // options.images_per_commit)
    failures: list[str] = []
    for chunk in range(chunks):
        rows = pending if chunks == 1 else pending.where(F.pmod(F.xxhash64("image_id"), F.lit(chunks)) == chunk)
        share = -(-count // chunks)
        profiled = _profile_chunk(workspace, run.checkpoint, rows, share, f"profile_{chunk}", options)
        failures = (custom_failures(profiled) if options.statistics else []) or failures
        _write_chunk(run, profiled, rows, f"{work}:{chunk}/{chunks}", options)
    failed = workspace.read(UNREADABLE_IMAGES).join(pending, on="image_id", how="left_semi")
    row = one_row(failed, F.count("*").alias("n"), F.count_if(F.col("stage") == "encode").alias("encode"))
    unreadable, unembedded = row["n"] - row["encode"], row["encode"]
    parts = [
        f"{plural(count, 'image')} measured",
        *([f"{unreadable:,} of them unreadable ({_reasons(failed)})"] if unreadable else []),
        *failures,
    ]
    parts += [f"{unembedded:,} without a vector, see unreadable_images"] if unembedded else []
    return run.finish(
        "profile",
        "done",
        started,
        ", ".join(parts),
        options=recorded,
        work=work_id("profile", VERSION, recorded, inputs),
        inputs=inputs,
        outputs=workspace.states(WRITES),
        rows=count,
    )


def _reasons(failed: DataFrame) -> str:
    """The classes of error of unreadable images, the most frequent first."""
    counts = failed.where("stage != 'encode'").groupBy("error_class").agg(F.count("*").alias("n"))
    rows = bounded(counts.orderBy(F.desc("n"), "error_class").limit(20), "classes of error")
    return listed(f"{row['error_class']} {row['n']:,}" for row in rows)


def count_pending(workspace: Workspace, options: ProfileOptions) -> int:
    """Number of images that a profile with these options would measure now."""
    check(options)
    images, targets = pending_inputs(workspace)
    return _pending(workspace, fingerprints(images, targets, options), options).count()


def pending_inputs(workspace: Workspace) -> tuple[DataFrame, DataFrame]:
    """Live images without their bytes, and the targets; rows of tables without images have nothing to be measured."""
    return workspace.read_live(IMAGES).where(HAS_IMAGE), workspace.read(TARGETS)


def _pending(workspace: Workspace, all_prints: DataFrame, options: ProfileOptions) -> DataFrame:
    tables: dict[Table, DataFrame] = {}
    for table in WRITES:
        frame = workspace.read_or_none(table)
        if frame is None:
            return all_prints
        tables[table] = frame
    # An image is done when all tables of the step have it; one table short, it is measured again.
    return all_prints.join(profiled_images(tables, options), on=["image_id", "fingerprint"], how="left_anti")


def _profile_chunk(
    workspace: Workspace, checkpoint: Checkpoint, rows: DataFrame, count: int, name: str, options: ProfileOptions
) -> DataFrame:
    tasks = tasks_for(count, workspace.spark.conf.get("spark.sql.shuffle.partitions", None))
    contents = workspace.read(IMAGES).where("content IS NOT NULL").select("image_id", "content")
    if contents.isEmpty():
        # Round robin gives equal counts; only paths and boxes are shuffled.
        spread = rows.repartition(tasks).withColumn("content", F.lit(None).cast("binary"))
        return checkpoint(profile(spread, options), name)
    # The ids are broadcast, so that the bytes stay where they are.
    with_bytes = contents.join(F.broadcast(rows), on="image_id", how="inner")
    by_path = rows.join(contents.select("image_id"), on="image_id", how="left_anti")
    spread = by_path.repartition(tasks).withColumn("content", F.lit(None).cast("binary"))
    with temporary_settings(workspace.spark, BYTES_SETTINGS):
        return checkpoint(profile(with_bytes.unionByName(spread), options), name)


def _write_chunk(run: Run, profiled: DataFrame, rows: DataFrame, work: str, options: ProfileOptions) -> None:
    workspace = run.workspace
    table = workspace.read_or_none(IMAGE_STATS)
    # A statistic that is no longer asked for becomes null where an image is measured anew.
    earlier_custom = [name for name in table.columns if name.startswith(PREFIX)] if table is not None else []
    custom = sorted({*custom_columns(profiled, options), *earlier_custom})
    frames = tables_of(profiled, options, custom)
    frames[EMBEDDINGS] = _with_other_encoders(workspace, frames[EMBEDDINGS], rows, options.encoder)
    covered = rows.select("image_id")
    with ThreadPoolExecutor(len(frames)) as pool:
        jobs = [
            pool.submit(workspace.write, table, frame, run.writer("profile", work), images=covered)
            for table, frame in frames.items()
        ]
        for job in jobs:
            job.result()


def _with_other_encoders(workspace: Workspace, new: DataFrame, rows: DataFrame, encoder: str | None) -> DataFrame:
    """Add the vectors of other encoders, which stay as long as image and boxes are the same."""
    table = workspace.read_or_none(EMBEDDINGS)
    if table is None:
        return new
    old = table.drop("run_id")
    others = old.where(F.col("encoder") != encoder) if encoder else old
    other_rows = others.join(rows.select("image_id", "fingerprint"), on=["image_id", "fingerprint"], how="left_semi")
    return new.unionByName(other_rows)
