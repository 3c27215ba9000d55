"""Running the profile on a workspace: only images that are new or changed, in chunks that a killed run keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.bounded import one_row
from dataeval_spark.ingest.source import Stage
from dataeval_spark.kernels.custom_statistics import PREFIX
from dataeval_spark.kernels.encoders.registry import encoder_record
from dataeval_spark.runs import Run, StepRun, work_id
from dataeval_spark.stats.profile import (
    custom_columns,
    custom_failures,
    done,
    fingerprints,
    profile,
    tables_of,
    tasks_for,
)
from dataeval_spark.stats.profile_options import VERSION, ProfileOptions
from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.images import IMAGES, TARGETS
from dataeval_spark.tables.profile import (
    BACKGROUND_STATS,
    CHANNEL_GROUP_STATS,
    CHANNEL_STATS,
    EMBEDDINGS,
    HASHES,
    IMAGE_STATS,
    UNREADABLE_IMAGES,
)
from dataeval_spark.temporary_settings import BYTES_SETTINGS, temporary_settings
from dataeval_spark.workspace import Workspace

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
_DEFAULT = ProfileOptions()


def run_profile(
    run: Run,
    *,
    encoder: str | None = _DEFAULT.encoder,
    per_target: bool = _DEFAULT.per_target,
    max_pixels: int = _DEFAULT.max_pixels,
    timezone: str = _DEFAULT.timezone,
    channel_groups: Mapping[str, Sequence[int]] | None = _DEFAULT.channel_groups,
    background: bool = _DEFAULT.background,
    value_range: Sequence[float] | None = _DEFAULT.value_range,
    compat: str | None = _DEFAULT.compat,
    statistics: Sequence[str] = _DEFAULT.statistics,
    image_timeout: float = _DEFAULT.image_timeout,
    image_memory: int = _DEFAULT.image_memory,
    batch_size: int | None = _DEFAULT.batch_size,
    device: str = _DEFAULT.device,
    half_precision: bool = _DEFAULT.half_precision,
    images_per_commit: int = 100_000,
    on_pending: OnPending = lambda images: None,
) -> StepRun:
    """Measure the images that are new or changed.

    Parameters
    ----------
    run : Run
        The run that this is part of.
    encoder, per_target, max_pixels, timezone, channel_groups, background, value_range, compat, statistics
        What is measured: see :class:`dataeval_spark.stats.profile_options.ProfileOptions`.
    image_timeout, image_memory
        What one image may take: see there.
    batch_size, device, half_precision
        Where and how the encoder computes: see there.
    images_per_commit : int
        Write the tables after each so many images: a run that is killed loses no more than that.
    on_pending : callable
        Told how many images are to be measured, before the first.

    Raises
    ------
    OptionError
        An option has a value that it cannot have.
    TableMissingError
        Nothing has been ingested.
    """
    workspace = run.workspace
    started = datetime.now(UTC)
    OptionError.unless_between("profile.images_per_commit", images_per_commit, 1, 10**9)
    asked = ProfileOptions(
        encoder=encoder,
        per_target=per_target,
        max_pixels=max_pixels,
        timezone=timezone,
        channel_groups=channel_groups,
        background=background,
        value_range=value_range,
        compat=compat,
        statistics=tuple(statistics),
        image_timeout=image_timeout,
        image_memory=image_memory,
        batch_size=batch_size,
        device=device,
        half_precision=half_precision,
    )
    asked.check()
    options = {name: value for name, value in vars(asked).items() if value != getattr(_DEFAULT, name)}
    if encoder is not None:
        # What its vectors depend on: the hash in `encoder_version` does not say which preprocessing that was.
        options["encoder_record"] = vars(encoder_record(encoder))
    images, targets = pending_inputs(workspace)
    wanted = fingerprints(images, targets, asked)
    pending = run.stage(_pending(workspace, wanted, asked), "pending")
    count = pending.count()
    inputs = workspace.states(READS)
    if count == 0:
        message = "up to date: no image is new or changed"
        return run.finish("profile", "skipped", started, message, options=options, inputs=inputs)
    on_pending(count)
    # What is pending is found by comparison with the tables, so the work has no name but its run's.
    work = f"{run.run_id}:profile"
    chunks = -(-count // images_per_commit)
    failures: list[str] = []
    for chunk in range(chunks):
        rows = pending if chunks == 1 else pending.where(F.pmod(F.xxhash64("image_id"), F.lit(chunks)) == chunk)
        share = -(-count // chunks)
        staged = _stage_chunk(workspace, run.stage, rows, share, f"profile_{chunk}", asked)
        failures = (custom_failures(staged) if statistics else []) or failures
        _write_chunk(run, staged, rows, f"{work}:{chunk}/{chunks}", asked)
    failed = workspace.read(UNREADABLE_IMAGES).join(pending, on="image_id", how="left_semi")
    row = one_row(failed, F.count("*").alias("n"), F.count_if(F.col("stage") == "encode").alias("encode"))
    unreadable, unembedded = row["n"] - row["encode"], row["encode"]
    parts = [f"{count:,} images measured", *([f"{unreadable:,} of them unreadable"] if unreadable else []), *failures]
    parts += [f"{unembedded:,} without a vector, see unreadable_images"] if unembedded else []
    return run.finish(
        "profile",
        "done",
        started,
        ", ".join(parts),
        options=options,
        work=work_id("profile", VERSION, options, inputs),
        inputs=inputs,
        outputs=workspace.states(WRITES),
        rows=count,
    )


def count_pending(workspace: Workspace, **options: Any) -> int:
    """How many images a profile with these options would measure now."""
    asked = ProfileOptions(**options)
    asked.check()
    images, targets = pending_inputs(workspace)
    return _pending(workspace, fingerprints(images, targets, asked), asked).count()


def pending_inputs(workspace: Workspace) -> tuple[DataFrame, DataFrame]:
    """Live images without their bytes, and the targets; rows of tables without images have nothing to be measured."""
    has_image = "uri IS NOT NULL OR content_length IS NOT NULL"
    return workspace.read_live(IMAGES).where(has_image), workspace.read(TARGETS)


def _pending(workspace: Workspace, wanted: DataFrame, asked: ProfileOptions) -> DataFrame:
    tables: dict[Table, DataFrame] = {}
    for table in WRITES:
        frame = workspace.read_or_none(table)
        if frame is None:
            return wanted
        tables[table] = frame
    # An image is done when all tables of the step have it; one table short, it is measured again.
    return wanted.join(done(tables, asked), on=["image_id", "fingerprint"], how="left_anti")


def _stage_chunk(
    workspace: Workspace, stage: Stage, rows: DataFrame, count: int, name: str, asked: ProfileOptions
) -> DataFrame:
    tasks = tasks_for(count, workspace.spark.conf.get("spark.sql.shuffle.partitions", None))
    contents = workspace.read(IMAGES).where("content IS NOT NULL").select("image_id", "content")
    if contents.isEmpty():
        # Round robin gives equal counts; only paths and boxes are shuffled.
        spread = rows.repartition(tasks).withColumn("content", F.lit(None).cast("binary"))
        return stage(profile(spread, asked), name)
    # The ids are broadcast, so that the bytes stay where they are.
    with_bytes = contents.join(F.broadcast(rows), on="image_id", how="inner")
    by_path = rows.join(contents.select("image_id"), on="image_id", how="left_anti")
    spread = by_path.repartition(tasks).withColumn("content", F.lit(None).cast("binary"))
    with temporary_settings(workspace.spark, BYTES_SETTINGS):
        return stage(profile(with_bytes.unionByName(spread), asked), name)


def _write_chunk(run: Run, staged: DataFrame, rows: DataFrame, work: str, asked: ProfileOptions) -> None:
    workspace = run.workspace
    table = workspace.read_or_none(IMAGE_STATS)
    # A statistic that is no longer asked for becomes null where an image is measured anew.
    known = [name for name in table.columns if name.startswith(PREFIX)] if table is not None else []
    custom = sorted({*custom_columns(staged, asked), *known})
    frames = tables_of(staged, asked, custom)
    frames[EMBEDDINGS] = _with_other_encoders(workspace, frames[EMBEDDINGS], rows, asked.encoder)
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
