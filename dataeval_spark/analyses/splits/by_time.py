"""Splits over time: the latest images are the test, and no unit is on both sides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.splits.assign import Assigned, Fractions, assignment_rows, parts_of
from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.splits.explanation import Cell, Explanation
from dataeval_spark.kernels.splits.time_parts import EXCLUDED, Period, Timeline, fold_periods, share_periods
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.session.bounded import bounded, bounded_arrow

MAX_TIMES = 20_000_000


def assign_by_time(
    members: DataFrame,
    *,
    fractions: Fractions | None = None,
    folds: int | None = None,
    test_size: int | None = None,
    max_train: int | None = None,
    gap: int = 0,
    horizon: float = 0.0,
    max_times: int = MAX_TIMES,
) -> Assigned:
    """Assign images by the time they were taken.

    With fractions the parts follow one another, the last named being the latest. With ``folds`` each has a training
    part and a later test part, equal to TimeSeriesSplit where all times differ; images of one time are never parted.
    A unit (a group, or duplicates) that would be on both sides stays in its latest part; its earlier images are left
    out. So are images without a capture time, in a gap, or within the horizon. Earlier splits play no role: the latest
    period moves on.

    Parameters
    ----------
    members : DataFrame
        Result of `members_of`.
    fractions, folds
        See `assign`.
    test_size, max_train : int, optional
        Images in a test part, and the most in a training part; with folds only.
    gap : int
        Images left out before each test part.
    horizon : float
        Seconds from an image to the outcome that is to be predicted: an image is left out of a part where its outcome
        was not yet known when the next part began.
    max_times : int
        Most distinct times that the driver holds, 16 bytes each.

    Raises
    ------
    OptionError
        An option is out of range, no image has a capture time, or there are too few for the folds.

    References
    ----------
    scikit-learn 1.9, ``TimeSeriesSplit``.
    """
    for name, value in (("gap", gap), ("horizon", horizon)):
        within(f"split.{name}", value)
    for name, size in (("test_size", test_size), ("max_train", max_train)):
        if size is not None:
            if folds is None:
                raise OptionError(
                    f"split.{name} is {size}, which is for folds over time, and folds is not given.\nHint: --folds 5"
                )
            within(f"split.{name}", size)
    names, shares = parts_of(fractions, folds)
    timeline = _timeline(members, max_times)
    horizon_us = round(horizon * 1e6)
    if folds is None:
        periods = share_periods(timeline, names, shares, gap=gap, horizon_us=horizon_us)
    else:
        periods = fold_periods(
            timeline, folds, test_size=test_size, max_train=max_train, gap=gap, horizon_us=horizon_us
        )
    rows = _rows(members, periods, is_folds=folds is not None)
    shares_of = dict(zip(names, shares, strict=True)) if folds is None else {}
    return Assigned(rows, _explained(rows, shares_of, timeline.images))


def _timeline(members: DataFrame, max_times: int) -> Timeline:
    times = members.where("captured_us IS NOT NULL").groupBy("captured_us").agg(F.count("*").alias("n"))
    table = bounded_arrow(times.limit(max_times + 1), "one row per capture time")
    if table.num_rows == 0:
        raise OptionError(
            "split: no image has a capture time, in its metadata or in its file.\n"
            "Hint: ingest with --metadata FILE that has a column captured_at, or profile files that have EXIF data"
        )
    if table.num_rows > max_times:
        raise OptionError(
            f"split: there are more than {max_times:,} distinct capture times, which the driver would hold.\n"
            "Hint: --method hash, or in Python a larger max_times of assign_by_time (16 bytes of memory per time)"
        )
    table = table.sort_by("captured_us")
    return Timeline(table["captured_us"].to_numpy(), table["n"].to_numpy().astype(np.int64))


def _rows(members: DataFrame, periods: Sequence[Period], *, is_folds: bool) -> DataFrame:
    spark = members.sparkSession
    listed = spark.createDataFrame(
        [(p.fold, p.split, p.rank, p.start, p.stop) for p in periods],
        "fold int, split string, rank int, start bigint, stop bigint",
    )
    # Bounded: three periods per fold.
    in_periods = members.join(
        F.broadcast(listed), on=F.expr("captured_us >= start AND captured_us < stop"), how="inner"
    )
    # An aggregation and a join, not a window: a unit of a million images must not sit in one task's memory.
    spans = in_periods.where("rank >= 0").groupBy("fold", "unit_id").agg(F.min("rank"), F.max("rank").alias("latest"))
    torn = spans.where("`min(rank)` < latest").select(
        F.col("fold").alias("torn_fold"), F.col("unit_id").alias("torn_unit"), "latest"
    )
    is_its = F.col("fold").eqNullSafe(F.col("torn_fold")) & (F.col("unit_id") == F.col("torn_unit"))
    placed = in_periods.join(torn, on=is_its, how="left")
    is_torn = F.coalesce((F.col("rank") >= 0) & (F.col("rank") < F.col("latest")), F.lit(False))
    reason = (
        F.when(F.col("rank") < 0, "in the gap before the next part")
        .when(is_torn, "its unit has later images in the next part")
        .otherwise("time")
    )
    rows = assignment_rows(placed, F.when(is_torn, EXCLUDED).otherwise(F.col("split")), reason, fold=F.col("fold"))
    if is_folds:
        return rows
    untimed = members.where("captured_us IS NULL")
    return rows.unionByName(assignment_rows(untimed, F.lit(EXCLUDED), F.lit("no capture time")))


def _explained(rows: DataFrame, shares: dict[str, float], images: int) -> tuple[Explanation, ...]:
    counts = rows.groupBy("fold", "split").agg(F.count("*").alias("n"), F.count_distinct("unit_id").alias("units"))
    by_fold: dict[int | None, list[Cell]] = {}
    for row in bounded(counts.orderBy("fold", "split"), "three parts per fold"):
        if row["split"] == EXCLUDED:
            continue
        expected = float(shares[row["split"]] * images) if shares else float(row["n"])
        deviation = float((row["n"] - expected) / max(1, images))
        cell = Cell(row["split"], None, expected, row["n"], deviation, row["units"], None)
        by_fold.setdefault(row["fold"], []).append(cell)
    return tuple(Explanation(0, fold, tuple(cells), ()) for fold, cells in by_fold.items())
