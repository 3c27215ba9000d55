"""Box heat map: where in their images the boxes of each class lie."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.finite import is_nan
from dataeval_spark.option_checks.ranges import within


def box_heatmap(targets: DataFrame, images: DataFrame, *, grid: int = 10) -> DataFrame:
    """Count the boxes of each class on a grid that is laid over all images, whatever their sizes.

    A class whose boxes lie in few tiles was photographed from one place, and a detector learns that place.

    Parameters
    ----------
    targets : DataFrame
        Table ``targets``. Boxes are clipped to their image; those without area in it, or with a corner that is
        no number, are left out.
    images : DataFrame
        Live rows of table ``images``; boxes of images of unknown size are left out.
    grid : int
        Number of rows of the grid, and of its columns.

    Returns
    -------
    DataFrame
        Table ``box_heatmap`` without ``run_id``; tiles that no box covers have no row. Exact; the shuffle holds one row
        per tile and class from each task.

    Raises
    ------
    OptionError
        ``grid`` is out of range.

    Examples
    --------
    >>> tiles = box_heatmap(targets, images, grid=3).where("class_name = 'zero'").orderBy("share", ascending=False)
    >>> tiles.selectExpr("row", "column", "boxes", "centers", "round(share, 2) AS share").show(3)
    +---+------+-----+-------+-----+
    |row|column|boxes|centers|share|
    +---+------+-----+-------+-----+
    |  1|     1|   21|     10| 0.62|
    |  1|     2|   14|      7| 0.41|
    |  0|     1|   13|      5| 0.38|
    +---+------+-----+-------+-----+
    only showing top 3 rows
    """
    within("box_heatmap.grid", grid)
    sizes = images.where("upright_width > 0 AND upright_height > 0").select(
        "image_id", "upright_width", "upright_height"
    )
    # A sum with NaN is NaN, one with null is null.
    corners = F.expr("box.x0 + box.y0 + box.x1 + box.y1")
    whole = targets.where(F.col("box").isNotNull() & corners.isNotNull() & ~is_nan(corners))
    boxes = whole.join(sizes, on="image_id", how="inner")
    # In tiles: 0 is the left or upper edge of the image, `grid` the right or lower one.
    spans = boxes.select(
        "class_name",
        *_span("x0", "x1", "upright_width", grid),
        *_span("y0", "y1", "upright_height", grid),
    ).where("x1 > x0 AND y1 > y0")
    touched = spans.select(
        "class_name",
        _tile_of_center("y0", "y1", grid).alias("center_row"),
        _tile_of_center("x0", "x1", grid).alias("center_column"),
        F.explode(_tiles("y0", "y1")).alias("row"),
        "x0",
        "x1",
    ).select("*", F.explode(_tiles("x0", "x1")).alias("column"))
    has_center = (F.col("row") == F.col("center_row")) & (F.col("column") == F.col("center_column"))
    tiles = touched.groupBy("class_name", "row", "column").agg(
        F.count("*").alias("boxes"), F.count_if(has_center).alias("centers")
    )
    return _with_shares(tiles).select(
        "class_name", F.lit(grid).alias("grid"), "row", "column", "boxes", "centers", "share"
    )


def _span(low: str, high: str, size: str, grid: int) -> tuple[Column, Column]:
    """Both ends of a box along one axis, clipped to the image, in tiles."""
    low_end = F.greatest(F.col(f"box.{low}"), F.lit(0.0)) * grid / F.col(size)
    high_end = F.least(F.col(f"box.{high}"), F.col(size).cast("double")) * grid / F.col(size)
    return low_end.alias(low), high_end.alias(high)


def _tiles(low: str, high: str) -> Column:
    return F.sequence(F.floor(low).cast("int"), (F.ceil(high) - 1).cast("int"))


def _tile_of_center(low: str, high: str, grid: int) -> Column:
    return F.least(F.floor((F.col(low) + F.col(high)) / 2).cast("int"), F.lit(grid - 1))


def _with_shares(tiles: DataFrame) -> DataFrame:
    """Rows of each class and of all boxes (class null), with the share of the boxes that cover a tile."""
    # Each box has its centre in one tile.
    everything = tiles.groupBy("row", "column").agg(F.sum("boxes").alias("boxes"), F.sum("centers").alias("centers"))
    both = tiles.where("class_name IS NOT NULL").unionByName(
        everything.withColumn("class_name", F.lit(None).cast("string"))
    )
    totals = both.groupBy(F.col("class_name").alias("of_class")).agg(F.sum("centers").alias("total"))
    joined = both.join(F.broadcast(totals), on=F.col("class_name").eqNullSafe(F.col("of_class")), how="inner")
    return joined.withColumn("share", F.col("boxes") / F.col("total"))
