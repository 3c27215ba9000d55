"""Rows of the tables that confident learning fills per class and per pair of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.kernels.labels.confident_learning import UNREACHABLE, wilson_interval


def joint_rows(
    model: str, names: Sequence[str], confident: NDArray[np.int64], calibrated: NDArray[np.int64]
) -> list[tuple[Any, ...]]:
    """Rows of table ``confident_joint``: pairs of classes with a count."""
    total = max(int(calibrated.sum()), 1)
    pairs = np.argwhere((confident > 0) | (calibrated > 0)).tolist()
    return [
        (model, names[k], names[j], int(confident[k, j]), int(calibrated[k, j]), float(calibrated[k, j] / total))
        for k, j in pairs
    ]


def noise_rows(
    model: str,
    names: Sequence[str],
    counts: NDArray[np.int64],
    thresholds: NDArray[np.float64],
    confident: NDArray[np.int64],
    calibrated: NDArray[np.int64],
) -> list[tuple[Any, ...]]:
    """Rows of table ``class_noise``.

    The rate is the share of the calibrated joint off its diagonal. Its interval takes the labels that the model is
    confident of as a sample of all: Wilson's on those that are confidently another class's.
    """
    right = calibrated.diagonal()
    members = calibrated.sum(axis=0)
    seen = confident.sum(axis=1)
    lower, upper = wilson_interval(seen - confident.diagonal(), seen)
    rows: list[tuple[Any, ...]] = []
    for k, name in enumerate(names):
        has_labels = counts[k] > 0
        rows.append(
            (
                model,
                name,
                int(counts[k]),
                float(thresholds[k]) if thresholds[k] < UNREACHABLE else None,
                int(seen[k]),
                float(1 - right[k] / counts[k]) if has_labels else None,
                float(lower[k]) if seen[k] else None,
                float(upper[k]) if seen[k] else None,
                float(1 - right[k] / members[k]) if members[k] else None,
            )
        )
    return rows
