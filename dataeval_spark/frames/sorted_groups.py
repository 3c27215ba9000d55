"""Rows of groups side by side and in order, for kernels that take one group after the other."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

PLACE = "place_in_group"


def sorted_groups(frame: DataFrame, partitions: int, by: Sequence[str], order: Sequence[str] = ()) -> DataFrame:
    """Each group whole in one of so many partitions, its rows one after the other in order.

    Unlike ``sortWithinPartitions`` it holds on every engine: an engine may leave out a sort of which it sees no use,
    and it does not see into a kernel. A number that depends on the order is of use.

    Parameters
    ----------
    frame : DataFrame
        Rows; a task holds those of a group.
    partitions : int
        Number of partitions.
    by : sequence of str
        Columns that make a group.
    order : sequence of str
        Columns that order the rows of a group.

    Returns
    -------
    DataFrame
        The columns of ``frame`` and ``place_in_group``, from 1.

    Examples
    --------
    >>> map_batches(sorted_groups(states, 8, ["subject"], ["block"]), kernel, "subject string, total double")
    """
    window = Window.partitionBy(*by).orderBy(*(order or by))
    return frame.repartition(partitions, *by).withColumn(PLACE, F.row_number().over(window))
