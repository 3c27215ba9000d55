"""Agreement of raters beyond chance: Krippendorff's alpha, Fleiss' and Cohen's kappa, with intervals.

Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), nominal; Fleiss, "Measuring nominal scale agreement
among many raters" (1971); Cohen, "A coefficient of agreement for nominal scales" (1960), with the large-sample variance
of Fleiss, Cohen and Everitt (1969). Alpha and Fleiss' kappa have the jackknife's interval over things (Efron and Stein,
"The jackknife estimate of variance", 1981), computed from sums and never by leaving things out one by one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Z = 1.959963984540054


@dataclass(frozen=True)
class VoteSums:
    """Sums behind alpha and Fleiss' kappa, over things that at least two raters labelled.

    ``things``: their number; ``votes`` (C,): ratings of each class; ``differing`` (C,): sum of n_c (m - n_c) / (m - 1),
    the ordered pairs of raters of whom one chose the class and one did not, per other rater.
    """

    things: float
    votes: Floats
    differing: Floats

    def to_vector(self) -> Floats:
        """All of it in one row; rows of parts add up to that of the whole."""
        return np.concatenate([[self.things], self.votes, self.differing])

    @staticmethod
    def from_vector(vector: Floats) -> VoteSums:
        """Sums from the result of :meth:`to_vector`."""
        votes, differing = np.split(vector[1:], 2)
        return VoteSums(float(vector[0]), votes, differing)


@dataclass(frozen=True)
class Spread:
    """Sums of leave-one-out values and of their squares; index 0 is all classes, 1 + c class c against the rest."""

    values: Floats
    squares: Floats

    def to_vector(self) -> Floats:
        """All of it in one row; rows of parts add up to that of the whole."""
        return np.concatenate([self.values, self.squares])

    @staticmethod
    def from_vector(vector: Floats) -> Spread:
        """Sums from the result of :meth:`to_vector`."""
        return Spread(*np.split(vector, 2))


def agreement_sums(votes: Floats, weights: Floats) -> VoteSums:
    """Sums over things: ``votes`` (n, C) counts raters, ``weights`` (n,) counts things."""
    votes, weights = _shared(votes, weights)
    return VoteSums(float(weights.sum()), weights @ votes, weights @ _differing(votes))


def _shared(votes: Floats, weights: Floats) -> tuple[Floats, Floats]:
    is_shared = votes.sum(axis=1) >= 2
    return votes[is_shared], weights[is_shared]


def _differing(votes: Floats) -> Floats:
    raters = votes.sum(axis=1, keepdims=True)
    return votes * (raters - votes) / (raters - 1)


def _with_rest(per_class: Floats) -> Floats:
    # All classes: the sum over classes; one against the rest: both of the two.
    return np.concatenate([per_class.sum(axis=-1, keepdims=True), 2 * per_class], axis=-1)


def alphas(votes: Floats, differing: Floats) -> Floats:
    """Krippendorff's alpha (..., 1 + C) from sums (..., C): 1 - observed / expected disagreement; NaN for none."""
    return _beyond_chance(votes, differing, without=1)


def kappas(votes: Floats, differing: Floats) -> Floats:
    """Fleiss' kappa (..., 1 + C) from sums (..., C) over things of one number of raters."""
    return _beyond_chance(votes, differing, without=0)


def _beyond_chance(votes: Floats, differing: Floats, *, without: int) -> Floats:
    """Agreement beyond chance: in alpha a pair is drawn without the vote itself."""
    total = votes.sum(axis=-1, keepdims=True)
    expected = _with_rest(votes * (total - votes))
    with np.errstate(divide="ignore", invalid="ignore"):
        agreement: Floats = 1 - (total - without) * _with_rest(differing) / expected
    return np.where(expected > 0, agreement, np.nan)


STATISTICS = {"krippendorff_alpha": alphas, "fleiss_kappa": kappas}


def spread(statistic: str, votes: Floats, weights: Floats, sums: VoteSums) -> Spread:
    """Leave-one-out values of a statistic, summed over things."""
    votes, weights = _shared(votes, weights)
    left_out = STATISTICS[statistic](sums.votes - votes, sums.differing - _differing(votes))
    # Undefined without one thing, whose class no other has: then there is no interval (NaN stays NaN in the sums).
    return Spread(weights @ left_out, weights @ left_out**2)


def jackknife(value: Floats, spread: Spread, things: float) -> tuple[Floats, Floats]:
    """95 % interval of a value from its leave-one-out values; NaN with fewer than two things."""
    if things < 2:
        return np.full_like(value, np.nan), np.full_like(value, np.nan)
    variance = (things - 1) / things * np.maximum(spread.squares - spread.values**2 / things, 0.0)
    reach = Z * np.sqrt(variance)
    return value - reach, np.minimum(value + reach, 1.0)


def cohen(table: Floats) -> tuple[float, float, float]:
    """Cohen's kappa of two raters, and its 95 % interval; NaN where chance alone agrees.

    The table (C, C) counts the things for which the first chose i and the second j.
    """
    total = table.sum()
    if total == 0:
        return np.nan, np.nan, np.nan
    p = table / total
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    observed, expected = float(np.trace(p)), float(rows @ columns)
    if 1 - expected < 1e-12:
        return np.nan, np.nan, np.nan
    kappa = (observed - expected) / (1 - expected)
    # Fleiss, Cohen and Everitt (1969), equation 13.
    diagonal = np.diag(p)
    first = float((diagonal * (1 - (rows + columns) * (1 - kappa)) ** 2).sum())
    sums = (columns[:, None] + rows[None]) ** 2
    off = p * sums
    second = float(((1 - kappa) ** 2) * (off.sum() - np.trace(off)))
    third = (kappa - expected * (1 - kappa)) ** 2
    variance = max(first + second - third, 0.0) / (total * (1 - expected) ** 2)
    reach = Z * float(np.sqrt(variance))
    return kappa, kappa - reach, min(kappa + reach, 1.0)
