"""Nearest neighbours of a few queries in a stream of Arrow batches, in one pass and constant memory."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dataeval_spark.errors import EmbeddingError
from dataeval_spark.kernels.vectors.block_search import KEYS, NEIGHBOR_SCHEMA
from dataeval_spark.kernels.vectors.nearest import NO_CODE, NearestLists, centred, points
from dataeval_spark.kernels.vectors.vector_blocks import lengths_of, order_of_ids, vectors_of
from dataeval_spark.options import Metric
from dataeval_spark.tables.arrow import arrow_schema

RESULT_DDL = "query int, rank int, image_id string, target_index int, distance double"
RESULT_SCHEMA = arrow_schema(RESULT_DDL)


def nearest_in_stream(
    batches: Iterable[pa.RecordBatch], queries: NDArray[np.float32], metric: Metric, k: int
) -> pa.Table:
    """The k nearest rows of each query, as rows of `RESULT_SCHEMA`; ties in the order of the ids.

    Parameters
    ----------
    batches : iterable of RecordBatch
        ``image_id``, ``target_index`` and ``embedding``.
    queries : ndarray of float32, (q, d)
        Finite vectors.
    metric : {"euclidean", "cosine", "inner_product"}
        Distance that counts as near.
    k : int
        Number of neighbours per query.

    Raises
    ------
    EmbeddingError
        A vector has another length than the queries, or holds NaN or infinity.
    """
    lists: NearestLists | None = None
    listed_ids = NEIGHBOR_SCHEMA.empty_table()
    for batch in batches:
        table = pa.Table.from_batches([batch])
        if len(table) == 0:
            continue
        vectors = _checked(table, queries.shape[1])
        if lists is None:
            shift = centred(metric, vectors, np.float32).mean(axis=0, dtype=np.float64)
            lists = NearestLists(points(queries, metric, shift), k)
        # Codes in the order of the ids of all that is held and all that comes, so that ties fall as they should.
        ids = pa.concat_tables([listed_ids, table.select(KEYS).cast(NEIGHBOR_SCHEMA)]).combine_chunks()
        order = order_of_ids(ids)
        codes = np.empty(len(order), np.int64)
        codes[order] = np.arange(len(order))
        present = lists.codes != NO_CODE
        lists.codes[present] = codes[lists.codes[present]]
        lists.update(points(vectors, metric, lists.queries.shift), codes[len(listed_ids) :])
        present = lists.codes != NO_CODE
        code_places, place = np.unique(lists.codes[present], return_inverse=True)
        listed_ids = ids.take(order[code_places])
        lists.codes[present] = place
    return RESULT_SCHEMA.empty_table() if lists is None else _rows(lists, listed_ids)


def _checked(table: pa.Table, dimension: int) -> NDArray[np.float32]:
    lengths = lengths_of(table)
    other_rows = np.flatnonzero(lengths != dimension)[:5]
    if len(other_rows):
        names = table["image_id"].take(other_rows).to_pylist()
        raise EmbeddingError.of_other_length(list(zip(names, lengths[other_rows].tolist(), strict=True)), dimension)
    vectors = vectors_of(table["embedding"], dimension)
    if not np.isfinite(vectors.sum()):  # one pass without a mask; where it says no, look closer
        bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))[:5]
        if len(bad):
            raise EmbeddingError.not_finite(table["image_id"].take(bad).to_pylist())
    return vectors


def _rows(lists: NearestLists, listed_ids: pa.Table) -> pa.Table:
    present = lists.codes != NO_CODE
    query, rank = np.nonzero(present)
    neighbors = listed_ids.take(lists.codes[present])
    columns = [
        pa.array(query.astype(np.int32)),
        pa.array((rank + 1).astype(np.int32)),
        neighbors["image_id"],
        neighbors["target_index"],
        pa.array(lists.distances[present]),
    ]
    return pa.Table.from_arrays(columns, schema=RESULT_SCHEMA)
