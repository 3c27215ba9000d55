"""Positions of rows in the order of a value, without one partition that sorts everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.session.bounded import bounded

BUCKETS = 64
MAX_GROUPS = 10_000
# Groups of so many rows are sorted whole: a task sorts a million narrow rows in a second, and to cut them into buckets
# takes several times as long.
SMALL_GROUP = 2_000_000
# So many rows give the quantiles of a large one.
SAMPLE = 16_384


def positions(
    frame: DataFrame, by: Sequence[str], value: str, ids: Sequence[str], *, largest_first: bool = False
) -> DataFrame:
    """Number the rows of each group in the order of (value, ids).

    A group is sorted whole; one of more than two million rows is cut by quantiles of a sample of about 16,000 into
    up to 64 buckets, each of which is sorted on its own; the counts of the buckets below give where it begins. The
    positions are exact, whatever the quantiles. One or two small jobs run at once: the rows of each group are counted,
    and where a group is large, its 63 quantiles come to the driver too, for at most 10,000 groups.

    Parameters
    ----------
    frame : DataFrame
        Rows to number; computed two or three times, so store them first where that is expensive.
    by : sequence of str
        Grouping columns, without nulls.
    value : str
        Numeric column without null and NaN.
    ids : sequence of str
        Columns that order rows of one value, the first one first; nulls first.
    largest_first : bool
        Give position 1 to the largest value.

    Returns
    -------
    DataFrame
        The columns of ``frame``, ``position`` (bigint, from 1) and ``below`` (bigint: rows whose value comes before).

    Raises
    ------
    OptionError
        There are more than 10,000 groups.

    Examples
    --------
    >>> positions(scores, ["encoder"], "distance", ["image_id"])
    """
    group = F.to_json(F.struct(*by), {"ignoreNullFields": "false"})
    # Neither is -0.0, which the embedded engine puts before 0.0.
    order = F.lit(0) - F.col(value) if largest_first else F.lit(0) + F.col(value)
    groups = frame.groupBy(*by).agg(F.count("*").alias("rows")).select(group.alias("rank_group"), "rows")
    sizes = bounded(groups.limit(MAX_GROUPS + 1), "one row per group")
    if len(sizes) > MAX_GROUPS:
        raise OptionError(
            f"Rows are ranked in more than {MAX_GROUPS:,} groups by {', '.join(by)}; expected at most that many."
        )
    large = {row["rank_group"]: row["rows"] for row in sizes if row["rows"] > SMALL_GROUP}
    if not large:
        return frame.select("*", *_numbered(Window.partitionBy(*by), order, ids, F.lit(0)))
    cuts = _quantiles(frame.select(group.alias("rank_group"), order.cast("double").alias("order"), *ids), large, ids)
    group_bounds = frame.sparkSession.createDataFrame(
        [(row["rank_group"], cuts.get(row["rank_group"], [])) for row in sizes],
        "rank_group string, bounds array<double>",
    )
    bucket = F.size(F.filter("bounds", lambda bound: bound < order)).alias("bucket")
    # One row per group on the right.
    with_bounds = frame.withColumn("rank_group", group).join(F.broadcast(group_bounds), on="rank_group", how="inner")
    cut = with_bounds.select("*", bucket).drop("bounds")
    counts = cut.groupBy("rank_group", "bucket").agg(F.count("*").alias("rows"))
    lower = Window.partitionBy("rank_group").orderBy("bucket").rowsBetween(Window.unboundedPreceding, -1)
    starts = counts.select("rank_group", "bucket", F.coalesce(F.sum("rows").over(lower), F.lit(0)).alias("start"))
    cut = cut.join(F.broadcast(starts), on=["rank_group", "bucket"], how="inner")
    window = Window.partitionBy("rank_group", "bucket")
    ranked = cut.select("*", *_numbered(window, order, ids, F.col("start")))
    return ranked.drop("rank_group", "bucket", "start")


def _quantiles(rows: DataFrame, large: Mapping[str, int], ids: Sequence[str]) -> dict[str, list[float]]:
    """Quantiles of a sample of each large group; a hash of the ids draws it, so a second run has the same."""
    steps = [(name, max(1, rows_of_group // SAMPLE)) for name, rows_of_group in large.items()]
    every = rows.sparkSession.createDataFrame(steps, "rank_group string, every bigint")
    sample = rows.join(F.broadcast(every), on="rank_group", how="inner").where(F.pmod(F.xxhash64(*ids), "every") == 0)
    shares = F.array(*(F.lit(number / BUCKETS) for number in range(1, BUCKETS)))
    cuts = sample.groupBy("rank_group").agg(F.percentile("order", shares).alias("bounds"))
    return {row["rank_group"]: row["bounds"] for row in bounded(cuts, "one row per group")}


def _numbered(window: WindowSpec, value: Column, ids: Sequence[str], start: Column) -> tuple[Column, Column]:
    position = start + F.row_number().over(window.orderBy(value, *ids))
    below = start + F.rank().over(window.orderBy(value)) - 1
    return position.cast("long").alias("position"), below.cast("long").alias("below")
