"""Box ratios: each statistic of a box as a share of the same statistic of its image."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.tables.profile import APPEARANCE_COLUMNS, PIXEL_COLUMNS, VISUAL_COLUMNS

SHARES = (
    "width",
    "height",
    "size",
    "center_x",
    "center_y",
    *(c.name for c in (*PIXEL_COLUMNS, *VISUAL_COLUMNS, *APPEARANCE_COLUMNS) if c.type == "double"),
)
# Ratios of these would mean nothing: they are the box's own.
OWN = ("aspect_ratio", "channels", "bit_depth", "invalid_box")
_LEFT_OR_RIGHT = "least(abs(b.offset_x), abs(b.offset_x + b.width - i.width))"
_TOP_OR_BOTTOM = "least(abs(b.offset_y), abs(b.offset_y + b.height - i.height))"
_OF = {
    **{name: f"i.{name}" for name in SHARES},
    "offset_x": "i.width",
    "offset_y": "i.height",
    "distance_center": "sqrt(i.width * i.width + i.height * i.height) / 2",
    "distance_edge": f"CASE WHEN {_LEFT_OR_RIGHT} < {_TOP_OR_BOTTOM} THEN i.width ELSE i.height END",
}
RATIOS = {name: f"b.{name} / nullif({base} + 1e-12D, 0D)" for name, base in _OF.items()} | {n: f"b.{n}" for n in OWN}
"""Each ratio in SQL, of a box ``b`` and its image ``i``, both rows of ``image_stats``."""


def box_ratios(image_stats: DataFrame) -> DataFrame:
    """Divide the statistics of each box by those of its image.

    ``ratio = box / (image + 1e-12)``, but with a more telling divisor for places: offsets are divided by the image's
    width and height, the distance to the image's centre by half of its diagonal, the distance to the edge by the
    image's side that the nearest edge bounds. Aspect ratio, channels, bit depth and ``invalid_box`` are the box's own.
    Source: DataEval 1.1.4, `compute_ratios`.

    Parameters
    ----------
    image_stats : DataFrame
        Table ``image_stats``.

    Returns
    -------
    DataFrame
        ``image_id``, ``target_index``, and the ratios under the names of the statistics. A ratio is null where one of
        its two statistics is.

    Examples
    --------
    >>> ratios = box_ratios(image_stats).orderBy("image_id", "target_index").limit(3)
    >>> ratios.selectExpr("target_index", "round(size, 3) AS size", "round(brightness, 2) AS brightness").show()
    +------------+-----+----------+
    |target_index| size|brightness|
    +------------+-----+----------+
    |           0|0.569|      0.81|
    |           1|0.238|      1.34|
    |           2|0.252|      0.34|
    +------------+-----+----------+
    """
    boxes = image_stats.where("target_index IS NOT NULL").alias("b")
    whole = image_stats.where("target_index IS NULL").alias("i")
    joined = boxes.join(whole, on=F.col("b.image_id") == F.col("i.image_id"), how="inner")
    ratios = (F.expr(ratio).alias(name) for name, ratio in RATIOS.items())
    return joined.select("b.image_id", "b.target_index", *ratios)
