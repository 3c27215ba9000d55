"""Conditions of joins."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F


def same_keys(keys: Sequence[str], left: str, right: str) -> Column:
    """Whether two aliased frames agree in all keys; null equals null.

    Examples
    --------
    >>> values.alias("v").join(bounds.alias("b"), on=same_keys(["statistic"], "v", "b"), how="inner")
    """
    return F.expr(" AND ".join(f"{left}.{key} <=> {right}.{key}" for key in keys))
