"""Groups of rows in order, for kernels that read a group from its first row to its last."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

PLACE = "_place_in_group"


def sorted_groups(frame: DataFrame, groups: Sequence[str], order: Sequence[str | Column]) -> DataFrame:
    """Bring each group whole into one partition, its rows one after the other in an order.

    A window does it and not a sort, because the embedded engine leaves out a sort before a kernel, which has no order
    in SQL. The kernel must be given the column of the places: without it, the window is left out as well.

    Parameters
    ----------
    frame : DataFrame
        Rows. If they are already partitioned by the groups, Spark leaves them where they are.
    groups : sequence of str
        Columns with one value per group.
    order : sequence of str or Column
        Order of the rows of a group.

    Returns
    -------
    DataFrame
        The rows and ``_place_in_group`` (int), from 1.

    Examples
    --------
    >>> map_batches(sorted_groups(rows, ["shard"], ["number"]), kernel, ddl)
    """
    window = Window.partitionBy(*groups).orderBy(*order)
    return frame.withColumn(PLACE, F.row_number().over(window))
