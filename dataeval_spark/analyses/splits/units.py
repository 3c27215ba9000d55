"""Units, the images that must stay together: those of one group, and duplicates of one another."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.components import Checkpoint, connected_components
from dataeval_spark.frames.number_texts import with_text
from dataeval_spark.tables.contract import identifier
from dataeval_spark.tables.images import FACTORS

# Columns of the images themselves by which they may be grouped.
IMAGE_COLUMNS = ("dataset", "source")


def units_of(
    images: DataFrame,
    *,
    groups: Mapping[str, DataFrame] | None = None,
    duplicate_pairs: DataFrame | None = None,
    checkpoint: Checkpoint | None = None,
) -> DataFrame:
    """Give each image the unit it belongs to: a connected component of common groups and duplicates.

    Parameters
    ----------
    images : DataFrame
        ``image_id``.
    groups : mapping of str to DataFrame, optional
        Key (``patient``) to rows of ``image_id`` and ``value``, one per image; an image without a value is in no group
        of that key.
    duplicate_pairs : DataFrame, optional
        Table of this name: images that a chain of pairs ties stay together, even if they are in several groups or none.
    checkpoint : callable, optional
        See :func:`dataeval_spark.frames.components.connected_components`.

    Returns
    -------
    DataFrame
        ``image_id`` and ``unit_id``: the smallest of the unit's groups as ``group:key=value``, or of its images as
        ``image:id`` where it has no group. Units of one key are ordered by its values.

    Examples
    --------
    >>> by_camera = factors.where("target_index IS NULL").selectExpr("image_id", "camera AS value")
    >>> units = units_of(images, groups={"camera": by_camera})
    >>> units.groupBy("unit_id").count().orderBy("unit_id").show(2, truncate=False)
    +--------------------+-----+
    |unit_id             |count|
    +--------------------+-----+
    |group:camera=compact|55   |
    |group:camera=phone  |43   |
    +--------------------+-----+
    only showing top 2 rows
    """
    alone = F.concat(F.lit("image:"), "image_id")
    if not groups:
        labelled = images.select("image_id", alone.alias("label"))
        edges = None
    else:
        nodes = [
            with_text(frame.where("value IS NOT NULL"), "image_id", "value").select(
                "image_id", F.concat(F.lit(f"group:{key}="), "value").alias("node")
            )
            for key, frame in sorted(groups.items())
        ]
        of_image = (
            reduce(DataFrame.unionAll, nodes)
            .groupBy("image_id")
            .agg(F.sort_array(F.collect_set("node")).alias("nodes"))
        )
        # image_id is unique on both sides.
        joined = images.select("image_id").join(of_image, on="image_id", how="left")
        labelled = joined.select("image_id", F.coalesce(F.get("nodes", F.lit(0)), alone).alias("label"), "nodes")
        # Only the groups are nodes, each pair of them once, however many images tie them.
        several = labelled.where(F.size("nodes") > 1).select("label", F.explode("nodes").alias("node"))
        edges = several.select(F.col("label").alias("a"), F.col("node").alias("b")).distinct() if nodes[1:] else None
    if duplicate_pairs is not None:
        pairs = whole_pairs(duplicate_pairs)
        # An image has one label.
        for end in "ab":
            label = labelled.select(F.col("image_id").alias(f"image_id_{end}"), F.col("label").alias(end))
            pairs = pairs.join(label, on=f"image_id_{end}", how="inner")
        tied = pairs.where("a != b").select("a", "b").distinct()
        edges = tied if edges is None else edges.unionAll(tied)
    if edges is None:
        return labelled.select("image_id", F.col("label").alias("unit_id"))
    components = connected_components(edges, checkpoint=checkpoint)
    # One row per label on the right.
    return labelled.join(components, on=F.col("label") == F.col("id"), how="left").select(
        "image_id", F.coalesce("component", "label").alias("unit_id")
    )


def whole_pairs(duplicate_pairs: DataFrame) -> DataFrame:
    """Pairs of whole images that are duplicates: two images without structure are none of one another."""
    return duplicate_pairs.where("target_index_a IS NULL AND target_index_b IS NULL AND kind != 'low_information'")


def groupings(images: DataFrame, factors: DataFrame | None) -> dict[str, DataFrame]:
    """Columns that images can be grouped by: name to ``image_id`` and ``value``, their metadata first."""
    of_images = {name: images.select("image_id", F.col(name).alias("value")) for name in IMAGE_COLUMNS}
    if factors is None:
        return of_images
    whole = factors.where("target_index IS NULL")
    names = [name for name in factors.columns if name not in FACTORS.column_names]
    of_factors = {
        name: with_text(whole.select("image_id", F.col(identifier(name)).alias("value")), "image_id", "value")
        for name in names
    }
    return of_factors | of_images
