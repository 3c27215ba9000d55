r"""Shapley values of training points for a k-nearest-neighbour classifier, from sorted neighbours.

Jia, Dao, Wang, Hubis, Gürel, Li, Zhang, Spanos and Song, "Efficient Task-Specific Data Valuation for Nearest Neighbor
Algorithms" (VLDB 2019), theorems 1 and 2. The utility of a training set S for one query of class y is the share of
its K nearest members of S that have class y, :math:`\frac{1}{K} \sum_{i \le \min(K, |S|)} 1[y_i = y]`. With the N
training points in the order of their distance,

.. math:: s_N = \frac{1[y_N = y]}{N}, \qquad
          s_i = s_{i+1} + \frac{1[y_i = y] - 1[y_{i+1} = y]}{K} \cdot \frac{\min(K, i)}{i}.

Where only the L nearest are known, s_L is taken as 0: no value is then off by more than 1 / max(K, L).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def knn_shapley(
    matches: NDArray[np.bool_], lengths: NDArray[np.int64], is_complete: NDArray[np.bool_], k: int
) -> NDArray[np.float64]:
    """Value of each neighbour of each query.

    Parameters
    ----------
    matches : ndarray of bool, (q, l)
        True where the i-th nearest training point has the query's class; nearest first.
    lengths : ndarray of int, (q,)
        Number of the columns that are neighbours.
    is_complete : ndarray of bool, (q,)
        True where these are all training points, so that the values are exact.
    k : int
        Number of neighbours that vote: K.

    Returns
    -------
    ndarray of float64, (q, l)
        0 beyond ``lengths``. The values of a complete list sum to the utility of the whole training set.

    Notes
    -----
    Theorem 1 of the paper assumes N >= K, as its text does; for fewer points every point votes always and has the value
    1[y_i = y] / K, which the recursion gives when it starts from 1[y_N = y] / max(K, N).

    Examples
    --------
    >>> knn_shapley(np.array([[True, False]]), np.array([2]), np.array([True]), k=1).tolist()
    [[1.0, 0.0]]
    """
    queries, width = matches.shape
    values = np.zeros((queries, width))
    if width == 0:
        return values
    rank = np.arange(1, width + 1)
    present = rank <= lengths[:, None]
    hits = matches.astype(np.float64) * present
    steps = (hits[:, :-1] - hits[:, 1:]) / k * (np.minimum(k, rank[:-1]) / rank[:-1])
    last = np.where(is_complete, 1.0 / np.maximum(k, np.maximum(lengths, 1)), 0.0)
    rows = np.flatnonzero(lengths > 0)
    # s_i = s_L plus the steps from i to L - 1; the step out of the list is none.
    steps = np.where(present[:, 1:], steps, 0.0)
    values[:, :-1] = np.cumsum(steps[:, ::-1], axis=1)[:, ::-1]
    values[rows] += (last[rows] * hits[rows, lengths[rows] - 1])[:, None]
    return np.where(present, values, 0.0)


def error_bounds(lengths: NDArray[np.int64], is_complete: NDArray[np.bool_], k: int) -> NDArray[np.float64]:
    """Largest error of a query's values, of listed neighbours and others: 0 for complete lists."""
    return np.where(is_complete, 0.0, 1.0 / np.maximum(k, lengths))
