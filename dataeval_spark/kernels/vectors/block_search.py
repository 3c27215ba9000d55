"""Search for the neighbours of rows of a block in all blocks of a folder, and the lists of their ids that it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataeval_spark.kernels.vectors.nearest import NO_CODE, NearestLists, multiplier, points
from dataeval_spark.kernels.vectors.vector_blocks import (
    BlockFiles,
    VectorBlock,
    ids_from_bytes,
    ids_to_bytes,
    order_of_ids,
)
from dataeval_spark.options import Metric
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.similarity import NEIGHBORS

KEYS = ["image_id", "target_index"]
NEIGHBOR_SCHEMA = arrow_schema(NEIGHBORS.ddl_of(*KEYS))
RESULT_DDL = NEIGHBORS.ddl_of(*KEYS, "rank", "neighbor_id", "neighbor_target_index", "distance")
RESULT_SCHEMA = arrow_schema(RESULT_DDL)
PARTIAL_DDL = "query string, queries binary, distances binary, codes binary, neighbors binary"
PARTIAL_SCHEMA = arrow_schema(PARTIAL_DDL)
ROWS_PER_BATCH = 65_536
Places = Callable[[NDArray[np.int64]], tuple[NDArray[np.int64], NDArray[np.int64]]]


@dataclass(frozen=True)
class Search:
    """A search for ``k`` neighbours under ``metric`` among the rows with ``role``.

    With ``is_self`` a row is not its own neighbour; with ``within_reach`` those beyond the reach of the query are left
    out, within rounding. ``shift`` is the mean of the operands of the product; the product
    runs on ``device``, None for numpy.
    """

    metric: Metric
    k: int
    role: int
    shift: NDArray[np.float64]
    is_self: bool = True
    device: str | None = None
    within_reach: bool = False

    @property
    def width(self) -> int:
        """Length of the lists while the query itself may be in them."""
        return self.k + self.is_self


def empty_lists(search: Search, queries: VectorBlock, rows: NDArray[np.intp]) -> tuple[NearestLists, NDArray[np.intp]]:
    """Empty lists, one for each different query vector, and which of them belongs to each row."""
    same_as = queries.ids["same_as"].to_numpy()[rows]
    _, first, copy_of = np.unique(same_as, return_index=True, return_inverse=True)
    vectors = np.ascontiguousarray(queries.vectors[rows[first]])
    lists = NearestLists(points(vectors, search.metric, search.shift), search.width, multiplier(search.device))
    if search.within_reach:
        reach, farthest = pc.fill_null(queries.ids["reach"], np.inf).to_numpy()[rows], np.full(len(first), -np.inf)
        np.maximum.at(farthest, copy_of, reach)
        lists.leave_out_beyond(farthest)
    return lists, copy_of


def take_block(search: Search, lists: NearestLists, index: VectorBlock, codes: NDArray[np.int64]) -> None:
    """Take a block, whose rows have these codes, into account."""
    # Of equal vectors no more than one list can hold are compared, however many there are.
    rows = index.rows(search.role, copies=search.width)
    vectors = np.asarray(index.vectors if len(rows) == len(index.vectors) else index.vectors[rows])
    lists.update(points(vectors, search.metric, search.shift), np.asarray(codes[rows]))


def search_blocks(search: Search, files: BlockFiles, queries: VectorBlock, rows: NDArray[np.intp]) -> PartialLists:
    """Nearest neighbours of some rows in all blocks of a folder; memory holds two blocks and one product at a time."""
    lists, copy_of = empty_lists(search, queries, rows)
    for number in range(len(files.names)):
        take_block(search, lists, files.block(number), files.codes(number))
    return with_ids(lists, files, queries, rows, copy_of)


def with_ids(
    lists: NearestLists, files: BlockFiles, queries: VectorBlock, rows: NDArray[np.intp], copy_of: NDArray[np.intp]
) -> PartialLists:
    """Finished lists with the ids of the queries and their neighbours."""
    ids = ids_of(lists.codes, files.places, lambda number: files.block(number).ids)
    return PartialLists(queries.ids.take(rows), lists.distances, lists.codes, ids).of_queries(copy_of)


@dataclass(frozen=True)
class PartialLists:
    """Lists of q queries, each of one width; ``neighbors`` has the ids of the codes, row by row (null for none)."""

    queries: pa.Table
    distances: NDArray[np.float64]
    codes: NDArray[np.int64]
    neighbors: pa.Table

    def of_queries(self, copy_of: NDArray[np.intp]) -> PartialLists:
        """Lists of queries, several of which may share one list."""
        width = self.codes.shape[1]
        flat = (copy_of[:, None] * width + np.arange(width)).ravel()
        return PartialLists(self.queries, self.distances[copy_of], self.codes[copy_of], self.neighbors.take(flat))

    def to_row(self, query: str) -> pa.Table:
        """The lists as one row of `PARTIAL_SCHEMA`."""
        row = {
            "query": query,
            "queries": ids_to_bytes(self.queries.select(KEYS)),
            "distances": self.distances.tobytes(),
            "codes": self.codes.tobytes(),
            "neighbors": ids_to_bytes(self.neighbors),
        }
        return pa.Table.from_pylist([row], schema=PARTIAL_SCHEMA)

    @staticmethod
    def from_row(row: Mapping[str, Any]) -> PartialLists:
        """Lists from a row of :meth:`to_row`."""
        queries = ids_from_bytes(row["queries"])
        shape = (len(queries), -1)
        return PartialLists(
            queries,
            np.frombuffer(row["distances"], np.float64).reshape(shape),
            np.frombuffer(row["codes"], np.int64).reshape(shape),
            ids_from_bytes(row["neighbors"]),
        )


def ids_of(codes: NDArray[np.int64], places: Places, ids_of_block: Callable[[int], pa.Table]) -> pa.Table:
    """Ids of codes of any shape, flat, row by row; null where there is no code.

    ``places`` gives the blocks and rows of codes, ``ids_of_block`` the ids of the rows of a block.
    """
    flat = codes.ravel()
    present = np.flatnonzero(flat != NO_CODE)
    block, row = places(flat[present])
    order = np.argsort(block, kind="stable")
    numbers, starts = np.unique(block[order], return_index=True)
    parts = [NEIGHBOR_SCHEMA.empty_table()]
    for number, members in zip(numbers.tolist(), np.split(order, starts[1:]), strict=False):
        parts.append(ids_of_block(number).select(KEYS).take(row[members]).cast(NEIGHBOR_SCHEMA))
    ids = pa.concat_tables(parts).combine_chunks()
    place = np.zeros(len(flat), np.int64)
    place[present[order]] = np.arange(len(present))
    return ids.take(pa.array(place, mask=flat == NO_CODE))


def merged(parts: Iterable[PartialLists], width: int) -> PartialLists:
    """The nearest of several lists of the same queries, by (distance, ids)."""
    every = list(parts)
    distances = np.concatenate([part.distances for part in every], axis=1)
    codes = np.concatenate([part.codes for part in every], axis=1)
    each, queries = every[0].codes.shape[1], len(distances)
    column = np.arange(codes.shape[1])
    # Position of (query, column) in the concatenated flat tables of ids.
    position = (column // each) * (queries * each) + np.arange(queries)[:, None] * each + column % each
    neighbors = pa.concat_tables([part.neighbors for part in every]).combine_chunks()
    place = np.empty(len(neighbors), np.int64)
    place[order_of_ids(neighbors)] = np.arange(len(neighbors))
    codes = np.where(codes == NO_CODE, NO_CODE, place[position])
    order = np.lexsort((codes, distances), axis=1)[:, :width]
    return PartialLists(
        every[0].queries,
        np.take_along_axis(distances, order, 1),
        np.take_along_axis(codes, order, 1),
        neighbors.take(np.take_along_axis(position, order, 1).ravel()),
    )


def result_rows(lists: PartialLists, k: int, is_self: bool) -> Iterator[pa.RecordBatch]:
    """The first k of each list as rows of `RESULT_SCHEMA`; with ``is_self`` without the query itself."""
    step = max(1, ROWS_PER_BATCH // lists.codes.shape[1])
    for start in range(0, len(lists.codes), step):
        yield from _rows(lists, start, min(start + step, len(lists.codes)), k, is_self)


def _rows(lists: PartialLists, start: int, stop: int, k: int, is_self: bool) -> Iterator[pa.RecordBatch]:
    width = lists.codes.shape[1]
    neighbors = lists.neighbors.slice(start * width, (stop - start) * width).combine_chunks()
    is_listed = lists.codes[start:stop] != NO_CODE
    if is_self:
        every = lists.queries.select(KEYS).take(np.repeat(np.arange(start, stop), width)).combine_chunks()
        is_listed &= ~_equal(every, neighbors).reshape(is_listed.shape)
    ranks = np.cumsum(is_listed, axis=1, dtype=np.int32)
    rows = np.flatnonzero(is_listed & (ranks <= k))
    if len(rows) == 0:
        return
    queries = lists.queries.select(KEYS).take(start + rows // width).combine_chunks()
    neighbors = neighbors.take(rows)
    columns = [
        queries["image_id"],
        queries["target_index"],
        pa.array(ranks.ravel()[rows]),
        neighbors["image_id"],
        neighbors["target_index"],
        pa.array(lists.distances[start:stop].ravel()[rows]),
    ]
    yield pa.Table.from_arrays(columns, schema=RESULT_SCHEMA).combine_chunks().to_batches()[0]


def _equal(a: pa.Table, b: pa.Table) -> NDArray[np.bool_]:
    same_image = pc.fill_null(pc.equal(a["image_id"], b["image_id"]), False).to_numpy()
    targets = [pc.fill_null(each["target_index"], -1).to_numpy() for each in (a, b)]
    equal: NDArray[np.bool_] = same_image & (targets[0] == targets[1])
    return equal
