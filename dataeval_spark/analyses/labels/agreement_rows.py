"""Rows of table ``label_agreement`` from kinds of ratings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.analyses.labels.rating_blocks import RatingBlocks
from dataeval_spark.kernels.labels.confident_learning import wilson_interval
from dataeval_spark.kernels.labels.dawid_skene import Ratings
from dataeval_spark.kernels.labels.rater_agreement import (
    STATISTICS,
    Spread,
    VoteSums,
    cohen,
    jackknife,
    spread,
    vote_sums,
)

Row = tuple[Any, ...]
# Raters x classes up to which pairs of raters are compared: the square of it is counted.
MAX_PAIR_COLUMNS = 2_000


def agreement_rows(given: RatingBlocks) -> list[Row]:
    """Rows of table ``label_agreement``; the driver holds raters x classes squared at most, 4 million."""
    return [*_overall(given), *_pairs(given)]


def _overall(given: RatingBlocks) -> Iterator[Row]:
    raters = len(given.raters)

    def count_raters(part: Ratings) -> NDArray[np.float64]:
        return np.bincount(part.votes.sum(axis=1).astype(int), part.weights, raters + 1).astype(np.float64)

    sizes = given.total(count_raters)
    if not sizes[2:].any():
        return
    commonest = 2 + int(sizes[2:].argmax())
    for statistic, value_of in STATISTICS.items():
        size = commonest if statistic == "fleiss_kappa" else None
        sums = VoteSums.from_vector(given.total(_vote_sums_of(size)))
        value = value_of(sums.votes, sums.differing)
        spreads = Spread.from_vector(given.total(_spread_of(statistic, size, sums)))
        lower, upper = jackknife(value, spreads, sums.things)
        for name, *numbers in zip((None, *given.classes), value, lower, upper, strict=True):
            yield (statistic, name, None, None, *map(_number, numbers), int(sums.things))


def _votes(part: Ratings, size: int | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    votes = part.votes
    kept = slice(None) if size is None else votes.sum(axis=1) == size
    return votes[kept], part.weights[kept]


def _vote_sums_of(size: int | None) -> Any:
    return lambda part: vote_sums(*_votes(part, size)).to_vector()


def _spread_of(statistic: str, size: int | None, sums: VoteSums) -> Any:
    return lambda part: spread(statistic, *_votes(part, size), sums).to_vector()


def _pairs(given: RatingBlocks) -> Iterator[Row]:
    raters, classes = len(given.raters), len(given.classes)
    if raters * classes > MAX_PAIR_COLUMNS:
        return

    def together(part: Ratings) -> NDArray[np.float64]:
        weighted = part.said.multiply(part.weights[:, None]).tocsr()
        counts: NDArray[np.float64] = (part.said.T @ weighted).toarray().ravel()
        return counts

    tables = given.total(together).reshape(raters, classes, raters, classes)
    for a in range(raters):
        for b in range(a + 1, raters):
            table = tables[a, :, b]
            n = int(table.sum())
            if n == 0:
                continue
            pair = (None, given.raters[a], given.raters[b])
            yield ("cohen_kappa", *pair, *map(_number, cohen(table)), n)
            equal = np.array([np.trace(table)])
            lower, upper = wilson_interval(equal, np.array([n]))
            yield ("percent_agreement", *pair, float(equal[0] / n), float(lower[0]), float(upper[0]), n)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
