"""ObjectLab: how well the labelled boxes of an image agree with predicted ones, and boxes that are odd in themselves.

Tkachenko, Thyagarajan and Mueller, "ObjectLab: Automated Diagnosis of Mislabeled Images in Object Detection Data"
(2023). Scores, constants and thresholds are those of cleanlab 2.9's ``object_detection``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
OVERLAP_WEIGHT = 0.9
DISTANCE_FACTOR = 0.1
SMALLEST_UNION = 1e-6
LOW_PROBABILITY, HIGH_PROBABILITY = 0.5, 0.95
TEMPERATURE = 0.1
SAME_BOX = 0.95
TINY = 1e-100
AP_THRESHOLDS = np.linspace(0.5, 0.95, 10)
# An error scores at most this share of its class's mean average precision.
THRESHOLD_OF_PRECISION = 0.25 * 0.8


@dataclass(frozen=True)
class Boxes:
    """Boxes of one image: corners (n, 4) as x0, y0, x1, y1, and the number of each one's class (n,)."""

    corners: Floats
    classes: NDArray[np.int64]


@dataclass(frozen=True)
class Agreement:
    """Scores of the boxes of one image, in [0, 1]; lower is worse.

    ``overlooked`` is per predicted box, NaN where it does not apply; ``swapped`` and ``badly_located`` are per labelled
    box. ``other`` is the class that a swapped box more likely is, -1 for none.
    """

    overlooked: Floats
    swapped: Floats
    badly_located: Floats
    other: NDArray[np.int64]


def overlaps(a: Floats, b: Floats) -> Floats:
    """Intersection over union of each box of a (n, 4) with each of b (m, 4): (n, m)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides = high - low
    common = np.where((sides < 0).any(axis=2), 0.0, sides[..., 0] * sides[..., 1])
    area_a, area_b = _areas(a), _areas(b)
    union: Floats = common / np.maximum(area_a[:, None] + area_b[None] - common, SMALLEST_UNION)
    return union


def _areas(boxes: Floats) -> Floats:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def similarities(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Overlap, and similarity: 0.9 of the overlap and 0.1 of exp(-0.1 x distance of the centres in pixels)."""
    overlap = overlaps(a, b)
    centers_a, centers_b = (a[:, :2] + a[:, 2:]) / 2, (b[:, :2] + b[:, 2:]) / 2
    distance = np.linalg.norm(centers_a[:, None] - centers_b[None], axis=2)
    # 1 - (1 - x), as cleanlab has it: what is below 1e-16 becomes 0, and so is no smallest similarity of far boxes.
    nearness = 1 - (1 - np.exp(-distance * DISTANCE_FACTOR))
    return overlap, overlap * OVERLAP_WEIGHT + (1 - OVERLAP_WEIGHT) * nearness


def smallest_similarity(labelled: Boxes, predicted: Boxes) -> float:
    """The smallest similarity above 0 in an image; 1 where there is none."""
    _, similarity = similarities(labelled.corners, predicted.corners)
    return float(similarity[similarity > 0].min(initial=1.0))


def agreement(
    labelled: Boxes,
    predicted: Boxes,
    probabilities: Floats,
    smallest: float,
    is_crowd: NDArray[np.bool_] | None = None,
) -> Agreement:
    """Score the labelled boxes of one image (n) by the predicted ones (m) with their probabilities.

    ``smallest`` is the smallest similarity above 0 of all images; ``is_crowd`` marks labelled boxes around many
    objects, which have no errors of their own.
    """
    overlap, similarity = similarities(labelled.corners, predicted.corners)
    same = labelled.classes[:, None] == predicted.classes[None]
    nearest = np.where(same, similarity, -np.inf).max(axis=0, initial=-np.inf)
    nothing_of_class = smallest * (1 - probabilities)
    is_candidate = (probabilities >= HIGH_PROBABILITY) & ~(overlap > 0).any(axis=0)
    overlooked = np.where(is_candidate, np.where(nearest == -np.inf, nothing_of_class, nearest), np.nan)

    close = same & (probabilities > LOW_PROBABILITY) & (overlap > 0)
    best = np.where(close, similarity, -np.inf).max(axis=1, initial=-np.inf)
    badly_located = np.where(best == -np.inf, 1.0, best)

    rival = np.where(~same & (probabilities > HIGH_PROBABILITY), similarity, -np.inf)
    strongest = rival.max(axis=1, initial=-np.inf)
    swapped = np.where(strongest == -np.inf, 1.0, np.maximum(smallest, 1 - strongest))
    other = np.full(len(labelled.classes), -1)
    if predicted.classes.size:
        other = np.where(strongest == -np.inf, -1, predicted.classes[rival.argmax(axis=1)])
    # The same box under two classes: one of them is wrong, whatever is predicted.
    differs = labelled.classes[:, None] != labelled.classes[None]
    doubled = (overlaps(labelled.corners, labelled.corners) >= SAME_BOX) & differs
    is_doubled = doubled.any(axis=1)
    swapped = np.where(is_doubled, smallest, swapped)
    if labelled.classes.size:
        other = np.where(is_doubled, labelled.classes[doubled.argmax(axis=1)], other)
    if is_crowd is not None:
        swapped, badly_located = np.where(is_crowd, 1.0, swapped), np.where(is_crowd, 1.0, badly_located)
    return Agreement(overlooked, swapped, badly_located, other)


def soft_minimum(scores: Floats) -> float:
    """Weighted mean of the scores, the lower ones weighing e^(-score / 0.1); 1 without any."""
    valid = scores[~np.isnan(scores)]
    if not len(valid):
        return 1.0
    weights = np.exp(-(valid - valid.min()) / TEMPERATURE)
    return float(weights @ valid / weights.sum())


def image_quality(agreement: Agreement) -> tuple[float, float, float, float]:
    """Geometric mean of the soft minima over overlooked, swapped and badly located boxes, and these three."""
    parts = [soft_minimum(scores) for scores in (agreement.overlooked, agreement.swapped, agreement.badly_located)]
    return float(np.exp(np.log(TINY + np.array(parts)).sum() / 3)), parts[0], parts[1], parts[2]


def matches(labelled: Boxes, predicted: Boxes, probabilities: Floats) -> NDArray[np.int64]:
    """Overlaps, of 0.5, 0.55 ... 0.95, at which each predicted box is a true positive: bits (m,).

    In each class the predictions take turns by falling probability; each claims the labelled box that it overlaps most,
    and is false where that one is taken or overlaps too little.
    """
    bits = np.zeros(len(predicted.classes), np.int64)
    for name in np.intersect1d(labelled.classes, predicted.classes).tolist():
        truth = np.flatnonzero(labelled.classes == name)
        guesses = np.flatnonzero(predicted.classes == name)
        overlap = overlaps(predicted.corners[guesses], labelled.corners[truth])
        claimed, largest = overlap.argmax(axis=1), overlap.max(axis=1)
        order = np.argsort(-probabilities[guesses], kind="stable")
        for bit, threshold in enumerate(AP_THRESHOLDS):
            able = order[largest[order] >= threshold]
            _, first = np.unique(claimed[able], return_index=True)
            bits[guesses[able[first]]] |= 1 << bit
    return bits


def same_places(
    boxes: Boxes, same_class: float, other_class: float
) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """Pairs (i < j) of boxes that overlap by ``same_class``, or, of two classes, ``other_class``; with the overlap."""
    n = len(boxes.classes)
    firsts, seconds, shares = [np.zeros(0, np.intp)], [np.zeros(0, np.intp)], [np.zeros(0)]
    for start in range(0, n, 512):  # 512 x n overlaps at a time
        rows = slice(start, start + 512)
        overlap = overlaps(boxes.corners[rows], boxes.corners)
        needed = np.where(boxes.classes[rows, None] == boxes.classes[None], same_class, other_class)
        i, j = np.nonzero(overlap >= needed)
        later = i + start < j
        firsts.append(i[later] + start)
        seconds.append(j[later])
        shares.append(overlap[i[later], j[later]])
    return np.concatenate(firsts), np.concatenate(seconds), np.concatenate(shares)
