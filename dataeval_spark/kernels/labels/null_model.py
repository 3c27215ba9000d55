"""Metrics of a model that knows only how often each class occurs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def null_model(reference: NDArray[Any], current: NDArray[Any]) -> dict[str, dict[str, float]]:
    """Expected metrics of three predictors that ignore their input.

    ``uniform_random`` draws among the classes of the current data, ``dominant_class`` says the most frequent class of
    the reference, ``proportional_random`` draws as often as the reference has each class. Metrics are of one class
    against the rest, for each class of the current data: the mean (macro), or over all decisions (micro).

    Parameters
    ----------
    reference, current : array of int
        Labels per class, in one order; ``current`` has at least one label.

    Returns
    -------
    dict
        Per predictor ``accuracy`` of the whole decision, and ``precision``, ``recall``, ``false_positive_rate`` and
        ``accuracy``, macro and micro. A predictor that never says a class has precision 0 for it. Without a label in
        the reference there is the uniform predictor only.

    References
    ----------
    DataEval 1.1.4, ``core.nullmodel_metrics``.

    Examples
    --------
    >>> null_model(np.array([9, 1]), np.array([5, 5]))["dominant_class"]["accuracy"]
    0.5
    """
    current = np.asarray(current, np.float64)
    truth = current / current.sum()
    present = truth > 0
    predictions = {"uniform_random": np.where(present, 1.0 / present.sum(), 0.0)}
    reference = np.asarray(reference, np.float64)
    if reference.sum() > 0:
        predictions["dominant_class"] = np.eye(len(truth))[int(reference.argmax())]
        predictions["proportional_random"] = reference / reference.sum()
    return {name: _metrics(truth, predicted, present) for name, predicted in predictions.items()}


def _metrics(
    truth: NDArray[np.float64], predicted: NDArray[np.float64], present: NDArray[np.bool_]
) -> dict[str, float]:
    t, p = truth[present], predicted[present]
    decisions = [t * p, (1 - t) * p, t * (1 - p), (1 - t) * (1 - p)]
    over_all = _rates(*(part.sum(keepdims=True) for part in decisions))
    metrics = {"accuracy": float(truth @ predicted)}
    for name, values in _rates(*decisions).items():
        metrics[f"{name}_macro"] = float(values.mean())
        metrics[f"{name}_micro"] = float(over_all[name][0])
    return metrics


def _rates(right: Any, wrong: Any, missed: Any, left: Any) -> dict[str, NDArray[np.float64]]:
    def share(part: Any, whole: Any) -> NDArray[np.float64]:
        return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)

    return {
        "precision": share(right, right + wrong),
        "recall": share(right, right + missed),
        "false_positive_rate": share(wrong, wrong + left),
        "accuracy": (right + left) / (right + wrong + missed + left),
    }
