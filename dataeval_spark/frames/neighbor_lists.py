"""The first neighbours of each list, for analyses that need no more, and whether the lists are long enough."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.session.bounded import one_row


def require_distances(neighbors: DataFrame, step: str) -> None:
    """Raise OptionError for a graph of inner products, which are no distances: ratios and sums of them mean nothing."""
    if not neighbors.where("metric = 'inner_product'").isEmpty():
        raise OptionError(
            f"{step} needs distances, and the table neighbors holds inner products.\n"
            "Hint: dataeval-spark analyze neighbors --set neighbors.metric=cosine"
        )


def first_of_lists(neighbors: DataFrame, k: int | None, option: str) -> DataFrame:
    """The first k rows of each list of table ``neighbors``; all where k is None.

    Lists that are shorter because there are no more images are long enough.

    Raises
    ------
    OptionError
        The lists were made with a smaller k.
    """
    if k is None:
        return neighbors
    OptionError.unless_between(option, k, 1, 10_000)
    shortest = one_row(neighbors, F.min("k").alias("k"))["k"]
    if shortest is not None and shortest < k:
        raise OptionError(f"{option} is {k}, and the table neighbors has k = {shortest}.\nHint: neighbors.k = {k}")
    return neighbors.where(F.col("rank") <= k)
