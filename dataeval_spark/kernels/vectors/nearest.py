r"""Exact k nearest neighbours of a block of vectors in a stream of other blocks.

A matrix product in float32 gives each pair's score :math:`\|b\|^2 / 2 - a \cdot b`, which orders the index vectors b of
a query a by distance, up to an error that is bounded: with unit roundoff u, dimension d, :math:`R = \|a\|` and
:math:`S = \max \|b\|`, a product is off by at most :math:`d u R S` (Higham, "Accuracy and Stability of Numerical
Algorithms", 2002, section 3.1), and norms, subtraction and the rounding of the inputs add multiples of
:math:`u (R + S)^2`. Every pair within twice that bound of the k-th is measured again in float64 by direct subtraction,
so equal vectors have distance exactly 0 and the result does not depend on the blocks. Rows with more such pairs than a
buffer holds (tight clusters) are multiplied again in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.errors import MissingExtraError
from dataeval_spark.kernels.vectors.nearest_compiled import (
    COSINE,
    INNER,
    SQUARED,
    find_candidates,
    insert,
    inverse_norms,
    lengths_of_rows,
)
from dataeval_spark.options import Metric

KINDS: dict[str, int] = {"euclidean": SQUARED, "cosine": COSINE, "inner_product": INNER}
Multiply = Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]
Vectors = NDArray[np.float32]
Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Places = NDArray[np.intp]

NO_CODE = np.iinfo(np.int64).max
PRODUCT_BYTES = 32 * 2**20
# Beyond this, squares leave the range of float32.
LARGEST_NORM = 1e18


@dataclass(frozen=True)
class Points:
    """Vectors of a block, ready to be compared under one metric.

    ``vectors`` are as given (n, d); ``scales`` what each is multiplied by (1, or 1 / length under cosine); ``shifted``
    the float32 operands of the product; ``lengths`` their lengths.
    """

    metric: Metric
    vectors: Vectors
    scales: Floats
    shift: Floats
    shifted: Vectors
    lengths: Floats


def centred(metric: Metric, vectors: Vectors, dtype: Any, shift: Floats | None = None) -> NDArray[Any]:
    """Operands of the product: scaled to unit length under cosine, minus ``shift``; as they are for inner products."""
    if metric == "inner_product" or (metric == "euclidean" and shift is None):
        return vectors.astype(dtype, copy=False)
    if metric == "euclidean" and shift is not None:
        return np.subtract(vectors, shift.astype(np.float32), dtype=dtype)
    scales = inverse_norms(vectors)
    operand = np.empty((len(vectors), vectors.shape[1] + 1), dtype)
    np.multiply(vectors, scales[:, None].astype(dtype), out=operand[:, :-1], dtype=dtype)
    # A vector of zeros gets a direction of its own: distance 1 to the others.
    operand[:, -1] = scales == 0
    if shift is not None:
        operand -= shift.astype(np.float32)
    return operand


def points(vectors: Vectors, metric: Metric, shift: Floats) -> Points:
    """Prepare vectors.

    Parameters
    ----------
    vectors : ndarray of float32, (n, d)
        Finite values.
    metric : {"euclidean", "cosine", "inner_product"}
        Distance, or similarity, to compare.
    shift : ndarray of float64
        Any vector near the mean of the operands (d, or d + 1 under cosine): nearer to the mean, fewer pairs are
        measured twice. The result does not depend on it.
    """
    scales = inverse_norms(vectors) if metric == "cosine" else np.ones(len(vectors))
    shifted = centred(metric, vectors, np.float32, shift)
    return Points(metric, vectors, scales, shift, shifted, lengths_of_rows(shifted))


def multiplier(device: str | None = None) -> Multiply:
    """Function for ``a @ b.T``: numpy's, or torch's on a device such as ``"cuda:0"``.

    Raises
    ------
    MissingExtraError
        A device is given and torch is not installed.
    """
    if device is None:
        return lambda a, b: a @ b.T
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError.from_package("torch", "torch") from error

    def multiply(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
        # TF32 would round the inputs to ten bits, far outside the error bound.
        torch.backends.cuda.matmul.allow_tf32 = False
        left, right = (torch.from_numpy(np.ascontiguousarray(each)).to(device) for each in (a, b))
        product: NDArray[Any] = (left @ right.T).cpu().numpy()
        return product

    return multiply


class NearestLists:
    """The nearest index vectors found so far for each query, in the order of (distance, code).

    Parameters
    ----------
    queries : Points
        q query vectors.
    width : int
        Length of the lists.
    multiply : callable
        See :func:`multiplier`.

    Examples
    --------
    >>> shift = np.zeros(1)
    >>> lists = NearestLists(points(np.float32([[0], [9]]), "euclidean", shift), width=2)
    >>> lists.update(points(np.float32([[1], [4], [7]]), "euclidean", shift), np.arange(3))
    >>> lists.codes.tolist(), lists.distances.tolist()
    ([[0, 1], [2, 1]], [[1.0, 4.0], [2.0, 5.0]])
    """

    def __init__(self, queries: Points, width: int, multiply: Multiply | None = None) -> None:
        self.queries = queries
        self.codes = np.full((len(queries.vectors), width), NO_CODE, np.int64)
        self._kind = KINDS[queries.metric]
        self._scores = np.full((len(queries.vectors), width), np.inf)
        self._multiply = multiply or multiplier()

    @property
    def distances(self) -> Floats:
        """(q, width): ascending; infinite where there are fewer index vectors than ``width``."""
        scores = np.where(self.codes == NO_CODE, np.inf, self._scores)
        return np.sqrt(scores) if self._kind == SQUARED else scores

    def leave_out_beyond(self, distances: Floats) -> None:
        """Take no index vector that is farther from a query than a distance (q,), by more than rounding.

        Lists that hold nothing yet only.
        """
        squared = distances * distances if self._kind == SQUARED else distances
        # A root that is rounded may be that of a slightly larger square.
        self._scores[:] = (squared + 4 * np.finfo(np.float64).eps * np.abs(squared) + np.finfo(np.float64).tiny)[
            :, None
        ]

    def update(self, index: Points, codes: Codes, rows: Places | None = None) -> None:
        """Take a block of index vectors into account.

        Parameters
        ----------
        index : Points
            m vectors, prepared with the same metric and shift.
        codes : ndarray of int64, (m,)
            Numbers of the index vectors; among equal distances smaller ones come first.
        rows : ndarray of int, optional
            Queries to compare; default all.
        """
        if len(index.vectors) == 0:
            return
        everyone = np.arange(len(self.codes)) if rows is None else rows
        longest = max(float(index.lengths.max()), float(self.queries.lengths.max(initial=0.0)))
        capacity = min(4 * self.codes.shape[1] + 64, len(index.vectors) + self.codes.shape[1])
        step = max(16, PRODUCT_BYTES // (4 * len(index.vectors) + 8 * capacity))
        half_norms = index.lengths**2 / 2 * (self._kind != INNER)
        for start in range(0, len(everyone), step):
            part = everyone[start : start + step]
            if longest < LARGEST_NORM:
                part = self._compare(part, index, index.shifted, half_norms, codes, capacity)
            if len(part):
                self._compare_in_float64(part, index, codes, capacity)

    def _compare_in_float64(self, part: Places, index: Points, codes: Codes, capacity: int) -> None:
        operand = centred(index.metric, index.vectors, np.float64, index.shift)
        half_norms = np.einsum("ij,ij->i", operand, operand) / 2 * (self._kind != INNER)
        part = self._compare(part, index, operand, half_norms, codes, capacity)
        every = np.arange(len(index.vectors), dtype=np.int32)[None, :]
        for row in part:  # differences below the rounding of float64: measure each pair
            self._insert(np.array([row]), index, codes, every, np.array([len(codes)]))

    def _compare(
        self, part: Places, index: Points, operand: NDArray[Any], half_norms: Floats, codes: Codes, capacity: int
    ) -> Places:
        """Update the lists of some queries; return those that have more candidates than the buffer holds."""
        dtype = operand.dtype
        queries = self.queries
        if dtype == np.float32:
            left, lengths = queries.shifted[part], queries.lengths[part]
        else:
            left = centred(queries.metric, queries.vectors[part], dtype, queries.shift)
            lengths = np.sqrt(np.einsum("ij,ij->i", left, left))
        error = self._error(dtype, lengths, float(np.sqrt(2 * half_norms.max())), index, operand.shape[1])
        worst = self._scores[part, -1]
        limits = (worst / 2 if self._kind == SQUARED else worst) + error
        if self._kind != INNER:
            limits -= lengths**2 / 2
        products = self._multiply(left, operand)
        columns, counts = np.empty((len(part), capacity), np.int32), np.empty(len(part), np.int64)
        half_norms, slacks = half_norms.astype(dtype), (2 * error).astype(dtype)
        limits = np.nextafter(limits.astype(dtype), dtype.type(np.inf))
        find_candidates(products, half_norms, limits, slacks, self.codes.shape[1], columns, counts)
        self._insert(part, index, codes, columns, np.maximum(counts, 0))
        return part[counts < 0]

    def _insert(
        self, part: Places, index: Points, codes: Codes, columns: NDArray[np.int32], counts: NDArray[np.int64]
    ) -> None:
        scores, list_codes = self._scores[part], self.codes[part]
        vectors, scales = self.queries.vectors[part], self.queries.scales[part]
        insert(self._kind, vectors, scales, index.vectors, index.scales, codes, columns, counts, scores, list_codes)
        self._scores[part], self.codes[part] = scores, list_codes

    def _error(self, dtype: np.dtype[Any], lengths: Floats, longest: float, index: Points, dimension: int) -> Floats:
        """Bound of the error of a score, (q,)."""
        unit = float(np.finfo(dtype).eps) / 2
        smallest = dimension * float(np.finfo(dtype).tiny)
        if self._kind == INNER:
            longest = float(index.lengths.max())
            return unit * 1.01 * (dimension + 2) * lengths * longest + smallest
        # Unit vectors are rounded twice before the shift, at length 1.
        rounded = 4.0 if self._kind == COSINE else 0.0
        both = lengths + longest
        error: Floats = unit * (1.01 * dimension * lengths * longest + 2.2 * both * (both + rounded))
        return error + smallest
