"""Splits by hash, of more images than the driver could hold: single images by hash, groups exactly."""

from __future__ import annotations

from functools import reduce

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.splits.assign import (
    MAX_ROWS,
    MAX_STRATA,
    Assigned,
    Fractions,
    assign,
    assignment_rows,
    parts_of,
)
from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.splits.explanation import Cell, Explanation
from dataeval_spark.session.bounded import bounded

ALL = ""


def assign_by_hash(
    members: DataFrame,
    *,
    fractions: Fractions | None = None,
    folds: int | None = None,
    seed: int = 0,
    max_rows: int = MAX_ROWS,
) -> Assigned:
    r"""Assign single images by a hash of (seed, unit) within their stratum, and units of several images exactly.

    An approximation for data of any size: the driver holds the units of several images, and one row per stratum. These
    units come first, by :func:`dataeval_spark.analyses.splits.assign.assign`; then each stratum's single
    images have part k with the probability that fills up its share. A stratum of n single images deviates by about
    :math:`\sqrt{n p (1 - p)}` images, which is measured and written to the explanation. An image of several strata is
    dealt out by the first of them by name. Earlier parts are kept.

    Parameters
    ----------
    members, fractions, folds, seed, max_rows
        See `assign`; ``max_rows`` bounds the units of several images.

    Raises
    ------
    OptionError
        There are more than 10,000 strata.
    """
    names, shares = parts_of(fractions, folds)
    first = F.coalesce(F.array_min(F.map_keys("strata")), F.lit(ALL))
    counted = members.select("*", first.alias("first"))
    several = members.groupBy("unit_id").agg(F.count("*").alias("n")).where("n > 1").select("unit_id")
    large = members.join(several, on="unit_id", how="left_semi")
    rows: list[DataFrame] = []
    counts_so_far: dict[tuple[str, str], int] = {}
    if not large.isEmpty():
        exact = assign(large, method="stratified_group", fractions=fractions, folds=folds, seed=seed, max_rows=max_rows)
        rows.append(exact.rows)
        counts_so_far = {(cell.split, cell.stratum or ALL): cell.got for cell in exact.explanations[0].cells}
    totals = _totals(counted)
    small = counted.join(several, on="unit_id", how="left_anti")
    edges = {
        name: _edges(np.array([shares[k] * n - counts_so_far.get((p, name), 0) for k, p in enumerate(names)]))
        for name, n in totals.items()
    }
    rows.append(_dealt(small, names, edges, seed))
    result = reduce(DataFrame.unionByName, rows)
    return Assigned(result, (_measured(result, members, names, shares, totals),))


def _edges(missing: np.ndarray) -> list[float]:
    """Upper ends of the parts' intervals in [0, 1), each as wide as the count that its part lacks."""
    lacks = np.maximum(missing, 0.0)
    return [float(edge) for edge in np.cumsum(lacks / lacks.sum())[:-1]] if lacks.sum() > 0 else []


def _sums(members: DataFrame, *keys: str) -> DataFrame:
    """Labels per stratum, and images as stratum ''."""
    labels = members.select(*keys, F.explode("strata").alias("stratum", "n"))
    images = members.select(*keys, F.lit(ALL).alias("stratum"), F.lit(1).cast("bigint").alias("n"))
    return labels.unionAll(images).groupBy(*keys, "stratum").agg(F.sum("n").alias("n"))


def _totals(counted: DataFrame) -> dict[str, int]:
    rows = bounded(_sums(counted).limit(MAX_STRATA + 2), "one row per stratum")
    if len(rows) > MAX_STRATA + 1:
        raise OptionError(
            f"split: there are more than {MAX_STRATA:,} strata.\n"
            "Hint: stratify by fewer factors, or by factors with fewer bins"
        )
    return {row["stratum"]: row["n"] for row in rows}


def _dealt(small: DataFrame, names: list[str], edges: dict[str, list[float]], seed: int) -> DataFrame:
    spark = small.sparkSession
    thresholds = spark.createDataFrame(sorted(edges.items()), "first string, edges array<double>")
    # first is unique on the right.
    joined = small.join(F.broadcast(thresholds), on="first", how="left")
    uniform: Column = F.xxhash64("unit_id", F.lit(seed).cast("bigint")).cast("double") / 2.0**64 + 0.5
    index = F.size(F.filter(F.coalesce("edges", F.array().cast("array<double>")), lambda edge: edge <= uniform))
    part = F.get(F.array(*(F.lit(name) for name in names)), index)
    reason = F.when(F.col("previous").isNotNull(), "kept from before").otherwise("hash")
    return assignment_rows(joined, F.coalesce("previous", part), reason)


def _measured(
    result: DataFrame, members: DataFrame, names: list[str], shares: np.ndarray, totals: dict[str, int]
) -> Explanation:
    parts = result.select("image_id", "split").join(members.select("image_id", "strata"), on="image_id", how="inner")
    got = {(row["split"], row["stratum"]): row["n"] for row in bounded(_sums(parts, "split"), "parts x strata")}
    cells = []
    for stratum, total in sorted(totals.items()):
        for name, share in zip(names, shares, strict=True):
            n, expected = got.get((name, stratum), 0), float(share * total)
            cells.append(Cell(name, stratum or None, expected, n, (n - expected) / max(1, total), None, None))
    return Explanation(0, None, tuple(cells), ())
