"""Search for the neighbours of some rows of a block in all blocks of a folder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.kernels.vectors.blocks import BlockFiles, VectorBlock
from dataeval_spark.kernels.vectors.nearest import NearestLists, multiplier, points
from dataeval_spark.kernels.vectors.neighbor_lists import PartialLists, ids_of
from dataeval_spark.options import Metric


@dataclass(frozen=True)
class Search:
    """A search for ``k`` neighbours under ``metric`` among the rows with ``role``.

    With ``is_self`` a row is not its own neighbour. ``shift`` is the mean of the operands of the product; the product
    runs on ``device``, None for numpy.
    """

    metric: Metric
    k: int
    role: int
    shift: NDArray[np.float64]
    is_self: bool = True
    device: str | None = None

    @property
    def width(self) -> int:
        """Length of the lists while the query itself may be in them."""
        return self.k + self.is_self


def empty_lists(search: Search, queries: VectorBlock, rows: NDArray[np.intp]) -> tuple[NearestLists, NDArray[np.intp]]:
    """Empty lists, one for each different query vector, and which of them belongs to each row."""
    same_as = queries.ids["same_as"].to_numpy()[rows]
    _, first, copy_of = np.unique(same_as, return_index=True, return_inverse=True)
    vectors = np.ascontiguousarray(queries.vectors[rows[first]])
    return NearestLists(points(vectors, search.metric, search.shift), search.width, multiplier(search.device)), copy_of


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
