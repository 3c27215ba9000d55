"""Members of a split: each image with its unit, its strata, its time and the part it had before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.splits.parts import label_counts
from dataeval_spark.analyses.splits.units import units_of
from dataeval_spark.frames.components import Checkpoint

STRATA_TYPE = "map<string, bigint>"


def members_of(
    images: DataFrame,
    *,
    groups: Mapping[str, DataFrame] | None = None,
    duplicate_pairs: DataFrame | None = None,
    strata: DataFrame | None = None,
    previous: DataFrame | None = None,
    checkpoint: Checkpoint | None = None,
) -> DataFrame:
    """Make the members that `assign` takes, one row per image of ``images``.

    Columns are ``image_id``; ``unit_id`` (see `units_of`, also for ``groups`` and ``duplicate_pairs``); ``strata``
    (name to number of labels, a result of `strata_of`); ``captured_us`` (microseconds since 1970); and ``previous``,
    the part that the image has in the rows of ``split_assignments`` of an earlier split of the same name.
    """
    units = units_of(images, groups=groups, duplicate_pairs=duplicate_pairs, checkpoint=checkpoint)
    # image_id is unique in all of these.
    members = units.join(
        images.select("image_id", F.unix_micros("captured_at").alias("captured_us")), on="image_id", how="inner"
    )
    no_strata = F.lit(None).cast(STRATA_TYPE).alias("strata")
    members = members.select("*", no_strata) if strata is None else members.join(strata, on="image_id", how="left")
    if previous is None:
        members = members.select("*", F.lit(None).cast("string").alias("previous"))
    else:
        earlier = previous.where("split != 'excluded'").select("image_id", F.col("split").alias("previous"))
        members = members.join(earlier, on="image_id", how="left")
    return members.select("image_id", "unit_id", "strata", "captured_us", "previous")


def strata_of(
    by: Sequence[str],
    *,
    targets: DataFrame,
    factor_bins: DataFrame | None = None,
    bin_edges: DataFrame | None = None,
    combined: bool = False,
) -> DataFrame:
    """Count the labels of each image by class and by the bins of factors: ``image_id`` and ``strata``.

    ``strata`` maps ``name=value`` to labels: boxes of a class, boxes in a bin of a factor of boxes, and 1 for a factor
    of the image. Names in ``by`` are ``class_name`` and factors, which need tables ``factor_bins`` and ``bin_edges``.
    With ``combined`` an image has one stratum, all its values together (``class_name=cat, weather=rain``): then not
    only each value but each combination has its share in all parts.
    """
    counts = label_counts(targets, factor_bins, bin_edges).where(F.col("factor").isin(list(by)))
    rows = counts.select("image_id", F.concat("factor", F.lit("="), "value").alias("stratum"), "n")
    # Numbers that may be null, although none is: the embedded engine ends queries that mix maps of the two kinds.
    n = F.nullif(F.col("n"), F.lit(0)).alias("n")
    strata = F.map_from_entries(F.sort_array(F.collect_list(F.struct("stratum", n))))
    per_image = rows.groupBy("image_id").agg(strata.alias("strata"))
    if not combined:
        return per_image
    name = F.concat_ws(", ", F.map_keys("strata"))
    one = F.when(F.size("strata") > 0, F.lit(1).cast("bigint"))
    return per_image.select("image_id", F.create_map(name, one).alias("strata"))
