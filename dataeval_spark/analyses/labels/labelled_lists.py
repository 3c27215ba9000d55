"""The label of each image or box beside the labels of its nearest neighbours, one row per list."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

KEYS = ("source", "image_id", "place")


def labelled_lists(targets: DataFrame, neighbors: DataFrame) -> DataFrame:
    """Join labels with the lists of their neighbours.

    Parameters
    ----------
    targets : DataFrame
        Table ``targets``. A whole image has the label of its one target; images with several are left out.
    neighbors : DataFrame
        Table ``neighbors``.

    Returns
    -------
    DataFrame
        ``source`` (the encoder, and whether these are boxes), ``image_id``, ``target_index``, ``class_name``, and
        ``names`` (null for a neighbour without one label) and ``distances`` of the neighbours, the nearest first.

    Examples
    --------
    >>> labelled_lists(targets, neighbors).where("names[0] <> class_name").count()
    57
    """
    labels = targets.where("class_name IS NOT NULL").select("image_id", "target_index", "class_name")
    only = labels.groupBy("image_id").agg(
        F.count("*").alias("n"),
        F.first("class_name").alias("class_name"),
        F.first("target_index").alias("target_index"),
    )
    # A vector of the whole image is that of its one target; place -1 stands for the whole image.
    of_image = only.where("n = 1").select("image_id", F.lit(-1).alias("place"), "target_index", "class_name")
    of_box = labels.select("image_id", F.col("target_index").alias("place"), "target_index", "class_name")
    placed = of_image.unionByName(of_box)
    graph = neighbors.select(
        F.concat_ws(" ", "encoder", F.when(F.col("target_index").isNotNull(), F.lit("(boxes)"))).alias("source"),
        "image_id",
        F.coalesce("target_index", F.lit(-1)).alias("place"),
        "rank",
        "neighbor_id",
        F.coalesce("neighbor_target_index", F.lit(-1)).alias("neighbor_place"),
        "distance",
    )
    named = placed.select(
        F.col("image_id").alias("neighbor_id"),
        F.col("place").alias("neighbor_place"),
        F.col("class_name").alias("name"),
    )
    entry = F.struct("rank", "distance", "name")
    lists = (
        graph.join(named, on=["neighbor_id", "neighbor_place"], how="left")
        .groupBy(*KEYS)
        .agg(F.sort_array(F.collect_list(entry)).alias("entries"))
        .join(placed, on=["image_id", "place"], how="inner")
    )
    return lists.select(
        "source",
        "image_id",
        "target_index",
        "class_name",
        F.transform("entries", lambda entry: entry["name"]).alias("names"),
        F.transform("entries", lambda entry: entry["distance"]).alias("distances"),
    )
