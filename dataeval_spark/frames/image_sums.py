"""Labels of images by class, and how they vary between the images: whole numbers, the same for any partitioning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from dataeval_spark.kernels.independence import ImageSums


def with_sizes(counts: DataFrame, by: Sequence[str]) -> DataFrame:
    """Counts of each image beside their sum over its values.

    Parameters
    ----------
    counts : DataFrame
        ``by``, ``image_id``, ``value`` and ``n``; one row per image and value.
    by : sequence of str
        What is counted apart.

    Returns
    -------
    DataFrame
        The same rows with ``size``, the sum of the image, and ``is_first``, true in one row per image.
    """
    image = Window.partitionBy(*by, "image_id")
    is_first = F.min("value").over(image) == F.col("value")
    return counts.select("*", F.sum("n").over(image).alias("size"), is_first.alias("is_first"))


def image_sums() -> tuple[Column, ...]:
    """Aggregates of rows of `with_sizes`, per value: ``n``, ``squares``, ``products`` and ``images``."""
    return (
        F.sum("n").alias("n"),
        F.sum(F.col("n") * F.col("n")).alias("squares"),
        F.sum(F.col("n") * F.col("size")).alias("products"),
        F.count_if("is_first").alias("images"),
    )


def sums_of(by_value: Mapping[str, Mapping[str, Any]], values: Sequence[str]) -> ImageSums:
    """Aggregates of one group, in the order of ``values``; what the group lacks is 0."""
    nothing = {"n": 0, "squares": 0, "products": 0, "images": 0}
    rows = [by_value.get(value, nothing) for value in values]
    columns = {name: np.array([row[name] for row in rows], np.int64) for name in nothing}
    return ImageSums(
        columns["n"],
        columns["squares"],
        columns["products"],
        # The products of an image with its size add up to the square of its size.
        int(columns["products"].sum()),
        int(columns["images"].sum()),
    )
