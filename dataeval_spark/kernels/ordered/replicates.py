"""Weights of bootstrap replicates, made where they are used from the hash of a row's unit: Poisson(1) variates.

All rows of a unit (an image, a group of duplicates) have one weight in a replicate, in whatever task they are.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

LANES = 4
"""Replicates that one hash of 64 bits gives 16 bits each."""
MOST_DRAWN = 8
"""Largest variate: more are rarer than one in 2^16."""
_LEVELS = 2**16


def mixed(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Bits of 64-bit numbers mixed so that each depends on all (the finaliser of SplitMix64)."""
    hashes = hashes ^ (hashes >> np.uint64(30))
    hashes *= np.uint64(0xBF58476D1CE4E5B9)
    hashes ^= hashes >> np.uint64(27)
    hashes *= np.uint64(0x94D049BB133111EB)
    hashes ^= hashes >> np.uint64(31)
    return hashes


def poisson_weights(units: NDArray[np.int64], block: int, seed: int) -> NDArray[np.uint8]:
    """Weights of rows in four replicates, numbers ``4 block`` to ``4 block + 3``.

    A variate is the inverse distribution function at 16 bits of the hash of (seed, block, unit); its mean is 1 and its
    variance 1 within 1e-4.

    Parameters
    ----------
    units : ndarray of int64, shape (n,)
        Hash of the unit of each row.
    block, seed : int
        Four replicates, and the seed of all.

    Returns
    -------
    ndarray of uint8, shape (n, 4)

    References
    ----------
    Chamandy, Muralidharan, Najmi and Naidu (2012), "Estimating uncertainty for massive data streams".

    Examples
    --------
    >>> poisson_weights(np.array([1, 2, 1]), 0, 0).tolist()
    [[2, 1, 0, 2], [0, 2, 1, 2], [2, 1, 0, 2]]
    """
    with np.errstate(over="ignore"):
        key = mixed(np.array([seed], np.int64).view(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(block))
        bits = mixed(mixed(units.view(np.uint64) + np.uint64(0x9E3779B97F4A7C15)) ^ key)
    return _variates()[bits.astype("<u8").view("<u2")].reshape(-1, LANES)


@cache
def _variates() -> NDArray[np.uint8]:
    """Poisson(1) variate of each of 65,536 equally likely numbers."""
    from scipy.stats import poisson

    ends = poisson.cdf(np.arange(16), 1.0) * _LEVELS
    return np.minimum(np.searchsorted(ends, np.arange(_LEVELS) + 0.5), MOST_DRAWN).astype(np.uint8)
