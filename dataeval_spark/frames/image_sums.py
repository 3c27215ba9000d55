"""Labels of images by class, and how they vary between the images: whole numbers, the same for any partitioning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from dataeval_spark.kernels.factors.independence import ImageSums


def with_sizes(counts: DataFrame, by: Sequence[str]) -> DataFrame:
    """Counts of each image beside their sum over its values.

    Rows of ``by``, ``image_id``, ``value`` and ``n``, one per image and value, get ``size``, the sum of the image, and
    ``is_first``, true in one row per image.
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


def class_effects(labels: DataFrame, by: Sequence[str] = ()) -> DataFrame:
    r"""Design effect of each class: how many times more its count varies because labels come in images.

    :math:`\delta_k = n v_k / (p_k (1 - p_k))` with n labels, :math:`p_k` the share of the class and :math:`v_k` its
    variance between images, 1 at least: classes that exclude each other within an image vary less, which says nothing
    of what differs between boxes. It is 1 where no image holds more than one label.

    Parameters
    ----------
    labels : DataFrame
        ``by``, ``image_id`` and ``class_name``; a row per label.
    by : sequence of str
        Grouping columns.

    Returns
    -------
    DataFrame
        ``by``, ``class_name`` and ``design_effect``; in a row without a class that of what all labels of an image
        share, :math:`\sum_i m_i^2 / n` with :math:`m_i` labels in image i (Kish 1965).
    """
    counts = labels.groupBy(*by, "image_id", F.col("class_name").alias("value")).agg(F.count("*").alias("n"))
    sums = with_sizes(counts, by).groupBy(*by, "value").agg(*image_sums())
    totals = sums.groupBy(*by).agg(
        F.sum("n").alias("labels"),
        F.sum("products").alias("sizes_squared"),
        F.sum("images").alias("all_images"),
        F.min("value").alias("first_value"),
    )
    # One row of totals for each group.
    joined = sums.join(totals, on=list(by), how="inner") if by else sums.crossJoin(F.broadcast(totals))
    share = F.col("n") / F.col("labels")
    spread = F.col("squares") - 2 * share * F.col("products") + share * share * F.col("sizes_squared")
    variance = spread / F.col("labels") / (share * (1 - share)) * F.col("all_images") / (F.col("all_images") - 1)
    shared = F.col("sizes_squared") / F.col("labels")
    is_known = (F.col("all_images") > 1) & (F.col("n") < F.col("labels"))
    has_one_each = F.col("sizes_squared") == F.col("labels")
    effect = F.when(has_one_each, F.lit(1.0)).otherwise(
        F.when(is_known, F.greatest(variance, F.lit(1.0))).otherwise(shared)
    )
    of_class = F.struct(F.col("value").alias("class_name"), effect.alias("design_effect"))
    of_images = F.struct(F.lit(None).cast("string").alias("class_name"), shared.alias("design_effect"))
    is_first = F.col("value") == F.col("first_value")
    rows = F.array_compact(F.array(of_class, F.when(is_first, of_images)))
    return joined.select(*by, F.inline(rows))


def image_effect(rows: DataFrame) -> DataFrame:
    """One row with ``image_effect``, the design effect of what all rows of an ``image_id`` share."""
    sizes = rows.groupBy("image_id").agg(F.count("*").alias("n"))
    return sizes.agg((F.sum(F.col("n") * F.col("n")) / F.sum("n")).alias("image_effect"))


def sums_of(by_value: Mapping[str, Mapping[str, Any]], values: Sequence[str]) -> ImageSums:
    """Aggregates of one group, in the order of ``values``; a value that the group lacks has 0."""
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
