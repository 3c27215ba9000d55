"""SQL of the histograms: all statistics in one query, binned as numpy bins, and only counts come back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dataeval_spark.report.data import Row
from dataeval_spark.tables.contract import sql_string
from dataeval_spark.tables.profile import IMAGE_STATS

BINS = 30
STATISTICS = ("mean", "brightness", "contrast", "sharpness", "entropy", "width", "height", "aspect_ratio", "file_size")
# Far from the largest double, so that differences of two values stay finite.
LARGEST = "1E300D"
MAX_OVERLAYS = 4


def overlay_pairs(drift: Iterable[Row], most: int = MAX_OVERLAYS) -> tuple[tuple[str, str, str], ...]:
    """The first drifted columns of whole datasets, with what was compared: (column, reference, current)."""
    drifted = (row for row in drift if row["drift_detected"] and row["slice_key"] is None)
    return tuple((row["column_name"], row["reference"], row["current"]) for row in drifted)[:most]


def statistics(present: frozenset[str]) -> str:
    """Histograms of all statistics together, at most 9 x 30 rows; the bins are numpy's."""
    with_size = "images" in present
    size = "CAST(i.content_length AS DOUBLE)" if with_size else "CAST(NULL AS DOUBLE)"
    pairs = ", ".join(f"'{name}', {size if name == 'file_size' else f's.{name}'}" for name in STATISTICS)
    join = "JOIN {images} AS i\n    ON s.image_id = i.image_id AND i.deleted_at IS NULL\n  " if with_size else ""
    long = (
        f"  SELECT stack({len(STATISTICS)}, {pairs}) AS (statistic, value)\n"
        f"  FROM {{image_stats}} AS s {join}WHERE s.target_index IS NULL"
    )
    return f"WITH long AS (\n{long}),\n{_binned('statistic', '')}"


def drift_overlay(present: frozenset[str], pairs: Sequence[tuple[str, str, str]]) -> str | None:
    """Histograms of both sides of (column, reference, current), at most 4 x 2 x 30 rows.

    Sides that name a dataset or a split can be read from the workspace; a snapshot cannot.
    """
    if not {"image_stats", "images"} <= present:
        return None
    structs = [
        f"    named_struct('place', {place}, 'side', '{side}', 'value', CAST(s.`{column}` AS DOUBLE),\n"
        f"      'is_in', {condition})"
        for place, (column, *names) in enumerate(pairs)
        for side, condition in zip(("reference", "current"), map(_side, names), strict=True)
        if column in IMAGE_STATS.column_names and all(map(_side, names))
    ]
    long = (
        "WITH every AS (\n  SELECT inline(array(\n" + ",\n".join(structs) + "))\n"
        "  FROM {image_stats} AS s JOIN {images} AS i ON s.image_id = i.image_id AND i.deleted_at IS NULL\n"
        "  WHERE s.target_index IS NULL),\nlong AS (SELECT place, side, value FROM every WHERE is_in),\n"
    )
    return long + _binned("place", "side, ") if structs else None


def _side(side: str) -> str | None:
    column, equals, name = side.partition("=")
    if not equals or column not in ("dataset", "split"):
        return None
    literal = sql_string(name).replace("{", "{{").replace("}", "}}")
    return f"i.{column} = {literal}"


def _binned(group: str, side: str) -> str:
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
        f"    least(CAST(coalesce(try_divide(value - low, high - low), 0D) * {BINS} AS INT), {last}) AS guess\n"
        f"  FROM finite JOIN ranges USING ({group}))\n"
        f"SELECT {group}, {side}guess - if(value < low + guess * step, 1, 0)\n"
        f"    + if(guess < {last} AND value >= low + (guess + 1) * step, 1, 0) AS bin,\n"
        "  low, high, count(*) AS images, sum(value) AS total\n"
        f"FROM guessed GROUP BY ALL ORDER BY {group}, {side}bin"
    )
