"""Frames that fit the tables: rows and mappings of the driver, keys that join, and the time of each image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.tables.contract import Table

IDS = ("image_id", "target_index")
NEIGHBOR_IDS = (("neighbor_id", "image_id"), ("neighbor_target_index", "target_index"))
"""The neighbour of a list, whose ids a frame on the right has."""


def rows_of(frame: DataFrame, table: Table, rows: Sequence[tuple[Any, ...]]) -> DataFrame:
    """Rows of a table without ``run_id``, in the session of a frame."""
    return frame.sparkSession.createDataFrame(list(rows), table.result_ddl)


def rows_of_dicts(frame: DataFrame, table: Table, rows: Sequence[Mapping[str, Any]]) -> DataFrame:
    """Rows of a table from dictionaries; columns that a row does not name are null."""
    names = table.result_names
    return rows_of(frame, table, [tuple(row.get(name) for name in names) for row in rows])


def same_keys(keys: Sequence[str | tuple[str, str]], left: str, right: str) -> Column:
    """Whether two aliased frames agree in all keys; null equals null.

    Parameters
    ----------
    keys : sequence of str or pair of str
        Columns; a pair where the two frames have different names for one.
    left, right : str
        Aliases of the frames.

    Examples
    --------
    >>> values.alias("v").join(bounds.alias("b"), on=same_keys(["statistic"], "v", "b"), how="inner")
    """
    pairs = [(key, key) if isinstance(key, str) else key for key in keys]
    return F.expr(" AND ".join(f"{left}.{one} <=> {right}.{other}" for one, other in pairs))


def literal_map(values: Mapping[Any, Any]) -> Column:
    """A map column of a mapping that is known beforehand; the keys are of one type, and so are the values.

    Examples
    --------
    >>> frame.select(F.try_element_at(literal_map({"valid": "val"}), "split"))
    """
    return F.create_map(*(F.lit(each) for pair in values.items() for each in pair))


def with_capture_time(images: DataFrame, image_stats: DataFrame | None) -> DataFrame:
    """Fill ``captured_at`` of images from the EXIF data, where the source gave no time.

    Parameters
    ----------
    images : DataFrame
        Rows of table ``images``.
    image_stats : DataFrame, optional
        Table of that name.
    """
    if image_stats is None:
        return images
    # An image has one row of its own.
    of_file = image_stats.where("target_index IS NULL AND captured_at IS NOT NULL").select(
        "image_id", F.col("captured_at").alias("captured_at_of_file")
    )
    joined = images.join(of_file, on="image_id", how="left")
    filled = joined.withColumn("captured_at", F.coalesce("captured_at", "captured_at_of_file"))
    return filled.drop("captured_at_of_file")
