"""Split leakage: duplicates and groups in several parts of a split, and the fewest moves that remove all leaks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.splits.parts import PARTITION, all_parts
from dataeval_spark.analyses.splits.units import IMAGE_COLUMNS, groupings, units_of, whole_pairs
from dataeval_spark.errors import OptionError
from dataeval_spark.frames.components import Checkpoint
from dataeval_spark.frames.contract import rows_of, same_keys
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.splits import SPLIT_LEAKAGE, SPLIT_REPAIRS

MAX_SPLITS = 10_000


def split_leakage(
    images: DataFrame,
    split_assignments: DataFrame | None = None,
    duplicate_pairs: DataFrame | None = None,
    duplicate_groups: DataFrame | None = None,
    factors: DataFrame | None = None,
    splits: DataFrame | None = None,
    *,
    group_by: Sequence[str] = (),
    checkpoint: Checkpoint | None = None,
) -> tuple[DataFrame, DataFrame]:
    r"""Find duplicates and groups that are in several parts of a split, and which images to move.

    Every split is checked: those that were made (``split_assignments``) and the one that the source gave
    (``images.split``, named ``given``). Of a duplicate group or a group with images in k parts there are k - 1 rows,
    the first image of each part with that of the first part; the pairs of ``duplicate_pairs`` in different parts are
    listed one by one, each with its kind.

    A repair leaves each component of images that are tied together in one part. Moving all but the images of part p
    takes :math:`n - n_p` moves and no fewer do, because each image that is not in the part chosen must move; so the
    part that has most images of the component gives the fewest moves. Components do not share images, so the sum is
    the smallest too. Of parts with equally many images the first by name is chosen.

    Parameters
    ----------
    images : DataFrame
        Live rows of table ``images``.
    split_assignments, duplicate_pairs, duplicate_groups, factors, splits : DataFrame, optional
        Tables of these names.
    group_by : sequence of str
        Columns of ``factors`` (or ``dataset``, ``source``) whose values must not be in two parts: patient, video,
        location. Columns that a split of this workspace was grouped by are checked in all splits, named here or not.
    checkpoint : callable, optional
        See `units_of`.

    Returns
    -------
    tuple of DataFrame
        Tables ``split_leakage`` and ``split_repairs`` without ``run_id``.

    Raises
    ------
    OptionError
        ``group_by`` names no column of ``factors``, or there is no such table.

    Examples
    --------
    >>> halves = images.withColumn("split", F.when(F.hash("image_id") % 2 == 0, "train").otherwise("test"))
    >>> leaks, moves = split_leakage(halves, None, pairs, groups)
    >>> leaks.groupBy("kind").count().orderBy("kind").show(3)
    +------------------+-----+
    |              kind|count|
    +------------------+-----+
    |             dhash|    3|
    |   duplicate_group|    5|
    |embedding_relative|    5|
    +------------------+-----+
    only showing top 3 rows
    """
    columns = groupings(images, factors)
    if set(group_by) - set(IMAGE_COLUMNS) and factors is None:
        raise OptionError(
            f"split_leakage.group_by is {list(group_by)} and there are no factors.\n"
            "Hint: dataeval-spark ingest SOURCE --metadata FILE"
        )
    for name in group_by:
        OptionError.unless_one_of("split_leakage.group_by", name, sorted(columns))
    parts = all_parts(images, split_assignments)
    if parts.isEmpty():
        return rows_of(images, SPLIT_LEAKAGE, []), rows_of(images, SPLIT_REPAIRS, [])
    names = dict.fromkeys([*group_by, *(name for name in _grouped_by(splits) if name in columns)])
    groups = {name: columns[name] for name in names}
    sets = [
        frame.where("value IS NOT NULL").select(F.lit(f"group:{name}").alias("kind"), "value", "image_id")
        for name, frame in groups.items()
    ]
    if duplicate_groups is not None:
        whole = duplicate_groups.where("target_index IS NULL")
        sets.append(whole.select(F.lit("duplicate_group").alias("kind"), F.col("group_id").alias("value"), "image_id"))
    leaks = [_torn_sets(frame, parts) for frame in sets]
    if duplicate_pairs is not None:
        leaks.append(_torn_pairs(whole_pairs(duplicate_pairs), parts))
    rows = reduce(DataFrame.unionByName, leaks, rows_of(images, SPLIT_LEAKAGE, []))
    units = units_of(
        images, groups=groups, duplicate_pairs=_ties(duplicate_pairs, duplicate_groups), checkpoint=checkpoint
    )
    return rows, _repairs(parts, units)


def _grouped_by(splits: DataFrame | None) -> list[str]:
    """Columns that the splits of the workspace were grouped by."""
    if splits is None:
        return []
    rows = bounded(splits.orderBy("split_name").limit(MAX_SPLITS), "one row per split")
    return [name for row in rows for name in json.loads(row["options"]).get("group_by") or ()]


def _torn_sets(sets: DataFrame, parts: DataFrame) -> DataFrame:
    """First image of each part beside that of the first part, for each set with images in several parts."""
    firsts = (
        sets.join(parts, on="image_id", how="inner")
        .groupBy(*PARTITION, "kind", "value", "split")
        .agg(F.min("image_id").alias("first"))
        .groupBy(*PARTITION, "kind", "value")
        .agg(F.sort_array(F.collect_list(F.struct("split", "first"))).alias("firsts"))
        .where(F.size("firsts") > 1)
    )
    one, other = F.col("firsts")[0], F.explode(F.slice("firsts", 2, F.size("firsts") - 1))
    pairs = firsts.select(*PARTITION, "kind", "value", one.alias("a"), other.alias("b"))
    return pairs.select(
        *PARTITION,
        "kind",
        F.col("a.first").alias("image_id_a"),
        F.col("b.first").alias("image_id_b"),
        F.col("a.split").alias("split_a"),
        F.col("b.split").alias("split_b"),
        "value",
    )


def _torn_pairs(pairs: DataFrame, parts: DataFrame) -> DataFrame:
    side = {
        end: parts.select(*PARTITION, F.col("image_id").alias(f"image_id_{end}"), F.col("split").alias(f"split_{end}"))
        for end in "ab"
    }
    # An image has one part in each partition.
    first = pairs.select("kind", "image_id_a", "image_id_b").join(side["a"], on="image_id_a", how="inner").alias("one")
    same = same_keys(("image_id_b", *PARTITION), "one", "other") & (F.col("split_a") != F.col("split_b"))
    return first.join(side["b"].alias("other"), on=same, how="inner").select(
        *(f"one.{name}" for name in PARTITION),
        "kind",
        "image_id_a",
        "one.image_id_b",
        "split_a",
        "split_b",
        F.lit(None).cast("string").alias("value"),
    )


def _ties(pairs: DataFrame | None, groups: DataFrame | None) -> DataFrame | None:
    """Pairs that tie images together: those of duplicates, and the members of a group with its first."""
    names = ("image_id_a", "target_index_a", "image_id_b", "target_index_b", "kind")
    ties = None if pairs is None else pairs.select(*names)
    if groups is None:
        return ties
    whole = groups.where("target_index IS NULL").select("group_id", "image_id")
    first = whole.groupBy("group_id").agg(F.min("image_id").alias("image_id_a"))
    no_target = F.lit(None).cast("int")
    of_groups = (
        whole.join(first, on="group_id", how="inner")
        .where("image_id != image_id_a")
        .select(
            "image_id_a",
            no_target.alias("target_index_a"),
            F.col("image_id").alias("image_id_b"),
            no_target.alias("target_index_b"),
            F.lit("duplicate_group").alias("kind"),
        )
    )
    return of_groups if ties is None else ties.unionByName(of_groups)


def _repairs(parts: DataFrame, units: DataFrame) -> DataFrame:
    placed = parts.join(units, on="image_id", how="inner")
    counts = placed.groupBy(*PARTITION, "unit_id", "split").agg(F.count("*").alias("n"))
    # The largest count, then the smallest name.
    chosen = (
        counts.groupBy(*PARTITION, "unit_id")
        .agg(F.min_by("split", F.struct(F.lit(0) - F.col("n"), "split")).alias("to_split"), F.count("*").alias("k"))
        .where("k > 1")
    )
    same = same_keys((*PARTITION, "unit_id"), "placed", "chosen")
    joined = placed.alias("placed").join(chosen.alias("chosen"), on=same, how="inner")
    return joined.where("split != to_split").select(
        *(f"placed.{name}" for name in PARTITION),
        "image_id",
        F.col("split").alias("from_split"),
        "to_split",
        "placed.unit_id",
    )
