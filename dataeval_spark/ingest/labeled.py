"""Rows of images whose labels lie in files beside them: what the readers of VOC and YOLO have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.batches import map_rows
from dataeval_spark.ingest.folder import file_columns
from dataeval_spark.ingest.metadata import Metadata
from dataeval_spark.kernels.files import read_file

# Where an image stands in several lists, the first of these counts.
SPLITS = ("train", "val", "test")


def image_rows(taken: DataFrame, metadata: Metadata | None, splits: DataFrame | None, split: str | None) -> DataFrame:
    """Rows of `images`; the split is that of the metadata file, else of the source's lists, else the option.

    Parameters
    ----------
    taken : DataFrame
        Images of the listing, with ``image_id``.
    metadata : Metadata or None
        Rows of a metadata file.
    splits : DataFrame or None
        ``image_id`` (unique) and ``listed``, the split that the source gives.
    split : str or None
        Split of the images that have none by then.
    """
    names = ("image_id", "uri", "content", "content_length", "modified_at")
    images = taken.select("image_id", *file_columns())
    listed = given = F.lit(None).cast("string")
    captured_at = F.lit(None).cast("timestamp")
    if splits is not None:
        images, listed = images.join(splits, on="image_id", how="left"), F.col("listed")
    if metadata is not None:
        # image_id is unique on both sides: metadata keep the first row of a path.
        rows = metadata.rows.select("image_id", F.col("split").alias("given"), "captured_at")
        images = images.join(rows, on="image_id", how="left")
        given, captured_at = F.col("given"), F.col("captured_at")
    return images.select(
        *names, captured_at.alias("captured_at"), F.coalesce(given, listed, F.lit(split)).alias("split")
    )


def list_lines(listing: DataFrame, lists: Mapping[str, str]) -> DataFrame:
    """``name`` and ``listed``: the lines of list files, trimmed; ``lists`` maps where a file is to its split."""
    files = listing.where(F.col("uri").isin(*lists)).select("uri")

    def read(rows: Iterator[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
        for row in rows:
            for line in read_file(row["uri"]).decode("utf-8-sig", errors="replace").splitlines():
                yield {"name": line.strip(), "listed": lists[row["uri"]]}

    return map_rows(files, read, "name string, listed string")


def first_split(lines: DataFrame, images: DataFrame, name: Column) -> DataFrame:
    """``image_id`` and ``listed``: the split in whose list an image stands.

    Parameters
    ----------
    lines : DataFrame
        ``name`` and ``listed``, one row per line of a list.
    images : DataFrame
        ``image_id`` and what ``name`` is made of.
    name : Column
        Name of an image in the lists.
    """
    order = F.array_position(F.array(*(F.lit(split) for split in SPLITS)), F.col("listed"))
    one = lines.where("name != ''").groupBy("name").agg(F.min_by("listed", order).alias("listed"))
    return images.select("image_id", name.alias("name")).join(one, on="name", how="inner").select("image_id", "listed")
