"""Connected components of pairs."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import DataFrame

from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.components import connected_components as components_of


def connected_components(edges: DataFrame, *, max_edges: int = 20_000_000) -> DataFrame:
    """Group ids that are tied together, directly or through others.

    One task holds all edges (about 100 bytes each), which is the fastest way up to tens of millions.

    Parameters
    ----------
    edges : DataFrame
        Columns ``a`` and ``b``, strings.
    max_edges : int
        Refuse more edges than this.

    Returns
    -------
    DataFrame
        ``id`` and ``component``, the smallest id of the component; one row per id.

    Raises
    ------
    OptionError
        There are more edges than ``max_edges``; raised when the result is computed, inside the task's error.

    Examples
    --------
    >>> connected_components(spark.createDataFrame([("a", "b"), ("b", "c")], "a string, b string")).show()
    """

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        held: list[pa.RecordBatch] = []
        count = 0
        for batch in batches:
            held.append(batch)
            count += batch.num_rows
            if count > max_edges:
                raise OptionError(
                    f"duplicates.max_edges is {max_edges:,} and there are more pairs.\n"
                    "Hint: raise it (about 100 bytes of memory per pair in one task)."
                )
        if not held:
            return
        table = pa.Table.from_batches(held)
        ids, components = components_of(table["a"].to_numpy(), table["b"].to_numpy())
        yield pa.RecordBatch.from_arrays(
            [pa.array(ids, pa.string()), pa.array(components, pa.string())], names=["id", "component"]
        )

    return edges.select("a", "b").coalesce(1).mapInArrow(run, "id string, component string")
