"""Wanted and actual counts of each part of a split, and the reasons why a wanted count cannot be reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.kernels.splits.units import Units


@dataclass(frozen=True)
class Cell:
    """Counts of one part and stratum (None for the images)."""

    split: str
    stratum: str | None
    wanted: float
    got: int
    deviation: float
    units: int | None
    note: str | None


@dataclass(frozen=True)
class Explanation:
    """All parts and strata of one partition."""

    repeat: int
    fold: int | None
    cells: tuple[Cell, ...]
    notes: tuple[str, ...]

    @property
    def largest_deviation(self) -> float:
        return max((abs(cell.deviation) for cell in self.cells), default=0.0)


def explain(
    units: Units,
    names: Sequence[str],
    quotas: NDArray[np.float64],
    got: NDArray[np.int64],
    repeat: int = 0,
    notes: Mapping[tuple[int, int], str] | None = None,
) -> Explanation:
    """Compare the wanted counts with the actual ones, each of shape (parts, 1 + strata): images, then labels.

    ``notes`` are reasons, by (part, column), why less is wanted than was asked for. A stratum in fewer units than there
    are parts cannot be in all of them: the notes of its empty cells say so.
    """
    totals = np.concatenate(([units.sizes.sum()], units.totals))
    holders = np.concatenate(([units.sizes.size], units.holders))
    cells, sentences = [], dict.fromkeys((notes or {}).values())
    for column, stratum in enumerate([None, *units.names]):
        short = holders[column] < len(names)
        if short and stratum is not None:
            times = "1 unit" if holders[column] == 1 else f"{holders[column]} units"
            text = f"{stratum!r} is in {times} of images that stay together: {len(names)} parts cannot all have it"
            sentences[text] = None
        for part, name in enumerate(names):
            is_lacking = short and stratum is not None and got[part, column] == 0
            cells.append(
                Cell(
                    name,
                    stratum,
                    float(quotas[part, column]),
                    int(got[part, column]),
                    float((got[part, column] - quotas[part, column]) / max(1, totals[column])),
                    int(holders[column]),
                    text if is_lacking else (notes or {}).get((part, column)),
                )
            )
    return Explanation(repeat, None, tuple(cells), tuple(sentences))
