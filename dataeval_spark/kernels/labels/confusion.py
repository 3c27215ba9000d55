"""Accuracy, precision, recall and F1 from a confusion matrix, equal to scikit-learn's with ``zero_division=nan``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def class_metrics(confusion: Floats) -> dict[str, Floats]:
    """Metrics of each class against the rest.

    Parameters
    ----------
    confusion : ndarray of float64, shape (classes, classes)
        Weight of the rows by true class (rows of the matrix) and predicted class.

    Returns
    -------
    dict of str to ndarray
        ``support`` and ``predicted`` (weights), ``precision``, ``recall`` and ``f1`` of each class; NaN where their
        denominator is 0.

    Examples
    --------
    >>> class_metrics(np.array([[1.0, 1.0], [0.0, 2.0]]))["precision"].round(3).tolist()
    [1.0, 0.667]
    """
    confusion = np.asarray(confusion, np.float64)
    hits, support, predicted = np.diagonal(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision, recall, f1 = hits / predicted, hits / support, 2 * hits / (support + predicted)
    return {"support": support, "predicted": predicted, "precision": precision, "recall": recall, "f1": f1}


def overall_metrics(confusion: Floats) -> dict[str, float]:
    """Accuracy, and precision, recall and F1 over the classes in three ways.

    ``macro`` is the mean over classes that occur as true or as predicted, ``weighted`` that by their true rows, and
    ``micro`` is of the sums of hits over all classes, which is the accuracy. A class whose own metric is not defined
    is left out of a mean, as scikit-learn does with ``zero_division=nan``.

    Examples
    --------
    >>> found = overall_metrics(np.array([[1.0, 1.0], [0.0, 2.0]]))
    >>> round(found["accuracy"], 3), round(found["f1_macro"], 3)
    (0.75, 0.733)
    """
    confusion = np.asarray(confusion, np.float64)
    of_class = class_metrics(confusion)
    total = confusion.sum()
    accuracy = float(np.trace(confusion) / total) if total > 0 else float("nan")
    found = {"accuracy": accuracy}
    occurs = (of_class["support"] > 0) | (of_class["predicted"] > 0)
    means: dict[str, Callable[[Floats], Floats]] = {
        "macro": lambda support: np.ones_like(support),
        "weighted": lambda support: support,
    }
    for name in ("precision", "recall", "f1"):
        found[f"{name}_micro"] = accuracy
        for average, weight in means.items():
            is_counted = occurs & ~np.isnan(of_class[name])
            weights = weight(of_class["support"])[is_counted]
            # Where no weight is left the classes count alike, as in scikit-learn.
            weights = weights if weights.sum() > 0 else np.ones_like(weights)
            values = of_class[name][is_counted]
            found[f"{name}_{average}"] = float(np.average(values, weights=weights)) if values.size else float("nan")
    return found
