"""Mutual information of continuous values by nearest neighbours: no bins, but an estimate on a sample."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def permutation_p_value(
    first: NDArray[Any],
    second: NDArray[Any],
    information: float,
    *,
    continuous: tuple[bool, bool],
    permutations: int,
    neighbors: int = 5,
    seed: int = 0,
) -> float:
    """Probability of so much information, or more, between two independent variables.

    (1 + times that a permutation of the first has as much) / (1 + permutations): never 0. ``information`` is the result
    of `neighbor_information` for the other arguments; each permutation costs an estimate.

    References
    ----------
    Phipson and Smyth, "Permutation P-values should never be zero" (2010).
    """
    random = np.random.default_rng(seed)
    as_much = sum(
        neighbor_information(random.permutation(first), second, continuous=continuous, neighbors=neighbors, seed=seed)
        >= information
        for _ in range(permutations)
    )
    return (1 + as_much) / (1 + permutations)


def neighbor_information(
    first: NDArray[Any], second: NDArray[Any], *, continuous: tuple[bool, bool], neighbors: int = 5, seed: int = 0
) -> float:
    """Mutual information in nats: Kraskov's estimator for two continuous variables, Ross's for one and a discrete one.

    Rows in which a continuous value is missing are left out; the mean of both directions is taken, which differ by the
    noise of 1e-10 that parts equal values.

    Parameters
    ----------
    first, second : array
        Values of each row; a discrete variable may hold any labels.
    continuous : tuple of bool
        Whether each of the two is continuous; at least one is.
    neighbors : int
        Number k of nearest neighbours.
    seed : int
        Seed of the noise.

    References
    ----------
    Kraskov, Stögbauer and Grassberger (2004); Ross (2014); scikit-learn's ``mutual_info_regression`` and
    ``mutual_info_classif``.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=1000)
    >>> neighbor_information(x, x > 0, continuous=(True, False)) > 0.6
    True
    """
    from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

    variables = list(zip((first, second), continuous, strict=True))
    is_valid = np.isfinite([values.astype(np.float64) for values, is_real in variables if is_real]).all(axis=0)
    columns = [
        values[is_valid].astype(np.float64) if is_real else np.unique(values[is_valid], return_inverse=True)[1]
        for values, is_real in variables
    ]
    if is_valid.sum() <= neighbors + 1 or any(np.unique(column).size < 2 for column in columns):
        return 0.0
    estimates = []
    for x, y in ((0, 1), (1, 0)):
        estimate = mutual_info_regression if continuous[y] else mutual_info_classif
        information = estimate(
            columns[x].reshape(-1, 1).astype(np.float64),
            columns[y],
            discrete_features=not continuous[x],
            n_neighbors=neighbors,
            random_state=seed,
        )
        estimates.append(float(information[0]))
    return max(0.0, sum(estimates) / 2)
