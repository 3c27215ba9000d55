"""Recall of an approximate search, with its uncertainty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

CONFIDENCE = 0.95


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
    mean of n values in [0, 1] varies no more than a proportion of n trials.

    Parameters
    ----------
    hits, truths : float
        True neighbours that were found, and all true neighbours.
    queries : int
        Queries in the sample, at least 1.

    References
    ----------
    Wilson, "Probable inference, the law of succession, and statistical inference" (1927).
    """
    share = float(hits / truths) if truths else 1.0
    z = float(norm.ppf(0.5 + CONFIDENCE / 2))
    centre = (share + z * z / (2 * queries)) / (1 + z * z / queries)
    half = z / (1 + z * z / queries) * np.sqrt(share * (1 - share) / queries + z * z / (4 * queries**2))
    return Recall(share, max(0.0, float(centre - half)), min(1.0, float(centre + half)), queries)


def fewest_probes(found_by_rank: NDArray[np.int64], target: float) -> int:
    """Smallest number of clusters to search for a recall.

    Parameters
    ----------
    found_by_rank : ndarray, (clusters,)
        Number of true neighbours in the nearest cluster of their query, in the second nearest, ...
    target : float
        Share of the true neighbours to find.
    """
    reached = np.cumsum(found_by_rank) >= target * found_by_rank.sum()
    return int(np.argmax(reached)) + 1
