"""When images were taken: as the source says, or else as their files do."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


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
