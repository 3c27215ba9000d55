"""Label parity: do two parts of the data have the same shares of classes, and what would guessing reach."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.contract_rows import rows_of_dicts
from dataeval_spark.kernels.contingency_statistics import label_parity as compare_counts
from dataeval_spark.kernels.null_model import null_model as guess
from dataeval_spark.tables import LABEL_PARITY, NULL_MODEL

Counts = dict[str, tuple[int, int]]


def label_parity(
    reference: DataFrame,
    current: DataFrame,
    *,
    reference_name: str,
    current_name: str,
    window: tuple[datetime, datetime],
    threshold: float = 0.05,
) -> DataFrame:
    """Compare the labels of two parts of the data by a chi-square test, and list each class.

    Expected counts are the reference's, scaled to the current number of labels. A class that only the current data
    have (status ``new``) makes the statistic infinite and the p-value 0; one that they lost is ``vanished``.

    Parameters
    ----------
    reference, current : DataFrame
        Rows of table ``targets``; labels of unknown class are left out.
    reference_name, current_name : str
        What the two are, such as ``split=train``.
    window : tuple of datetime
        Capture times of the current data.
    threshold : float in [0, 1]
        p-value below which the labels differ.

    Returns
    -------
    DataFrame
        Table ``label_parity`` without ``run_id``. The driver holds one row per class. Without labels on a side there
        is no test.

    Raises
    ------
    OptionError
        ``threshold`` is out of range.

    References
    ----------
    DataEval 1.1.4, ``core.label_parity``: equal, but for a class that neither part has, which gives NaN there.

    Examples
    --------
    >>> label_parity(train, test, reference_name="split=train", current_name="split=test", window=times).show()
    """
    OptionError.unless_between("label_parity.threshold", threshold, 0.0, 1.0)
    counts = _counts(reference, current)
    sides = {"window": window, "reference": reference_name, "current": current_name, "threshold": float(threshold)}
    totals = tuple(sum(of[side] for of in counts.values()) for side in (0, 1))
    rows = [{**sides, **_shares(name, of, totals), "status": _status(of)} for name, of in sorted(counts.items())]
    whole: dict[str, Any] = {**sides, **_shares(None, totals, totals)}
    if all(totals):
        found = compare_counts(*(np.array([of[side] for of in counts.values()]) for side in (0, 1)))
        whole |= {**vars(found), "is_different": found.p_value < threshold}
    return rows_of_dicts(reference, LABEL_PARITY, [whole, *rows])


def null_model(
    reference: DataFrame,
    current: DataFrame,
    *,
    reference_name: str,
    current_name: str,
    window: tuple[datetime, datetime],
) -> DataFrame:
    """Tell what guessing reaches on the current labels: the least that a model has to beat.

    Parameters
    ----------
    reference, current, reference_name, current_name, window
        As of `label_parity`.

    Returns
    -------
    DataFrame
        Table ``null_model`` without ``run_id``, one row per predictor; none without current labels. The driver holds
        one row per class.

    References
    ----------
    DataEval 1.1.4, ``core.nullmodel_metrics``.

    Examples
    --------
    >>> null_model(train, test, reference_name="split=train", current_name="split=test", window=times).show()
    """
    counts = _counts(reference, current)
    sides = {"window": window, "reference": reference_name, "current": current_name}
    both = [np.array([of[side] for _, of in sorted(counts.items())]) for side in (0, 1)]
    found = guess(*both) if both[1].sum() else {}
    return rows_of_dicts(reference, NULL_MODEL, [{**sides, "predictor": name, **of} for name, of in found.items()])


def _counts(reference: DataFrame, current: DataFrame) -> Counts:
    """Labels per class on both sides."""
    sides = [side.select("class_name", F.lit(i).alias("side")) for i, side in enumerate((reference, current))]
    both = sides[0].unionByName(sides[1]).where("class_name IS NOT NULL")
    counted = both.groupBy("class_name").agg(*(F.count_if(F.col("side") == i).alias(str(i)) for i in (0, 1)))
    return {row["class_name"]: (row["0"], row["1"]) for row in counted.collect()}  # one row per class


def _shares(name: str | None, of: tuple[int, ...], totals: tuple[int, ...]) -> dict[str, Any]:
    shares = [n / total if total else 0.0 for n, total in zip(of, totals, strict=True)]
    return {
        "class_name": name,
        "reference_count": of[0],
        "current_count": of[1],
        "reference_share": shares[0],
        "current_share": shares[1],
    }


def _status(of: tuple[int, int]) -> str:
    return "in both" if all(of) else "vanished" if of[0] else "new"
