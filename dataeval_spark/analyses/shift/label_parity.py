"""Label parity: whether two parts of the data have the same shares of classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, get_args

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.contract import rows_of_dicts
from dataeval_spark.frames.image_sums import image_sums, sums_of, with_sizes
from dataeval_spark.kernels.factors.contingency_statistics import LabelParity, goodness_of_fit
from dataeval_spark.kernels.factors.contingency_statistics import label_parity as compare_samples
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.shift import LABEL_PARITY

Counts = dict[str, dict[str, Any]]

Compat = Literal["dataeval"]
MOST = 1e300


def label_parity(
    reference: DataFrame,
    current: DataFrame,
    *,
    reference_name: str,
    current_name: str,
    window: tuple[datetime, datetime],
    threshold: float = 0.05,
    expected_shares: Mapping[str, float] | None = None,
    compat: Compat | None = None,
) -> DataFrame:
    r"""Test whether the labels of two parts of the data come from one distribution, and list each class.

    The test is Pearson's on the table of 2 x classes: both sides are samples. ``p_value`` is the usual one. The
    verdict goes by ``robust_p_value``: from random tables with the same margins where fewer than 5 labels of a class
    are expected on a side (``is_low_expected`` names these classes), and of the statistic divided by ``design_effect``
    where images hold several labels, which are often of one class. It is equal to ``p_value`` elsewhere. A class that
    only the current data have is ``new``; one that they lost is ``vanished``.

    Parameters
    ----------
    reference, current : DataFrame
        Rows of table ``targets``; labels of unknown class are left out.
    reference_name, current_name : str
        Names of the two, such as ``split=train``.
    window : tuple of datetime
        Capture times of the current data.
    threshold : float in [0, 1]
        Robust p-value below which the labels differ.
    expected_shares : mapping of str to float, optional
        Class to its share: the current labels are tested against this distribution, which is no sample, instead of
        the reference's labels. Shares are divided by their sum; a class that is not named has none.
    compat : {"dataeval"}, optional
        Take the reference's shares for the true distribution, as DataEval does; ``p_value`` then decides, and two
        samples of one population differ far more often than ``threshold`` says.

    Returns
    -------
    DataFrame
        Table ``label_parity`` without ``run_id``. The driver holds one row per class. There is no test where a side
        has no labels, and no robust one where one image holds all labels of a side.

    Raises
    ------
    OptionError
        An option is out of range or unknown, or ``expected_shares`` and ``compat`` are both given.

    References
    ----------
    SciPy's ``chi2_contingency(correction=False)``, with ``expected_shares`` ``power_divergence``; Rao and Scott (1981).
    With ``compat`` DataEval 1.1.4, ``core.label_parity``: equal, but for a class that neither part has, which gives
    NaN there.

    Examples
    --------
    >>> sides = {"reference_name": "split=train", "current_name": "split=test", "window": times}
    >>> rows = label_parity(train_labels, test_labels, **sides)
    >>> rows.selectExpr("class_name", "reference_count", "current_count", "round(p_value, 2) AS p").show(3)
    +----------+---------------+-------------+----+
    |class_name|reference_count|current_count|   p|
    +----------+---------------+-------------+----+
    |      NULL|            228|           42|0.79|
    |     eight|             20|            6|NULL|
    |      five|             27|            6|NULL|
    +----------+---------------+-------------+----+
    only showing top 3 rows
    """
    _check(threshold, expected_shares, compat)
    counts = labels_of_sides(reference, current)
    names = sorted({*counts[0], *counts[1], *(expected_shares or {})})
    before, now = (sums_of(side, names) for side in counts)
    sides = {"window": window, "reference": reference_name, "current": current_name, "threshold": float(threshold)}
    totals = int(before.counts.sum()), int(now.counts.sum())
    whole: dict[str, Any] = {**sides, **_shares(None, totals, totals)}
    rows: list[dict[str, Any]] = [
        {**sides, **_shares(name, sides_counts, totals), "status": _status(sides_counts)}
        for name, *sides_counts in zip(names, before.counts.tolist(), now.counts.tolist(), strict=True)
    ]
    if totals[1] and (totals[0] or expected_shares is not None):
        shares = before.counts if expected_shares is None else [expected_shares.get(name, 0.0) for name in names]
        is_fixed = compat is not None or expected_shares is not None
        test = goodness_of_fit(np.array(shares), now) if is_fixed else compare_samples(before, now)
        whole |= _tested(test, threshold, compat)
        whole["method"] = compat or ("fixed distribution" if is_fixed else "two samples")
        for row, expected, is_low in zip(rows, test.expected_counts.tolist(), test.is_low.tolist(), strict=True):
            row |= {"expected_count": expected, "is_low_expected": is_low}
    return rows_of_dicts(reference, LABEL_PARITY, [whole, *rows])


def _check(threshold: float, expected_shares: Mapping[str, float] | None, compat: str | None) -> None:
    within("label_parity.threshold", threshold)
    if compat is not None:
        OptionError.unless_one_of("label_parity.compat", compat, get_args(Compat))
    if expected_shares is None:
        return
    if compat is not None:
        raise OptionError(
            "label_parity.expected_shares and label_parity.compat are both given; expected one of them.\n"
            "Hint: leave label_parity.compat out"
        )
    for name, share in expected_shares.items():
        OptionError.unless_between(f"label_parity.expected_shares.{name}", share, 0.0, MOST)
    if not sum(expected_shares.values()):
        raise OptionError(
            "label_parity.expected_shares has no share above 0.\n"
            "Hint: --set 'label_parity.expected_shares={cat = 0.5, dog = 0.5}'"
        )


def _tested(test: LabelParity, threshold: float, compat: str | None) -> dict[str, Any]:
    robust = None if np.isnan(test.robust_p_value) or compat is not None else test.robust_p_value
    deciding = robust if compat is None else test.p_value
    return {
        "chi_squared": test.chi_squared,
        "p_value": test.p_value,
        "design_effect": None if np.isnan(test.design_effect) or compat is not None else test.design_effect,
        "robust_p_value": robust,
        "total_variation": test.total_variation,
        "l_infinity": test.l_infinity,
        "low_count_classes": int(test.is_low.sum()),
        "is_different": None if deciding is None else deciding < threshold,
    }


def _shares(name: str | None, counts: Sequence[int], totals: tuple[int, ...]) -> dict[str, Any]:
    shares = [n / total if total else 0.0 for n, total in zip(counts, totals, strict=True)]
    return {
        "class_name": name,
        "reference_count": counts[0],
        "current_count": counts[1],
        "reference_share": shares[0],
        "current_share": shares[1],
    }


def _status(counts: Sequence[int]) -> str:
    return "in both" if all(counts) else "vanished" if counts[0] else "new" if counts[1] else "in neither"


def labels_of_sides(reference: DataFrame, current: DataFrame) -> tuple[Counts, Counts]:
    """Labels per class on both sides, and their variance between images."""
    sides = [
        side.select("image_id", "class_name", F.lit(i).alias("side")) for i, side in enumerate((reference, current))
    ]
    both = sides[0].unionByName(sides[1]).where("class_name IS NOT NULL")
    of_images = both.groupBy("side", "image_id", F.col("class_name").alias("value")).agg(F.count("*").alias("n"))
    counted = with_sizes(of_images, ["side"]).groupBy("side", "value").agg(*image_sums())
    counts_of_sides: tuple[Counts, Counts] = ({}, {})
    for row in bounded(counted, "one row per side and class"):
        counts_of_sides[row["side"]][row["value"]] = row.asDict()
    return counts_of_sides
