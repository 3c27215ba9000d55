"""Vectors of a folder of blocks in k-means clusters, and the search in the nearest few of them, with its recall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from dataeval_spark.kernels.vectors.block_search import PartialLists, Search, empty_lists, search_blocks, with_ids
from dataeval_spark.kernels.vectors.kmeans import lloyd, nearest_center, probed_centers, ranks_of_centers
from dataeval_spark.kernels.vectors.nearest import NO_CODE, centred, points
from dataeval_spark.kernels.vectors.vector_blocks import BlockFiles, VectorBlock, read_array, write_array
from dataeval_spark.options import Metric

CONFIDENCE = 0.95

CENTERS = "centers"


def uniform(draw: NDArray[np.int64]) -> NDArray[np.float64]:
    """Random 64-bit integers as numbers in [0, 1)."""
    numbers: NDArray[np.float64] = (draw.view(np.uint64) >> np.uint64(11)) / 2.0**53
    return numbers


def train_clusters(files: BlockFiles, metric: Metric, clusters: int, share: float) -> int:
    """Make the centres from the share of the vectors that their draws choose; return how many there are.

    The sample is taken in the order of the ids, so the centres do not depend on the blocks.
    """
    operands, draws, codes = [], [], []
    for number in range(len(files.names)):
        block = files.block(number)
        draw = block.ids["draw"].to_numpy()
        rows = np.flatnonzero(uniform(draw) < share)
        operands.append(centred(metric, block.vectors[rows], np.float32))
        draws.append(draw[rows])
        codes.append(files.codes(number)[rows])
    by_id = np.argsort(np.concatenate(codes))
    sample, drawn = np.concatenate(operands)[by_id], np.concatenate(draws)[by_id]
    if len(sample) == 0:  # a small dataset and bad luck: one cluster
        sample, drawn = centred(metric, files.block(0).vectors[:1], np.float32), np.zeros(1)
    centers, _ = lloyd(sample, sample[np.argsort(drawn, kind="stable")[:clusters]])
    write_array(files.folder, CENTERS, centers)
    return len(centers)


def sort_into_clusters(files: BlockFiles, number: int, search: Search) -> None:
    """Store the vectors of a block again, sorted by cluster."""
    block, name, centers = files.block(number), files.names[number], read_array(files.folder, CENTERS)
    rows = block.rows(search.role, copies=search.width)
    labels = nearest_center(centred(search.metric, block.vectors[rows], np.float32), centers)
    order = np.argsort(labels, kind="stable")
    label_of_row = np.full(len(block.vectors), -1, np.int32)
    label_of_row[rows] = labels
    write_array(files.folder, f"{name}.labels", label_of_row)
    write_array(files.folder, f"{name}.sorted_codes", files.codes(number)[rows[order]])
    write_array(files.folder, f"{name}.sorted", block.vectors[rows[order]])
    write_array(files.folder, f"{name}.starts", np.searchsorted(labels[order], np.arange(len(centers) + 1)))


def found_by_rank(search: Search, files: BlockFiles, queries: VectorBlock, rows: NDArray[np.intp]) -> NDArray[np.int64]:
    """Number of true neighbours of some rows in the nearest cluster of their query, in the second nearest, ..."""
    centers = read_array(files.folder, CENTERS)
    lists = search_blocks(search, files, queries, rows)
    counts = np.zeros(len(centers), np.int64)
    if len(rows) == 0:
        return counts
    present = lists.codes != NO_CODE
    # The first is the query itself, or an equal vector: to find it proves nothing.
    present[:, 0] &= not search.is_self
    block, row = files.places(lists.codes)
    labels = np.zeros(lists.codes.shape, np.int32)
    for number, name in enumerate(files.names):
        of_block = present & (block == number)
        labels[of_block] = read_array(files.folder, f"{name}.labels")[row[of_block]]
    ranks = ranks_of_centers(centred(search.metric, queries.vectors[rows], np.float32), centers, labels)
    return counts + np.bincount(ranks[present], minlength=len(centers))


def search_clusters(
    search: Search, files: BlockFiles, queries: VectorBlock, rows: NDArray[np.intp], probes: int
) -> PartialLists:
    """Nearest neighbours of some rows in the ``probes`` clusters whose centres are nearest to the row."""
    lists, copy_of = empty_lists(search, queries, rows)
    centers = read_array(files.folder, CENTERS)
    near = probed_centers(centred(search.metric, lists.queries.vectors, np.float32), centers, probes)
    clusters, query = near.ravel(), np.repeat(np.arange(len(near)), near.shape[1])
    order = np.argsort(clusters, kind="stable")
    bounds = np.searchsorted(clusters[order], np.arange(len(centers) + 1))
    starts, codes, vectors = (
        [read_array(files.folder, f"{name}.{kind}") for name in files.names]
        for kind in ("starts", "sorted_codes", "sorted")
    )
    for cluster in range(len(centers)):
        asking = query[order[bounds[cluster] : bounds[cluster + 1]]]
        if len(asking) == 0:
            continue
        parts = [slice(start[cluster], start[cluster + 1]) for start in starts]
        members, member_codes = (
            np.concatenate([each[part] for each, part in zip(arrays, parts, strict=True)])
            for arrays in (vectors, codes)
        )
        lists.update(points(members, search.metric, search.shift), member_codes, rows=asking)
    return with_ids(lists, files, queries, rows, copy_of)


@dataclass(frozen=True)
class Recall:
    """Mean share of the true neighbours that are found, and its interval, over a sample of queries."""

    value: float
    lower: float
    upper: float
    queries: int

    def __str__(self) -> str:
        return (
            f"{self.value:.4f} ({100 * CONFIDENCE:.0f} % interval {self.lower:.4f} to {self.upper:.4f}, "
            f"{self.queries:,} queries)"
        )


def recall_of(hits: float, truths: float, queries: int) -> Recall:
    """Wilson's interval of a mean recall.

    The neighbours of one query are found or missed together, so the sample is counted in queries, not in neighbours: a
    mean of n values in [0, 1] varies no more than a proportion of n trials. ``hits`` of ``truths`` true neighbours were
    found for one query or more.

    References
    ----------
    Wilson, "Probable inference, the law of succession, and statistical inference" (1927).
    """
    share = float(hits / truths) if truths else 1.0
    z = float(ndtri(0.5 + CONFIDENCE / 2))
    centre = (share + z * z / (2 * queries)) / (1 + z * z / queries)
    half = z / (1 + z * z / queries) * np.sqrt(share * (1 - share) / queries + z * z / (4 * queries**2))
    return Recall(share, max(0.0, float(centre - half)), min(1.0, float(centre + half)), queries)


def fewest_probes(found_by_rank: NDArray[np.int64], target: float) -> int:
    """Smallest number of clusters to search, to find the target share of the true neighbours.

    ``found_by_rank`` counts those in the nearest cluster of their query, in the second nearest, ...
    """
    reached = np.cumsum(found_by_rank) >= target * found_by_rank.sum()
    return int(np.argmax(reached)) + 1
