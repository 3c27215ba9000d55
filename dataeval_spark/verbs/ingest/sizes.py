"""The size of an image as its annotations declare it, as its file stores it, and as it is shown."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.verbs.ingest.readers.source import as_findings

# A box that leaves a frame by less is rounding; pixels.
TOLERANCE = 1.0
FRAMES = ("declared", "stored", "upright")


def size_findings(images: DataFrame, targets: DataFrame, dataset: str) -> DataFrame:
    """One finding for each image whose sizes differ; it says in which of them the boxes fit.

    Boxes are taken to lie in the upright image. Where they fit another size only, they were drawn on the image as it
    is stored, or on one that was resized.

    Parameters
    ----------
    images : DataFrame
        Live rows of table ``images``.
    targets : DataFrame
        Rows of table ``targets``.
    dataset : str
        Name of the dataset, the first part of the ids.
    """
    pairs = [(_size(a), _size(b)) for a, b in (("declared", "stored"), ("stored", "upright"), ("declared", "upright"))]
    differ = F.lit(False)
    for a, b in pairs:
        differ |= F.coalesce(a != b, F.lit(False))
    odd = images.where(differ)
    boxed = targets.where("box IS NOT NULL").join(odd.select("image_id"), on="image_id", how="left_semi")
    reach = boxed.groupBy("image_id").agg(F.max("box.x1").alias("right"), F.max("box.y1").alias("bottom"))
    rows = odd.join(reach, on="image_id", how="left")
    # Whether the declared size is one of the file's own decides how grave it is.
    declared_is_known = (_size("declared") == _size("stored")) | (_size("declared") == _size("upright"))
    is_harmless = F.col("right").isNull() & F.coalesce(declared_is_known, F.lit(True))
    path = F.substring("image_id", len(dataset) + 2, 2**31 - 1)
    fitting = F.array_join(F.array_compact(F.array(*(F.when(_fits(frame), frame) for frame in FRAMES))), ", ")
    fit = F.when(F.col("right").isNull(), "it has no boxes").otherwise(
        F.concat(F.lit("its boxes fit: "), F.when(fitting == "", "none of them").otherwise(fitting))
    )
    return as_findings(
        rows,
        source_file=F.col("source"),
        location=path,
        image_id=F.col("image_id"),
        kind="size_differs",
        message=F.concat(F.lit("Declared, stored and upright size of the image differ; "), fit),
        found=F.concat_ws(", ", *(F.concat(F.lit(f"{frame} "), _text(frame)) for frame in FRAMES)),
        expected="one size, in which the boxes fit",
        severity=F.when(is_harmless, "info").otherwise("warning"),
    )


def _size(frame: str) -> Column:
    """Width and height as one value; null where either is not known."""
    return F.when(
        F.col(f"{frame}_width").isNotNull() & F.col(f"{frame}_height").isNotNull(),
        F.struct(F.col(f"{frame}_width").alias("width"), F.col(f"{frame}_height").alias("height")),
    )


def _text(frame: str) -> Column:
    return F.concat(F.col(f"{frame}_width").cast("string"), F.lit(" × "), F.col(f"{frame}_height").cast("string"))


def _fits(frame: str) -> Column:
    return (F.col("right") <= F.col(f"{frame}_width") + TOLERANCE) & (
        F.col("bottom") <= F.col(f"{frame}_height") + TOLERANCE
    )
