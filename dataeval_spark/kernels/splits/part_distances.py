"""Distance of two parts of a dataset: by the counts of a label or factor, and to a classifier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from dataeval_spark.kernels.factors.contingency_statistics import label_parity
from dataeval_spark.kernels.factors.independence import ImageSums
from dataeval_spark.kernels.factors.rank_auc import class_auc

Floats = NDArray[np.float64]
MIN_IMAGES = 10
_OF_DEPENDENT_FOLDS = 2.0


@dataclass(frozen=True)
class Distance:
    """Distances between two distributions over the same values, and the test that they are one."""

    total_variation: float
    l_infinity: float
    jensen_shannon: float
    chi_square: float | None
    design_effect: float | None
    p_value: float | None


def distance(one: ImageSums, other: ImageSums) -> Distance | None:
    """Compare counts of the same values; None where a side has none.

    Parameters
    ----------
    one, other : ImageSums
        Counts by value, and how they vary between images.

    Returns
    -------
    Distance
        Total variation, L-infinity and Jensen-Shannon distance (base 2) of the shares, each in [0, 1]; Pearson's
        chi-square without correction, none where there is one value only, and the robust p-value of `independence`
        with the design effect of boxes that come in images (none where all of a side are of one image).

    Examples
    --------
    >>> distance(ImageSums.of_single([3, 1]), ImageSums.of_single([1, 3])).total_variation
    0.5
    """
    from scipy.spatial.distance import jensenshannon

    a, b = one.counts, other.counts
    if a.sum() == 0 or b.sum() == 0:
        return None
    parity = label_parity(one, other)
    has_test = ((a + b) > 0).sum() > 1
    has_effect = has_test and not np.isnan(parity.design_effect)
    divergence = float(jensenshannon(a / a.sum(), b / b.sum(), base=2))
    return Distance(
        total_variation=parity.total_variation,
        l_infinity=parity.l_infinity,
        jensen_shannon=0.0 if np.isnan(divergence) else divergence,
        chi_square=parity.chi_squared if has_test else None,
        design_effect=parity.design_effect if has_effect else None,
        p_value=parity.robust_p_value if has_effect else None,
    )


@dataclass(frozen=True)
class Separation:
    """How well a classifier tells two parts apart, on rows that it was not fitted to."""

    auc: float
    lower: float
    upper: float
    p_value: float
    weights: Floats


def separation(features: Floats, is_second: NDArray[np.bool_], *, folds: int = 5, seed: int = 0) -> Separation | None:
    r"""Cross-validated AUC of a logistic regression that is to tell two parts apart; 0.5 is chance.

    The AUC is the mean over the folds. Its 95 % interval is :math:`\bar A \pm 1.96 \sqrt{2 \sum_k s_k^2} / K` with
    Hanley and McNeil's (1982) standard error s of each fold, cut to [0, 1]; the p-value is one-sided against 0.5, by
    the normal approximation of the Mann-Whitney statistic of each fold. The 2 is there because folds are not
    independent: each is in the training data of all others. Where nothing tells the parts apart, the scores of two
    folds of a linear classifier have the correlation 1 / (K - 1), which doubles the variance of their mean. Without
    it the level .05 is one of .11. With a few features the p-value is conservative. Images that are near copies of
    one another make both too small.

    Parameters
    ----------
    features : ndarray, (rows, features)
        Finite values; they are standardized inside each fold.
    is_second : ndarray of bool, (rows,)
        True for the rows of the second part.
    folds : int
        Number of folds of the cross-validation, which are stratified.
    seed : int
        Seed of the folds.

    Returns
    -------
    Separation
        ``weights`` are the absolute coefficients of the standardized features, fitted to all rows; None where a part
        has fewer than 10 rows.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    second = int(is_second.sum())
    if min(second, is_second.size - second) < MIN_IMAGES:
        return None
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced", max_iter=200))
    aucs, variances, nulls = [], [], []
    for train, test in StratifiedKFold(folds, shuffle=True, random_state=seed).split(features, is_second):
        model.fit(features[train], is_second[train])
        scores = model.decision_function(features[test])
        auc = float(class_auc(scores, is_second[test].astype(np.int64), 2)[0][1])
        m, n = int(is_second[test].sum()), int((~is_second[test]).sum())
        aucs.append(auc)
        variances.append(_hanley_mcneil(auc, m, n))
        nulls.append((m + n + 1) / (12 * m * n))
    mean = float(np.mean(aucs))
    reach = 1.96 * float(np.sqrt(_OF_DEPENDENT_FOLDS * np.sum(variances))) / folds
    model.fit(features, is_second)
    return Separation(
        auc=mean,
        lower=max(0.0, mean - reach),
        upper=min(1.0, mean + reach),
        p_value=float(ndtr((0.5 - mean) / (np.sqrt(_OF_DEPENDENT_FOLDS * np.sum(nulls)) / folds))),
        weights=np.abs(model[-1].coef_[0]),
    )


def _hanley_mcneil(auc: float, m: int, n: int) -> float:
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    return max(0.0, (auc * (1 - auc) + (m - 1) * (q1 - auc**2) + (n - 1) * (q2 - auc**2)) / (m * n))


def one_hot(columns: list[list[str | None]]) -> tuple[Floats, list[tuple[int, str]]]:
    """Column of zeros and ones for each value of each factor, and the factor and value of each column."""
    blocks, names = [], []
    for factor, values in enumerate(columns):
        levels, codes = np.unique(["missing" if value is None else value for value in values], return_inverse=True)
        if levels.size < 2:
            continue
        blocks.append(np.eye(levels.size)[codes])
        names += [(factor, str(level)) for level in levels]
    rows = len(columns[0]) if columns else 0
    return (np.concatenate(blocks, axis=1) if blocks else np.zeros((rows, 0))), names
