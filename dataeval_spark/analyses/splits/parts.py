"""Parts of each image, in the splits that were made and in the one that the source gave."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.kernels.splits.time_parts import EXCLUDED

GIVEN = "given"
TRAIN, REST = "train", "rest"
PARTITION = ("split_name", "repeat", "fold")


def all_parts(images: DataFrame, split_assignments: DataFrame | None = None) -> DataFrame:
    """Parts of live images in all splits: ``split_name``, ``repeat``, ``fold``, ``image_id`` and ``split``.

    The column ``split`` of ``images`` is the split named ``given``. Images that are in no part have no row.
    """
    source_parts = images.where("split IS NOT NULL").select(
        F.lit(GIVEN).alias("split_name"),
        F.lit(0).alias("repeat"),
        F.lit(None).cast("int").alias("fold"),
        "image_id",
        "split",
    )
    if split_assignments is None:
        return source_parts
    assignments = split_assignments.where(F.col("split") != EXCLUDED).select(*PARTITION, "image_id", "split")
    # image_id is unique in images.
    return source_parts.unionByName(assignments.join(images.select("image_id"), on="image_id", how="left_semi"))


def label_counts(
    targets: DataFrame,
    factor_bins: DataFrame | None = None,
    bin_edges: DataFrame | None = None,
    *,
    without: Sequence[str] = (),
) -> DataFrame:
    """Labels of each image by class and by bin: ``image_id``, ``factor``, ``value`` and ``n``.

    The class is factor ``class_name``. A factor of the image counts once per image, one of the target once per target.
    Factors ``without`` are left out: factors that the parts are made from differ by definition.
    """
    classes = (
        targets.where("class_name IS NOT NULL")
        .groupBy("image_id", F.lit("class_name").alias("factor"), F.col("class_name").alias("value"))
        .agg(F.count("*").alias("n"))
    )
    if factor_bins is None or bin_edges is None:
        return classes
    binned = factor_bins.select("image_id", F.explode("bins").alias("factor", "bin"))
    binned = binned.where(~F.col("factor").isin(list(without))) if without else binned
    counted = binned.groupBy("image_id", "factor", "bin").agg(F.count("*").alias("n"))
    # (factor, bin) is unique on the right.
    labels = F.broadcast(bin_edges.select("factor", "bin", "label", "level"))
    named = counted.join(labels, on=["factor", "bin"], how="left").select(
        "image_id",
        "factor",
        F.coalesce("label", F.lit("unknown")).alias("value"),
        F.when(F.col("level") == "target", F.col("n")).otherwise(F.lit(1).cast("bigint")).alias("n"),
    )
    return classes.unionByName(named)


def opponents(names: Sequence[str], base: str = TRAIN) -> list[tuple[str, str, list[str]]]:
    """Each part, the name of its opponent, and the parts that make up the opponent: the base, or else all others."""
    if base in names:
        return [(name, base, [base]) for name in names if name != base]
    return [(name, REST, [n for n in names if n != name]) for name in names] if len(names) > 1 else []
