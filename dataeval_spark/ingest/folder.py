"""Image folders: a class per first sub-folder, with an optional metadata file joined by path."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from dataeval_spark.ingest.listing import list_files
from dataeval_spark.ingest.metadata import Metadata, read_metadata
from dataeval_spark.ingest.source import FINDINGS_DDL, Source, Stage
from dataeval_spark.kernels.files import glob_pattern
from dataeval_spark.tables.contract import identifier
from dataeval_spark.tables.keys import BOX_TYPE


def read_folder(
    spark: SparkSession,
    root: str,
    *,
    dataset: str,
    stage: Stage,
    metadata: str | None = None,
    split: str | None = None,
    glob: str | None = None,
    limit: int | None = None,
    timezone: str = "UTC",
) -> Source:
    """Read an image folder.

    The class of an image is its first sub-folder; files directly in the folder have none. A metadata
    file's ``class_name`` wins over the folder's.

    Parameters
    ----------
    root : str
        The folder.
    dataset : str
        First part of the image ids.
    stage : callable
        Stores a frame in temporary files and reads it back: the folder is listed once.
    metadata : str, optional
        CSV or parquet file with a path column.
    split : str, optional
        Split of all images; a metadata file's ``split`` wins.
    glob : str, optional
        Take the files whose relative path matches, image or not; by default those that are images.
    limit : int, optional
        Take the first so many, by path.
    timezone : str
        Zone of capture times that name none.
    """
    listing = stage(list_files(spark, root), "listing")
    taken = choose(listing, glob=glob, limit=limit)
    found = read_metadata(spark, metadata, listing, image_id(dataset), timezone, stage, root) if metadata else None
    images = taken.select(image_id(dataset).alias("image_id"), *file_columns(), folder_class().alias("folder_class"))
    images = _with_metadata(images, found, split)
    return Source(
        images=images.drop("class_name"),
        targets=images.where("class_name IS NOT NULL").select(
            "image_id",
            F.lit(0).alias("target_index"),
            "class_name",
            F.lit(None).cast(BOX_TYPE).alias("box"),
            F.lit(None).cast("boolean").alias("is_crowd"),
            F.lit(None).cast("string").alias("source"),
            F.lit(None).cast("string").alias("attributes"),
        ),
        factors=factor_rows(found, images),
        findings=found.findings if found else spark.createDataFrame([], FINDINGS_DDL),
        present=listing.select(image_id(dataset).alias("image_id")),
        skipped=listing.where(~F.col("is_image")) if glob is None else None,
    )


def choose(listing: DataFrame, *, glob: str | None, limit: int | None) -> DataFrame:
    """The files to take from a listing: images by default, what matches ``glob`` where one is given."""
    taken = listing.where("is_image") if glob is None else listing.where(F.col("path").rlike(f"^{glob_pattern(glob)}$"))
    return taken if limit is None else taken.orderBy("path").limit(limit)


def image_id(dataset: str) -> Column:
    return F.concat(F.lit(f"{dataset}/"), F.col("path"))


def file_columns() -> list[Column]:
    return [
        F.col("uri"),
        F.lit(None).cast("binary").alias("content"),
        F.col("content_length"),
        F.timestamp_micros("modified_us").alias("modified_at"),
    ]


def folder_class() -> Column:
    return F.when(F.instr("path", "/") > 0, F.split_part("path", F.lit("/"), F.lit(1)))


def factor_rows(metadata: Metadata | None, images: DataFrame) -> DataFrame:
    """The factors of the images taken, one row per image that has metadata."""
    keys = ("image_id", F.lit(None).cast("int").alias("target_index"))
    if metadata is None or not metadata.factors:
        return images.limit(0).select(*keys)
    rows = metadata.rows.join(images.select("image_id"), on="image_id", how="left_semi")
    return rows.select(*keys, *(F.col(identifier(factor)) for factor in metadata.factors))


def _with_metadata(images: DataFrame, metadata: Metadata | None, split: str | None) -> DataFrame:
    columns = ("image_id", "uri", "content", "content_length", "modified_at")
    if metadata is None:
        return images.select(
            *columns,
            F.lit(None).cast("timestamp").alias("captured_at"),
            F.lit(split).cast("string").alias("split"),
            F.col("folder_class").alias("class_name"),
        )
    # image_id is unique on both sides: metadata keep the first row of a path.
    rows = metadata.rows.select("image_id", F.col("split").alias("given"), "captured_at", "class_name")
    class_name = F.coalesce("class_name", "folder_class") if metadata.has_class else F.col("folder_class")
    return images.join(rows, on="image_id", how="left").select(
        *columns,
        "captured_at",
        F.coalesce("given", F.lit(split)).alias("split"),
        class_name.alias("class_name"),
    )
