"""Duplicates: equal files, equal pixels and equal perceptual hashes, merged into groups of which one image is kept."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.components import connected_components
from dataeval_spark.tables import DUPLICATE_GROUPS, DUPLICATE_PAIRS

EXACT_KINDS = {"exact_file": "file_hash", "exact_pixels": "content_hash"}
NEAR_KINDS = {"phash": "phash", "dhash": "dhash"}
LOW_INFORMATION = "low_information"


def duplicates(
    hashes: DataFrame,
    image_stats: DataFrame,
    images: DataFrame,
    *,
    near: bool = True,
    low_information_std: float = 2.0,
    max_edges: int = 20_000_000,
) -> tuple[DataFrame, DataFrame]:
    """Find exact and near duplicate images, and group them.

    Exact: equal bytes of the file, or equal decoded pixels (shape and type included). Near: equal
    perceptual hash (phash or dhash), which is DataEval's definition. Among k images with one equal
    hash each is tied to the smallest id (k - 1 pairs), so a hash shared by a million blank images
    costs a million rows. Groups are the connected components over all pairs.

    An image without structure (``std`` below ``low_information_std``) has no meaningful perceptual
    hash: such images are tied to one another only, as kind ``low_information``.

    In each group the image with the largest area is kept, then the sharpest, then the smallest id.

    Parameters
    ----------
    hashes, image_stats, images : DataFrame
        Tables of these names; of ``images`` the live rows.
    near : bool
        Perceptual hashes too, not only exact copies.
    low_information_std : float
        Standard deviation of pixel values below which an image counts as blank.
    max_edges : int
        Most pairs to group in one task.

    Returns
    -------
    tuple of DataFrame
        Tables ``duplicate_pairs`` and ``duplicate_groups`` without ``run_id``.

    Raises
    ------
    OptionError
        An option is out of range.

    References
    ----------
    DataEval 1.1.4, ``quality.Duplicates``; it lets blank images of different colours form one group
    with every other image of that hash.

    Examples
    --------
    >>> pairs, groups = duplicates(hashes, image_stats, images)
    >>> images.join(groups.where("NOT is_kept"), "image_id", "left_anti")  # without duplicates
    """
    OptionError.unless_between("duplicates.low_information_std", low_information_std, 0.0, 1e6)
    OptionError.unless_between("duplicates.max_edges", max_edges, 1, 10**9)
    whole = hashes.where("target_index IS NULL").select("image_id", *EXACT_KINDS.values(), *NEAR_KINDS.values())
    measures = image_stats.where("target_index IS NULL").select("image_id", "size", "sharpness", "std")
    # image_id is unique on both sides.
    joined = whole.join(measures, on="image_id", how="inner")
    is_blank = F.coalesce(F.col("std") < low_information_std, F.lit(False))
    pairs = _pairs(joined, is_blank, near)
    members = connected_components(
        pairs.select(F.col("image_id_a").alias("a"), F.col("image_id_b").alias("b")), one_task_edges=max_edges
    )
    return pairs, _groups(members, pairs, measures, images)


def _pairs(joined: DataFrame, is_blank: Column, near: bool) -> DataFrame:
    def keyed(kind: str, value: Column) -> Column:
        return F.struct(F.lit(kind).alias("kind"), value.alias("hash"))

    keys = [keyed(kind, F.col(column)) for kind, column in EXACT_KINDS.items()]
    if near:
        keys += [keyed(kind, F.when(~is_blank, F.col(column))) for kind, column in NEAR_KINDS.items()]
        keys.append(keyed(LOW_INFORMATION, F.when(is_blank, F.col("phash"))))
    long = joined.select("image_id", F.explode(F.array(*keys)).alias("k")).select("image_id", "k.kind", "k.hash")
    long = long.where("hash IS NOT NULL")
    # An aggregation and a join, not a window: a hash shared by a million images must not sit in one task's memory.
    first = (
        long.groupBy("kind", "hash").agg(F.min("image_id").alias("first_id"), F.count("*").alias("n")).where("n > 1")
    )
    return (
        long.join(first.where("n > 1"), on=["kind", "hash"], how="inner")
        .where("image_id != first_id")
        .select(
            F.col("first_id").alias("image_id_a"),
            F.lit(None).cast("int").alias("target_index_a"),
            F.col("image_id").alias("image_id_b"),
            F.lit(None).cast("int").alias("target_index_b"),
            "kind",
            F.lit(0.0).alias("distance"),
        )
        .select(*(name for name in DUPLICATE_PAIRS.column_names if name != "run_id"))
    )


def _groups(members: DataFrame, pairs: DataFrame, measures: DataFrame, images: DataFrame) -> DataFrame:
    ends = pairs.select(F.explode(F.array("image_id_a", "image_id_b")).alias("image_id"), "kind")
    kinds = ends.groupBy("image_id").agg(F.sort_array(F.collect_set("kind")).alias("kinds"))
    joined = (
        members.select(F.col("id").alias("image_id"), F.col("component").alias("group_id"))
        .join(kinds, on="image_id", how="inner")
        .join(measures.select("image_id", "size", "sharpness"), on="image_id", how="inner")
        .join(images.select("image_id", "split"), on="image_id", how="inner")
    )
    rank = F.struct(F.coalesce("size", F.lit(0.0)), F.coalesce("sharpness", F.lit(-1.0)))
    best = joined.groupBy("group_id").agg(
        F.count("*").alias("group_size"),
        F.max(rank).alias("best_rank"),
        (F.count_distinct("split") > 1).alias("spans_splits"),
        F.max("size").alias("best_size"),
    )
    ranked = joined.join(best, on="group_id", how="inner")
    keeper = ranked.where(rank == F.col("best_rank")).groupBy("group_id").agg(F.min("image_id").alias("kept_id"))
    reason = (
        F.when(F.col("image_id") == F.col("kept_id"), "kept: largest, then sharpest, then smallest id")
        .when(F.col("size") < F.col("best_size"), F.concat(F.lit("smaller than "), "kept_id"))
        .when(rank < F.col("best_rank"), F.concat(F.lit("less sharp than "), "kept_id"))
        .otherwise(F.concat(F.lit("same size and sharpness as "), "kept_id"))
    )
    return (
        ranked.join(keeper, on="group_id", how="inner")
        .select(
            "group_id",
            "image_id",
            F.lit(None).cast("int").alias("target_index"),
            "kinds",
            (F.col("image_id") == F.col("kept_id")).alias("is_kept"),
            reason.alias("reason"),
            "group_size",
            "spans_splits",
        )
        .select(*(name for name in DUPLICATE_GROUPS.column_names if name != "run_id"))
    )
