"""The number of queries that were sent to an engine: what an analysis costs beside its rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass
class Queries:
    """Queries of a block; ``count`` is set when it ends."""

    count: int = 0


@contextmanager
def counted_queries(spark: SparkSession) -> Iterator[Queries]:
    """Count the queries of a block, of all threads: calls that execute a plan or, on Spark Classic, its jobs.

    Examples
    --------
    >>> with counted_queries(spark) as queries:
    ...     _ = spark.range(3).collect()
    >>> queries.count
    1
    """
    queries = Queries()
    client = getattr(spark, "client", None)
    if client is None:
        scheduler = spark.sparkContext._jsc.sc().dagScheduler()
        before = scheduler.numTotalJobs()
        try:
            yield queries
        finally:
            queries.count = scheduler.numTotalJobs() - before
        return
    stub = client._stub
    client._stub = _Counting(stub, queries)
    try:
        yield queries
    finally:
        client._stub = stub


class _Counting:
    """A stub of Spark Connect's service that counts the plans it executes."""

    def __init__(self, stub: Any, queries: Queries) -> None:
        self._of_client = stub
        self._queries = queries

    def __getattr__(self, name: str) -> Any:
        return getattr(self._of_client, name)

    def ExecutePlan(self, *args: Any, **kwargs: Any) -> Any:  # noqa: N802 (the name of the service)
        self._queries.count += 1
        return self._of_client.ExecutePlan(*args, **kwargs)
