"""Facts about vectors from sums: computed by part, merged in any order, row by row of the scatter matrix."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
_CHUNK = 2048
_LOWEST_POWER = -1100  # below the smallest positive float64
_POWERS = 2200


@dataclass(frozen=True)
class Moments:
    """Sums over vectors of one dimension.

    Attributes
    ----------
    count : int
        Finite vectors; the other sums are over them.
    not_finite : int
        Vectors with NaN or infinity.
    zeros : int
        Vectors of length 0.
    powers : ndarray of int64
        Number of vectors by ``floor(log2(length))``, from -1100.
    low, high, mean : ndarray
        Smallest, largest and mean value of each dimension.
    scatter : ndarray
        ``sum (x - mean)(x - mean)^T``, dimension x dimension, or some rows of it.
    first_row : int
        The first of these rows.
    """

    count: int
    not_finite: int
    zeros: int
    powers: NDArray[np.int64]
    low: Vector
    high: Vector
    mean: Vector
    scatter: NDArray[np.float64]
    first_row: int = 0

    @classmethod
    def none(cls, dimension: int) -> Moments:
        """The sums over no vector."""
        infinite = np.full(dimension, np.inf)
        powers = np.zeros(_POWERS, dtype=np.int64)
        return cls(0, 0, 0, powers, infinite, -infinite, np.zeros(dimension), np.zeros((dimension, dimension)))

    @classmethod
    def from_vectors(cls, vectors: NDArray[np.floating]) -> Moments:
        """The sums over the rows of a matrix.

        Examples
        --------
        >>> Moments.from_vectors(np.array([[0.0, 3.0], [2.0, 3.0]])).scatter.tolist()
        [[2.0, 0.0], [0.0, 0.0]]
        """
        moments = cls.none(vectors.shape[1])
        for start in range(0, len(vectors), _CHUNK):
            moments = moments.merged(cls._of_chunk(vectors[start : start + _CHUNK].astype(np.float64)))
        return moments

    @classmethod
    def _of_chunk(cls, vectors: NDArray[np.float64]) -> Moments:
        is_finite = np.isfinite(vectors).all(axis=1)
        finite = vectors[is_finite]
        refused = int((~is_finite).sum())
        if not len(finite):
            return replace(cls.none(vectors.shape[1]), not_finite=refused)
        lengths = np.linalg.norm(finite, axis=1)
        powers = np.frexp(lengths[lengths > 0])[1] - 1 - _LOWEST_POWER
        mean = finite.mean(axis=0)
        centered = finite - mean
        return cls(
            len(finite),
            refused,
            int((lengths == 0).sum()),
            np.bincount(powers, minlength=_POWERS),
            finite.min(axis=0),
            finite.max(axis=0),
            mean,
            centered.T @ centered,
        )

    def merged(self, other: Moments) -> Moments:
        """The sums over the vectors of both.

        Source: Chan, Golub and LeVeque 1983; without the cancellation of raw sums of squares.
        """
        total = max(1, self.count + other.count)
        difference = other.mean - self.mean
        rows = difference[self.first_row : self.first_row + len(self.scatter)]
        between = np.outer(rows, difference) * (self.count * other.count / total)
        return Moments(
            self.count + other.count,
            self.not_finite + other.not_finite,
            self.zeros + other.zeros,
            self.powers + other.powers,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            self.mean + difference * (other.count / total),
            self.scatter + other.scatter + between,
            self.first_row,
        )

    def packed(self, most_bytes: int) -> Iterator[bytes]:
        """Cut the scatter matrix into rows, with all that it takes to merge them, of about `most_bytes` each."""
        rows = max(1, most_bytes // (8 * len(self.mean)))
        counts = np.array([self.count, self.not_finite, self.zeros])
        for first in range(0, len(self.mean), rows):
            arrays: dict[str, Any] = {"first": np.array(first), "counts": counts, "mean": self.mean}
            arrays["scatter"] = self.scatter[first : first + rows]
            if first == 0:  # once is enough
                arrays |= {"powers": self.powers, "low": self.low, "high": self.high}
            file = io.BytesIO()
            np.savez(file, **arrays)
            yield file.getvalue()

    @classmethod
    def unpacked(cls, state: bytes) -> Moments:
        """Read a result of `packed`; with first_row above 0, powers, low and high are those of no vector."""
        with np.load(io.BytesIO(state)) as file:
            arrays = dict(file)
        count, not_finite, zeros = map(int, arrays["counts"])
        infinite = np.full(len(arrays["mean"]), np.inf)
        powers = arrays.get("powers", np.zeros(_POWERS, dtype=np.int64))
        low, high = arrays.get("low", infinite), arrays.get("high", -infinite)
        return cls(count, not_finite, zeros, powers, low, high, arrays["mean"], arrays["scatter"], int(arrays["first"]))

    @classmethod
    def joined(cls, parts: Sequence[Moments]) -> Moments:
        """Join parts that were merged separately to all rows of the scatter matrix."""
        ordered = sorted(parts, key=lambda part: part.first_row)
        return replace(ordered[0], scatter=np.concatenate([part.scatter for part in ordered]))

    def constant_dimensions(self) -> int:
        """Number of dimensions that have one value in all vectors."""
        return int((self.low == self.high).sum()) if self.count > 1 else 0

    def extreme_lengths(self, factor: float) -> int:
        """Number of vectors whose length is `factor` times or more above or below the median, by powers of two.

        The median is that of the lengths above 0, as a power of two: `factor` 16 counts those at least four powers
        away from it.
        """
        number = int(self.powers.sum())
        if number == 0:
            return 0
        middle = int(np.searchsorted(np.cumsum(self.powers), (number + 1) // 2))
        away = np.abs(np.arange(_POWERS) - middle) >= math.log2(factor)
        return int(self.powers[away].sum())

    def variances(self) -> Vector:
        """Variances along the principal axes, largest first; none is negative."""
        values = np.linalg.eigvalsh(self.scatter)[::-1] / max(1, self.count - 1)
        variances: Vector = np.maximum(values, 0.0)
        return variances


def first_share(variances: Vector) -> float:
    """Share of the variance that lies along the first axis; 1 where there is no variance at all.

    Examples
    --------
    >>> first_share(np.array([3.0, 1.0]))
    0.75
    """
    total = float(variances.sum())
    return float(variances[0]) / total if total > 0 else 1.0


def effective_rank(variances: Vector) -> float:
    """Number of axes that the variance is spread over: exp of the entropy of its shares, from 1 to the dimension.

    Source: Roy and Vetterli 2007, The effective rank. 0 where there is no variance at all.

    Examples
    --------
    >>> round(effective_rank(np.array([2.0, 2.0, 2.0, 0.0])), 6)
    3.0
    """
    total = float(variances.sum())
    if total <= 0:
        return 0.0
    shares = variances[variances > 0] / total
    return float(np.exp(-(shares * np.log(shares)).sum()))


def intrinsic_dimension(vectors: NDArray[np.floating]) -> tuple[float, int]:
    """Dimension of the surface that the vectors lie on, from the distances to their two nearest neighbours.

    ``d = (n - 1) / sum ln(r2 / r1)``, n vectors, r1 and r2 the distances to the nearest and the second nearest. Its
    standard deviation is about ``d / sqrt(n)``; for large d it is an underestimate, because samples are never dense.

    Vectors (number, dimension) are finite; of equal ones one counts. The result is the dimension, NaN where fewer than
    three vectors differ, and the number of vectors that were used.

    References
    ----------
    Facco, d'Errico, Rodriguez and Laio 2017 (TwoNN); in its maximum likelihood form, without bias: Denti et al. 2022.
    """
    distinct = np.unique(vectors.astype(np.float64), axis=0)
    if len(distinct) < 3:
        return math.nan, len(distinct)
    squares = np.einsum("ij,ij->i", distinct, distinct)
    nearest = np.empty((len(distinct), 2), dtype=np.int64)
    for start in range(0, len(distinct), _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, len(distinct)))
        distances = squares[rows, np.newaxis] + squares - 2 * (distinct[rows] @ distinct.T)
        distances[np.arange(len(rows)), rows] = np.inf
        nearest[rows] = np.argpartition(distances, 1, axis=1)[:, :2]
    # Candidates from the matrix product, distances by subtraction: near neighbours cancel in the former.
    exact = np.sort(np.linalg.norm(distinct[:, np.newaxis] - distinct[nearest], axis=2), axis=1)
    logarithms = np.log(exact[:, 1] / exact[:, 0])
    total = float(logarithms.sum())
    return ((len(distinct) - 1) / total if total > 0 else math.nan), len(distinct)
