"""Diversity of a factor: how evenly its values are filled, in [0, 1]."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.kernels.factors.mutual_information import entropy


def simpson_diversity(counts: NDArray[Any], bins: int) -> float:
    r"""Inverse Simpson index between 0 and 1: :math:`(1 / \sum p_i^2 - 1) / (m - 1)`.

    The counts are rows per bin, at least one row in all; m is the number of bins that are filled in the whole dataset.
    With one bin the diversity is 0.

    References
    ----------
    DataEval 1.1.4, ``core.diversity_simpson``.

    Examples
    --------
    >>> simpson_diversity(np.array([5, 5]), 2)
    1.0
    """
    if bins == 1:
        return 0.0
    share = np.asarray(counts, np.float64) / np.sum(counts)
    return float((1.0 / (share**2).sum() - 1.0) / (bins - 1))


def shannon_diversity(counts: NDArray[Any], bins: int) -> float:
    r"""Entropy between 0 and 1: :math:`H / \ln m`; arguments as of `simpson_diversity`.

    Examples
    --------
    >>> shannon_diversity(np.array([5, 5]), 2)
    1.0
    """
    return 0.0 if bins == 1 else entropy(counts) / float(np.log(bins))
