"""Counts of labels per class, for analyses that compare classes on the driver."""

from __future__ import annotations

from pyspark.sql import DataFrame

from dataeval_spark.errors import OptionError
from dataeval_spark.session.bounded import bounded

MAX_CLASSES = 100_000


def labels_per_class(rows: DataFrame) -> dict[str, int]:
    """Labels of each class, on the driver.

    Parameters
    ----------
    rows : DataFrame
        Columns ``class_name`` and ``label_count``.

    Raises
    ------
    OptionError
        There are more than `MAX_CLASSES` classes.
    """
    found = bounded(rows.limit(MAX_CLASSES + 1), "one row per class")
    if len(found) > MAX_CLASSES:
        raise OptionError(f"There are more than {MAX_CLASSES:,} classes.\nHint: relabel first: dataeval-spark select")
    return {row["class_name"]: row["label_count"] for row in found}
