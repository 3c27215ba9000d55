"""Fewer partitions without a shuffle, where the engine can do that."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

from dataeval_spark.session.settings import COALESCE


def merged_partitions(frame: DataFrame, most: int) -> DataFrame:
    """The frame in at most so many partitions, which keep their rows together, where the engine does that safely.

    The embedded engine reads the partitions that it merges one after the other, and a shuffle or a join below waits
    until all of them are read: two that wait for each other never end. It has about as many partitions as cores, so
    they stay as they are, unless one is asked for.

    Examples
    --------
    >>> merged_partitions(frame, 1)
    """
    is_safe = frame.sparkSession.conf.get(COALESCE, "true") == "true"
    return frame.coalesce(most) if is_safe or most == 1 else frame
