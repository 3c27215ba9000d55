"""Counts of labels per class on the two sides of a comparison."""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.image_sums import image_sums, with_sizes
from dataeval_spark.session.bounded import bounded

Counts = dict[str, dict[str, Any]]


def labels_of_sides(reference: DataFrame, current: DataFrame) -> tuple[Counts, Counts]:
    """Labels per class on both sides, and how they vary between images."""
    sides = [
        side.select("image_id", "class_name", F.lit(i).alias("side")) for i, side in enumerate((reference, current))
    ]
    both = sides[0].unionByName(sides[1]).where("class_name IS NOT NULL")
    of_images = both.groupBy("side", "image_id", F.col("class_name").alias("value")).agg(F.count("*").alias("n"))
    counted = with_sizes(of_images, ["side"]).groupBy("side", "value").agg(*image_sums())
    found: tuple[Counts, Counts] = ({}, {})
    for row in bounded(counted, "one row per side and class"):
        found[row["side"]][row["value"]] = row.asDict()
    return found
