"""An export's images, written by the tasks that read them: as files, in shards, or in a parquet table."""

from __future__ import annotations

from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark import tables as t
from dataeval_spark.frames.batches import append_columns, map_rows
from dataeval_spark.ingest.source import Stage
from dataeval_spark.kernels import exporting
from dataeval_spark.kernels.exporting import Layout
from dataeval_spark.selection.export_facts import Facts
from dataeval_spark.selection.samples import factor_names
from dataeval_spark.stats.profile import tasks_for
from dataeval_spark.workspace import Workspace

# So many ids are broadcast, so that bytes kept in the table stay where they are; 20 MB.
BROADCAST_ROWS = 200_000
WRITTEN_DDL = (
    "number bigint, path string, width int, height int, bytes bigint, image_text string, annotations_text string, "
    "error string"
)
TABLE_DDL = (
    "path string, data binary, objects array<struct<class_name: string, bbox: array<double>, iscrowd: boolean, "
    "attributes: string>>, error string"
)
# What the kernel of a table sees of a sample.
SEEN = ("number", "name", "copy", "split", "uri", "content", "targets")


def write_contents(workspace: Workspace, stage: Stage, samples: DataFrame, layout: Layout, facts: Facts) -> DataFrame:
    """Write the images; what became of each, in columns of `WRITTEN_DDL`, stored."""
    count = facts.images
    if layout.format in ("webdataset", "parquet"):
        shards = -(-count // layout.samples_per_shard)
        rows = _with_content(workspace, samples, count).withColumn(
            "_shard", F.floor(F.col("number") / F.lit(layout.samples_per_shard))
        )
        rows = rows.repartitionByRange(min(shards, 10_000), "_shard").sortWithinPartitions("number").drop("_shard")
        if layout.format == "parquet":
            return _write_table(workspace, stage, rows, layout, facts)
        kernel = partial(exporting.written_shards, layout=layout)
        return stage(map_rows(rows, kernel, WRITTEN_DDL), "written")
    by_path = samples.repartition(tasks_for(count))
    rows = _with_content(workspace, by_path, count)
    return stage(map_rows(rows, partial(exporting.written_files, layout=layout), WRITTEN_DDL), "written")


def _with_content(workspace: Workspace, samples: DataFrame, count: int) -> DataFrame:
    contents = workspace.read(t.IMAGES).where("content IS NOT NULL").select("image_id", "content")
    if contents.isEmpty():
        return samples.withColumn("content", F.lit(None).cast("binary"))
    kept = F.broadcast(samples) if count <= BROADCAST_ROWS else samples
    # image_id is unique among the images.
    with_bytes = contents.join(kept, on="image_id", how="inner")
    by_path = samples.join(contents.select("image_id"), on="image_id", how="left_anti")
    by_path = by_path.withColumn("content", F.lit(None).cast("binary"))
    return by_path.unionByName(with_bytes)


def _write_table(workspace: Workspace, stage: Stage, rows: DataFrame, layout: Layout, facts: Facts) -> DataFrame:
    """Write parquet files; an image that cannot be read has no row in them."""
    kernel = partial(exporting.table_rows, layout=layout)
    factors = workspace.read_or_none(t.FACTORS)
    names = [] if factors is None else factor_names(factors)
    given = rows
    if factors is not None and names:
        values = F.struct(*(F.col(f"`{name}`") for name in names)).alias("f")
        # image_id is unique among the rows of images.
        of_images = factors.where("target_index IS NULL").select("image_id", values)
        given = rows.join(of_images, on="image_id", how="left")
    read = append_columns(given, SEEN, kernel, TABLE_DDL)
    copy = F.when(F.col("copy") > 0, F.concat(F.lit("#copy"), F.col("copy"))).otherwise(F.lit(""))
    identity = F.concat("image_id", copy).alias("image_id")
    is_plain = facts.most_targets <= 1 and not facts.boxes and not facts.attributes
    label = F.get("targets", F.lit(0))["class_name"].alias("class_name") if is_plain else F.col("objects")
    read.where("error IS NULL").select(
        identity,
        F.struct(F.col("data").alias("bytes"), "path").alias("image"),
        "split",
        F.timestamp_micros("captured_us").alias("captured_at"),
        label,
        *(F.col("f")[name].alias(name) for name in names),
    ).write.option("maxRecordsPerFile", layout.samples_per_shard).parquet(f"{layout.root}/data")
    done = workspace.spark.read.parquet(f"{layout.root}/data").select("image_id", "image.path")
    done = done.withColumnRenamed("image_id", "identity")
    keyed = rows.drop("content").withColumn("identity", F.concat("image_id", copy))
    found = stage(keyed.join(done, on="identity", how="left").select("number", "path"), "found")
    missing = rows.join(found.where("path IS NULL").select("number"), on="number", how="left_semi")
    errors = stage(append_columns(missing, SEEN, kernel, TABLE_DDL).select("number", "error"), "errors")
    nothing = {"width": "int", "height": "int", "bytes": "bigint", "image_text": "string", "annotations_text": "string"}
    return found.join(errors, on="number", how="left").select(
        "number", "path", *(F.lit(None).cast(type).alias(name) for name, type in nothing.items()), "error"
    )
