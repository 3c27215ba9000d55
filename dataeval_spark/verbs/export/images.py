"""Images of an export, written by the tasks that read them: as files, in shards, or in a parquet table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.profile.profile import tasks_for
from dataeval_spark.frames.batches import map_rows
from dataeval_spark.kernels.formats import export
from dataeval_spark.kernels.formats.export import WRITTEN_DDL, Layout, written_table
from dataeval_spark.tables.images import FACTORS, IMAGES
from dataeval_spark.verbs.export.facts import Facts
from dataeval_spark.verbs.export.samples import factor_columns, factor_names
from dataeval_spark.workspace.workspace import Checkpoint, Workspace

# So many ids are broadcast, so that bytes kept in the table stay where they are; 20 MB.
BROADCAST_ROWS = 200_000
MOST_TASKS = 10_000
# Columns of a sample that the kernel of a table sees.
SEEN = ("number", "name", "copy", "split", "uri", "content", "targets", "unlabelled", "lost", "unreadable")


def write_contents(
    workspace: Workspace, checkpoint: Checkpoint, samples: DataFrame, layout: Layout, facts: Facts
) -> DataFrame:
    """Write the images; return the outcome of each, in columns of `WRITTEN_DDL`, stored."""
    count = facts.images
    if layout.format == "parquet":
        names, samples = _with_factors(workspace, samples)
        shards = _in_shards(_with_content(workspace, samples, count), layout, count)
        is_plain = facts.most_targets <= 1 and not facts.boxes and not facts.attributes
        writing = partial(written_table, layout=layout, is_plain=is_plain)
        sample = F.struct(*_columns_of_sample(names, is_plain)).alias("shown")
        return checkpoint(shards.select(*SEEN, sample).mapInArrow(writing, WRITTEN_DDL), "written")
    if layout.format == "webdataset":
        rows = _in_shards(_with_content(workspace, samples, count), layout, count)
        return checkpoint(map_rows(rows, partial(export.written_shards, layout=layout), WRITTEN_DDL), "written")
    rows = _with_content(workspace, samples.repartition(tasks_for(count)), count)
    return checkpoint(map_rows(rows, partial(export.written_files, layout=layout), WRITTEN_DDL), "written")


def _in_shards(rows: DataFrame, layout: Layout, count: int) -> DataFrame:
    """Put each shard whole into one task, in the order of the numbers. Nothing may be joined after this."""
    tasks = min(-(-count // layout.samples_per_shard), MOST_TASKS)
    shard = F.floor(F.col("number") / F.lit(layout.samples_per_shard))
    return rows.repartitionByRange(tasks, shard).sortWithinPartitions("number")


def _with_content(workspace: Workspace, samples: DataFrame, count: int) -> DataFrame:
    contents = workspace.read(IMAGES).where("content IS NOT NULL").select("image_id", "content")
    if contents.isEmpty():
        return samples.withColumn("content", F.lit(None).cast("binary"))
    small_samples = F.broadcast(samples) if count <= BROADCAST_ROWS else samples
    # image_id is unique among the images.
    with_bytes = contents.join(small_samples, on="image_id", how="inner")
    by_path = samples.join(contents.select("image_id"), on="image_id", how="left_anti")
    by_path = by_path.withColumn("content", F.lit(None).cast("binary"))
    return by_path.unionByName(with_bytes)


def _with_factors(workspace: Workspace, samples: DataFrame) -> tuple[list[str], DataFrame]:
    """Names of the metadata in the export, and the samples with them in a struct ``factors_of``."""
    factors = workspace.read_or_none(FACTORS)
    names = [] if factors is None else list(factor_names(factors).values())
    if factors is None or not names:
        return [], samples
    values = F.struct(*factor_columns(factors)).alias("factors_of")
    # image_id is unique among the rows of images.
    of_images = factors.where("target_index IS NULL").select("image_id", values)
    return names, samples.join(of_images, on="image_id", how="left")


def _columns_of_sample(names: Sequence[str], is_plain: bool) -> list[Column]:
    """Columns of a parquet export besides image and objects."""
    copy = F.when(F.col("copy") > 0, F.concat(F.lit("#copy"), F.col("copy"))).otherwise(F.lit(""))
    label = [F.get("targets", F.lit(0))["class_name"].alias("class_name")] if is_plain else []
    return [
        F.concat("image_id", copy).alias("image_id"),
        F.col("split"),
        F.timestamp_micros("captured_us").alias("captured_at"),
        *label,
        *(F.col("factors_of")[name].alias(name) for name in names),
    ]
