"""Each statistic of a box as a share of the same statistic of its image."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.tables.stats import APPEARANCE_COLUMNS, PIXEL_COLUMNS, VISUAL_COLUMNS

_TINY = 1e-12
SHARES = (
    "width",
    "height",
    "size",
    "center_x",
    "center_y",
    *(c.name for c in (*PIXEL_COLUMNS, *VISUAL_COLUMNS, *APPEARANCE_COLUMNS) if c.type == "double"),
)
# A ratio of these would mean nothing: they are the box's own.
OWN = ("aspect_ratio", "channels", "bit_depth", "invalid_box")


def box_ratios(image_stats: DataFrame) -> DataFrame:
    """Divide the statistics of each box by those of its image.

    ``ratio = box / (image + 1e-12)``, and by what tells more than that: offsets by the image's width and height, the
    distance to the image's center by half of its diagonal, the distance to the edge by the image's side
    that the nearest edge bounds. Aspect ratio, channels, bit depth and ``invalid_box`` are the box's own. Source:
    DataEval 1.1.4, `compute_ratios`.

    Parameters
    ----------
    image_stats : DataFrame
        Table ``image_stats``.

    Returns
    -------
    DataFrame
        ``image_id``, ``target_index``, and the statistics under their own names. Null where either is.

    Examples
    --------
    >>> box_ratios(image_stats).where("size < 0.001").select("image_id", "target_index", "size", "brightness")
    """
    names = (*SHARES, "offset_x", "offset_y", "distance_center", "distance_edge")
    boxes = image_stats.where("target_index IS NOT NULL").select("image_id", "target_index", *names, *OWN)
    images = image_stats.where("target_index IS NULL").select("image_id", *(F.col(n).alias(f"of_{n}") for n in SHARES))
    wide, tall = F.col("of_width"), F.col("of_height")
    horizontal = F.least(F.abs("offset_x"), F.abs(F.col("offset_x") + F.col("width") - wide))
    vertical = F.least(F.abs("offset_y"), F.abs(F.col("offset_y") + F.col("height") - tall))
    return boxes.join(images, on="image_id", how="inner").select(
        "image_id",
        "target_index",
        *(_share(F.col(name), F.col(f"of_{name}")).alias(name) for name in SHARES),
        _share(F.col("offset_x"), wide).alias("offset_x"),
        _share(F.col("offset_y"), tall).alias("offset_y"),
        _share(F.col("distance_center"), F.sqrt(wide * wide + tall * tall) / 2).alias("distance_center"),
        _share(F.col("distance_edge"), F.when(horizontal < vertical, wide).otherwise(tall)).alias("distance_edge"),
        *OWN,
    )


def _share(box: Column, image: Column) -> Column:
    return F.try_divide(box, image + F.lit(_TINY))
