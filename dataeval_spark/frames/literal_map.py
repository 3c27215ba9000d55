"""A mapping of the driver as a column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F


def literal_map(values: Mapping[Any, Any]) -> Column:
    """A map column of a mapping that is known beforehand; the keys are of one type, and so are the values.

    Examples
    --------
    >>> frame.select(F.try_element_at(literal_map({"valid": "val"}), "split"))
    """
    return F.create_map(*(F.lit(each) for pair in values.items() for each in pair))
