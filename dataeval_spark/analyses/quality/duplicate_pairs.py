"""Duplicate pairs of images or of boxes: by equal hashes, near hashes, and near embeddings.

``items`` has one row per image or box: ``image_id``, ``target`` (its target_index, -1 for the whole image),
``is_blank`` (its perceptual hashes say nothing) and the columns of `hashes`. Images are paired with images and boxes
with boxes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.hamming_pairs import hamming_distance, hamming_pairs
from dataeval_spark.tables.quality import DUPLICATE_PAIRS

EXACT_KINDS = {"exact_file": "file_hash", "exact_pixels": "content_hash"}
# Pixels are equal as far as they were decoded: the first frame of several, or eight of more bits.
DECODED_PIXELS = "decoded_pixels"
NEAR_KINDS = ("phash", "dhash")
# The hash of the picture as it is, which tells whether two are alike as they are.
D4_KINDS = {"phash_d4": "phash", "dhash_d4": "dhash"}
LOW_INFORMATION = "low_information"
EMBEDDING = "embedding"
# A distance divided by that of the neighbours of both: see `near_distances`.
EMBEDDING_RELATIVE = "embedding_relative"
WHOLE = -1

ITEM = ("image_id", "target")


def pairs_by_hash(items: DataFrame, kinds: Sequence[str], distances: Mapping[str, int]) -> DataFrame:
    """Find pairs with equal hashes, and pairs between hashes within their distance.

    Of k items with one hash each is tied to the smallest (k - 1 pairs), and of near hashes the smallest items are
    tied, so that a hash shared by a million blank images costs a million rows.

    Parameters
    ----------
    items : DataFrame
        See the module's description.
    kinds : sequence of str
        Kinds of `duplicate_pairs` but ``embedding``.
    distances : mapping
        Largest distance by kind of a perceptual hash [bit]; 0 where it is missing.

    Returns
    -------
    DataFrame
        Table ``duplicate_pairs`` without ``run_id``.
    """
    long = items.select(
        F.struct(*ITEM).alias("item"),
        (F.col("target") != WHOLE).alias("is_box"),
        F.explode(F.array(*map(_key, kinds))).alias("k"),
    ).select("item", "is_box", "k.kind", "k.hash", "k.plain")
    long = long.where("hash IS NOT NULL")
    # An aggregation and a join, not a window: a hash shared by a million images must not sit in one task's memory.
    first = long.groupBy("is_box", "kind", "hash").agg(
        F.min_by(F.struct("item", "plain"), "item").alias("first"), F.count("*").alias("n")
    )
    equal = (
        long.join(first.where("n > 1"), on=["is_box", "kind", "hash"], how="inner")
        .where("item != first.item")
        .select("kind", "first", F.struct("item", "plain").alias("second"), F.lit(0).alias("distance"))
    )
    near_kinds = {kind: distance for kind, distance in distances.items() if kind in kinds and distance > 0}
    pairs = equal.unionAll(_near(first, near_kinds)) if near_kinds else equal
    return _columns(
        pairs.select(
            F.col("first.item").alias("a"),
            F.col("second.item").alias("b"),
            "kind",
            F.col("distance").cast("double").alias("distance"),
            _orientation(near_kinds).alias("orientation"),
        )
    )


def pairs_by_embedding(
    neighbors: DataFrame, items: DataFrame, distance: float | str, *, kind: str = EMBEDDING
) -> DataFrame:
    """Select the pairs of the graph ``neighbors`` of at most this distance, of items that are not blank.

    The graph has each item's k nearest: a pair is missing only where both have k others that are nearer.

    Parameters
    ----------
    neighbors : DataFrame
        Rows of a table of this name.
    items : DataFrame
        See the module's description.
    distance : float or str
        Largest distance, or the column that has it.
    kind : str
        Kind of the pairs.

    Returns
    -------
    DataFrame
        Table ``duplicate_pairs`` without ``run_id``.
    """
    most = F.col(distance) if isinstance(distance, str) else F.lit(distance)
    near = neighbors.where(F.col("distance") <= most).select(
        item_of("image_id", "target_index").alias("one"),
        item_of("neighbor_id", "neighbor_target_index").alias("other"),
        "distance",
    )
    ordered = near.groupBy(F.least("one", "other").alias("a"), F.greatest("one", "other").alias("b")).agg(
        F.min("distance").alias("distance")
    )
    clear = items.where("NOT is_blank").select(F.struct(*ITEM).alias("item"))
    # The items are unique.
    both = (
        ordered.join(clear.withColumnRenamed("item", "a"), on="a", how="left_semi")
        .join(clear.withColumnRenamed("item", "b"), on="b", how="left_semi")
        .select("a", "b", F.lit(kind).alias("kind"), "distance", F.lit(None).cast("string").alias("orientation"))
    )
    return _columns(both)


def _key(kind: str) -> Column:
    plain = F.lit(None).cast("string")
    covers_all = F.coalesce(F.col("content_scope") == "all", F.lit(False))
    if kind == "exact_pixels":
        value = F.when(covers_all, F.col("content_hash"))
    elif kind == DECODED_PIXELS:
        value = F.when(~covers_all, F.col("content_hash"))
    elif kind in EXACT_KINDS:
        value = F.col(EXACT_KINDS[kind])
    elif kind == LOW_INFORMATION:
        value = F.when(F.col("is_blank"), F.col("phash"))
    else:
        value = F.when(~F.col("is_blank"), F.col(kind))
        plain = F.col(D4_KINDS[kind]) if kind in D4_KINDS else plain
    return F.struct(F.lit(kind).alias("kind"), value.alias("hash"), plain.alias("plain"))


def _near(first: DataFrame, distances: Mapping[str, int]) -> DataFrame:
    # Boxes are compared with boxes: a kind of their own.
    kinds = {(kind, is_box): f"{kind} of boxes" if is_box else kind for kind in distances for is_box in (False, True)}
    name = F.when(F.col("is_box"), F.concat("kind", F.lit(" of boxes"))).otherwise(F.col("kind"))
    named = first.select(name.alias("name"), "kind", "hash", "first")
    pairs = hamming_pairs(
        named.select(F.col("name").alias("kind"), "hash"), {kinds[key]: distances[key[0]] for key in kinds}
    )
    one = named.select("name", F.col("hash").alias("hash_a"), "kind", F.col("first").alias("one"))
    other = named.select("name", F.col("hash").alias("hash_b"), F.col("first").alias("other"))
    # A kind and hash has one row of `named`.
    return (
        pairs.select(F.col("kind").alias("name"), "hash_a", "hash_b", "distance")
        .join(one, on=["name", "hash_a"], how="inner")
        .join(other, on=["name", "hash_b"], how="inner")
        .select("kind", F.least("one", "other").alias("first"), F.greatest("one", "other").alias("second"), "distance")
    )


def _orientation(distances: Mapping[str, int]) -> Column:
    """Whether images that are alike in some rotation or flip are alike as they are."""
    alike = F.col("first.plain").eqNullSafe(F.col("second.plain"))
    for kind in D4_KINDS:
        if kind in distances:
            near = hamming_distance("first.plain", "second.plain") <= distances[kind]
            alike = F.when(F.col("kind") == kind, F.coalesce(near, F.lit(False))).otherwise(alike)
    return F.when(F.col("kind").isin(list(D4_KINDS)), F.when(alike, "same").otherwise("rotated"))


def item_of(image_id: str, target_index: str) -> Column:
    """Image or box as ``ITEM``, from the columns of its image and of its target_index."""
    # One that may be null, as in items that were stored: the embedded engine compares structs of one type only.
    target = F.when(F.col(image_id).isNotNull(), F.coalesce(target_index, F.lit(WHOLE)))
    return F.struct(F.col(image_id).alias("image_id"), target.alias("target"))


def target_index_of(item: str) -> Column:
    """The target_index of an ``ITEM``, null for a whole image."""
    return F.when(F.col(f"{item}.target") != WHOLE, F.col(f"{item}.target"))


def _columns(pairs: DataFrame) -> DataFrame:
    return pairs.select(
        F.col("a.image_id").alias("image_id_a"),
        target_index_of("a").alias("target_index_a"),
        F.col("b.image_id").alias("image_id_b"),
        target_index_of("b").alias("target_index_b"),
        "kind",
        "distance",
        "orientation",
    ).select(*DUPLICATE_PAIRS.result_names)
