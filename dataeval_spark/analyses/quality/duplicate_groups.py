"""Duplicate groups: which member is kept, which members are pairs of it, and how far apart members may be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.quality.duplicate_pairs import EXACT_KINDS, ITEM, WHOLE
from dataeval_spark.frames.batches import map_batches
from dataeval_spark.frames.components import Checkpoint, connected_components
from dataeval_spark.frames.hamming_pairs import hamming_distance
from dataeval_spark.frames.unions import union_of_all_columns
from dataeval_spark.kernels.hashes.star_cover import star_groups
from dataeval_spark.tables.quality import DUPLICATE_GROUPS

Grouping = Literal["components", "medoid"]
Keep = Literal["largest", "sharpest", "labelled", "first"]

# Columns that decide which member is kept, the largest being best, and the phrase for a member that has less.
KEEP_RULES: dict[str, tuple[tuple[str, str], ...]] = {
    "largest": (("size", "smaller than"), ("sharpness", "less sharp than")),
    "sharpest": (("sharpness", "less sharp than"), ("size", "smaller than")),
    "labelled": (("labelled", "not labelled, but"), ("size", "smaller than"), ("sharpness", "less sharp than")),
    "first": (("earliness", "taken later than"),),
}
KEPT = {
    "largest": "kept: largest, then sharpest, then smallest id",
    "sharpest": "kept: sharpest, then largest, then smallest id",
    "labelled": "kept: labelled, then largest, then sharpest, then smallest id",
    "first": "kept: taken first, then smallest id",
}
EQUAL = {
    "largest": "same size and sharpness as",
    "sharpest": "same sharpness and size as",
    "labelled": "same labels, size and sharpness as",
    "first": "taken at the same time as, or as unknown a time as,",
}
COPIES = "copies"
_BOX = "box "
_IMAGE = "img "


def duplicate_groups(
    pairs: DataFrame,
    items: DataFrame,
    images: DataFrame,
    targets: DataFrame | None,
    *,
    grouping: Grouping,
    keep: Keep,
    one_task_edges: int,
    checkpoint: Checkpoint | None,
) -> DataFrame:
    """Group the members of pairs and choose the one of each group that is kept.

    Parameters
    ----------
    pairs : DataFrame
        Table ``duplicate_pairs``.
    items : DataFrame
        One row per image or box: ``image_id``, ``target``, ``phash``, ``size``, ``sharpness``.
    images, targets : DataFrame
        Tables of these names; of ``images`` the live rows.
    grouping, keep, one_task_edges, checkpoint
        See `duplicates`.

    Returns
    -------
    DataFrame
        Table ``duplicate_groups`` without ``run_id``.
    """
    edges = pairs.select(
        _key("a").alias("a"),
        _key("b").alias("b"),
        F.when(F.col("kind").isin(list(EXACT_KINDS)), COPIES).otherwise(F.col("kind")).alias("kind"),
        (F.col("distance") == 0).alias("is_equal"),
    )
    components = connected_components(edges.select("a", "b"), one_task_edges=one_task_edges, checkpoint=checkpoint)
    members = _members(components, pairs, items, images, targets)
    if grouping == "medoid":
        members = checkpoint(members) if checkpoint else members
        # An id is in one group at most.
        members = members.drop("component").join(_around_kept(edges, members, keep), on="id", how="inner")
    return _columns(_ranked(members, keep), keep)


def _ranked(members: DataFrame, keep: str) -> DataFrame:
    """Members with the kept one of their group, facts about the group, and the best of their copies."""
    best = members.groupBy("component").agg(
        _first_of_rank(keep).alias("kept"),
        F.count("*").alias("group_size"),
        # Two different values are there when the smallest is not the largest; null values do not count.
        F.coalesce(F.min("split") != F.max("split"), F.lit(False)).alias("spans_splits"),
        F.coalesce(F.min("classes") != F.max("classes"), F.lit(False)).alias("label_conflict"),
    )
    copies = members.groupBy("component", "copy_of").agg(_first_of_rank(keep).alias("best_copy"))
    # A component has one row of `best`; a component and copy_of have one of `copies`.
    ranked = (
        members.join(best, on="component", how="inner")
        .join(copies, on=["component", "copy_of"], how="inner")
        .select("*", hamming_distance("phash", "kept.phash").alias("kept_distance"))
    )
    # The kept one is a member: two others are no farther apart than by way of it.
    steps = F.least(F.max("group_size") - 1, F.lit(2))
    widest = ranked.groupBy("component").agg(
        F.when(F.max("kept_distance").isNotNull(), F.least(steps * F.max("kept_distance"), F.lit(64))).alias(
            "diameter_bound"
        )
    )
    return ranked.join(widest, on="component", how="inner")


def _key(end: str) -> Column:
    """One text per image or box, that of a box being different from that of any image."""
    box = F.concat(F.lit(_BOX), f"image_id_{end}", F.lit("#"), F.col(f"target_index_{end}").cast("string"))
    return F.coalesce(box, F.concat(F.lit(_IMAGE), f"image_id_{end}"))


def _around_kept(edges: DataFrame, members: DataFrame, keep: str) -> DataFrame:
    """Parts of the components around the images that are kept; a task holds whole components."""
    criteria = [f"criterion_{number}" for number in range(len(KEEP_RULES[keep]))]
    order = [(name, "ascending") for name in (*criteria, *ITEM)]

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        all_batches = list(batches)
        if all_batches:
            table = pa.Table.from_batches(all_batches)
            is_member = table["kind"].is_null()
            ranked, tied = table.filter(is_member).sort_by(order), table.filter(pc.invert(is_member))
            kinds = sorted(set(tied["kind"].unique().to_pylist()) - {COPIES})
            codes = pc.index_in(tied["kind"], value_set=pa.array([COPIES, *kinds], pa.string())).to_numpy()
            is_equal = tied["is_equal"].to_numpy()
            ids, groups = star_groups(ranked["id"].combine_chunks(), tied["id"], tied["b"], codes, is_equal)
            yield pa.RecordBatch.from_arrays([ids, groups], names=["id", "component"])

    # An id has one component.
    tied = edges.withColumnRenamed("a", "id").join(members.select("id", "component"), on="id", how="inner")
    values = [value.cast("double").alias(name) for name, value in zip(criteria, _criteria(keep), strict=True)]
    both = union_of_all_columns(members.select("component", "id", *ITEM, *values), tied)
    return map_batches(both.repartition("component").drop("component"), run, "id string, component string")


def _members(
    components: DataFrame, pairs: DataFrame, items: DataFrame, images: DataFrame, targets: DataFrame | None
) -> DataFrame:
    def end(name: str) -> Column:
        target = F.coalesce(f"target_index_{name}", F.lit(WHOLE)).alias("target")
        return F.struct(F.col(f"image_id_{name}").alias("image_id"), target, _key(name).alias("id"))

    ends = pairs.select(F.explode(F.array(end("a"), end("b"))).alias("end"), "kind").select("end.*", "kind")
    kinds = ends.groupBy("image_id", "target", "id").agg(F.sort_array(F.collect_set("kind")).alias("kinds"))
    # The smallest of copies stands for them in every exact kind; equal files have equal pixels.
    copies = (
        pairs.where(F.col("kind").isin(list(EXACT_KINDS)))
        .groupBy(_key("b").alias("id"))
        .agg(F.min(_key("a")).alias("first"))
    )
    # Every join's right side has one row per key.
    members = (
        components.join(kinds, on="id", how="inner")
        .join(copies, on="id", how="left")
        .withColumn("copy_of", F.coalesce("first", "id"))
        .drop("first")
        .join(items.select(*ITEM, "phash", "size", "sharpness"), on=list(ITEM), how="inner")
        .join(images.select("image_id", "split", "captured_at"), on="image_id", how="inner")
    )
    if targets is None:
        return members.select("*", F.lit(None).cast("string").alias("classes"))
    labels = targets.join(kinds.select("image_id").distinct(), on="image_id", how="left_semi")
    of_boxes = labels.select("image_id", F.col("target_index").alias("target"), F.col("class_name").alias("classes"))
    of_images = labels.groupBy("image_id").agg(
        F.array_join(F.sort_array(F.collect_set("class_name")), "\n").alias("classes")
    )
    of_images = of_images.select(
        "image_id", F.lit(WHOLE).alias("target"), F.nullif("classes", F.lit("")).alias("classes")
    )
    return members.join(of_boxes.unionAll(of_images), on=list(ITEM), how="left")


def _first_of_rank(keep: str) -> Column:
    """Aggregate: the one that is kept, by the criteria, then the smallest id; missing values come last."""
    order = [*_criteria(keep), *map(F.col, ITEM)]
    # `phash` may be null, so it is not in the order.
    return F.min_by(F.struct(*order, "phash"), F.struct(*order))


def _criteria(keep: str) -> list[Column]:
    values = {
        "size": F.coalesce("size", F.lit(0.0)),
        "sharpness": F.coalesce("sharpness", F.lit(-1.0)),
        "labelled": F.col("classes").isNotNull().cast("double"),
        "earliness": -F.coalesce(F.unix_micros("captured_at").cast("double"), F.lit(float("inf"))),
    }
    return [(F.lit(0.0) - values[name]).alias(name) for name, _ in KEEP_RULES[keep]]


def _columns(ranked: DataFrame, keep: str) -> DataFrame:
    is_kept = (F.col("image_id") == F.col("kept.image_id")) & (F.col("target") == F.col("kept.target"))
    box = F.concat("kept.image_id", F.lit("#"), F.col("kept.target").cast("string"))
    kept_item = F.when(F.col("kept.target") == WHOLE, F.col("kept.image_id")).otherwise(box)
    reason = F.when(is_kept, F.lit(KEPT[keep]))
    for (name, text), value in zip(KEEP_RULES[keep], _criteria(keep), strict=True):
        phrase = F.concat(F.lit(f"{text} "), kept_item, F.lit(" is" if name == "labelled" else ""))
        reason = reason.when(value > F.col(f"kept.{name}"), phrase)
    reason = reason.otherwise(F.concat(F.lit(f"{EQUAL[keep]} "), kept_item))
    return ranked.select(
        F.substring("component", len(_IMAGE) + 1, 2**31 - 1).alias("group_id"),
        "image_id",
        F.when(F.col("target") != WHOLE, F.col("target")).alias("target_index"),
        "kinds",
        is_kept.alias("is_kept"),
        (F.struct("image_id", "target") != F.struct("best_copy.image_id", "best_copy.target")).alias("is_exact_copy"),
        reason.alias("reason"),
        "group_size",
        "spans_splits",
        "label_conflict",
        F.col("kept_distance").cast("int").alias("kept_distance"),
        F.col("diameter_bound").cast("int").alias("diameter_bound"),
    ).select(*DUPLICATE_GROUPS.result_names)
