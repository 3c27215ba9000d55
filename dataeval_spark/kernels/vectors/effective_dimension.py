"""Effective number of dimensions of a cloud of points, from sums of products that its parts add up to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.kernels.vectors.embedding_moments import effective_rank

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Moments:
    """Rows, their mean (D), and the sum of products of deviations from it (D x D)."""

    n: int
    mean: Floats
    products: Floats

    @classmethod
    def from_rows(cls, rows: Floats) -> Moments:
        mean = rows.mean(axis=0)
        deviations = rows - mean
        return cls(len(rows), mean, deviations.T @ deviations)

    def merged(self, other: Moments) -> Moments:
        """Moments of both parts together (Chan, Golub and LeVeque 1979)."""
        n = self.n + other.n
        step = other.mean - self.mean
        products = self.products + other.products + np.outer(step, step) * (self.n * other.n / n)
        return Moments(n, self.mean + step * (other.n / n), products)

    @property
    def gram(self) -> Floats:
        """Sum of products of the rows as they are."""
        return np.asarray(self.products + self.n * np.outer(self.mean, self.mean), np.float64)


def effective_dimension(products: Floats) -> float:
    """exp of the entropy of the shares of the eigenvalues: the number of equal eigenvalues with the same entropy.

    Products are the sum of products of deviations, or the covariance (D, D). The result is in [1, D], or NaN where
    nothing varies.

    References
    ----------
    Roy and Vetterli (2007), "The effective rank"; DataEval 1.1.4, ``core.completeness``.

    Examples
    --------
    >>> round(effective_dimension(np.eye(3)), 12)
    3.0
    """
    return effective_rank(np.clip(np.linalg.eigvalsh(products), 0.0, None)) or float("nan")


def rank_of(gram: Floats) -> int:
    """Number of dimensions that the rows span: eigenvalues above D times the rounding of the largest.

    A product of rows squares what is small: directions below about 1e-7 of the largest count as none, which is the
    rounding of float32 vectors.
    """
    values = np.linalg.eigvalsh(gram)
    largest = values.max(initial=0.0)
    return int((values > largest * len(values) * np.finfo(np.float64).eps).sum()) if largest > 0 else 0


def centered_ranks(values: Floats) -> Floats:
    """Ranks of finite values as places in (-0.5, 0.5); equal values share their mean rank.

    DataEval ranks equal values by position, so that a constant column counts as fully spread.
    """
    from scipy.stats import rankdata

    return np.asarray((rankdata(values) - 0.5) / values.size - 0.5)
