"""Search: the images whose vectors are nearest to those of a query."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from dataeval_spark.errors import EmbeddingError, OptionError
from dataeval_spark.frames.batches import map_batches
from dataeval_spark.kernels.vectors.stream_search import RESULT_DDL, nearest_in_stream
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.options import Metric

MAX_QUERY_BYTES = 64 * 2**20


def search(embeddings: DataFrame, vectors: ArrayLike, *, k: int = 10, metric: Metric = "cosine") -> DataFrame:
    """Find the k rows that are nearest to each of some vectors.

    Exact, ties in the order of (image_id, target_index, null first). One pass over ``embeddings``: each task keeps the
    nearest rows that it has seen, and no vector is shuffled.

    Parameters
    ----------
    embeddings : DataFrame
        Rows of table ``embeddings`` of one encoder; filter them before, for example to one split.
    vectors : array_like, (q, d) or (d,)
        Query vectors; at most 64 MB as float32.
    k : int
        Rows per query, 1 to 10,000.
    metric : {"euclidean", "cosine", "inner_product"}
        Distance: Euclidean; 1 - cos; or minus the inner product.

    Returns
    -------
    DataFrame
        ``query`` (number of the vector, from 0), ``rank`` (from 1), ``image_id``, ``target_index``, ``distance``.

    Raises
    ------
    EmbeddingError
        A query holds NaN or infinity. A row that does, or whose length is another, raises it in its task.
    OptionError
        An option is out of range.

    Examples
    --------
    >>> of_one = embeddings.where("encoder = 'thumbnail' AND target_index IS NULL")
    >>> search(of_one, vector, k=2).orderBy("rank").selectExpr("rank", "image_id", "round(distance, 3) AS d").show()
    +----+--------------------+-----+
    |rank|            image_id|    d|
    +----+--------------------+-----+
    |   1|demo/eight/00009.jpg|  0.0|
    |   2|demo/three/00028.png|0.188|
    +----+--------------------+-----+
    """
    queries = checked_queries(vectors, k, metric)

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from nearest_in_stream(batches, queries, metric, k).to_batches()

    candidates = map_batches(embeddings.select("image_id", "target_index", "embedding"), run, RESULT_DDL)
    # A few rows per task are left. Ascending order puts a missing target, the image as a whole, first.
    nearest = Window.partitionBy("query").orderBy("distance", "image_id", "target_index")
    ranked = candidates.withColumn("rank", F.row_number().over(nearest)).where(F.col("rank") <= k)
    return ranked.select("query", "rank", "image_id", "target_index", "distance")


def checked_queries(vectors: ArrayLike, k: int, metric: Metric) -> NDArray[np.float32]:
    """Query vectors as a matrix (q, d); an error where they, or the options, cannot be used."""
    within("search.k", k)
    OptionError.unless_one_of("search.metric", metric, get_args(Metric))
    queries = np.atleast_2d(np.asarray(vectors, np.float32))
    OptionError.unless_between("search: bytes of all query vectors", queries.nbytes, 1, MAX_QUERY_BYTES)
    bad = np.flatnonzero(~np.isfinite(queries).all(axis=1))
    if len(bad):
        raise EmbeddingError.not_finite([f"query {number}" for number in bad])
    return queries
