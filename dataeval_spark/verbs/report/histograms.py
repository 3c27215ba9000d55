"""Histograms of statistics: binned as numpy bins, in SQL, and only counts come back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataeval_spark.tables.profile import IMAGE_STATS

BINS = 30
UNITS = {column.name: column.unit for column in IMAGE_STATS.columns} | {"file_size": "bytes"}
# Far from the largest double, so that differences of two values stay finite.
LARGEST = "1E300D"


def binned(group: str, side: str) -> str:
    """Counts per bin as numpy.histogram makes them: its edges, its corrections, and one bin's width when constant.

    BETWEEN leaves out nulls, infinities and NaN (which Spark orders above all numbers).
    """
    last = BINS - 1
    return (
        f"finite AS (SELECT * FROM long WHERE value BETWEEN -{LARGEST} AND {LARGEST}),\n"
        f"ranges AS (\n  SELECT {group}, min(value) - if(min(value) = max(value), 0.5D, 0D) AS low,\n"
        "    max(value) + if(min(value) = max(value), 0.5D, 0D) AS high\n"
        f"  FROM finite GROUP BY {group}),\n"
        f"guessed AS (\n  SELECT {group}, {side}value, low, high, (high - low) / {BINS} AS step,\n"
        f"    least(CAST(coalesce((value - low) / nullif(high - low, 0D), 0D) * {BINS} AS INT), {last}) AS guess\n"
        f"  FROM finite JOIN ranges USING ({group})),\n"
        f"binned AS (\n  SELECT {group}, {side}value, low, high, guess - if(value < low + guess * step, 1, 0)\n"
        f"    + if(guess < {last} AND value >= low + (guess + 1) * step, 1, 0) AS bin\n  FROM guessed)\n"
        f"SELECT {group}, {side}bin, low, high, count(*) AS images, sum(value) AS total\n"
        f"FROM binned GROUP BY {group}, {side}bin, low, high ORDER BY {group}, {side}bin"
    )


def counts_of(bins: list[Mapping[str, Any]]) -> list[int]:
    """Images per bin, empty bins included."""
    counts = {row["bin"]: row["images"] for row in bins}
    return [counts.get(place, 0) for place in range(BINS)]
