"""Conditions of joins."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F

IDS = ("image_id", "target_index")
NEIGHBOR_IDS = (("neighbor_id", "image_id"), ("neighbor_target_index", "target_index"))
"""The neighbour of a list, whose ids a frame on the right has."""


def same_keys(keys: Sequence[str | tuple[str, str]], left: str, right: str) -> Column:
    """Whether two aliased frames agree in all keys; null equals null.

    Parameters
    ----------
    keys : sequence of str or pair of str
        Columns; a pair where the two frames have different names for one.
    left, right : str
        Aliases of the frames.

    Examples
    --------
    >>> values.alias("v").join(bounds.alias("b"), on=same_keys(["statistic"], "v", "b"), how="inner")
    """
    pairs = [(key, key) if isinstance(key, str) else key for key in keys]
    return F.expr(" AND ".join(f"{left}.{one} <=> {right}.{other}" for one, other in pairs))
