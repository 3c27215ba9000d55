"""Combinations of factor values that too few rows have, while every part of them has enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Pattern:
    """Factor and value of each part, by factor; rows that match, and rows if the factors were independent."""

    parts: tuple[tuple[int, int], ...]
    n: int
    expected: float


def uncovered_patterns(
    codes: Codes, counts: Codes, sizes: Sequence[int], threshold: int, max_level: int, max_cells: int = 10_000_000
) -> list[Pattern]:
    """Maximal uncovered patterns of at most ``max_level`` factors, level by level.

    A pattern is a value for each of some factors; it is uncovered when fewer than ``threshold`` rows match. It is
    maximal when every more general pattern (one value less) is covered: a pattern below an uncovered one is
    uncovered with it and says nothing new. A level needs only the covered patterns of the level above.

    Parameters
    ----------
    codes : array of int, shape (combinations, factors)
        Distinct combinations; -1 is no value, and matches no part.
    counts : array of int, shape (combinations,)
        Number of rows of each combination.
    sizes : sequence of int
        Number of values that each factor can have, from 0.
    threshold : int
        Number of rows that is enough.
    max_level : int
        Largest number of factors of a pattern.
    max_cells : int
        Combinations of factors with more cells are left out.

    References
    ----------
    Asudeh, Jin and Jagadish (2019), "Assessing and Remedying Coverage for a Given Dataset", Pattern-Breaker.

    Examples
    --------
    >>> codes, counts = np.array([[0, 0], [0, 1], [1, 0]]), np.array([9, 9, 9])
    >>> [pattern.parts for pattern in uncovered_patterns(codes, counts, [2, 2], 5, 2)]
    [((0, 1), (1, 1))]
    """
    total = int(counts.sum())
    if total < threshold:
        return [Pattern((), total, float(total))]
    patterns: list[Pattern] = []
    shares: list[NDArray[np.float64]] = []
    covered: dict[tuple[int, ...], NDArray[np.bool_]] = {(): np.array(True)}
    for level in range(1, max_level + 1):
        reached: dict[tuple[int, ...], NDArray[np.bool_]] = {}
        for factors in combinations(range(len(sizes)), level):
            parents = [factors[:i] + factors[i + 1 :] for i in range(level)]
            shape = tuple(sizes[factor] for factor in factors)
            if any(parent not in covered for parent in parents) or np.prod(shape, dtype=float) > max_cells:
                continue
            possible = np.ones(shape, bool)
            for i, parent in enumerate(parents):
                possible &= np.expand_dims(covered[parent], i)
            if not possible.any():
                continue
            matching = _matching(codes, counts, factors, shape)
            if level == 1:
                shares.append(matching / total)
            for cell in np.argwhere(possible & (matching < threshold)):
                expected = total * np.prod([shares[f][v] for f, v in zip(factors, cell, strict=True)])
                parts = tuple(zip(factors, cell.tolist(), strict=True))
                patterns.append(Pattern(parts, int(matching[tuple(cell)]), float(expected)))
            reached[factors] = matching >= threshold
        covered = reached
    return patterns


def _matching(codes: Codes, counts: Codes, factors: tuple[int, ...], shape: tuple[int, ...]) -> Codes:
    columns = [codes[:, factor] for factor in factors]
    valid = np.logical_and.reduce([column >= 0 for column in columns])
    cells = np.ravel_multi_index([column[valid] for column in columns], shape)
    # Rows are below 2^53, so that their sums are exact in float64.
    summed = np.bincount(cells, weights=counts[valid], minlength=int(np.prod(shape)))
    return np.rint(summed).astype(np.int64).reshape(shape)
