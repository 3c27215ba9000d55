"""Rows of `image_stats` that name only the columns a test is about."""

from __future__ import annotations

from dataeval_spark.tables.profile import IMAGE_STATS


def image_stats(frame, rows):
    """A frame of `image_stats`: rows are dicts, what they do not name is null."""
    filled = [{"fingerprint": "f", "run_id": "r", **row} for row in rows]
    return frame(IMAGE_STATS, [tuple(row.get(name) for name in IMAGE_STATS.column_names) for row in filled])
