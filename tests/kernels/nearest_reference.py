"""Nearest neighbours by the definition: every distance in float64, sorted by (distance, position)."""

from __future__ import annotations

import numpy as np


def all_distances(queries, index, metric):
    a, b = np.asarray(queries, np.float64), np.asarray(index, np.float64)
    if metric == "inner_product":
        return -(a @ b.T)
    if metric == "cosine":
        a, b = unit(a), unit(b)
    squared = ((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2)
    return np.sqrt(squared) if metric == "euclidean" else squared / 2


def unit(rows):
    """Rows of length 1; rows of zeros share a direction of their own."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.hstack([rows / np.where(lengths > 0, lengths, 1), lengths == 0])


def nearest(queries, index, metric, k):
    distances = all_distances(queries, index, metric)
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(distances, order, axis=1), order
