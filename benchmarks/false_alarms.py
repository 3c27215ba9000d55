"""False alarms: how often each test that compares two samples calls two samples of one population different.

python benchmarks/false_alarms.py [--draws 2000] [--only TEXT]

Both samples of every draw come from one population, so at the level .05 a test may call 5 % of them different. A level
between 5.5 and 6.5 % is measured again with ten times the draws. The goal is 6 % at most; what lies below 4 % is called
conservative, with the reason.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from frame import Row, report

from dataeval_spark.kernels.factors.contingency_statistics import association, goodness_of_fit, label_parity
from dataeval_spark.kernels.factors.independence import ImageSums, design_effect, table_effect
from dataeval_spark.kernels.factors.kolmogorov_smirnov import ks_pvalue, ks_pvalue_of_images
from dataeval_spark.kernels.factors.neighbor_information import neighbor_information, permutation_p_value
from dataeval_spark.kernels.factors.rank_auc import class_auc
from dataeval_spark.kernels.splits.part_distances import distance, one_hot, separation

LEVEL, GOAL, CONSERVATIVE = 0.05, 6.0, 4.0
Random = np.random.Generator
Draw = Callable[[Random], float]
EVEN = np.full(10, 0.1)
TAIL = 1 / np.arange(1, 101) / (1 / np.arange(1, 101)).sum()
RARE = np.r_[0.996, np.full(4, 0.001)]
DISCRETE = "counts and ties take few values, so that no p-value lies just below .05"
CONTINUITY = "SciPy's exact p-values and its correction for continuity err on the safe side in small samples"

TIES = "the distribution of the statistic is that of values without ties"
BOUND = "the design effect is that of a factor which boxes of an image share, an upper bound for others"
WHOLE = "the design effect is the larger of two estimates"


@dataclass(frozen=True)
class Test:
    """One test at one pair of sizes: p-values of single draws, why it may be conservative, whether it has a goal."""

    name: str
    data: str
    draw: Draw
    reason: str = ""
    has_goal: bool = True


def single(random: Random, n: int, shares: np.ndarray) -> ImageSums:
    return ImageSums.of_single(random.multinomial(n, shares))


def counts_of_boxes(random: Random, images: int, shares: np.ndarray) -> np.ndarray:
    """Boxes by image and class: five or so per image, most of them of the image's own few classes."""
    return random.multinomial(1 + random.poisson(4, images), random.dirichlet(shares * 0.5, images))


def sums_of(counts: np.ndarray) -> ImageSums:
    size = counts.sum(axis=1)
    sums = counts.sum(axis=0), (counts**2).sum(axis=0), (counts * size[:, None]).sum(axis=0)
    return ImageSums(*sums, int((size**2).sum()), len(counts))


def effects_of(sums: ImageSums) -> np.ndarray:
    """Design effect of each class, as `frames.image_sums.class_effects`."""
    shares = sums.counts / sums.counts.sum()
    return np.maximum(sums.counts.sum() * sums.variances() / (shares * (1 - shares)), 1.0)


def table_of_factor(random: Random, counts: np.ndarray, values: np.ndarray, *, of_image: bool) -> np.ndarray:
    """Boxes by the value of a factor, which each image or each box has one of, and by class."""
    if of_image:
        of_images = random.choice(values.size, len(counts), p=values)
        return np.eye(values.size, dtype=np.int64)[of_images].T @ counts
    return random.multinomial(counts.sum(axis=0), values).T


def exclusive_draw(random: Random, images: int, values: np.ndarray, *, of_image: bool) -> float:
    """One person in each image and a bag or so: the classes exclude each other, so that they hardly vary."""
    counts = np.stack([np.ones(images, np.int64), random.poisson(1, images)], axis=1)
    sums = sums_of(counts)
    table = table_of_factor(random, counts, values, of_image=of_image)
    return association(table, table_effect(sums.counts, effects_of(sums))).robust_p_value


def boxes(random: Random, images: int, shares: np.ndarray) -> ImageSums:
    return sums_of(counts_of_boxes(random, images, shares))


def parity_draw(random: Random, sample: Callable[..., ImageSums], sizes: tuple[int, int], shares: np.ndarray) -> float:
    return label_parity(*(sample(random, n, shares) for n in sizes)).robust_p_value


def fixed_draw(random: Random, n: int, shares: np.ndarray) -> float:
    return goodness_of_fit(shares, single(random, n, shares)).robust_p_value


def dataeval_draw(random: Random, sizes: tuple[int, int], shares: np.ndarray) -> float:
    reference, current = (single(random, n, shares) for n in sizes)
    return goodness_of_fit(reference.counts, current).p_value


def difference_draw(
    random: Random, sample: Callable[..., ImageSums], sizes: tuple[int, int], shares: np.ndarray
) -> float:
    found = distance(*(sample(random, n, shares) for n in sizes))
    return 1.0 if found is None or found.p_value is None else found.p_value


def association_draw(random: Random, n: int, classes: np.ndarray, values: np.ndarray) -> float:
    table = random.multinomial(n, np.outer(classes, values).ravel()).reshape(classes.size, values.size)
    return association(table).robust_p_value


def g_test_draw(random: Random, n: int, classes: np.ndarray, values: np.ndarray) -> float:
    table = random.multinomial(n, np.outer(classes, values).ravel()).reshape(classes.size, values.size)
    return association(table).p_value


def association_of_boxes_draw(
    random: Random, images: int, classes: np.ndarray, values: np.ndarray, *, of_image: bool
) -> float:
    """Classes of boxes against a factor that each image, or each box, has a value of."""
    counts = counts_of_boxes(random, images, classes)
    counts = counts[:, counts.any(axis=0)]
    sums = sums_of(counts)
    table = table_of_factor(random, counts, values, of_image=of_image)
    return association(table, table_effect(sums.counts, effects_of(sums))).robust_p_value


def flagged_draw(random: Random, images: int, values: np.ndarray) -> float:
    """Flagged images against a factor of images, each counted as often as it has boxes."""
    size = 1 + random.poisson(4, images)
    is_flagged, value = random.random(images) < 0.1, random.choice(values.size, images, p=values)
    table = np.zeros((2, values.size), np.int64)
    np.add.at(table, (is_flagged.astype(int), value), size)
    return association(table, float((size**2).sum() / size.sum())).robust_p_value


def auc_of_boxes_draw(random: Random, images: int, shares: np.ndarray, own: float) -> float:
    """One class of boxes against the rest by the image's value, to which each box adds one of its own."""
    counts = counts_of_boxes(random, images, shares)
    sums = sums_of(counts)
    classes = np.concatenate([np.repeat(np.arange(shares.size), of_image) for of_image in counts])
    values = np.repeat(random.normal(size=images), counts.sum(axis=1)) + own * random.normal(size=classes.size)
    return float(class_auc(values, (classes == 0).astype(np.int64), 2, effects_of(sums)[0])[1][1])


def vectors_draw(random: Random, sizes: tuple[int, int], dimensions: int) -> float:
    found = separation(random.normal(size=(sum(sizes), dimensions)), np.arange(sum(sizes)) >= sizes[0])
    assert found is not None
    return found.p_value


def factors_draw(random: Random, sizes: tuple[int, int], factors: int) -> float:
    columns = [list(random.choice(["a", "b", "c", "d"], sum(sizes))) for _ in range(factors)]
    found = separation(one_hot(columns)[0], np.arange(sum(sizes)) >= sizes[0])
    assert found is not None
    return found.p_value


def auc_draw(random: Random, sizes: tuple[int, int], levels: int | None) -> float:
    n = sum(sizes)
    values = random.normal(size=n) if levels is None else random.integers(0, levels, n).astype(float)
    return float(class_auc(values, (np.arange(n) < sizes[0]).astype(np.int64), 2)[1][1])


def neighbors_draw(random: Random, n: int) -> float:
    classes, values = random.integers(0, 2, n), random.normal(size=n)
    found = neighbor_information(classes, values, continuous=(False, True))
    seed = int(random.integers(2**31))
    p_value = permutation_p_value(classes, values, found, continuous=(False, True), permutations=19, seed=seed)
    return p_value - 1e-9  # 1 / 20 counts as below .05


def gap(a: np.ndarray, b: np.ndarray) -> tuple[float, int, int, float]:
    """Kolmogorov-Smirnov statistic, the counts at or below the place where it is attained, and that place."""
    both = np.concatenate([a, b])
    below = [np.searchsorted(np.sort(side), both, side="right") for side in (a, b)]
    gaps = np.abs(below[0] / a.size - below[1] / b.size)
    at = int(gaps.argmax())
    return float(gaps[at]), int(below[0][at]), int(below[1][at]), float(both[at])


def ks_draw(random: Random, sizes: tuple[int, int], levels: int | None) -> float:
    sides = [random.normal(size=n) if levels is None else random.integers(0, levels, n).astype(float) for n in sizes]
    statistic, i, j, _ = gap(*sides)
    return ks_pvalue(statistic, *sizes, i, j)


def ks_of_boxes_draw(random: Random, images: tuple[int, int], own: float) -> float:
    """As `feature_distance`: boxes of an image share its value, to which each adds one of its own."""
    sides, places = [], []
    for n in images:
        place = np.repeat(np.arange(n), 1 + random.poisson(4, n))
        sides.append(random.normal(size=n)[place] + own * random.normal(size=place.size))
        places.append(place)
    statistic, _, _, at = gap(*sides)
    effects = []
    for cut in (at, float(np.median(sides[0]))):
        sums = []
        for n, values, place in zip(images, sides, places, strict=True):
            size, below = np.bincount(place, minlength=n), np.bincount(place[values <= cut], minlength=n)
            sizes = int(size.sum()), int((size**2).sum()), n
            sums.append(ImageSums.of_two(int(below.sum()), int((below**2).sum()), int((below * size).sum()), sizes))
        effects.append(design_effect(*sums))
    return ks_pvalue_of_images(statistic, sides[0].size, sides[1].size, max(1.0, *effects))


def tests() -> Iterator[Test]:
    """Every test of the product that compares two samples, at equal and at unequal sizes."""
    kinds = {"10 even classes": EVEN, "100 classes, most of them rare": TAIL, "5 classes, 4 of them of .1 %": RARE}
    for name, shares in kinds.items():
        for sizes in ((50, 50), (1_000, 1_000), (100, 1_000), (30, 3_000)):
            data = f"{name}; {sizes[0]:,} and {sizes[1]:,} labels"
            yield Test("label_parity", data, partial(parity_draw, sample=single, sizes=sizes, shares=shares), DISCRETE)
    for sizes in ((100, 100), (50, 500)):
        data = f"10 classes, 5 boxes per image, alike; {sizes[0]} and {sizes[1]} images"
        yield Test("label_parity", data, partial(parity_draw, sample=boxes, sizes=sizes, shares=EVEN))
        yield Test("split_differences, labels", data, partial(difference_draw, sample=boxes, sizes=sizes, shares=EVEN))
    for sizes in ((200, 200), (100, 1_000)):
        data = f"10 even values; {sizes[0]} and {sizes[1]:,} images"
        yield Test(
            "split_differences, factors", data, partial(difference_draw, sample=single, sizes=sizes, shares=EVEN)
        )
    for name, shares in kinds.items():
        draw = partial(fixed_draw, n=100, shares=shares)
        yield Test("label_parity, expected_shares", f"{name}; 100 labels", draw, DISCRETE)
    for sizes in ((200, 200), (100, 1_000)):
        data = f"10 even classes; {sizes[0]} and {sizes[1]:,} labels"
        yield Test(
            "label_parity, compat dataeval", data, partial(dataeval_draw, sizes=sizes, shares=EVEN), has_goal=False
        )
    two = np.array([0.02, 0.98])
    for n, classes, values in ((200, EVEN, np.full(5, 0.2)), (2_000, EVEN, np.full(5, 0.2)), (300, TAIL, EVEN)):
        data = f"{classes.size} classes x {values.size} values; {n:,} rows"
        yield Test(
            "parity, balance, part_bias", data, partial(association_draw, n=n, classes=classes, values=values), DISCRETE
        )
        draw = partial(g_test_draw, n=n, classes=classes, values=values)
        yield Test("parity, p-value of the G-test", data, draw, has_goal=False)
    draw = partial(association_draw, n=1_000, classes=two, values=np.array([0.7, 0.2, 0.09, 0.01]))
    yield Test("balance, factor_predictors", "2 % against the rest x 4 values; 1,000 rows", draw, DISCRETE)
    for images, values in ((100, np.full(5, 0.2)), (1_000, np.full(5, 0.2)), (300, np.array([0.9, 0.08, 0.02]))):
        for of_image in (True, False):
            what = "images" if of_image else "boxes"
            data = f"10 classes, 5 boxes per image, alike, x {values.size} values of {what}; {images:,} images"
            draw = partial(association_of_boxes_draw, images=images, classes=EVEN, values=values, of_image=of_image)
            yield Test("parity, balance, part_bias", data, draw, DISCRETE if of_image else BOUND)
    for own in (0.0, 1.0):
        kind = "the image's value" if not own else "half of its variance the image's"
        draw = partial(auc_of_boxes_draw, images=200, shares=EVEN, own=own)
        yield Test("shortcuts", f"10 classes, 5 boxes per image, alike, {kind}; 200 images", draw, BOUND)
    data = "10 % of 300 images, 5 boxes each, x 4 values of images"
    draw = partial(flagged_draw, images=300, values=np.array([0.4, 0.3, 0.2, 0.1]))
    yield Test("factor_predictors", data, draw, DISCRETE)
    for sizes in ((100, 100), (20, 400)):
        for levels in (None, 4):
            data = f"{'normal values' if levels is None else '4 values'}; {sizes[0]} and {sizes[1]} rows"
            yield Test("shortcuts", data, partial(auc_draw, sizes=sizes, levels=levels), CONTINUITY)
    yield Test("balance, permutations", "2 classes, normal values; 60 rows", partial(neighbors_draw, n=60))
    for sizes in ((100, 100), (50, 500), (12_000, 12_000), (500, 12_000)):
        for levels in (None, 5) if max(sizes) < 10_000 else (None,):
            data = f"{'normal values' if levels is None else '5 values'}; {sizes[0]:,} and {sizes[1]:,}"
            draw = partial(ks_draw, sizes=sizes, levels=levels)
            reason = CONTINUITY if levels is None else TIES
            yield Test("drift_univariate, feature_distance", data, draw, reason)
    for images in ((100, 100), (50, 500)):
        for own, kind in ((0.0, "the image's value"), (1.0, "half of their variance the image's")):
            data = f"5 boxes per image, {kind}; {images[0]} and {images[1]} images"
            yield Test("feature_distance", data, partial(ks_of_boxes_draw, images=images, own=own), WHOLE)
    folds = "the variance is that of a linear classifier with many features, an upper bound for few"
    for sizes in ((100, 100), (50, 300)):
        data = f"8 normal features; {sizes[0]} and {sizes[1]} images"
        yield Test("split_differences, embeddings", data, partial(vectors_draw, sizes=sizes, dimensions=8), folds)
        data = f"6 factors of 4 values; {sizes[0]} and {sizes[1]} images"
        yield Test("split_differences, adversarial factors", data, partial(factors_draw, sizes=sizes, factors=6), folds)
    for of_image in (True, False):
        data = f"1 person and about 1 bag per image x 4 values of {'images' if of_image else 'boxes'}; 300 images"
        draw = partial(exclusive_draw, images=300, values=np.full(4, 0.25), of_image=of_image)
        yield Test("parity, balance, part_bias", data, draw, "classes that exclude each other vary less than boxes do")


def level(draw: Draw, draws: int, seed: int) -> tuple[float, int]:
    """Share of draws called different, in percent, and how many draws there were."""
    random = np.random.default_rng(seed)
    found = 100 * float(np.mean([draw(random) < LEVEL for _ in range(draws)]))
    return level(draw, 10 * draws, seed + 1) if 5.5 <= found <= 6.5 and draws < 10_000 else (found, draws)


def row(name: str, data: str, draws: int, value: float, reason: str, *, has_goal: bool = True) -> Row:
    note = f"conservative: {reason}" if value < CONSERVATIVE else ""
    return Row(name, data, draws, "level", value, "% at .05", "<=", GOAL if has_goal else None, note=note)


def main() -> None:
    """Measure and write benchmarks/results/false_alarms.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=2_000)
    parser.add_argument("--only", default="", help="part of the name of the tests to measure; nothing is written")
    args = parser.parse_args()
    rows = []
    for seed, test in enumerate(tests()):
        if args.only in test.name:
            value, draws = level(test.draw, args.draws, 100 * seed)
            rows.append(row(test.name, test.data, draws, value, test.reason, has_goal=test.has_goal))
            print(f"{test.name:<40} {test.data:<60} {value:6.2f} %", flush=True)
    if args.only:
        return
    report("false_alarms", rows)


if __name__ == "__main__":
    main()
