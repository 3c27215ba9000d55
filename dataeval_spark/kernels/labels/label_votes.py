"""Probability of a label by the labels of its nearest neighbours: naive Bayes over their votes, calibrated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
TEMPERATURES = (1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
UNITS_PER_NAT = 10**6
"""Losses are summed as whole numbers, so that their sum does not depend on its order."""
LARGEST_LOSS = 700.0
VALUES_PER_CHUNK = 2_000_000


@dataclass(frozen=True)
class VoteModel:
    """Model of a label by the labels of its neighbours.

    ``pairs`` (C, C) counts votes by the class of the label and that of the voter; ``smoothing`` votes are added to each
    class, distributed as those of all classes are: a share ``agreement`` to the class itself, the rest by
    ``vote_share``. ``log_ratio`` and ``log_size`` derive from these. ``temperature`` divides the evidence: neighbours
    of one image are alike, so that they say less than as many independent ones would.
    """

    class_counts: Integers
    pairs: Any
    vote_share: Floats
    agreement: float
    smoothing: float
    log_ratio: Any
    log_size: Floats
    temperature: float = 1.0

    def with_temperature(self, temperature: float) -> VoteModel:
        return replace(self, temperature=temperature)


@dataclass(frozen=True)
class Judged:
    """Probabilities of n rows: of the given label, of another one, and of the two best classes other than the given.

    ``first`` and ``second`` are -1 where there is no other class.
    """

    own_probability: Floats
    flipped: Floats
    first: Integers
    first_probability: Floats
    second: Integers
    second_probability: Floats


def vote_model(
    class_counts: Integers, vote_counts: Integers, agreeing: int, own: Integers, voter: Integers, counts: Integers
) -> VoteModel:
    """Make a model from counted votes.

    Parameters
    ----------
    class_counts, vote_counts : ndarray of int, (C,)
        Number of labels, and of votes, of each class.
    agreeing : int
        Number of votes for the class of the label itself.
    own, voter, counts : ndarray of int, (m,)
        Number of votes of class ``voter`` for labels of class ``own``; missing pairs have none. Without any
        pairs, all classes are taken for one another alike.

    Returns
    -------
    VoteModel
        Model with as many votes of smoothing as a label has on average.

    Examples
    --------
    >>> counts, ones = np.array([50, 50]), np.array([0, 1])
    >>> model = vote_model(counts, counts * 10, 1000, ones, ones, counts * 10)
    >>> judged(model, np.array([0]), np.array([[1] * 10]), np.array([1])).own_probability.round(6).tolist()
    [0.0]
    """
    classes = len(class_counts)
    # Every class has one vote more, so that none is impossible.
    vote_share: Floats = (vote_counts + 1).astype(np.float64) / float(vote_counts.sum() + classes)
    labels, all_votes = max(int(class_counts.sum()), 1), max(int(vote_counts.sum()), 1)
    by_chance = float(class_counts @ vote_share) / labels
    agreement = float(np.clip((agreeing / all_votes - by_chance) / max(1 - by_chance, 1e-9), 0.01, 0.99))
    smoothing = max(all_votes / labels, 1.0)
    pairs = sparse.csr_matrix((counts.astype(np.float64), (own, voter)), shape=(classes, classes))
    smoothed = (pairs + sparse.identity(classes, format="csr") * (smoothing * agreement)).tocsr()
    background = smoothing * (1 - agreement) * vote_share
    log_ratio = sparse.csr_matrix(
        (np.log1p(smoothed.data / background[smoothed.indices]), smoothed.indices, smoothed.indptr),
        shape=smoothed.shape,
    )
    log_size = np.log(np.asarray(pairs.sum(axis=1)).ravel() + smoothing)
    return VoteModel(class_counts, pairs, vote_share, agreement, smoothing, log_ratio, log_size)


def judged(model: VoteModel, own: Integers, votes: Integers, other: Integers) -> Judged:
    r"""Probabilities of labels by the votes of their neighbours.

    .. math:: p(c) \propto n_c \left(\prod_r P(v_r | c)\right)^{1/T}

    over the votes :math:`v_r` (n, K; -1 for none), of labels other than the row's own (n,): what the row itself adds to
    the counts of its class is taken out. ``other`` (n,) is another class, whose probability is computed too. The model
    is of these rows, or of more.
    """
    n, classes = len(own), len(model.class_counts)
    step = max(1, VALUES_PER_CHUNK // classes)
    parts = [
        _judged_chunk(model, own[at : at + step], votes[at : at + step], other[at : at + step])
        for at in range(0, n, step)
    ]
    columns = zip(*parts, strict=True) if parts else [(np.zeros(0),)] * 6
    return Judged(*(np.concatenate(column) for column in columns))


def flipped_classes(model: VoteModel, own: Integers, draws: Floats) -> Integers:
    """Another class for each label, drawn as often as neighbours of labels of its class have it.

    Labels are taken for one another where they look alike, so that wrong ones drawn so are about as hard to find as
    real ones. ``draws`` are numbers in [0, 1) that decide, (n,); with one class only, the result is -1.
    """
    classes = np.full(len(own), -1)
    if len(model.class_counts) < 2:
        return classes
    for label in np.unique(own).tolist():
        weights = model.smoothing * model.vote_share + np.asarray(model.pairs[label].todense()).ravel()
        weights[label] = 0.0
        ends = np.cumsum(weights)
        rows = np.flatnonzero(own == label)
        drawn = np.searchsorted(ends, draws[rows] * ends[-1], side="right")
        # A draw that rounding puts at the end belongs to the last class that can be drawn.
        classes[rows] = np.minimum(drawn, np.flatnonzero(weights)[-1])
    return classes


def losses(model: VoteModel, own: Integers, votes: Integers) -> Integers:
    """Sum over rows of minus the log-probability of the label, in millionths of a nat, for each of `TEMPERATURES`."""
    sums = np.zeros(len(TEMPERATURES), np.int64)
    step = max(1, VALUES_PER_CHUNK // len(model.class_counts))
    for at in range(0, len(own), step):
        labels = own[at : at + step]
        evidence, prior = _evidence(model, labels, votes[at : at + step])
        rows = np.arange(len(labels))
        for place, temperature in enumerate(TEMPERATURES):
            logs = evidence / temperature + prior
            largest = logs.max(axis=1)
            normalizer = largest + np.log(np.exp(logs - largest[:, None]).sum(axis=1))
            loss = np.minimum(normalizer - logs[rows, labels], LARGEST_LOSS)
            sums[place] += np.rint(loss * UNITS_PER_NAT).astype(np.int64).sum()
    return sums


def _evidence(model: VoteModel, own: Integers, votes: Integers) -> tuple[Floats, Floats]:
    """Log of the product of the votes' probabilities, but for a constant of the row, and of the prior: (n, C) each."""
    n, classes = len(own), len(model.class_counts)
    rows = np.arange(n)
    present = votes >= 0
    of_row, column = np.repeat(rows, present.sum(axis=1)), votes[present]
    vote_counts = sparse.csr_matrix((np.ones(len(column)), (of_row, column)), shape=(n, classes))
    vote_counts.sum_duplicates()
    lengths = present.sum(axis=1)
    evidence = (vote_counts @ model.log_ratio.T).toarray() - lengths[:, None] * model.log_size
    # The row's own class, without the row.
    entries = vote_counts.tocoo()
    labels = own[entries.row]
    other_pairs = np.maximum(np.asarray(model.pairs[labels, entries.col]).ravel() - entries.data, 0.0)
    other_pairs += np.where(labels == entries.col, model.smoothing * model.agreement, 0.0)
    background = model.smoothing * (1 - model.agreement) * model.vote_share[entries.col]
    ratios = np.bincount(entries.row, entries.data * np.log1p(other_pairs / background), n)
    size = np.maximum(np.exp(model.log_size[own]) - lengths, model.smoothing)
    evidence[rows, own] = ratios - lengths * np.log(size)
    prior = np.broadcast_to(np.log(np.maximum(model.class_counts, 0.5)), (n, classes)).copy()
    prior[rows, own] = np.log(np.maximum(model.class_counts[own] - 1, 0.5))
    return evidence, prior


def _judged_chunk(model: VoteModel, own: Integers, votes: Integers, other: Integers) -> tuple[NDArray[Any], ...]:
    evidence, prior = _evidence(model, own, votes)
    rows = np.arange(len(own))
    logs = evidence / model.temperature + prior
    logs -= logs.max(axis=1, keepdims=True)
    probabilities = np.exp(logs)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    own_probability, flipped = probabilities[rows, own], probabilities[rows, np.maximum(other, 0)]
    columns: list[NDArray[Any]] = [own_probability, np.where(other < 0, np.nan, flipped)]
    is_excluded = np.zeros_like(probabilities, dtype=bool)
    is_excluded[rows, own] = True
    for _ in range(2):
        left = np.where(is_excluded, -1.0, probabilities)
        best = left.argmax(axis=1)
        value = left[rows, best]
        columns += [np.where(value < 0, -1, best), np.maximum(value, 0.0)]
        is_excluded[rows, best] = True
    return tuple(columns)
