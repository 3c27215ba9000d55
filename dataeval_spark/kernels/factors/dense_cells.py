"""Sums of all cells of crossed factors, held as one array for each crossing, so that rows are read once for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Crossing = tuple[int, ...]
ROWS_AT_ONCE = 2**16
"""Rows whose codes, products of codes and counters stay in a core's cache."""


def crossings(factors: int, order: int) -> list[Crossing]:
    """Numbers of the factors of each crossing of up to ``order`` of them, fewer factors first.

    Examples
    --------
    >>> crossings(3, 2)
    [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2)]
    """
    return [each for size in range(1, order + 1) for each in combinations(range(factors), size)]


def cell_count(sizes: Sequence[int], order: int) -> int:
    """Number of cells of all crossings of up to ``order`` factors with so many values each.

    Examples
    --------
    >>> cell_count([10] * 20, 3)
    1159200
    """
    # Elementary symmetric polynomials of the sizes: no crossing is listed to count its cells.
    sums = [1] + [0] * order
    for size in sizes:
        for degree in range(order, 0, -1):
            sums[degree] += sums[degree - 1] * size
    return sum(sums[1:])


@dataclass
class CellSums:
    """Sums of the cells of each crossing.

    Attributes
    ----------
    sizes : tuple of int
        Values of each factor: its codes are 0 to size - 1.
    counts : dict
        Of each crossing the rows of its cells, in the order of the codes, that of the last factor running fastest.
    sums : dict
        Of each crossing the sums of each measure less its constant, and of its square, shape (2 measures, cells).
    """

    sizes: tuple[int, ...]
    counts: dict[Crossing, Ints]
    sums: dict[Crossing, Floats]

    @classmethod
    def empty(cls, sizes: Sequence[int], order: int, measures: int) -> CellSums:
        """No rows."""
        cells = {each: prod(sizes[at] for at in each) for each in crossings(len(sizes), order)}
        return cls(
            tuple(sizes),
            {each: np.zeros(count, np.int64) for each, count in cells.items()},
            {each: np.zeros((2 * measures, count)) for each, count in cells.items()},
        )

    def add(self, codes: Ints, measures: Floats) -> None:
        """Add rows.

        Parameters
        ----------
        codes : ndarray of int64, shape (n, factors)
            Codes; a row whose code of a factor is outside its values is in no cell of that factor.
        measures : ndarray of float64, shape (n, measures)
            Values less the constants of their measures.
        """
        for start in range(0, len(codes), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            self._add(np.ascontiguousarray(codes[part].T), np.ascontiguousarray(measures[part].T))

    def _add(self, codes: Ints, measures: Floats) -> None:
        weights = [each for measure in measures for each in (measure, measure * measure)]
        is_known = [(code >= 0) & (code < size) for code, size in zip(codes, self.sizes, strict=True)]
        is_complete = [bool(each.all()) for each in is_known]
        cells: dict[Crossing, Ints] = {(): np.zeros(codes.shape[1], np.int64)}
        for each in self.counts:
            # The crossing without its last factor comes before it.
            cell = cells[each[:-1]] * self.sizes[each[-1]] + codes[each[-1]]
            if len(each) < max(map(len, self.counts)):
                cells[each] = cell
            rows: NDArray[np.bool_] | slice = slice(None)
            if not all(is_complete[at] for at in each):
                rows = np.logical_and.reduce([is_known[at] for at in each])
                cell = cell[rows]
            count = self.counts[each].size
            self.counts[each] += np.bincount(cell, minlength=count)
            for at, weight in enumerate(weights):
                self.sums[each][at] += np.bincount(cell, weight[rows], count)

    def merge(self, other: CellSums) -> None:
        """Add the rows of other sums."""
        for each in self.counts:
            self.counts[each] += other.counts[each]
            self.sums[each] += other.sums[each]


def codes_of_cells(crossing: Crossing, sizes: Sequence[int], cells: Ints) -> Ints:
    """Codes of the factors of a crossing in cells given by their place, shape (cells, factors).

    Examples
    --------
    >>> codes_of_cells((0, 2), [2, 9, 3], np.array([0, 4])).tolist()
    [[0, 0], [1, 1]]
    """
    return np.column_stack(np.unravel_index(cells, [sizes[at] for at in crossing])).astype(np.int64)
