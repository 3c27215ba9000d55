"""True classes and raters' errors from the raters' answers: the model of Dawid and Skene, fitted by EM.

Dawid and Skene, "Maximum Likelihood Estimation of Observer Error-Rates Using the EM Algorithm" (1979).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ratings:
    """Answers of R raters on n kinds of things.

    ``answers`` (n, R C) has a 1 where rater r chose class l, in column r C + l; ``weights`` (n,) is the number of
    things of each kind.
    """

    answers: csr_array
    weights: Floats
    classes: int

    @property
    def votes(self) -> Floats:
        """Number of raters that chose each class: (n, C)."""
        columns = self.answers.shape[1]
        fold = csr_array((np.ones(columns), (np.arange(columns), np.arange(columns) % self.classes)))
        votes: Floats = (self.answers @ fold).toarray()
        return votes


@dataclass(frozen=True)
class Sums:
    """Sums of one pass over the things.

    ``members`` (C,): expected things of each true class; ``answers`` (R C, C): expected times that rater r chose l (row
    r C + l) of a thing of true class j (column); ``likelihood``: the logarithm of the likelihood.
    """

    members: Floats
    answers: Floats
    likelihood: float

    def to_vector(self) -> Floats:
        """All of it in one row; rows of parts add up to that of the whole."""
        return np.concatenate([self.members, self.answers.ravel(), [self.likelihood]])

    @staticmethod
    def from_vector(vector: Floats, classes: int) -> Sums:
        """Sums from the result of :meth:`to_vector`."""
        return Sums(vector[:classes], vector[classes:-1].reshape(-1, classes), float(vector[-1]))


@dataclass(frozen=True)
class Model:
    """``log_prior`` (C,) of the classes, and ``log_answers`` (R C, C) of rater r choosing l for a thing of class j."""

    log_prior: Floats
    log_answers: Floats


def posteriors(ratings: Ratings, model: Model) -> tuple[Floats, Floats]:
    """Probability of each class of each thing (n, C), and the log likelihood of each (n,)."""
    scores = np.asarray(ratings.answers @ model.log_answers) + model.log_prior
    largest = scores.max(axis=1, keepdims=True)
    unscaled = np.exp(scores - largest)
    total = unscaled.sum(axis=1, keepdims=True)
    return unscaled / total, (np.log(total) + largest).ravel()


def vote_sums(ratings: Ratings) -> Sums:
    """The first pass: shares of votes stand for probabilities."""
    votes = ratings.votes
    return _sums(ratings, votes / votes.sum(axis=1, keepdims=True), 0.0)


def posterior_sums(ratings: Ratings, model: Model) -> Sums:
    """A later pass: the E step, summed up for the M step."""
    probabilities, likelihoods = posteriors(ratings, model)
    return _sums(ratings, probabilities, float(likelihoods @ ratings.weights))


def _sums(ratings: Ratings, probabilities: Floats, likelihood: float) -> Sums:
    weighted = probabilities * ratings.weights[:, None]
    return Sums(weighted.sum(axis=0), np.asarray(ratings.answers.T @ weighted), likelihood)


def maximize(sums: Sums, smoothing: float) -> Model:
    """The M step: shares of the sums. Each rater is taken to have given each answer ``smoothing`` times more."""
    classes = len(sums.members)
    answers = sums.answers.reshape(-1, classes, classes) + smoothing
    prior = sums.members + smoothing
    with np.errstate(divide="ignore"):
        log_answers = np.log(answers / answers.sum(axis=1, keepdims=True)).reshape(-1, classes)
        return Model(np.log(prior / prior.sum()), log_answers)


@dataclass(frozen=True)
class Fit:
    """A fitted model, the sums it follows from, the number of passes, and whether it converged."""

    model: Model
    sums: Sums
    iterations: int
    has_converged: bool


def fit(
    first: Callable[[], Sums],
    later: Callable[[Model], Sums],
    *,
    smoothing: float = 0.01,
    tolerance: float = 1e-8,
    iterations: int = 100,
) -> Fit:
    """EM from the votes, until the log likelihood grows by less than ``tolerance`` of itself.

    ``first`` gives `vote_sums` over all things, ``later`` `posterior_sums` for a model; ``smoothing``, above 0, is that
    of `maximize`, and ``iterations`` the largest number of passes.

    Examples
    --------
    >>> answers = csr_array(np.array([[1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 0, 1]], float))
    >>> ratings = Ratings(answers, np.array([40.0, 40.0, 1.0]), 2)
    >>> result = fit(lambda: vote_sums(ratings), lambda model: posterior_sums(ratings, model))
    >>> posteriors(ratings, result.model)[0].argmax(axis=1)[:2].tolist()
    [0, 1]
    """
    model = maximize(first(), smoothing)
    before = -np.inf
    for number in range(1, iterations + 1):
        sums = later(model)
        if sums.likelihood - before <= tolerance * abs(sums.likelihood):
            return Fit(model, sums, number, True)
        before = sums.likelihood
        model = maximize(sums, smoothing)
    return Fit(model, later(model), iterations, False)
